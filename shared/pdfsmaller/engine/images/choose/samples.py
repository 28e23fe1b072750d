"""Samples of gray or colour (Flate, LZW, RunLength, none): drawn, photographed, or neither lossy at all."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pyvips

from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.choose import exact
from pdfsmaller.engine.images.choose.bilevel import smallest_bilevel
from pdfsmaller.engine.images.choose.flat import of_flat
from pdfsmaller.engine.images.choose.photo import photo
from pdfsmaller.engine.images.choose.soft_mask import of_soft_mask
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import Goal, jpeg_quality, scale_for, target_pixels
from pdfsmaller.engine.images.recolor import as_simple, simplified
from pdfsmaller.engine.images.source import ImageSource, Skip
from pdfsmaller.engine.images.weigh import Judge, judge_for, saves, smaller

# An image with more than this share of pixels equal to both neighbours is flat: drawn, not photographed.
FLAT_SHARE = 0.45
# Drawn images of up to so many pixels are also tried at their full size where they could be reduced.
FLAT_WHOLE_PIXELS = 6_000_000
# Pictures this narrow, or of which a JPEG takes so many bits a sample, are sometimes smaller without loss.
NARROW_PIXELS, MANY_BITS = 64, 1.0


def of_samples(source: ImageSource, goal: Goal) -> Encoded | None:
    """The best coding of samples without a palette.

    Raises:
        Skip: ``bits_per_component``, ``sixteen_bits``: a form that nobody reads here.
    """
    if source.bits < 8 and source.color.components != 1:
        raise Skip("bits_per_component")
    if source.bits == 16 and goal.quality is None:
        return exact.of_sixteen_bits(source, goal)
    raw = pixels.load_samples(source)
    return exact.of_source(raw, source, goal) if goal.quality is None else lossy(raw, source, goal)


def lossy(image: pyvips.Image, source: ImageSource, goal: Goal) -> Encoded | None:
    """The best coding of gray or colour samples of which some loss is allowed.

    Args:
        image: the source's colours; of indices, those that they stand for.
    """
    if source.role == "soft_mask":
        return of_soft_mask(image, source, goal)
    if image.bands == 1 and pixels.only_extremes(image):
        # Gray by name, black and white in truth: it keeps its pixels, as bilevel images do.
        return _in_space(smallest_bilevel(image, goal), source, "keep")
    simple, color = simplified(pixels.resize(image, *target_pixels(source, scale_for(source, goal))), source, goal)
    if goal.color_mode == "bilevel" and color == "gray":
        return replace(smallest_bilevel(pixels.black_and_white(simple), goal), color="gray", drop_decode=True)
    jpeg_ok = simple.bands == 1 or (simple.bands in (3, 4) and source.color.family != "other")
    flat = pixels.flat_mask(simple)
    if flat.avg() / 255.0 <= FLAT_SHARE and jpeg_ok:
        return _photographed(image, simple, color, source, goal)
    return _drawn(image, simple, flat, color, source, goal, jpeg_ok=jpeg_ok)


def _photographed(
    whole: pyvips.Image, simple: pyvips.Image, color: str, source: ImageSource, goal: Goal
) -> Encoded | None:
    """A picture: ``whole``, and as it is at the size and in the colours asked for."""
    lossy = photo(lambda _scale: whole, source, goal)
    best = None
    bits = 8 * lossy.encoded.cost / (simple.width * simple.height * simple.bands)
    often = bits >= MANY_BITS or simple.width <= NARROW_PIXELS
    if often and exact.may_be_smaller(simple, lossy.encoded.cost):
        best = _in_space(exact.of_pixels(simple, goal, palette_ok=source.plain_decode), source, color)
    if lossy.beats(source.stored, source, goal):
        best = smaller(best, _in_space(lossy.encoded, source, color))
    return best


def _drawn(
    whole: pyvips.Image,
    simple: pyvips.Image,
    flat: pyvips.Image,
    color: str,
    source: ImageSource,
    goal: Goal,
    *,
    jpeg_ok: bool,
) -> Encoded | None:
    """A drawing; ``flat`` is where its settled form has no edges."""
    scale = scale_for(source, goal)

    @cache
    def judge() -> Judge | None:
        def at(scale: float) -> pyvips.Image:
            return as_simple(pixels.resize(whole, *target_pixels(source, scale)), simple, source, goal)

        return judge_for(source, goal, at)

    its_goal = replace(goal, quality=jpeg_quality(source, goal, scale))
    best = of_flat(simple, flat, source, its_goal, judge, jpeg_ok=jpeg_ok)
    best = _in_space(best, source, color)
    may_keep = scale < 1.0 and source.pixels <= FLAT_WHOLE_PIXELS and not (goal.exact_dpi or source.fixed_color)
    if may_keep and exact.may_be_smaller(whole, best.cost):
        # Reduced, sharp edges turn into many shades: all pixels may take fewer bytes.
        kept = exact.of_source(whole, source, goal)
        best = min(best, _in_space(kept, source, kept.color), key=lambda e: e.cost)
    changed = scale < 1.0 or color == "gray" or best.exact
    return best if changed or saves(best, source.stored) else None


def _in_space(encoded: Encoded, source: ImageSource, color: str) -> Encoded:
    """A coding with the colour space that its pixels were put in: gray, or that of the colours of indices."""
    if color == "gray" or encoded.color == "gray":
        return replace(encoded, color="gray", drop_decode=True)
    return encoded if source.color.palette is None else replace(encoded, color="base", drop_decode=True)
