"""Scanned pages as sharp strokes over a coarse background."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pyvips

from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.choose.bilevel import smallest_bilevel
from pdfsmaller.engine.images.codecs import jpeg
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import Goal, shown_dpi, target_pixels
from pdfsmaller.engine.images.look import View, view_of
from pdfsmaller.engine.images.recolor import simplified
from pdfsmaller.engine.images.source import ImageSource
from pdfsmaller.engine.scan.gate import looks_as_good
from pdfsmaller.engine.scan.layers import Layers, alike, separate
from pdfsmaller.engine.similarity import Picture, picture_of, similarity
from pdfsmaller.engine.workers import beside
from pdfsmaller.records import record

# Strokes keep so many times the dots per inch that pictures are brought to, more where they have to look as good as the
# page coded whole (physics-paper-gray-scan: 0.41 of its JPEG instead of 0.34, and 0.003 more similarity); up to so many
# times that, all of theirs.
STROKES_DPI, STROKES_DPI_ALIKE, STROKES_ABOVE = 1.6, 2.0, 1.15
# What fills less than this share of its page, or is coarser, is no scanned page.
LAYERS_COVER = 0.5
LAYERS_DPI = 130
# What lies behind the strokes, and which colour they have, is looked at less closely.
LAYERS_QUALITY_BELOW = 25
# A page coded whole in so few bytes, or so unlike its source (that has noise on its paper, which layers have not), is
# not tried: taking it apart costs seconds, and none of 15 such scans passed (benchmarks/scan/results/gate.md).
WHOLE_LEAST, WHOLE_LIKE = 8_000, 0.975
# Layers in place of a page coded whole are worth three objects from here on.
ALIKE_GAIN = 0.85


def of_page(source: ImageSource, goal: Goal) -> Encoded | None:
    """A scanned page as paper, strokes and their colour, or None where it is none."""
    page = _page(source, goal, STROKES_DPI)
    if page is None or goal.dpi is None:
        return None
    layers = separate(page.image, page.dpi, goal.dpi)
    if layers is None or not alike(layers):
        return None
    return _with_strokes(*_grounds(layers, page, goal), layers, goal)


def as_good_as(whole: Encoded, source: ImageSource, goal: Goal) -> Encoded | None:
    """A scanned page in layers that look as good as ``whole``, a JPEG of it, and take far fewer bytes; or None."""
    if whole.filter != "/DCTDecode" or whole.exact or whole.cost < WHOLE_LEAST:
        return None
    if whole.likeness is not None and whole.likeness < WHOLE_LIKE:
        return None
    page = _page(source, goal, STROKES_DPI_ALIKE)
    if page is None or goal.dpi is None:
        return None
    view = view_of(source, goal, page.at)
    if view is None:
        return None
    seen = view.seen(pixels.decode_jpeg(whole.data))
    if seen.bands != view.reference.bands or similarity(view.reference, seen) < WHOLE_LIKE:
        return None
    layers = separate(page.image, page.dpi, goal.dpi, compare=False)
    if layers is None or not alike(layers):
        return None
    paper, ink = _grounds(layers, page, goal)
    if not looks_as_good(view.reference, seen, _together(paper, ink, layers, view)):
        return None
    layered = _with_strokes(paper, ink, layers, goal)
    return layered if layered.cost <= ALIKE_GAIN * whole.cost else None


@record(frozen=True)
class _Page:
    """What may be a scanned page, at the resolution that its strokes are to keep.

    Attributes:
        dpi: its dots per inch.
        color: see ``Encoded.color``.
    """

    source: ImageSource
    image: pyvips.Image
    dpi: float
    color: str

    def at(self, scale: float) -> pyvips.Image:
        """The same at a scale of the source's pixels."""
        return pixels.resize(self.image, *target_pixels(self.source, scale))


def may_be_page(source: ImageSource, goal: Goal) -> bool:
    """Whether an image is as large, as fine and as plain as a scanned page is, whatever it shows."""
    shown = shown_dpi(source)
    plain = source.plain_decode and source.lossy_ok and not (source.masked or source.fixed_color)
    known = source.color.family in ("gray", "rgb") and source.color.palette is None and source.bits == 8
    if not (plain and known) or goal.color_mode != "no-change" or goal.dpi is None or goal.quality is None:
        return False
    return shown is not None and shown >= LAYERS_DPI and source.covers >= LAYERS_COVER


def _page(source: ImageSource, goal: Goal, strokes_dpi: float) -> _Page | None:
    shown = shown_dpi(source)
    if not may_be_page(source, goal) or shown is None or goal.dpi is None:
        return None
    dpi = goal.dpi * strokes_dpi
    scale = dpi / shown if shown > dpi * STROKES_ABOVE else 1.0
    load = {"jpeg": pixels.load_jpeg, "jpx": pixels.load_jpx}.get(source.coding)
    image = load(source, pixels.shrink_for(scale)) if load is not None else pixels.load_samples(source)
    image, color = simplified(pixels.resize(image, *target_pixels(source, scale)), source, goal)
    return _Page(source, pixels.settle(image), shown * scale, color)


def _grounds(layers: Layers, page: _Page, goal: Goal) -> tuple[Encoded, Encoded]:
    """The paper and the colours of the strokes, coded."""
    assert goal.quality is not None
    coarse = max(10, goal.quality - LAYERS_QUALITY_BELOW)
    coded = beside(partial(jpeg.encode, layers.color, coarse, full_chroma=True, fast=goal.fast))
    paper = jpeg.encode(layers.paper, coarse, fast=goal.fast)
    return replace(paper, color=page.color), replace(coded(), color=page.color)


def _with_strokes(paper: Encoded, ink: Encoded, layers: Layers, goal: Goal) -> Encoded:
    return replace(paper, over=(ink, smallest_bilevel(layers.strokes, goal)))


def _together(paper: Encoded, ink: Encoded, layers: Layers, view: View) -> Picture:
    """How layers are seen: each at the size of the view, since that is where they are mixed."""
    below, above = (view.seen(pixels.decode_jpeg(coded.data)).image() for coded in (paper, ink))
    return picture_of(view.seen(layers.strokes).image().ifthenelse(below, above, blend=True))
