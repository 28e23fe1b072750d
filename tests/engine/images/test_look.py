"""How an image is seen, and how like it a coding of it looks."""

from __future__ import annotations

import pyvips

from pdfsmaller.engine.images.look import View
from pdfsmaller.engine.similarity import picture_of


def _waves(width: int, height: int) -> pyvips.Image:
    """A picture with detail of some thirty pixels, everywhere else."""
    place = pyvips.Image.xyz(width, height)
    return (place[0] * 12 + place[1] * 5).sin().cast("float") * 60 + (place[0] * 7).cos() * 40 + 120


def test_what_was_reduced_is_seen_where_it_was() -> None:
    image = _waves(320, 240).cast("uchar").copy_memory()
    view = View(picture_of(image))
    half = image.resize(0.5, kernel="mitchell").cast("uchar").copy_memory()
    there = view.similarity(half)
    moved = view.similarity(half.affine([1, 0, 0, 1], odx=0.25, ody=0.25, extend="copy").cast("uchar"))
    assert there > 0.99
    assert moved < there - 0.02


def test_a_reduced_picture_of_odd_size_is_judged_as_a_whole() -> None:
    image = _waves(321, 243).cast("uchar").copy_memory()
    half = image.resize(161 / 321, vscale=122 / 243, kernel="mitchell").cast("uchar").copy_memory()
    assert View(picture_of(image)).similarity(half) > 0.99
