"""Decoded pixels to the smallest coding without loss, as the choosers of images know it. Sixteen bits stay sixteen."""

from __future__ import annotations

import pyvips

from pdfsmaller.engine.from_images.hints import valid_profile
from pdfsmaller.engine.from_images.picture import DEVICE, GRAY, Stored
from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.choose import exact
from pdfsmaller.engine.images.codecs import flate
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import Goal


def pack(image: pyvips.Image, goal: Goal, *, alpha: bool = False, profile: object = None) -> Stored:
    """The smallest exact coding.

    Args:
        image: 8 or 16 bits, with 1 (gray), 3 (RGB) or 4 bands (CMYK).
        goal: its effort, and how one bit per pixel may be coded.
        alpha: there is one band more, which says how opaque a pixel is; it becomes a soft mask unless all are opaque.
        profile: what the file gave as ICC profile.
    """
    image = image.copy_memory()
    mask = None
    if alpha:
        opacity = image[image.bands - 1].copy_memory()
        image = image.extract_band(0, n=image.bands - 1).copy_memory()
        if opacity.min() < (65_535 if opacity.format == "ushort" else 255):
            mask = Stored(_coded(opacity, goal), GRAY)
    known = valid_profile(profile, DEVICE[image.bands])
    # A profile may say that equal red, green and blue are not gray.
    if known is None and image.bands == 3 and image.format == "uchar" and pixels.is_gray(image, 0):
        image = image[1].copy_memory()
    return Stored(_coded(image, goal), DEVICE[image.bands], known, mask=mask)


def _coded(image: pyvips.Image, goal: Goal) -> Encoded:
    return flate.repacked(exact.of_pixels(image, goal), goal.effort)
