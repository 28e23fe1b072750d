"""``target_size``: the best-looking file that fits, or the smallest there is."""

from __future__ import annotations

import pytest

from tests import documents
from tests.engine.conftest import Run


@pytest.mark.parametrize("share", [0.8, 0.5, 0.25, 0.1])
def test_lands_just_below_a_target_within_reach(run: Run, share: float) -> None:
    data = documents.photo_jpeg(2000, 1500, dpi=300, quality=93)
    wanted = round(len(data) * share)
    report = run(data, target_size=wanted).report
    assert report.outcome == "compressed"
    assert 0.9 * wanted <= report.output_bytes <= wanted


def test_several_images_fill_the_room(run: Run) -> None:
    data = documents.structured()
    wanted = round(len(data) * 0.6)
    assert 0.85 * wanted <= run(data, target_size=wanted).report.output_bytes <= wanted


def test_what_fits_without_loss_gets_none(run: Run) -> None:
    data = documents.photo_flate()
    result = run(data, target_size=round(len(data) * 0.9))
    assert result.report.outcome == "compressed"
    assert result.same_pixels()


def test_out_of_reach_says_so_with_the_smallest_file(run: Run) -> None:
    data = documents.photo_jpeg(1600, 1200)
    result = run(data, target_size=1_000)
    assert result.report.outcome == "target_not_met"
    assert result.report.output_bytes < len(data) * 0.1


def test_out_of_reach_with_nothing_to_win_returns_the_source(run: Run) -> None:
    once = run(documents.text_embedded(), preset="lossless").target.read_bytes()
    result = run(once, target_size=1_000)
    assert result.report.outcome == "target_not_met"
    assert result.target.read_bytes() == once
