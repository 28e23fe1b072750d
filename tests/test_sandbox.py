"""The engine's child process: what it is told, what it answers, and how it dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller import errors, sandbox
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.limits import Limits
from pdfsmaller.operations import DEFAULT
from tests import documents


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return documents.write(tmp_path / "in.pdf", documents.photo_jpeg())


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out.pdf"


def run(source: Path, target: Path, limits: Limits | None = None, **options: object) -> object:
    return sandbox.run_compress(source, target, CompressOptions.parse(dict(options)), limits or Limits())


def _spec(source: Path, target: Path) -> dict[str, object]:
    sources = [{"path": str(source), "name": source.name}]
    return {
        "entry": "pdfsmaller.engine.compress:run",
        "options_class": "pdfsmaller.engine.options:CompressOptions",
        "libraries": [],
        "sources": sources,
        "folder": str(target.parent),
        "options": {},
    }


def test_the_report_comes_back_typed(source: Path, target: Path) -> None:
    seen: list[tuple[str, int]] = []
    report = sandbox.run_compress(
        source,
        target,
        CompressOptions(preset="ebook"),
        Limits(),
        progress=lambda stage, percent: seen.append((stage, percent)),
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


def test_memory_is_bounded(tmp_path: Path, target: Path) -> None:
    if sys.platform == "darwin":
        pytest.skip("macOS ignores RLIMIT_AS; the watchdog there looks twice a second")
    source = documents.write(tmp_path / "in.pdf", documents.photo_flate(6_000, 6_000))
    with pytest.raises((errors.LimitExceeded, errors.WorkerCrashed)):
        run(source, target, Limits(memory_bytes=400_000_000))


def test_the_child_knows_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/proc").exists():
        pytest.skip("needs /proc to look into the child's environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret-aws")
    monkeypatch.setenv("SECRET_KEY", "s3cret-ours")
    child = sandbox.EngineProcess()
    try:
        environment = Path(f"/proc/{child.pid}/environ").read_bytes()
        command = Path(f"/proc/{child.pid}/cmdline").read_bytes()
    finally:
        child.close()
    assert b"s3cret" not in environment + command


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_DUMPABLE is Linux's")
def test_a_parent_of_engine_processes_hides_its_memory_and_environment() -> None:
    code = (
        "import ctypes; from pdfsmaller.sandbox import EngineProcess; EngineProcess().close();"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert shown.stdout == "0\n"


def test_what_a_failing_child_wrote_to_standard_error_is_logged(
    source: Path, target: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spec = _spec(source, target) | {"entry": "pdfsmaller.engine.compress:no_such_entry"}
    with caplog.at_level("ERROR"), pytest.raises(errors.EngineFailed):
        sandbox.EngineProcess().run(spec, Limits(), None)
    assert "no_such_entry" in caplog.text


def test_a_child_that_dies_is_a_crash(source: Path, target: Path) -> None:
    child = sandbox.EngineProcess()
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(errors.WorkerCrashed, match="SIGKILL"):
        child.run(_spec(source, target), Limits(), None)


def test_a_child_that_hangs_is_ended(source: Path, target: Path) -> None:
    child = sandbox.EngineProcess()
    os.kill(child.pid, signal.SIGSTOP)
    with pytest.raises(errors.LimitExceeded) as caught:
        child.run(_spec(source, target), Limits(hard_seconds=0.3), None)
    assert caught.value.limit == "hard_seconds"
    assert not child.alive


def test_what_the_progress_callback_raises_ends_the_child(source: Path, target: Path) -> None:
    def cancelled(_stage: str, _percent: int) -> None:
        raise errors.LeaseLost("gone")

    child = sandbox.EngineProcess()
    with pytest.raises(errors.LeaseLost):
        child.run(_spec(source, target), Limits(), cancelled)
    assert not child.alive


def test_a_prepared_child_does_the_next_job(source: Path, target: Path) -> None:
    sandbox.prepare()
    spare = sandbox._spare
    assert spare
    used: list[sandbox.EngineProcess] = []
    sandbox.run_compress(source, target, CompressOptions(), Limits(), stop=used.append)
    assert used == [spare]
    assert sandbox._spare is None


def test_a_prepared_child_that_died_is_replaced(source: Path, target: Path) -> None:
    sandbox.prepare()
    spare = sandbox._spare
    assert spare
    spare.kill()
    spare._process.wait()
    run(source, target)
    assert target.exists()


@pytest.mark.parametrize("working", [False, True])
def test_no_child_outlives_its_parent(tmp_path: Path, working: bool) -> None:
    endless = tmp_path / "endless.pdf"
    os.mkfifo(endless)  # opening it blocks for ever: a job that never ends
    spec = json.dumps(_spec(endless, tmp_path / "out.pdf"))
    begin = f"child._process.stdin.write({spec!r} + chr(10)); child._process.stdin.flush(); time.sleep(0.5)"
    code = (
        "import time; from pdfsmaller.sandbox import EngineProcess; child = EngineProcess();"
        f"child._process.stdout.readline(); {begin if working else 'pass'};"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert parent.stdout
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and _runs(child):
        time.sleep(0.05)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    """Whether a process is there and no zombie (nobody may be left to reap an orphan)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


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
def test_a_process_that_was_taken_over_can_write_what_it_likes(
    line: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = f"import sys; sys.stdin.readline(); print({line!r}, flush=True); sys.stdin.readline()"
    real = subprocess.Popen

    def taken_over(arguments: list[str], **how: Any) -> subprocess.Popen[str]:
        return real([arguments[0], "-c", program], **how)

    monkeypatch.setattr(subprocess, "Popen", taken_over)
    monkeypatch.setattr(sandbox, "_spare", None)
    with pytest.raises(errors.EngineFailed):
        run(source, tmp_path / "out.pdf")
    assert not (tmp_path / "out.pdf").exists()


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
        sandbox._results(DEFAULT, folder, [file])
    good = {"file": "out.pdf", "name": "x.pdf", "media_type": "application/pdf"}
    assert [result.path for result in sandbox._results(DEFAULT, folder, [good])] == [folder / "out.pdf"]
