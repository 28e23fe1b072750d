"""One bit per pixel: JBIG2, group 4 or Flate; never a JPEG."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property, partial

import pyvips

from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.codecs import ccitt, flate, jbig2
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import Goal, bilevel_scale, target_pixels
from pdfsmaller.engine.images.recolor import gray_palette
from pdfsmaller.engine.images.source import ImageSource
from pdfsmaller.engine.images.weigh import Candidate, saves, smallest
from pdfsmaller.records import record

# A page of text has so many pixels and takes less than this share of them as a fax: Flate never wins.
TEXT_PIXELS, TEXT_SHARE = 4_000_000, 0.05


@record(frozen=True)
class Bitmap:
    """One band of 0 and 255 that is to be coded at one bit each.

    Attributes:
        given: the same, packed, where it is at hand.
    """

    image: pyvips.Image
    given: bytes | None = None

    @property
    def size(self) -> tuple[int, int]:
        return self.image.width, self.image.height

    @cached_property
    def packed(self) -> bytes:
        """One bit per sample as PDF means them, rows padded to bytes."""
        return pixels.pack(self.image) if self.given is None else self.given


def of_bilevel(source: ImageSource, goal: Goal) -> Encoded | None:
    """The best coding of an image of one bit per pixel; reduced only far above what a printer can show."""
    scale = bilevel_scale(source, goal) if source.role != "soft_mask" else 1.0
    if source.ccitt is not None and source.ccitt.k < 0 and scale == 1.0:
        # Group 4 is the better fax already: only JBIG2 can be smaller.
        if not _jbig2_wanted(goal):
            return None
        return jbig2.encode(pixels.load_packed(source), source.width, source.height, goal.effort, source.stored)
    image = pixels.load_bilevel(source)
    packed = None
    if scale < 1.0:
        image = pixels.resize(image, *target_pixels(source, scale))
        image = pixels.settle((image >= 128).ifthenelse(255, 0))
    elif source.ccitt is None and source.width % 8 == 0:
        packed = source.data[: source.width // 8 * source.height]
    best = smallest_bilevel(image, goal, packed)
    if goal.color_mode != "no-change" and source.color.palette is not None and source.color.family in ("rgb", "cmyk"):
        return replace(best, palette=gray_palette(source, goal), entries=source.color.entries, color="gray")
    return best if scale == 1.0 or saves(best, source.stored) else None


def smallest_bilevel(image: pyvips.Image, goal: Goal, packed: bytes | None = None) -> Encoded:
    """One band of 0 and 255 in the fewest bytes.

    Args:
        packed: the same pixels at one bit each, where they are at hand.
    """
    bitmap = Bitmap(image.copy(interpretation="b-w"), packed)
    fax = ccitt.group_4(bitmap.image)
    return smallest(_candidates(bitmap, fax, goal), fax.cost) or fax


def _candidates(bitmap: Bitmap, fax: Encoded, goal: Goal) -> Iterator[Candidate]:
    """What may take fewer bytes than the fax."""
    width, height = bitmap.size
    pixels_in_all = width * height
    text = pixels_in_all > TEXT_PIXELS and len(fax.data) < TEXT_SHARE * pixels_in_all / 8
    if not text:  # patterns and tiny bitmaps
        yield lambda _limit: flate.plain(bitmap.packed, width, height, 1)
    if _jbig2_wanted(goal):
        yield partial(jbig2.encode, bitmap.packed, width, height, goal.effort)


def _jbig2_wanted(goal: Goal) -> bool:
    return not goal.fast and goal.bilevel != "ccitt"
