"""Scanned pages as sharp strokes over a coarse background."""

from __future__ import annotations

from dataclasses import replace

from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.choose.bilevel import smallest_bilevel
from pdfsmaller.engine.images.codecs import jpeg
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import Goal, shown_dpi, target_pixels
from pdfsmaller.engine.images.recolor import simplified
from pdfsmaller.engine.images.source import ImageSource
from pdfsmaller.engine.scan.layers import separate

# Strokes keep so many times the dots per inch that pictures are brought to; up to so many times that, all of theirs.
STROKES_DPI, STROKES_ABOVE = 1.6, 1.15
# What fills less than this share of its page, or is coarser, is no scanned page.
LAYERS_COVER = 0.5
LAYERS_DPI = 130
# What lies behind the strokes, and which colour they have, is looked at less closely.
LAYERS_QUALITY_BELOW = 25


def of_page(source: ImageSource, goal: Goal) -> Encoded | None:
    """A scanned page as paper, strokes and their colour, or None where it is none."""
    shown = shown_dpi(source)
    plain = source.plain_decode and source.lossy_ok and not (source.masked or source.fixed_color)
    known = source.color.family in ("gray", "rgb") and source.color.palette is None and source.bits == 8
    if not (plain and known) or goal.color_mode != "no-change" or goal.dpi is None or goal.quality is None:
        return None
    if shown is None or shown < LAYERS_DPI or source.covers < LAYERS_COVER:
        return None
    dpi = goal.dpi * STROKES_DPI
    scale = dpi / shown if shown > dpi * STROKES_ABOVE else 1.0
    load = {"jpeg": pixels.load_jpeg, "jpx": pixels.load_jpx}.get(source.coding)
    image = load(source, pixels.shrink_for(scale)) if load is not None else pixels.load_samples(source)
    image, color = simplified(pixels.resize(image, *target_pixels(source, scale)), source, goal)
    layers = separate(image, shown * scale, goal.dpi)
    if layers is None:
        return None
    coarse = max(10, goal.quality - LAYERS_QUALITY_BELOW)
    paper = jpeg.encode(layers.paper, coarse, fast=goal.fast)
    ink = jpeg.encode(layers.color, coarse, full_chroma=True, fast=goal.fast)
    strokes = smallest_bilevel(layers.strokes, goal.effort)
    return replace(paper, color=color, drop_decode=color == "gray", over=(replace(ink, color=color), strokes))
