"""Segments, of which JBIG2 data consists (ITU-T T.88, 7.2 to 7.4)."""

from __future__ import annotations

import struct

# Kinds of segments (7.3).
SYMBOL_DICTIONARY, LOSSLESS_TEXT, LOSSLESS_GENERIC, PAGE_INFORMATION = 0, 7, 39, 48

_LOSSLESS_PAGE = 1
#: The nominal places of a generic region's adaptive pixels, by template (6.2.5.3): signed x and y of each.
ADAPTIVE = (
    struct.pack("8b", 3, -1, -3, -1, 2, -2, -2, -2),
    struct.pack("2b", 3, -1),
    struct.pack("2b", 2, -1),
    struct.pack("2b", 2, -1),
)
#: The same of a refinement with template 0 (6.3.5.3).
ADAPTIVE_REFINEMENT = struct.pack("4b", -1, -1, -1, -1)


def segment(number: int, kind: int, data: bytes, *, refers: int | None = None, page: int = 1) -> bytes:
    """A segment that refers to at most one other; ``page`` 0 means that it belongs to no page.

    Numbers are at most 256 here, so that what is referred to takes one byte.
    """
    others = b"\x20%c" % refers if refers is not None else b"\0"
    return struct.pack(">IB", number, kind) + others + struct.pack(">BI", page, len(data)) + data


def page_information(number: int, width: int, height: int) -> bytes:
    """The segment that a page begins with: white, to be drawn on with OR."""
    return segment(number, PAGE_INFORMATION, struct.pack(">IIIIBH", width, height, 0, 0, _LOSSLESS_PAGE, 0))


def region(width: int, height: int) -> bytes:
    """What a region's data begins with: it fills its page, drawn with OR (7.4.1)."""
    return struct.pack(">IIIIB", width, height, 0, 0, 0)
