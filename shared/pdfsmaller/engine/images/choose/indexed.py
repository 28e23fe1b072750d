"""Indices into a palette: as they are, or their colours coded as any others."""

from __future__ import annotations

import pyvips

from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.choose.samples import lossy
from pdfsmaller.engine.images.codecs import flate
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import Goal
from pdfsmaller.engine.images.recolor import recolors
from pdfsmaller.engine.images.source import ImageSource
from pdfsmaller.engine.images.weigh import smaller

# Indices of which quick Deflate leaves more than this share are a photograph's: all effort and predictors leave at
# least so much of that (0.93 in the 47 indexed images of the corpus that were looked at).
NOISY_SHARE, NOISY_AT_BEST = 0.4, 0.8


def of_indexed(source: ImageSource, goal: Goal) -> Encoded | None:
    """The best coding of an image with a palette, at two bits or more per index."""
    raw = pixels.load_samples(source)
    known = source.color.family in ("gray", "rgb", "cmyk")
    if goal.quality is None or not source.plain_decode or not known:
        return _same_indices(raw, source, goal)
    best = lossy(pixels.expand_palette(raw, source), source, goal)
    if recolors(source, goal) or (best is not None and far_above(source.data, best.cost)):
        return best
    return smaller(_same_indices(raw, source, goal), best)


def far_above(indices: bytes, cost: int) -> bool:
    """Whether indices are those of a photograph, which never take as few bytes as ``cost``."""
    quick = flate.quick_size(indices)
    return quick > NOISY_SHARE * len(indices) and NOISY_AT_BEST * quick > cost


def _same_indices(raw: pyvips.Image, source: ImageSource, goal: Goal) -> Encoded:
    """The same indices with the same palette, at the same bits, deflated as well as possible."""
    plain = flate.plain(source.data, source.width, source.height, source.bits)
    if source.bits != 8:
        return plain
    rows = flate.predicted(raw.copy(interpretation="b-w"), effort=goal.effort)
    return min(plain, rows, key=lambda e: e.cost)
