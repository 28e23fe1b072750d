"""How an image looks on its page, and what a loss of likeness is worth in bytes.

An image is judged as it is seen: at the size it takes on a page that fills a screen, which is the finer the more dots
are asked for. There a coding has a structural similarity to the source (0–1) and a cost in bytes; both together make
one number, its ``worth``, so that codings of any kind, resolution and quality can be compared, keeping the stored one
among them. One price for all images spends a document's bytes where they show most.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import pyvips

from pdfsmaller.engine.images.goal import REFERENCE_QUALITY, Goal, shown_dpi
from pdfsmaller.engine.images.source import ImageSource
from pdfsmaller.engine.similarity import BLOCK, Picture, picture_of, similarity

# The long side of a page on a screen, in pixels, for each dot per inch that is asked for.
SCREEN_PER_DPI = 7.5
SCREEN_PIXELS = 1100
# No more pixels than this are looked at; a larger image is judged by a smaller view.
MOST_PIXELS = 1_500_000
# Similarity that may be given up for one step of e in bytes, at the quality of the ebook preset; it doubles every so
# many steps of quality below.
PRICE = 0.05
PRICE_OCTAVE = 12
# Below this similarity (at that quality, and so much more for each step above it) a loss counts so many times more.
POOR, POOR_PER_STEP = 0.95, 0.002
POOR_WEIGHT = 2.5
# A small picture is a small part of what is seen: down to this share of the page's length the price rises with it.
SMALL_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Judge:
    """What codings of one image are compared by.

    Attributes:
        reference: the source as it is seen.
        price: similarity that may be given up for one step of e in bytes.
        poor: similarity below which losses count more.
    """

    reference: Picture
    price: float
    poor: float

    def similarity(self, image: pyvips.Image) -> float:
        """How like the source ``image`` looks, 0–1."""
        wide, high = self.reference.width, self.reference.height
        if image.width < wide or image.height < high:
            image = _enlarged(image, wide, high)
        elif (image.width, image.height) != (wide, high):
            image = image.resize(wide / image.width, vscale=high / image.height, kernel="linear")
            image = image.gravity("north-west", wide, high, extend="copy")
        return similarity(self.reference, picture_of(image))

    def worth(self, similarity: float, cost: int) -> float:
        """The higher, the better; comparable between codings of the same image only."""
        lost = POOR_WEIGHT * max(0.0, self.poor - similarity)
        return similarity - lost - self.price * math.log(max(1, cost))


def _enlarged(image: pyvips.Image, width: int, height: int) -> pyvips.Image:
    """At this size. (``resize`` puts what it enlarges half a pixel away from where it was.)"""
    across, down = width / image.width, height / image.height
    return image.affine(
        [across, 0, 0, down],
        interpolate=pyvips.Interpolate.new("bilinear"),
        oarea=[0, 0, width, height],
        odx=(across - 1) / 2,
        ody=(down - 1) / 2,
        extend="copy",
    )


def judge_for(source: ImageSource, goal: Goal, load: Callable[[float], pyvips.Image]) -> Judge | None:
    """The judge of an image's codings, or None where its size on the page is not known or too small to tell.

    Args:
        load: gives the source's pixels, reduced by a factor.
    """
    assert goal.quality is not None
    screen = SCREEN_PER_DPI * goal.dpi if goal.dpi is not None else SCREEN_PIXELS
    scale = view_scale(source, screen)
    if scale is None or min(source.width, source.height) * scale < 4 * BLOCK:
        return None
    below = REFERENCE_QUALITY - goal.quality
    share = min(1.0, max(SMALL_SHARE, max(source.width_pt, source.height_pt) / source.page_pt))
    return Judge(picture_of(load(scale)), PRICE / share * 2 ** (below / PRICE_OCTAVE), POOR - POOR_PER_STEP * below)


def view_scale(source: ImageSource, screen: float) -> float | None:
    """Pixels on a screen of so many for each of the source's; never more than 1."""
    shown = shown_dpi(source)
    if shown is None or source.page_pt <= 0:
        return None
    scale = min(1.0, screen / source.page_pt * 72.0 / shown)
    return min(scale, math.sqrt(MOST_PIXELS / source.pixels))
