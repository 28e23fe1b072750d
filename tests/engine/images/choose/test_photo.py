"""The JPEG quality at which a picture is worth most, in few tries."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import pyvips

from pdfsmaller.engine.images.choose import photo
from pdfsmaller.engine.images.codecs import jpeg
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import Goal
from pdfsmaller.engine.images.look import View
from pdfsmaller.engine.images.weigh import POOR, PRICE, Judge
from pdfsmaller.engine.similarity import picture_of

GOAL = Goal(150, 75)
COARSEST = 75 + photo.QUALITY_STEPS[0] * photo.QUALITY_STEP


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The qualities that are tried, as they are."""
    qualities: list[int] = []
    encode = jpeg.Trials.encode

    def noted(self: jpeg.Trials, quality: int, *, full_chroma: bool = False) -> Encoded:
        qualities.append(quality)
        return encode(self, quality, full_chroma=full_chroma)

    monkeypatch.setattr(jpeg.Trials, "encode", noted)
    yield qualities
    assert len(set(qualities)) == len(qualities)


def _picture(noise: float) -> pyvips.Image:
    place = pyvips.Image.xyz(320, 240)
    waves = (place[0] / 30).sin() * 60 + (place[1] / 20).cos() * 40 + 120
    return (waves + pyvips.Image.gaussnoise(320, 240, sigma=noise, mean=0, seed=1)).cast("uchar").copy_memory()


def _chosen(image: pyvips.Image, poor: float = POOR, limit: float = math.inf) -> int:
    return photo._chosen_quality(image, GOAL, Judge(View(picture_of(image)), PRICE, poor), 1, False, limit).quality


def test_what_looks_far_better_than_poor_is_tried_at_the_coarsest_next(tried: list[int]) -> None:
    assert _chosen(_picture(3), poor=0.5) == COARSEST
    assert tried == [67, COARSEST]


def test_what_the_coarsest_makes_poor_gets_a_finer_one(tried: list[int]) -> None:
    best = _chosen(_picture(12), poor=0.67)
    assert best > COARSEST
    assert COARSEST in tried


def test_what_looks_poor_is_tried_at_finer_ones(tried: list[int]) -> None:
    assert _chosen(_picture(30)) > 67
    assert tried[:2] == [67, 75]
    assert COARSEST not in tried


def test_what_takes_far_too_many_bytes_is_tried_once(tried: list[int]) -> None:
    assert _chosen(_picture(3), limit=10) == 67
    assert tried == [67]
