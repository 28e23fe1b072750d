"""Drawn images (screenshots, charts): few colours, or exact, unless a JPEG of them shows no ringing."""

from __future__ import annotations

from collections.abc import Callable

import pyvips

from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.choose import exact
from pdfsmaller.engine.images.choose.bilevel import smallest_bilevel
from pdfsmaller.engine.images.codecs import jpeg, palette
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import REFERENCE_QUALITY, Goal
from pdfsmaller.engine.images.source import ImageSource
from pdfsmaller.engine.images.weigh import FLAT_JPEG_GAIN, RINGING_SHARE, RINGING_SHARE_FINE, Judge, jpeg_at_best

# The quality from which a JPEG with full chroma may show a little more ringing.
FINE_QUALITY = 88
# Searching a palette takes seconds above this many pixels.
PALETTE_PIXELS = 16_000_000


def of_flat(
    image: pyvips.Image,
    flat: pyvips.Image,
    source: ImageSource,
    goal: Goal,
    judge: Callable[[], Judge | None],
    *,
    jpeg_ok: bool,
) -> Encoded:
    """The best coding of settled pixels, drawn rather than photographed, in their final colour space.

    Args:
        flat: where they have no edges, as ``pixels.flat_mask`` gives it.
        goal: its quality is that for this image.
        judge: of its codings, where it can be seen.
        jpeg_ok: JPEG knows their colour space.
    """
    best = _few_colors(image, source, goal)
    best = best or exact.of_pixels(image, goal, palette_ok=source.plain_decode)
    return (_quiet_jpeg(image, flat, goal, judge, FLAT_JPEG_GAIN * best.cost) if jpeg_ok else None) or best


def _few_colors(image: pyvips.Image, source: ImageSource, goal: Goal) -> Encoded | None:
    """A palette in which the eye sees no difference: drawn images with their antialiased edges."""
    assert goal.quality is not None
    if image.width * image.height > PALETTE_PIXELS or image.bands not in (1, 3) or not source.plain_decode:
        return None
    if image.bands == 1 and pixels.only_extremes(image):
        return smallest_bilevel(image, goal)
    allowed = max(0.2, (100 - goal.quality) / (100 - REFERENCE_QUALITY))
    return palette.unseen_gray(image, allowed) if image.bands == 1 else palette.unseen(image, allowed)


def _quiet_jpeg(
    image: pyvips.Image, flat: pyvips.Image, goal: Goal, judge: Callable[[], Judge | None], most: float
) -> Encoded | None:
    """A JPEG of at most so many bytes that shows no ringing: in no pixel, or where the image is seen. Or None."""
    assert goal.quality is not None
    fine = max(goal.quality, FINE_QUALITY)
    ways = (
        (goal.quality, False, RINGING_SHARE),
        (goal.quality, True, RINGING_SHARE),
        (fine, True, RINGING_SHARE_FINE),
    )
    trials = jpeg.Trials(image)
    for quality, full_chroma, share in ways if image.bands != 1 else ways[::2]:
        quick = trials.encode(quality, full_chroma=full_chroma)
        if jpeg_at_best(quick.cost) > most:
            return None
        tried = quick if goal.fast else jpeg.encode(image, quality, full_chroma=full_chroma)
        if tried.cost > most:
            return None
        if pixels.ringing(image, tried.data, flat) <= share:
            return tried
        eye = None if goal.fast or not goal.judged else judge()
        if eye is not None and eye.sees_no_ringing(pixels.decode_jpeg(tried.data)):
            return tried
    return None
