"""How like its source a coding of an image looks on its page.

An image is judged as it is seen: at the size it takes on a page that fills a screen, which is the finer the more dots
are asked for. There a coding has a structural similarity to the source (0–1).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pyvips
from PIL import Image

from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.goal import Goal, shown_dpi
from pdfsmaller.engine.images.source import ImageSource
from pdfsmaller.engine.similarity import BLOCK, Picture, picture_of, similarity
from pdfsmaller.records import record

# The long side of a page on a screen, in pixels, for each dot per inch that is asked for.
SCREEN_PER_DPI = 7.5
SCREEN_PIXELS = 1100
# No more pixels than this are looked at; a larger image is judged by a smaller view.
MOST_PIXELS = 1_500_000
# Pillow's names for samples of so many bands.
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}


@record(frozen=True)
class View:
    """The source as it is seen."""

    reference: Picture

    def similarity(self, image: pyvips.Image) -> float:
        """How like the source ``image`` looks, 0–1."""
        return similarity(self.reference, self.seen(image))

    def ringing(self, image: pyvips.Image, levels: int) -> float:
        """The share of what is seen as flat in the source that ``image`` changes by more than so many levels."""
        return pixels.changed_where_flat(self.reference.image(), self.seen(image).image(), levels)

    def seen(self, image: pyvips.Image) -> Picture:
        """A coding of the source at the size at which that is seen."""
        picture, wide, high = picture_of(image), self.reference.width, self.reference.height
        if (picture.width, picture.height) == (wide, high):
            return picture
        # Pillow takes a third of libvips' time for it: 2.5 ms instead of 9 for two million pixels of gray, for 65,000
        # 0.4 ms instead of 1.4.
        size, mode = (picture.width, picture.height), _MODES[picture.bands]
        whole = Image.frombuffer(mode, size, picture.samples, "raw", mode, 0, 1)
        resized = whole.resize((wide, high), Image.Resampling.BILINEAR)
        return Picture(resized.tobytes(), wide, high, picture.bands)


def view_of(source: ImageSource, goal: Goal, load: Callable[[float], pyvips.Image]) -> View | None:
    """How an image is seen, or None where its size on the page is not known or too small to tell.

    Args:
        load: gives the source's pixels, reduced by a factor.
    """
    scale = seen_scale(source, goal)
    return View(picture_of(load(scale))) if scale is not None else None


def seen_scale(source: ImageSource, goal: Goal) -> float | None:
    """The scale at which an image is seen; None where ``view_of`` gives none."""
    screen = SCREEN_PER_DPI * goal.dpi if goal.dpi is not None else SCREEN_PIXELS
    scale = view_scale(source, screen)
    return scale if scale is not None and min(source.width, source.height) * scale >= 4 * BLOCK else None


def view_scale(source: ImageSource, screen: float) -> float | None:
    """Pixels on a screen of so many for each of the source's; never more than 1."""
    shown = shown_dpi(source)
    if shown is None or source.page_pt <= 0:
        return None
    scale = min(1.0, screen / source.page_pt * 72.0 / shown)
    return min(scale, math.sqrt(MOST_PIXELS / source.pixels))
