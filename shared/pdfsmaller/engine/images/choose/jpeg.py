"""JPEG: coded again with loss where that is worth it, otherwise the same coefficients in fewer bytes."""

from __future__ import annotations

from functools import partial

from pdfsmaller.engine.deflate import zlib_compress
from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.choose.photo import decoded, photo
from pdfsmaller.engine.images.codecs import flate
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import Goal, jpeg_quality, scale_for
from pdfsmaller.engine.images.jpeg import JpegInfo, jpeg_info, strip_jpeg, transcoded
from pdfsmaller.engine.images.recolor import recolors
from pdfsmaller.engine.images.source import ImageSource, Skip
from pdfsmaller.engine.images.weigh import TRANSCODED_AT_BEST, smaller
from pdfsmaller.engine.workers import beside

# A JPEG coded this much below the quality asked for is not worth trying.
QUALITY_BELOW = 12
# Of a JPEG that Deflate leaves no more of, that is less than mozjpeg makes of the same coefficients: 0.02 to 0.96 of it
# for the 42 such among the 399 JPEGs of more than so many bytes in dev and 1,400 public documents (2026-11-30).
BLANK_SHARE, LITTLE_BYTES = 0.5, 8_000


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
        return _kept(source, goal, info, _deflated(source, goal))
    if scale == 1.0 and not recolor and info.quality <= jpeg_quality(source, goal, scale) - QUALITY_BELOW:
        return _kept(source, goal, info, _deflated(source, goal))
    deflated = beside(partial(_deflated, source, goal))
    lossy = photo(decoded(partial(pixels.load_jpeg, source), source), source, goal, full_chroma=info.full_chroma)
    if recolor:
        return lossy.encoded
    blank = deflated()
    if lossy.width == source.width and info.quality <= lossy.quality:
        return _kept(source, goal, info, blank)  # coded coarsely before: no second time
    least = blank.cost if blank is not None else source.stored
    if lossy.beats(round(least * TRANSCODED_AT_BEST), source, goal):
        return lossy.encoded
    kept = _kept(source, goal, info, blank)
    return lossy.encoded if lossy.beats(kept.cost if kept else source.stored, source, goal) else kept


def _kept(source: ImageSource, goal: Goal, info: JpegInfo, blank: Encoded | None) -> Encoded | None:
    """The same JPEG in fewer bytes (``blank``: as ``_deflated`` makes it), or None where there are none to win."""
    kept = blank
    if kept is None or len(source.data) <= LITTLE_BYTES:
        data = strip_jpeg(source.data) if goal.fast else transcoded(source.data, info)
        coded = Encoded(data, "/DCTDecode", source.width, source.height, 8, exact=True, proven=not goal.fast)
        kept = smaller(kept, flate.over_jpeg(coded, goal.effort))
    return kept if kept is not None and kept.cost < source.stored else None


def _deflated(source: ImageSource, goal: Goal) -> Encoded | None:
    """A JPEG most of which is blank, as it stands and deflated; None of any other.

    Baseline coding repeats the same bits for every empty block, which Deflate takes as one; progressive coding has some
    for each scan.
    """
    data = strip_jpeg(source.data)
    if flate.quick_size(data) > BLANK_SHARE * len(data):
        return None
    size = source.width, source.height
    packed = zlib_compress(data, goal.effort)
    return Encoded(packed, "/DCTDecode", *size, 8, exact=True, proven=not goal.fast, deflated=True)
