"""Segments, of which JBIG2 data consists (ITU-T T.88, 7.2 to 7.4)."""

from __future__ import annotations

import struct

# Kinds of segments (7.3).
SYMBOL_DICTIONARY, LOSSLESS_TEXT, LOSSLESS_GENERIC, PAGE_INFORMATION = 0, 7, 39, 48
_GENERIC = 38
# Ends of pages, stripes and files, profiles, extensions: nothing that is drawn.
_WITHOUT_PIXELS = frozenset({PAGE_INFORMATION, 49, 50, 51, 52, 62})

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


def is_generic(data: bytes) -> bool:
    """Whether a page is drawn with generic regions alone, no symbols, no halftones; False where nobody can tell."""
    at, kinds = 0, set[int]()
    while at + 6 <= len(data):
        number, flags, others = struct.unpack(">IBB", data[at : at + 6])
        if others >= 0xE0:
            return False
        at += 6 + (others >> 5) * (1 if number <= 256 else 2 if number <= 65_536 else 4) + (4 if flags & 64 else 1)
        length = int.from_bytes(data[at : at + 4])
        kinds.add(flags & 63)
        at += 4 + length
    return at == len(data) and kinds - _WITHOUT_PIXELS <= {_GENERIC, LOSSLESS_GENERIC}
