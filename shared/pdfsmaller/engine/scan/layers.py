"""A scanned page taken apart: strokes at full resolution, their colour and the paper behind them at a coarse one.

A photograph, or a page without strokes on paper, gives none; of the others ``alike`` tells whether their layers, put
together again, look like them.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext

import pyvips

from pdfsmaller.engine import lua
from pdfsmaller.engine.scan.page import Page, opened
from pdfsmaller.engine.scan.strokes import find_strokes
from pdfsmaller.engine.similarity import picture_of, similarity
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
# A pixel at a stroke's edge is the stroke's from this share of the way on, from paper to the darkest of 5 × 5 pixels
# around: of 0.35, 0.5 and 0.6, the first two lost least similarity on 18 scans (benchmarks/scan/results/gate.md).
EDGE = 0.33
# By so many levels ink may be made lighter or darker, where at least this share of the pixels is of it.
BALANCE, LEAST_SHARE = 40, 0.02
# A mean of less than this share of the pixels is none.
LEAST_WEIGHT = 0.002
# A page takes several times its pixels in Lua. Of pages with more bytes than these, two at once were the most memory
# that a document of the corpus took (audit-letter-zh-scan, 26 MB a page, preset ebook, 2026-11-30: 455 to 468 MB, one
# after the other 370 to 395).
ALONE_BYTES = 12_000_000
_one_at_a_time = threading.Lock()
# What pixels of each kind (page.lua) count for, in 16ths: of paper; of strokes, whose edges are mixed of both, but thin
# ones have no inside; of the page.
_PAPER, _CORES, _ALL = bytes([16, 0, 0, 0, 0, 0, 0, 0]), bytes([0, 0, 0, 1, 0, 0, 0, 16]), bytes([16] * 8)


@record(frozen=True)
class Layers:
    """A page in three images of the same place.

    Attributes:
        paper: the background, strokes filled from around them.
        color: what the strokes are painted with; means something only where there are any.
        strokes: 0 where a stroke is, 255 elsewhere.
        similarity: how like the page they look, put together at the paper's resolution; 1 where that was not asked for.
        missed: where strokes are, what their level and the paper's are off in all, as a share of what these differ by.
    """

    paper: pyvips.Image
    color: pyvips.Image
    strokes: pyvips.Image
    similarity: float
    missed: float


def separate(image: pyvips.Image, dpi: float, target_dpi: int, *, compare: bool = True) -> Layers | None:
    """Take a page apart.

    Args:
        image: one or three bands of 8 bits in memory, white = 255, at the resolution that strokes are to keep.
        dpi: its dots per inch.
        target_dpi: what pictures would be brought to.
        compare: find out how like the page they look; a fifth of the time, for nothing where they are looked at again.

    Returns:
        None where there are no strokes on paper, or no LuaJIT to find them. Whether the layers look like the page
        ``alike`` tells.
    """
    if min(image.width, image.height) < SIDE_LEAST:
        return None
    try:
        large = image.width * image.height * image.bands > ALONE_BYTES
        with _one_at_a_time if large else nullcontext(), opened(image) as page:
            return _taken_apart(page, dpi, target_dpi, compare=compare)
    except lua.Unavailable:
        return None


def _taken_apart(page: Page, dpi: float, target_dpi: int, *, compare: bool) -> Layers | None:
    if not STROKES_LEAST <= find_strokes(page) <= STROKES_MOST:
        return None
    paper_step = max(1, round(dpi / (target_dpi * PAPER_DPI)))
    paper = _whole(_filled(page, *_cells(page, paper_step, _PAPER)))
    if not _is_paper(paper):
        return None
    color_step = max(1, round(dpi / (target_dpi * COLOR_DPI)))
    color = _whole(_filled(page, *_cells(page, color_step, _CORES)))
    light = _luminance(paper)
    painted = page.ask("edges", *_coarse(light), *_coarse(_luminance(color)), EDGE)
    color = _balanced(page, color_step, paper, color)
    ink = _luminance(color)
    missed = page.ask("misses", *_coarse(light), *_coarse(ink))
    likeness = _similarity(page, paper_step, light, ink) if compare else 1.0
    strokes = pyvips.Image.new_from_memory(painted, page.width, page.height, 1, "uchar")
    return Layers(paper, color, strokes, likeness, missed)


def alike(layers: Layers) -> bool:
    """Whether the layers of a page, put together, look like the page: as a whole, and in what strokes they show."""
    return layers.missed <= RESIDUE and layers.similarity >= SIMILARITY


def _similarity(page: Page, step: int, paper: pyvips.Image, color: pyvips.Image) -> float:
    """How like a page its layers look, put together at the paper's resolution."""
    mean, _ = _cells(page, step, _ALL, "luminance")
    share = _shares(page, step)
    together = paper * (1 - share) + _stretched(color, paper) * share
    return similarity(picture_of(mean.rint()), picture_of(together.rint()))


def _cells(page: Page, step: int, weights: bytes, plane: str = "samples") -> tuple[pyvips.Image, pyvips.Image]:
    """Of every ``step`` × ``step`` pixels, by the weights of their kinds: their mean times their weight, and that."""
    width, height = -(-page.width // step), -(-page.height // step)
    sums, shares = page.ask("cells", plane.encode(), step, weights)
    return _floats(sums, width, height, page.bands if plane == "samples" else 1), _floats(shares, width, height)


def _shares(page: Page, step: int) -> pyvips.Image:
    """Of every ``step`` × ``step`` pixels, what share is strokes."""
    return _floats(page.ask("shares", step), -(-page.width // step), -(-page.height // step))


def _filled(page: Page, sums: pyvips.Image, weights: pyvips.Image, least: float = LEAST_WEIGHT) -> pyvips.Image:
    """``sums`` / ``weights``, and where there is less than ``least`` weight, the same at half the resolution."""
    parts = (bytes(part.write_to_memory()) for part in (sums, weights))
    size = (sums.width, sums.height, sums.bands)
    return _floats(page.ask("fill", *parts, *size, least), *size)


def _floats(values: bytes, width: int, height: int, bands: int = 1) -> pyvips.Image:
    return pyvips.Image.new_from_memory(values, width, height, bands, "float")


def _whole(image: pyvips.Image) -> pyvips.Image:
    """In whole levels, in memory."""
    return image.rint().cast("uchar").copy_memory()


def _coarse(image: pyvips.Image) -> tuple[bytes, int, int]:
    """An image of one band as Lua's functions take it."""
    return bytes(image.write_to_memory()), image.width, image.height


def _balanced(page: Page, step: int, paper: pyvips.Image, color: pyvips.Image) -> pyvips.Image:
    """The strokes' colour, so much lighter or darker that with the paper around them they make the page's mean."""
    mean, _ = _cells(page, step, _ALL)
    share = _shares(page, step)
    wanted = _filled(page, (mean - _stretched(paper, mean) * (1 - share)).cast("float"), share, LEAST_SHARE)
    change = wanted - color
    change = (change > BALANCE).ifthenelse(BALANCE, (change < -BALANCE).ifthenelse(-BALANCE, change))
    return _whole(color + change)


def _is_paper(paper: pyvips.Image) -> bool:
    """Whether most of a background is smooth."""
    levels = _luminance(paper)
    mean = _shrunk(levels, 8)
    flat = _shrunk(levels * levels, 8) - mean * mean < FLAT_DEVIATION * FLAT_DEVIATION
    return bool(flat.avg() / 255 >= FLAT_LEAST)


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


def _stretched(image: pyvips.Image, like: pyvips.Image) -> pyvips.Image:
    return image.cast("float").resize(like.width / image.width, vscale=like.height / image.height, kernel="linear")
