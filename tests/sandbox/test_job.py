"""Jobs in engine processes: what comes back of them."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

from pdfsmaller import errors, sandbox
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.limits import Limits
from pdfsmaller.operations import DEFAULT
from pdfsmaller.sandbox.job import _results
from tests import documents

pytestmark = pytest.mark.usefixtures("warm_engine")


def run(source: Path, target: Path, limits: Limits | None = None, **options: object) -> object:
    return sandbox.run_compress(source, target, CompressOptions.parse(dict(options)), limits or Limits())


@pytest.mark.usefixtures("way")
def test_the_report_comes_back_typed(source: Path, target: Path) -> None:
    seen: list[tuple[str, int]] = []
    report = sandbox.run_compress(
        source,
        target,
        CompressOptions(preset="ebook"),
        Limits(),
        progress=lambda stage, percent, _pages=None: seen.append((stage, percent)),
    )
    assert report.output_bytes == target.stat().st_size < report.input_bytes == source.stat().st_size
    assert seen
    assert all(0 <= percent <= 100 for _, percent in seen)


@pytest.mark.parametrize(
    ("make", "options", "kind"),
    [
        (documents.empty, {}, errors.EmptyFile),
        (documents.not_a_pdf, {}, errors.NotAPdf),
        (documents.header_only, {}, errors.UnreadablePdf),
        (documents.encrypted_user, {}, errors.PasswordRequired),
        (documents.encrypted_user, {"password": "x"}, errors.WrongPassword),
        (documents.encrypted_for_certificates, {}, errors.UnsupportedEncryption),
    ],
)
def test_what_is_wrong_with_a_document_comes_back_as_its_error(
    tmp_path: Path, target: Path, make: documents.Make, options: dict[str, str], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        run(documents.write(tmp_path / "in.pdf", make()), target, **options)
    assert not target.exists()


def test_a_limit_is_named(tmp_path: Path, target: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.text(3))
    with pytest.raises(errors.LimitExceeded) as caught:
        run(source, target, Limits(max_pages=2))
    assert (caught.value.limit, caught.value.allowed) == ("max_pages", 2)


@pytest.mark.usefixtures("way")
def test_memory_is_bounded(tmp_path: Path, target: Path) -> None:
    if sys.platform == "darwin":
        pytest.skip("macOS ignores RLIMIT_AS; the watchdog there looks twice a second")
    source = documents.write(tmp_path / "in.pdf", documents.flate_bomb(800))
    # With 400 million bytes there is some for the document, with the others hardly any, or none for a thread.
    for memory in (400_000_000, 200_000_000, 100_000_000):
        with pytest.raises((errors.LimitExceeded, errors.WorkerCrashed)) as caught:
            run(source, target, Limits(memory_bytes=memory))
        assert getattr(caught.value, "limit", "memory_bytes") == "memory_bytes"


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        "[" * 100_000,
        "5",
        '{"error": 5}',
        '{"progress": 1}',
        '{"report": []}',
        '{"report": {"bounds": 5}, "files": 5}',
        '{"report": {"bounds": []}, "files": [5]}',
        '{"report": {}, "files": [{"file": "../in.pdf", "name": "x", "media_type": "application/pdf"}]}',
    ],
    ids=lambda line: line[:24],
)
def test_a_process_that_was_taken_over_can_write_what_it_likes(line: str, source: Path, target: Path) -> None:
    operation = dataclasses.replace(DEFAULT, entry="tests.sandbox.entries:say")
    with pytest.raises(errors.EngineFailed):
        sandbox.run_to(operation, [InputFile(source, line)], target, CompressOptions(), Limits())
    assert not target.exists()


@pytest.mark.parametrize(
    "file",
    [
        {"file": "../in.pdf", "name": "x", "media_type": "application/pdf"},
        {"file": "link", "name": "x", "media_type": "application/pdf"},
        {"file": "folder/../../in.pdf", "name": "x", "media_type": "application/pdf"},
        {"file": "missing", "name": "x", "media_type": "application/pdf"},
        {"file": "out.pdf", "name": "x", "media_type": "text/html"},
        {"file": "out.pdf", "name": 5, "media_type": "application/pdf"},
        {"file": "out\0.pdf", "name": "x", "media_type": "application/pdf"},
    ],
    ids=str,
)
def test_a_result_is_a_file_of_its_job_and_of_a_kind_that_its_operation_makes(
    file: dict[str, object], source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "job"
    (folder / "folder").mkdir(parents=True)
    (folder / "out.pdf").write_bytes(b"%PDF-")
    (folder / "link").symlink_to(source)
    (tmp_path / "in.pdf").write_bytes(b"%PDF-")
    with pytest.raises(errors.EngineFailed):
        _results(DEFAULT.media_types, folder, [file])
    good = {"file": "out.pdf", "name": "x.pdf", "media_type": "application/pdf"}
    assert [result.path for result in _results(DEFAULT.media_types, folder, [good])] == [folder / "out.pdf"]
