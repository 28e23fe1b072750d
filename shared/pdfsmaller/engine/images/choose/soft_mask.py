"""Transparency: lossless unless it is smooth all over, since an edge that rings is a halo."""

from __future__ import annotations

import pyvips

from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.choose import exact
from pdfsmaller.engine.images.codecs import jpeg
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import Goal, jpeg_quality, scale_for, target_pixels
from pdfsmaller.engine.images.source import ImageSource
from pdfsmaller.engine.images.weigh import FLAT_JPEG_GAIN, JPEG_AT_BEST, RINGING_SHARE

# A mask's JPEG is coded so much finer than its picture's.
QUALITY_ABOVE, QUALITY_MOST = 12, 95


def of_soft_mask(image: pyvips.Image, source: ImageSource, goal: Goal) -> Encoded:
    """The best coding of a soft mask's samples of 8 bits."""
    scale = scale_for(source, goal)
    if source.fixed_color or not pixels.only_extremes(image):
        image = pixels.resize(image, *target_pixels(source, scale))
    best = exact.of_gray(image, goal)
    if source.fixed_color:
        return best  # colours premultiplied with the mask need it exactly
    quality = min(QUALITY_MOST, jpeg_quality(source, goal, scale) + QUALITY_ABOVE)
    most = FLAT_JPEG_GAIN * best.cost
    quick = jpeg.Trials(image).encode(quality)
    if quick.cost * JPEG_AT_BEST > most:
        return best
    smooth = quick if goal.fast else jpeg.encode(image, quality)
    if smooth.cost >= most:
        return best
    return smooth if pixels.ringing(image, smooth.data, pixels.flat_mask(image)) <= RINGING_SHARE else best
