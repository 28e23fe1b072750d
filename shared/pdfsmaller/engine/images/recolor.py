"""What an image's colours may become: gray where they are, or where gray is asked for."""

from __future__ import annotations

import pyvips

from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.goal import Goal
from pdfsmaller.engine.images.source import ImageSource

# Colours this close to gray, in levels, are gray to the eye (JPEG noise of a gray original).
GRAY_TOLERANCE = 6


def may_recolor(source: ImageSource) -> bool:
    """Whether what the samples mean is known well enough to put them in another colour space."""
    return (
        source.role == "image"
        and (source.plain_decode or source.inverted)
        and not source.fixed_color
        and source.color.family in ("gray", "rgb", "cmyk")
    )


def recolors(source: ImageSource, goal: Goal) -> bool:
    """Whether the colour mode asks for other samples than there are."""
    colored = source.color.family in ("rgb", "cmyk")
    return may_recolor(source) and (goal.color_mode == "bilevel" or (goal.color_mode == "grayscale" and colored))


def simplified(image: pyvips.Image, source: ImageSource, goal: Goal) -> tuple[pyvips.Image, str]:
    """One band where the colours are gray or gray is asked for. The second value is ``Encoded.color``."""
    if not may_recolor(source):
        return image, "keep"
    if recolors(source, goal):
        meant = image.invert() if source.inverted else image
        return (pixels.luma(meant) if image.bands in (3, 4) else meant), "gray"
    tolerance = 0 if goal.quality is None else GRAY_TOLERANCE
    gray_ok = image.bands == 3 and source.color.neutral_is_gray and source.plain_decode
    if gray_ok and pixels.is_gray(image, tolerance):
        return image[1].copy_memory(), "gray"
    return image, "keep"


def as_simple(image: pyvips.Image, like: pyvips.Image, source: ImageSource, goal: Goal) -> pyvips.Image:
    """The source at another size, in as many bands as what ``simplified`` has made of it."""
    if image.bands == 3 and like.bands == 1:
        return pixels.luma(image) if recolors(source, goal) else image[1].copy_memory()
    return image


def gray_palette(source: ImageSource, goal: Goal) -> bytes:
    """The palette of a two-coloured image in gray; for black and white, the lighter colour becomes the white."""
    table = pyvips.Image.new_from_memory(
        source.color.palette, source.color.entries, 1, source.color.components, "uchar"
    )
    levels = bytes(pixels.luma(table).write_to_memory())
    if goal.color_mode != "bilevel":
        return levels
    return bytes(255 if level >= 128 or (level == max(levels) > min(levels)) else 0 for level in levels)
