"""What fails the comparison is taken back: images, then structure, then everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pdfsmaller.engine import compress as module
from pdfsmaller.engine.verify import Difference
from tests import documents
from tests.engine.conftest import Run


def answers(monkeypatch: pytest.MonkeyPatch, *rounds: list[Difference]) -> list[int]:
    """Let the comparison say these things, one after the other (the last for ever). Counts the calls."""
    calls = [0]

    def compare(source: Path, target: Path, **_: Any) -> list[Difference]:
        calls[0] += 1
        return rounds[min(calls[0], len(rounds)) - 1]

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
