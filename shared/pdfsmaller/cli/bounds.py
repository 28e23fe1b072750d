"""The engine's limits, as the command's options set them."""

from __future__ import annotations

from dataclasses import replace

from pdfsmaller.engine.units import parse_size
from pdfsmaller.errors import InvalidOption
from pdfsmaller.limits import Limits

#: The options that set limits, and what each takes; numbers from 1.
LIMITS = {"timeout": float, "max_pages": int, "max_image_size": str, "max_memory": str}


def limits_from(
    timeout: float | None, max_pages: int | None, max_image_size: str | None, max_memory: str | None
) -> Limits:
    """The limits for options as given; those left out keep their defaults.

    Raises:
        InvalidOption: ``max_image_size`` or ``max_memory`` is no size.
    """
    limits = Limits()
    if timeout is not None:
        limits = limits.within(timeout)
    if max_pages is not None:
        limits = replace(limits, max_pages=max_pages)
    if max_image_size is not None:
        limits = replace(limits, max_image_bytes=_size("max_image_size", max_image_size))
    if max_memory is not None:
        limits = replace(limits, memory_bytes=_size("max_memory", max_memory))
    return limits


def _size(field: str, text: str) -> int:
    try:
        size = int(parse_size(text))
    except ValueError:
        size = 0
    if size < 1:
        raise InvalidOption(field, text, ["bytes, or text such as 800MB or 3GB"])
    return size
