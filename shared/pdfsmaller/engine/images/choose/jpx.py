"""JPEG 2000: indices become samples without loss, pictures another coding where that is worth its loss."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.choose.indexed import of_indexed
from pdfsmaller.engine.images.choose.photo import Photo, decoded, photo
from pdfsmaller.engine.images.codecs import jpx
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import Goal
from pdfsmaller.engine.images.recolor import recolors
from pdfsmaller.engine.images.source import ImageSource, Skip

# Bytes tried, as a share of the JPEG's: it has to look like that but for so much similarity. (At equal look JPEG 2000
# took 0.85 of the JPEG of taxis-photo-jpx, 0.98 of that of pool-photo-jpx; of 16 photos and scans in JPEG, 0.85 or less
# of five, which is not worth the seconds that coding all of them would take.)
WAVES_SHARE, WAVES_LESS = 0.85, 0.002
# OpenJPEG takes about half a second for a million pixels, and 16 bytes for each in colour.
WAVES_PIXELS = 4_000_000


def of_jpx(source: ImageSource, goal: Goal) -> Encoded | None:
    """The best coding of a JPEG 2000 image, or None where that is its own.

    Raises:
        Skip: ``jpx``: what its components mean is not known, or no loss is allowed.
    """
    if source.color.palette is not None:
        indices = pixels.load_jpx_indices(source)
        return of_indexed(replace(source, coding="samples", bits=8, data=indices), goal)
    if goal.quality is None or not source.plain_decode or source.color.family not in ("gray", "rgb", "cmyk"):
        raise Skip("jpx")
    lossy = photo(decoded(partial(pixels.load_jpx, source), source), source, goal)
    if not (recolors(source, goal) or lossy.beats(source.stored, source, goal)):
        return None
    return _in_waves(lossy) or lossy.encoded


def _in_waves(lossy: Photo) -> Encoded | None:
    """The same pixels in JPEG 2000 again, in fewer bytes than the JPEG that they look like; or None."""
    judge, image = lossy.judge, lossy.image
    if judge is None or image is None or image.bands not in (1, 3) or image.width * image.height > WAVES_PIXELS:
        return None
    whole = lossy.encoded
    waves = jpx.encode(image, round(WAVES_SHARE * whole.cost))
    least = judge.view.similarity(pixels.decode_jpeg(whole.data)) - WAVES_LESS
    if waves.cost >= whole.cost or judge.view.similarity(pixels.decode_jpx(waves.data)) < least:
        return None
    return replace(waves, color=whole.color)
