"""JPEG: coded again with loss where that is worth it, otherwise the same coefficients in fewer bytes."""

from __future__ import annotations

from functools import partial

from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.choose.photo import decoded, photo
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import Goal, jpeg_quality, scale_for
from pdfsmaller.engine.images.jpeg import JpegInfo, jpeg_info, strip_jpeg, transcoded
from pdfsmaller.engine.images.recolor import recolors
from pdfsmaller.engine.images.source import ImageSource, Skip
from pdfsmaller.engine.images.weigh import TRANSCODED_AT_BEST

# A JPEG coded this much below the quality asked for is not worth trying.
QUALITY_BELOW = 12


def of_jpeg(source: ImageSource, goal: Goal) -> Encoded | None:
    """The best coding of a JPEG.

    Raises:
        Skip: ``jpeg_mismatch``: its headers say other than the PDF does.
    """
    info = jpeg_info(source.data)
    if info is None or info.components != source.color.components or source.color.palette is not None:
        raise Skip("jpeg_mismatch")
    if (info.width, info.height) != (source.width, source.height):
        raise Skip("jpeg_mismatch")
    scale = scale_for(source, goal)
    recolor = recolors(source, goal)
    if goal.quality is None or (source.color.family == "other" and source.color.components != 1):
        return _kept(source, goal, info)
    if scale == 1.0 and not recolor and info.quality <= jpeg_quality(source, goal, scale) - QUALITY_BELOW:
        return _kept(source, goal, info)
    lossy = photo(decoded(partial(pixels.load_jpeg, source), source), source, goal, full_chroma=info.full_chroma)
    if recolor:
        return lossy.encoded
    if lossy.width == source.width and info.quality <= lossy.quality:
        return _kept(source, goal, info)  # coded coarsely before: no second time
    if lossy.beats(round(source.stored * TRANSCODED_AT_BEST), source, goal):
        return lossy.encoded
    kept = _kept(source, goal, info)
    return lossy.encoded if lossy.beats(kept.cost if kept else source.stored, source, goal) else kept


def _kept(source: ImageSource, goal: Goal, info: JpegInfo) -> Encoded | None:
    """The same JPEG in fewer bytes, or None where there are none to win."""
    data = strip_jpeg(source.data) if goal.fast else transcoded(source.data, info)
    kept = Encoded(data, "/DCTDecode", source.width, source.height, 8, exact=True, proven=not goal.fast)
    return kept if len(data) < source.stored else None
