"""Samples without loss: in as few bits, as few colours and as few components as hold them."""

from __future__ import annotations

from dataclasses import replace

import pyvips

from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.choose.bilevel import smallest_bilevel
from pdfsmaller.engine.images.codecs import flate, palette
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import Goal
from pdfsmaller.engine.images.recolor import simplified
from pdfsmaller.engine.images.source import ImageSource, Skip
from pdfsmaller.engine.images.weigh import smaller

# Of what quick Deflate makes of samples, the best exact coding leaves so much: at least 0.55 of the 91 images of up to
# 3 MB and more than 256 colours that dev's documents had drawn, 0.65 of all but two.
AT_BEST = 0.4


def may_be_smaller(image: pyvips.Image, cost: int) -> bool:
    """Whether an exact coding may take fewer bytes than this."""
    return AT_BEST * flate.estimate(image) < cost


def of_source(image: pyvips.Image, source: ImageSource, goal: Goal) -> Encoded:
    """A source's samples of 8 bits, in its own colour space or, where that is the same, in gray."""
    if not source.lossy_ok:
        return _same_samples(image, source, goal)
    color = "keep"
    if image.bands == 3:
        image, color = simplified(image, source, replace(goal, quality=None, color_mode="no-change"))
    # PDFium stretches what has one bit and a palette in another way than three components: levels differ by one.
    coded = of_pixels(image, goal, palette_ok=source.plain_decode, one_bit_ok=goal.quality is not None)
    return replace(coded, color="gray", drop_decode=True) if color == "gray" else coded


def of_pixels(image: pyvips.Image, goal: Goal, *, palette_ok: bool = True, one_bit_ok: bool = True) -> Encoded:
    """Samples in their final colour space, deflated quickly where they are deflated: see ``flate.repacked``.

    Args:
        image: of 8 bits and any number of components, or of 16 bits and those that PNG knows.
        palette_ok: three components are colours, which may be indices into a palette …
        one_bit_ok: … of one bit each.
    """
    if image.format == "ushort":
        return flate.predicted(_named(image), bits=16, effort=goal.effort)
    if image.bands == 1:
        return of_gray(image, goal)
    if image.bands != 3:
        return _of_components(image, goal)
    colors = palette.colors(image) if palette_ok else None
    if colors is None:
        return flate.predicted(_named(image), effort=goal.effort)
    return _of_few_colors(image, colors, goal, one_bit_ok=one_bit_ok)


def of_gray(image: pyvips.Image, goal: Goal) -> Encoded:
    """One component of 8 bits, at as few as hold its levels exactly."""
    levels = [level for level, count in enumerate(pixels.histogram(image)) if count]
    if all(level in (0, 255) for level in levels):
        return smallest_bilevel(image, goal)
    for bits, step in ((2, 85), (4, 17)):
        if all(level % step == 0 for level in levels):
            return flate.predicted(_named(image), bits=bits, effort=goal.effort)
    return flate.predicted(_named(image), effort=goal.effort)


def _of_few_colors(image: pyvips.Image, colors: list[bytes], goal: Goal, *, one_bit_ok: bool) -> Encoded:
    """Three components of at most 256 colours: indices, or what predictors make of a gradient of many."""
    if len(colors) <= 2 and one_bit_ok:
        found = palette.indices(image, colors)
        if found is not None:
            bitmap = pixels.settle((found > 0).ifthenelse(255, 0))
            return replace(smallest_bilevel(bitmap, goal), palette=b"".join(colors), entries=len(colors))
    indexed = palette.exact(image, colors)
    if indexed is not None and indexed.bits < 8:
        return indexed
    best = smaller(indexed, flate.predicted(_named(image), effort=goal.effort))
    assert best is not None
    return best


def of_sixteen_bits(source: ImageSource, goal: Goal) -> Encoded:
    """Both bytes of every sample, deflated with predictors.

    Raises:
        Skip: ``sixteen_bits``: PNG knows no predictors for so many components.
    """
    bands = source.color.samples
    if source.color.palette is not None or bands not in (1, 3):
        raise Skip("sixteen_bits")
    image = pyvips.Image.new_from_memory(source.data, source.width, source.height, bands, "ushort").byteswap()
    return of_pixels(image, goal)


def _same_samples(image: pyvips.Image, source: ImageSource, goal: Goal) -> Encoded:
    """The same numbers at the same bits: a colour-key mask names them."""
    if source.bits == 8 and image.bands in (1, 3):
        return flate.predicted(_named(image), effort=goal.effort)
    return flate.plain(source.data, source.width, source.height, source.bits)


def _of_components(image: pyvips.Image, goal: Goal) -> Encoded:
    """Components of any number and meaning, deflated; with predictors where PNG knows that many."""
    plain = flate.plain(image.write_to_memory(), image.width, image.height, 8)
    if image.bands not in (2, 4):
        return plain
    return min(plain, flate.predicted(_named(image), effort=goal.effort), key=lambda e: e.cost)


def _named(image: pyvips.Image) -> pyvips.Image:
    """As PNG takes them: to it the last of two or four bands is opacity, to the predictors one more sample."""
    gray, color = ("grey16", "rgb16") if image.format == "ushort" else ("b-w", "srgb")
    return image.copy(interpretation=gray if image.bands <= 2 else color)
