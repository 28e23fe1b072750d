"""JPEG 2000: indices become samples without loss, pictures another coding where that is worth its loss."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.choose.indexed import of_indexed
from pdfsmaller.engine.images.choose.photo import decoded, photo
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import Goal
from pdfsmaller.engine.images.recolor import recolors
from pdfsmaller.engine.images.source import ImageSource, Skip


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
    return lossy.encoded if recolors(source, goal) or lossy.beats(source.stored, source, goal) else None
