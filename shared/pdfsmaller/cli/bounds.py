"""The engine's limits, as the command's options set them."""

from __future__ import annotations

from dataclasses import replace

from pdfsmaller.engine.options import parse_size
from pdfsmaller.errors import InvalidOption
from pdfsmaller.limits import Limits


def limits_from(timeout: float | None, max_pages: int | None, max_pixels: int | None, max_memory: str | None) -> Limits:
    """The limits for options as given; those left out keep their defaults.

    Raises:
        InvalidOption: ``max_memory`` is no size.
    """
    limits = Limits()
    if timeout is not None:
        # What is left of the time goes to writing and checking what was reached.
        limits = replace(limits, hard_seconds=timeout, soft_seconds=timeout * 0.75)
    if max_pages is not None:
        limits = replace(limits, max_pages=max_pages)
    if max_pixels is not None:
        limits = replace(limits, max_image_pixels=max_pixels)
    if max_memory is not None:
        try:
            limits = replace(limits, memory_bytes=int(parse_size(max_memory)))
        except ValueError:
            raise InvalidOption("max_memory", max_memory, ["bytes, or text such as 800MB or 3GB"]) from None
    return limits
