"""A scanned page taken apart: strokes at full resolution, their colour and the paper behind them at a coarse one.

A photograph, or a page without strokes on paper, gives none; of the others ``alike`` tells whether their layers, put
together again, look like them.
"""

from __future__ import annotations

import pyvips

from pdfsmaller.engine.scan.strokes import find_strokes
from pdfsmaller.engine.similarity import similarity_of_images
from pdfsmaller.records import record

# Of a page of text, strokes cover some percent; of a photograph or a dark page, anything.
STROKES_LEAST, STROKES_MOST = 0.002, 0.30
# Dots per inch of paper and colours, of those that pictures are brought to.
PAPER_DPI, COLOR_DPI = 0.5, 0.15
# How like the page the layers have to look, put together at the paper's resolution (0 to 1).
SIMILARITY = 0.88
# Where strokes are, the layers may miss the page's levels by this share of the difference between stroke and paper.
RESIDUE = 0.30
# Of paper, this share of the blocks (8 × 8 pixels) has a deviation of less than so many levels; a picture has texture.
FLAT_LEAST, FLAT_DEVIATION = 0.6, 4.0
# Fewer pixels a side tell nothing.
SIDE_LEAST = 320
# A pixel at a stroke's edge is the stroke's from this share of the way on, from paper to the darkest of so many pixels
# around: of 0.35, 0.5 and 0.6, the first two lost least similarity on 18 scans (benchmarks/scan/results/gate.md).
EDGE, EDGE_PIXELS = 0.33, 5
# By so many levels ink may be made lighter or darker, where at least this share of the pixels is of it.
BALANCE, LEAST_SHARE = 40, 0.02
# A mean of less than this share of the pixels, in 128ths, is none.
LEAST_WEIGHT = 0.25
_CROSS = [[128, 255, 128], [255, 255, 255], [128, 255, 128]]
_SQUARE = [[255, 255, 255]] * 3


@record(frozen=True)
class Layers:
    """A page in three images of the same place.

    Attributes:
        paper: the background, strokes filled from around them.
        color: what the strokes are painted with; means something only where there are any.
        strokes: 0 where a stroke is, 255 elsewhere.
        around: 255 where a stroke is or ends.
        step: pixels of the page to one of the paper's.
    """

    paper: pyvips.Image
    color: pyvips.Image
    strokes: pyvips.Image
    around: pyvips.Image
    step: int


def separate(image: pyvips.Image, dpi: float, target_dpi: int) -> Layers | None:
    """Take a page apart.

    Args:
        image: one or three bands of 8 bits in memory, white = 255, at the resolution that strokes are to keep.
        dpi: its dots per inch.
        target_dpi: what pictures would be brought to.

    Returns:
        None where there are no strokes on paper. Whether the layers look like the page ``alike`` tells.
    """
    if min(image.width, image.height) < SIDE_LEAST:
        return None
    strokes = find_strokes(image)
    if not STROKES_LEAST <= strokes.avg() / 255 <= STROKES_MOST:
        return None
    # Edges are mixed of both: neither paper nor the strokes' own colour is to be had from them.
    around = strokes.dilate(pyvips.Image.new_from_array(_SQUARE))
    inner = strokes.erode(pyvips.Image.new_from_array(_CROSS))
    paper_step = max(1, round(dpi / (target_dpi * PAPER_DPI)))
    paper = _mean_of(image, around.invert(), paper_step)
    if not _is_paper(paper):
        return None
    # Thin strokes have no inside.
    core = inner | (strokes & 16)
    color_step = max(1, round(dpi / (target_dpi * COLOR_DPI)))
    color = _mean_of(image, core.copy_memory(), color_step)
    strokes = _without_edges(image, strokes, paper, color)
    color = _balanced(image, strokes, paper, color, color_step)
    return Layers(paper, color, strokes.invert(), around, paper_step)


def _without_edges(
    image: pyvips.Image, strokes: pyvips.Image, paper: pyvips.Image, color: pyvips.Image
) -> pyvips.Image:
    """The strokes as broad as they look: without pixels at their edges that are more like paper than like the stroke.

    What a stroke is like is told by its darkest pixel nearby: a faint one beside a dark one stays whole.
    """
    size = (image.width, image.height)
    light, ink = (_stretched(_luminance(part), size).copy_memory() for part in (paper, color))
    page = _luminance(image)
    inked = light - page >= (light - _extreme(page, 0)) * EDGE
    dark = ((light > ink) | strokes.invert()).copy_memory()
    if dark.min() == 0:  # light lettering on a dark ground, where all differences have the other sign
        inked = dark.ifthenelse(inked, page - light >= (_extreme(page, EDGE_PIXELS - 1) - light) * EDGE)
    return (strokes & inked).copy_memory()


def _extreme(levels: pyvips.Image, rank: int) -> pyvips.Image:
    """The lowest (rank 0) or highest level around every pixel."""
    return levels.rank(EDGE_PIXELS, 1, rank).copy_memory().rank(1, EDGE_PIXELS, rank).copy_memory()


def _balanced(
    image: pyvips.Image, strokes: pyvips.Image, paper: pyvips.Image, color: pyvips.Image, step: int
) -> pyvips.Image:
    """The strokes' colour, so much lighter or darker that with the paper around them they make the page's mean."""
    share = _shrunk(strokes & 1, step)
    ground = _stretched(paper.cast("float"), (share.width, share.height)).copy_memory()
    wanted = _filled((_shrunk(image, step) - ground * (1 - share)).copy_memory(), share, LEAST_SHARE)
    change = wanted - color
    change = (change > BALANCE).ifthenelse(BALANCE, (change < -BALANCE).ifthenelse(-BALANCE, change))
    return (color + change).rint().cast("uchar").copy_memory()


def _is_paper(paper: pyvips.Image) -> bool:
    """Whether most of a background is smooth."""
    levels = _luminance(paper)
    mean = _shrunk(levels, 8)
    flat = _shrunk(levels * levels, 8) - mean * mean < FLAT_DEVIATION * FLAT_DEVIATION
    return bool(flat.avg() / 255 >= FLAT_LEAST)


def alike(image: pyvips.Image, layers: Layers) -> bool:
    """Whether the layers of a page, put together, look like the page: as a whole, and in what strokes they show."""
    size = (image.width, image.height)
    paper, color = _luminance(layers.paper), _luminance(layers.color)
    page = _luminance(image)
    paper_here, color_here = (_stretched(part, size).copy_memory() for part in (paper, color))
    together = layers.strokes.ifthenelse(paper_here, color_here).copy_memory()
    if similarity_of_images(_shrunk(page, layers.step), _shrunk(together, layers.step)) < SIMILARITY:
        return False
    missed = layers.around.ifthenelse((page - together).abs(), 0).avg()
    contrast = layers.around.ifthenelse((paper_here - color_here).abs(), 0).avg()
    return bool(missed <= RESIDUE * contrast)


def _mean_of(image: pyvips.Image, weight: pyvips.Image, step: int) -> pyvips.Image:
    """The weighted mean of every ``step`` × ``step`` pixels; what has no weight is filled from around it."""
    parts = _shrunk(image & weight, step) * 128
    return _filled(parts, _shrunk(weight, step) * (128 / 255)).rint().cast("uchar").copy_memory()


def _filled(sums: pyvips.Image, weights: pyvips.Image, least: float = LEAST_WEIGHT) -> pyvips.Image:
    """``sums`` / ``weights``, and where there is less than ``least`` weight, the same at half the resolution."""
    mean = sums / (weights + 1e-6)
    if sums.width < 3 or sums.height < 3:
        total = max(weights.avg(), 1e-6)
        wide = [sums[band].avg() / total for band in range(sums.bands)]
    else:
        coarse = _filled(_shrunk(sums, 2), _shrunk(weights, 2), least)
        wide = coarse.resize(2, kernel="linear").crop(0, 0, sums.width, sums.height)
    return (weights > least).ifthenelse(mean, wide).copy_memory()


def _luminance(image: pyvips.Image) -> pyvips.Image:
    """In whole levels, in memory."""
    if image.bands == 1:
        return image
    return image.recomb([[0.299, 0.587, 0.114]]).rint().cast("uchar").copy_memory()


def _shrunk(image: pyvips.Image, step: int) -> pyvips.Image:
    """The mean of every ``step`` × ``step`` pixels, the last row and column repeated to whole ones; in memory."""
    width, height = -(-image.width // step) * step, -(-image.height // step) * step
    whole = image.gravity("north-west", width, height, extend="copy")
    return whole.cast("float").shrink(step, step).copy_memory()


def _stretched(image: pyvips.Image, size: tuple[int, int]) -> pyvips.Image:
    return image.resize(size[0] / image.width, vscale=size[1] / image.height, kernel="linear")
