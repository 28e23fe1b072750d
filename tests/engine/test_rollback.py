"""What fails the comparison is taken back: images, then structure, then everything."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from pikepdf import Dictionary, Name, Pdf

from pdfsmaller.engine import compress as module
from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.comparison import Comparison, Difference
from pdfsmaller.engine.report import ComparisonSummary
from pdfsmaller.limits import Limits
from tests import documents
from tests.engine.conftest import Run


def answers(monkeypatch: pytest.MonkeyPatch, *rounds: list[Difference]) -> list[int]:
    """Let the comparison say these things, one after the other (the last for ever). Counts the calls."""
    calls = [0]

    def compare(source: Path, target: Path, **_: Any) -> Comparison:
        calls[0] += 1
        return Comparison(1, differences=list(rounds[min(calls[0], len(rounds)) - 1]), compared={0})

    monkeypatch.setattr("pdfsmaller.engine.compress.compare", compare)
    return calls


LOOKS = [Difference("looks", 0, "Page 1 looks different.")]
FIELDS = [Difference("fields", None, "A form field is gone.")]


def test_an_image_that_looks_different_is_coded_without_loss(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, LOOKS, [])
    result = run(documents.photo_flate(), preset="ebook")
    assert "image_rolled_back" in result.warnings()
    assert result.report.outcome == "compressed"
    assert result.same_pixels()


def test_an_image_without_loss_is_not_blamed_for_looks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, LOOKS, [])
    result = run(documents.bilevel_flate(), preset="ebook")
    assert "image_rolled_back" not in result.warnings()
    assert result.report.images.changed == 1


def test_structure_is_taken_back_when_something_is_gone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, FIELDS, [])
    result = run(documents.photo_flate(), preset="ebook")
    assert "structure_kept" in result.warnings()
    assert result.report.outcome == "compressed"
    assert result.report.images.changed == 1


def test_the_original_comes_back_when_nothing_helps(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    data = documents.photo_flate()
    calls = answers(monkeypatch, FIELDS)
    result = run(data, preset="ebook")
    assert "verification_failed" in result.warnings()
    assert result.report.outcome == "unchanged"
    assert result.target.read_bytes() == data
    assert calls[0] <= module.MAX_REBUILDS + 1


def test_verify_off_compares_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = answers(monkeypatch, FIELDS)
    assert run(documents.photo_flate(), preset="ebook", verify="off").report.outcome == "compressed"
    assert calls[0] == 0


# --- what could not be compared -------------------------------------------------------------------------------------


def blacken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the rewriting of content have a fault: every page becomes black."""

    def rewrite(pdf: Pdf, *_: Any, **__: Any) -> None:
        for page in pdf.pages:
            page.contents_add(b"0 g 0 0 9999 9999 re f")

    monkeypatch.setattr("pdfsmaller.engine.build.rewrite_content", rewrite)


def _out_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VERIFY_GRACE_SECONDS", -1.0)


def _renderer_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = pypdfium2.PdfDocument

    def open_document(path: Path, **options: Any) -> Any:
        if path.name == "in.pdf":
            raise pypdfium2.PdfiumError("Failed to load document")
        return opened(path, **options)

    monkeypatch.setattr("pdfsmaller.engine.verify.pypdfium2.PdfDocument", open_document)


@pytest.mark.parametrize("soft_seconds", [0.0, 60.0])
def test_a_blackened_page_is_caught_though_the_deadline_had_gone(
    run: Run, monkeypatch: pytest.MonkeyPatch, soft_seconds: float
) -> None:
    blacken(monkeypatch)
    result = run(documents.photo_flate(), preset="ebook", limits=Limits(soft_seconds=soft_seconds))
    assert result.mean_error() < 10


@pytest.mark.parametrize("hinder", [_out_of_time, _renderer_refuses])
def test_a_page_that_is_not_compared_loses_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, hinder: Callable[[pytest.MonkeyPatch], None]
) -> None:
    hinder(monkeypatch)
    blacken(monkeypatch)
    limits = Limits(soft_seconds=0.0) if hinder is _out_of_time else Limits()
    result = run(documents.photo_flate(), preset="ebook", limits=limits)
    monkeypatch.undo()
    assert result.same_pixels()


def test_pages_that_are_not_compared_are_in_the_report(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _renderer_refuses(monkeypatch)
    result = run(documents.photo_flate(), preset="ebook")
    assert result.report.outcome == "compressed"
    assert result.report.comparison == ComparisonSummary(mode="sample", pages=0, skipped={"unreadable": 1})
    assert "not_compared" in result.warnings()
    monkeypatch.undo()
    assert result.same_pixels()


def test_the_report_says_what_was_compared(run: Run) -> None:
    report = run(documents.photo_flate(), preset="ebook", verify="full").report
    assert report.comparison == ComparisonSummary(mode="full", pages=1)
    report = run(documents.photo_flate(), preset="ebook", verify="off").report
    assert report.comparison == ComparisonSummary(mode="off")
    assert run(documents.signed(), preset="ebook").report.comparison is None


def test_only_the_images_of_pages_that_are_not_compared_are_taken_back(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compare(source: Path, target: Path, **_: Any) -> Comparison:
        return Comparison(2, compared={0}, skipped={1: "not_rendered"})

    monkeypatch.setattr("pdfsmaller.engine.compress.compare", compare)
    with Pdf.open(io.BytesIO(documents.photo_flate())) as other:
        data = documents.edited(documents.photo_jpeg(), lambda pdf: pdf.pages.extend(other.pages))
    result = run(data, preset="ebook")
    assert not result.same_pixels(0)
    assert result.same_pixels(1)


def test_broken_structure_keeps_the_structure_as_it_was(run: Run) -> None:
    def broken(pdf: Pdf) -> None:
        pdf.pages[0].obj.Rotate = Name.Upright
        pdf.pages[0].obj.PieceInfo = Dictionary()

    result = run(documents.edited(documents.photo_flate(), broken), preset="ebook")
    assert result.report.comparison is not None
    assert result.report.comparison.structure_skipped == ["boxes"]
    with result.open() as pdf:
        assert "/PieceInfo" in pdf.pages[0].obj


def test_time_for_comparing_is_kept(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []

    def compare(source: Path, target: Path, *, deadline: float, **_: Any) -> Comparison:
        given.append(deadline)
        return Comparison(1, compared={0})

    monkeypatch.setattr("pdfsmaller.engine.compress.compare", compare)
    worked: list[float] = []
    encode = module.encode_images

    def encode_images(pdf: Pdf, found: Any, goal: Any, limits: Limits, deadline: Deadline, progress: Any) -> Any:
        worked.append(deadline.at)
        return encode(pdf, found, goal, limits, deadline, progress)

    monkeypatch.setattr(module, "encode_images", encode_images)
    run(documents.photo_flate(), preset="ebook", limits=Limits(soft_seconds=60))
    assert given[0] - worked[0] == pytest.approx(module.VERIFY_GRACE_SECONDS + module.VERIFY_SECONDS, abs=0.1)
