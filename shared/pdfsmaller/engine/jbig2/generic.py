"""A bitmap as one generic region, arithmetically coded: every pixel exact."""

from __future__ import annotations

from pathlib import Path

from pdfsmaller.engine import lua
from pdfsmaller.engine.images.pixels import INVERTED
from pdfsmaller.engine.jbig2.segments import ADAPTIVE, LOSSLESS_GENERIC, page_information, region, segment

_PROGRAM = Path(__file__).with_suffix(".lua")
_TYPICAL_PREDICTION = 8
#: The templates of a generic region: how many pixels around it foretell a pixel (16, 13, 10, 10).
TEMPLATES = (0, 1, 2, 3)
# All bytes that are neither coded pixels nor the places of adaptive ones.
_OVERHEAD = 59
_REGION_OVERHEAD = 18


def encode(packed: bytes, width: int, height: int, template: int, most: int) -> bytes | None:
    """A bilevel image as the data of a ``/JBIG2Decode`` stream.

    Args:
        packed: one bit per sample as PDF means them, rows padded to bytes.
        template: one of ``TEMPLATES``.
        most: bytes that the result may have.

    Returns:
        None where it would be larger than ``most``, or there is no coder here.

    Raises:
        ValueError: ``packed`` is not of the size that ``width`` and ``height`` ask for.
    """
    black = packed.translate(INVERTED)  # PDF's 0 is JBIG2's black
    try:
        coded = encode_region(black, width, height, template, most - _OVERHEAD + _REGION_OVERHEAD)
    except lua.Unavailable:
        return None
    if coded is None:
        return None
    return page_information(0, width, height) + segment(1, LOSSLESS_GENERIC, coded)


def encode_region(black: bytes, width: int, height: int, template: int, most: int) -> bytes | None:
    """The data of a generic region's segment, of at most so many bytes; otherwise None.

    Args:
        black: one bit per pixel, rows padded to bytes, a set bit being black.

    Raises:
        ValueError: ``black`` is not of the size that ``width`` and ``height`` ask for.
        lua.Unavailable: there is no coder here.
    """
    room = most - _REGION_OVERHEAD - len(ADAPTIVE[template])
    arguments = (black, width, height, template, room)
    coded, detail = lua.call(_PROGRAM, width * height, *arguments, parts=("arithmetic",))
    if coded is None:
        if detail == b"size":
            raise ValueError("not a bitmap of this size")
        return None
    flags = template << 1 | (_TYPICAL_PREDICTION if detail else 0)
    return region(width, height) + bytes([flags]) + ADAPTIVE[template] + bytes(coded)
