"""The fuzzer: its cases can be had again, it tells what went wrong, and a handful of cases finds nothing."""

from __future__ import annotations

import io
import logging
import random
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest

from benchmarks.fuzz import content, run, writer
from benchmarks.fuzz.__main__ import Fuzzer
from benchmarks.fuzz.loop import Wrong
from benchmarks.fuzz.mutate import mutated
from pdfsmaller import errors, sandbox
from pdfsmaller.engine import damage
from pdfsmaller.engine.content.rewriter import Rewritten
from pdfsmaller.engine.lua import PerThread
from pdfsmaller.engine.report import Audit, ImageCounts, Report
from tests import documents

pytestmark = pytest.mark.usefixtures("warm_engine")


def test_the_same_lot_makes_the_same_damage() -> None:
    sound, other = documents.structured(2), documents.text()
    cases = [mutated(sound, [other], random.Random(case)) for case in range(20)]
    assert cases == [mutated(sound, [other], random.Random(case)) for case in range(20)]
    assert len(set(cases)) > 15


def test_deep_damage_lies_below_compression() -> None:
    sound = documents.text_embedded()
    opened = 0
    for case in range(20):
        try:
            with pikepdf.open(io.BytesIO(mutated(sound, [sound], random.Random(case)))) as pdf:
                opened += not pdf.get_warnings()
        except pikepdf.PdfError:
            continue
    assert opened > 10


def test_a_few_cases_find_nothing(tmp_path: Path) -> None:
    fuzzer = Fuzzer(["photo_jpeg", "structured", "text_embedded"], 1, tmp_path / "found")
    for case in range(4):
        fuzzer.run(case)
    assert fuzzer.told().startswith("4 cases: ")
    assert not fuzzer.faults, fuzzer.told()


def _unchanged(source: Path, target: Path, *_: object) -> Report:
    target.write_bytes(source.read_bytes() + b"\n")
    size = source.stat().st_size
    return Report(
        input_bytes=size,
        output_bytes=size,
        outcome="unchanged",
        pages=1,
        before=Audit(),
        after=Audit(),
        images=ImageCounts(seen=0, changed=0),
        warnings=[],
        seconds={},
    )


def _crash(*_: object) -> Report:
    raise errors.WorkerCrashed("SIGSEGV")


def _endless(*_: object) -> Report:
    raise errors.LimitExceeded("hard_seconds", 60, "too long")


@pytest.mark.parametrize(("engine", "kind"), [(_unchanged, "grown"), (_crash, "crash"), (_endless, "hang")])
def test_faults_are_told_and_kept(engine: object, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "run_compress", engine)
    fuzzer = Fuzzer(["text"], 1, tmp_path / "found")
    for case in range(5):
        fuzzer.run(case)
    assert {fault for fault, _ in fuzzer.faults} == {kind}
    assert len(list((tmp_path / "found").glob(f"{kind}-1-*.pdf"))) == 3


def test_a_typed_error_is_no_fault(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.not_a_pdf())
    assert run.outcome(source, tmp_path / "out.pdf", {"preset": "ebook"}) == run.Outcome("not_a_pdf")


def test_a_mistake_that_the_engine_tolerated_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger(sandbox.__name__)

    def mistaken(source: Path, target: Path, *_: object) -> Report:
        logger.error(f"engine process: {damage.MISTAKE}: page\nTypeError: oops")
        report = _unchanged(source, target)
        target.write_bytes(source.read_bytes())
        return report

    monkeypatch.setattr(logger, "level", logging.DEBUG)
    monkeypatch.setattr(sandbox, "run_compress", mistaken)
    source = documents.write(tmp_path / "in.pdf", documents.text())
    outcome = run.outcome(source, tmp_path / "out.pdf", {"preset": "ebook"})
    assert (outcome.kind, outcome.fault, outcome.where) == ("mistake", True, "TypeError")


def test_content_by_lot_looks_and_reads_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_programs", lambda: False)  # poppler takes most of a long run's time
    outcomes = {content.run_case(2, case) for case in range(200)}
    assert outcomes == {"exact", "rounded"}


def _run(cases: int, run_case: Callable[[int, int], str]) -> set[str]:
    return {run_case(2, case) for case in range(cases)}


def test_a_rewriter_that_loses_a_mark_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class Careless:
        def rewrite(self, data: bytes, *_: object, **__: object) -> Rewritten:
            return Rewritten(data.replace(b" S\n", b" n\n"), {})

    monkeypatch.setattr(content, "_programs", lambda: False)
    monkeypatch.setattr(content, "rewriters", PerThread(Careless))
    with pytest.raises(Wrong, match="PDFium shows another picture"):
        _run(50, content.run_case)


def test_objects_by_lot_come_back() -> None:
    assert _run(100, writer.run_case) == {"packed", "plain"}


@pytest.mark.parametrize(
    ("part", "careless"),
    [
        ("values._is_value", lambda *_: True),
        ("values._own_links", lambda objects, _: frozenset(range(len(objects.bodies)))),
        ("objects.short_string", lambda text, **_: text.replace(b"\\", b"")),
    ],
)
def test_a_careless_writer_is_found_out(part: str, careless: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"pdfsmaller.engine.structure.{part}", careless)
    with pytest.raises(Wrong):
        _run(50, writer.run_case)
