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


def of_any(image: pyvips.Image, source: ImageSource, goal: Goal) -> Encoded:
    """A source's samples of 8 bits, in its own colour space or, where that is the same, in gray."""
    if not source.lossy_ok:
        return _same_samples(image, source, goal)
    if image.bands != 3:
        return of_settled(image, source, goal)
    image, color = simplified(image, source, replace(goal, quality=None, color_mode="no-change"))
    coded = of_settled(image, source, goal)
    return replace(coded, color="gray", drop_decode=True) if color == "gray" else coded


def of_settled(image: pyvips.Image, source: ImageSource, goal: Goal) -> Encoded:
    """Samples of 8 bits that are in their final colour space, which may be another than the source's."""
    if image.bands == 1:
        return of_gray(image, goal)
    if image.bands != 3:
        return _of_components(image, goal)
    if source.plain_decode and pixels.has_few_colors(image):
        indexed = palette.exact(image)
        if indexed is not None:
            return indexed
    return flate.predicted(image.copy(interpretation="srgb"), effort=goal.effort)


def of_gray(image: pyvips.Image, goal: Goal) -> Encoded:
    """One component, at as few bits as hold its levels exactly."""
    levels = [level for level, count in enumerate(pixels.histogram(image)) if count]
    named = image.copy(interpretation="b-w")
    if all(level in (0, 255) for level in levels):
        return smallest_bilevel(named, goal)
    for bits, step in ((2, 85), (4, 17)):
        if all(level % step == 0 for level in levels):
            return flate.predicted(named, bits=bits, effort=goal.effort)
    return flate.predicted(named, effort=goal.effort)


def of_sixteen_bits(source: ImageSource, goal: Goal) -> Encoded:
    """Both bytes of every sample, deflated with predictors.

    Raises:
        Skip: ``sixteen_bits``: PNG knows no predictors for so many components.
    """
    bands = source.color.samples
    if source.color.palette is not None or bands not in (1, 3):
        raise Skip("sixteen_bits")
    image = pyvips.Image.new_from_memory(source.data, source.width, source.height, bands, "ushort").byteswap()
    named = image.copy(interpretation="grey16" if bands == 1 else "rgb16")
    return flate.predicted(named, bits=16, effort=goal.effort)


def _same_samples(image: pyvips.Image, source: ImageSource, goal: Goal) -> Encoded:
    """The same numbers at the same bits: a colour-key mask names them."""
    if source.bits == 8 and image.bands in (1, 3):
        return flate.predicted(image.copy(interpretation="b-w" if image.bands == 1 else "srgb"), effort=goal.effort)
    return flate.plain(source.data, source.width, source.height, source.bits)


def _of_components(image: pyvips.Image, goal: Goal) -> Encoded:
    """Components of any number and meaning, deflated; with predictors where PNG knows that many."""
    plain = flate.plain(image.write_to_memory(), image.width, image.height, 8)
    if image.bands not in (2, 4):
        return plain
    # To PNG the last band is an alpha channel; to the predictors it is one more byte per pixel.
    named = image.copy(interpretation="b-w" if image.bands == 2 else "srgb")
    return min(plain, flate.predicted(named, effort=goal.effort), key=lambda e: e.cost)
