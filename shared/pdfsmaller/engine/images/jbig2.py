"""JBIG2 for bilevel images (ITU-T T.88), lossless, as a PDF embeds it (ISO 32000-1, 7.4.7).

Each image is one generic region, arithmetically coded: every pixel exact, no symbols taken for one another, no segments
shared between images. Symbol dictionaries, refinement and halftone regions are not written.
"""

from __future__ import annotations

import struct

from pdfsmaller.engine.images import lua
from pdfsmaller.engine.images.pixels import INVERTED

# Segment types (T.88, 7.3) and the flags of ours.
_PAGE_INFORMATION, _LOSSLESS_REGION = 48, 39
_LOSSLESS_PAGE = 1
_TYPICAL_PREDICTION = 8
# The nominal places of the adaptive pixels, by template (T.88, 6.2.5.3): signed x and y of each.
_ADAPTIVE = (
    struct.pack("8b", 3, -1, -3, -1, 2, -2, -2, -2),
    struct.pack("2b", 3, -1),
    struct.pack("2b", 2, -1),
    struct.pack("2b", 2, -1),
)
#: The templates of a generic region: how many pixels around it foretell a pixel (16, 13, 10, 10).
TEMPLATES = (0, 1, 2, 3)
# All bytes that are neither coded pixels nor the places of adaptive ones.
_OVERHEAD = 59


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
    bitmap = packed.translate(INVERTED)  # PDF's 0 is JBIG2's black
    most -= _OVERHEAD + len(_ADAPTIVE[template])
    try:
        coded, detail = lua.call("jbig2", width * height, bitmap, width, height, template, most)
    except lua.Unavailable:
        return None
    if coded is None:
        if detail == b"size":
            raise ValueError("not a bitmap of this size")
        return None
    page = struct.pack(">IIIIBH", width, height, 0, 0, _LOSSLESS_PAGE, 0)
    flags = template << 1 | (_TYPICAL_PREDICTION if detail else 0)
    region = struct.pack(">IIIIBB", width, height, 0, 0, 0, flags) + _ADAPTIVE[template] + coded
    return _segment(0, _PAGE_INFORMATION, page) + _segment(1, _LOSSLESS_REGION, region)


def _segment(number: int, kind: int, data: bytes) -> bytes:
    """A segment of page 1 that refers to no other (T.88, 7.2)."""
    return struct.pack(">IBBBI", number, kind, 0, 1, len(data)) + data
