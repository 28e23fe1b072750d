"""Pages of text as symbols that they share, every pixel exact (ITU-T T.88, 6.4 and 6.5).

What is connected (letters, mostly) is compared over all pages; what is alike gets one symbol, which is what most of its
letters have at each pixel. A page then says where which symbol stands and, by refinement, in which pixels the letter
there differs; so no letter is ever drawn as another. What is like nothing else stays in a generic region. Of the many
forms that the standard has, those are written that all readers were seen to understand: arithmetic coding alone,
refinement template 0 at nominal places without typical prediction, one text region over all of its page.

Every page is decoded again and compared before it counts.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pdfsmaller.engine import lua
from pdfsmaller.engine.jbig2.decode import PARTS, Undecodable, decode
from pdfsmaller.engine.jbig2.generic import TEMPLATES, encode_region
from pdfsmaller.engine.jbig2.segments import (
    ADAPTIVE,
    ADAPTIVE_REFINEMENT,
    LOSSLESS_GENERIC,
    LOSSLESS_TEXT,
    SYMBOL_DICTIONARY,
    page_information,
    region,
    segment,
)
from pdfsmaller.engine.workers import shared
from pdfsmaller.records import record

# A component is a letter with at least so many black pixels and of at most this width and height; the others are dirt
# or pictures.
LEAST_PIXELS, MOST_SIDE = 8, 400
# Of one page: its runs of black pixels, of which halftones and noise have millions, and the pixels of its components.
MOST_RUNS, MOST_PIXELS = 2_000_000, 16_000_000
# Letters that differ in at most so many pixels for each of their outline have a symbol in common; from one that differs
# in at most so many a letter is drawn; so many of them are worth a symbol. Chosen over four or five pages each of five
# scans, coded as in `benchmarks.bilevel` (2026-11-30): JOIN 0.15, 0.2, 0.22, 0.25 and 0.3 made 630, 628, 633, 642
# and 650 KB; with 0.2, REACH 0.3 and FEWEST 2 made 631 KB each.
JOIN, REACH, FEWEST = 0.2, 0.4, 3
# Bitmaps looked at for each component. Letters have hundreds of about their size; what never ends is no text.
MOST_WORK = 3_000
# Fewer letters than these in all are not worth it.
FEWEST_LETTERS = 50
# Letters whose bottoms are in the same 8 rows are coded together: the lines of a page are seldom straighter.
_STRIPS_LOG = 3
_REFINED, _LOWER_LEFT = 2, 0
# LuaJIT takes so many pixels' time for what is done with one pixel of a symbol, and with one bitmap looked at.
_SLOWER, _LOOK = 20, 4


@record(frozen=True)
class Bitmap:
    """A page.

    Attributes:
        black: one bit per pixel, rows padded to bytes, a set bit being black.
        width, height: in pixels.
    """

    black: bytes
    width: int
    height: int


@record(frozen=True)
class Pages:
    """Pages, coded.

    Attributes:
        shared: what all of them need (``/JBIG2Globals``).
        pages: the data of each; None for those that are not worth it.
    """

    shared: bytes
    pages: tuple[bytes | None, ...]


@record(frozen=True)
class _Components:
    """What is connected on a page: boxes (four 32-bit integers each) and rows of pixels (see ``components.lua``)."""

    boxes: bytes
    rows: bytes


@record(frozen=True)
class _Part:
    """What is to be coded of a page.

    Attributes:
        letters: the records of all its components …
        used: … and of those that have a symbol (see ``match.lua``).
        drawn: the pixels of those that are refined.
        limit: bytes that it takes otherwise.
    """

    page: Bitmap
    components: _Components
    letters: bytes
    used: bytes
    drawn: bytes
    limit: int


def encode(bitmaps: Sequence[Bitmap], limits: Sequence[int]) -> Pages | None:
    """Pages that share symbols, or None where that saves nothing.

    Args:
        limits: bytes that each page takes otherwise.

    Raises:
        lua.Unavailable: there is no coder here.
    """
    pages = [_without_padding(bitmap) for bitmap in bitmaps]
    found = shared(_components, pages)
    matched = _match(pages, found)
    if matched is None:
        return None
    sizes, symbols, letters, drawn = matched
    dictionary = _dictionary(sizes, symbols, sum(limits))
    if dictionary is None:
        return None
    parts: list[_Part] = []
    at = drawn_at = 0
    for page, components, limit in zip(pages, found, limits, strict=True):
        own = letters[at : at + 2 * len(components.boxes)]
        at += len(own)
        used, pixels = _used(own)
        parts.append(_Part(page, components, own, used, drawn[drawn_at : drawn_at + pixels], limit))
        drawn_at += pixels

    def coded(part: _Part) -> bytes | None:
        data = _page(part, sizes, symbols) if part.used else None
        return data if data is not None and len(data) < part.limit and _is(data, dictionary, part.page) else None

    codings = shared(coded, parts)
    saved = sum(limit - len(data) for data, limit in zip(codings, limits, strict=True) if data is not None)
    return Pages(dictionary, tuple(codings)) if saved > len(dictionary) else None


def _call(name: str, pixels: int, *arguments: Any) -> Any:
    return lua.call(Path(__file__).with_name(f"{name}.lua"), pixels, *arguments, parts=(*PARTS, "rows"), steady=False)


def _without_padding(page: Bitmap) -> Bitmap:
    """With no black bits behind the end of a row."""
    row, beyond = (page.width + 7) // 8, -page.width % 8
    if not beyond:
        return page
    black, mask = bytearray(page.black), 0xFF << beyond & 0xFF
    last = slice(row - 1, None, row)
    black[last] = black[last].translate(bytes(value & mask for value in range(256)))
    return Bitmap(bytes(black), page.width, page.height)


def _components(page: Bitmap) -> _Components:
    """None of a page that is no text."""
    size = (page.width, page.height)
    limits = (LEAST_PIXELS, MOST_SIDE, MOST_RUNS, MOST_PIXELS)
    boxes, rows = _call("components", page.width * page.height, page.black, *size, *limits)
    return _Components(boxes, rows) if boxes is not None else _Components(b"", b"")


def _match(pages: Sequence[Bitmap], found: Sequence[_Components]) -> tuple[bytes, bytes, bytes, bytes] | None:
    """The symbols' sizes and pixels, the letters, the pixels of those that are refined (see ``match.lua``)."""
    letters = sum(len(components.boxes) // 16 for components in found)
    if letters < FEWEST_LETTERS:
        return None
    sizes = b"".join(
        struct.pack("=3i", len(components.boxes) // 16, page.width, page.height)
        for page, components in zip(pages, found, strict=True)
    )
    boxes, rows = (b"".join(getattr(components, name) for components in found) for name in ("boxes", "rows"))
    work = MOST_WORK * letters
    time = _SLOWER * 8 * len(rows) + _LOOK * work
    result = _call("match", time, sizes, boxes, rows, JOIN, REACH, FEWEST, work)
    return result if result[0] else None


def _dictionary(sizes: bytes, symbols: bytes, most: int) -> bytes | None:
    """The segment of all symbols, with the template that suits them best."""
    best: bytes | None = None
    count = len(sizes) // 8
    for template in TEMPLATES:
        room = most if best is None else len(best)
        coded = _call("dictionary", _SLOWER * len(symbols), sizes, symbols, template, room)
        if not isinstance(coded, bytes):
            # Each looks at fewer pixels than the one before: where one is worse, the next ones are (all of six scans).
            break
        best = struct.pack(">H", template << 10) + ADAPTIVE[template] + struct.pack(">II", count, count) + coded
    return segment(0, SYMBOL_DICTIONARY, best, page=0) if best is not None else None


def _used(letters: bytes) -> tuple[bytes, int]:
    """The records of the letters that have a symbol, and how many pixels of theirs are refined."""
    records = array("i", letters)
    used, pixels = array("i"), 0
    for at in range(0, len(records), 8):
        if records[at] >= 0:
            used.extend(records[at : at + 8])
            if records[at + 7]:
                pixels += records[at + 3] * records[at + 4]
    return used.tobytes(), pixels


def _page(part: _Part, sizes: bytes, symbols: bytes) -> bytes | None:
    """A page's segments: what is no letter, then the letters."""
    page, components = part.page, part.components
    width, height = page.width, page.height
    time = _SLOWER * (len(part.drawn) + len(part.used))
    text = _call("text", time, sizes, symbols, part.used, part.drawn, _STRIPS_LOG, part.limit)
    if not isinstance(text, bytes):
        return None
    rest = _call("erase", width * height, page.black, width, height, components.boxes, components.rows, part.letters)
    other = encode_region(rest, width, height, 0, part.limit)
    if other is None:
        return None
    flags = struct.pack(">H", _REFINED | _STRIPS_LOG << 2 | _LOWER_LEFT << 4)
    head = region(width, height) + flags + ADAPTIVE_REFINEMENT + struct.pack(">I", len(part.used) // 32)
    return (
        page_information(1, width, height)
        + segment(2, LOSSLESS_GENERIC, other)
        + segment(3, LOSSLESS_TEXT, head + text, refers=0)
    )


def _is(data: bytes, shared: bytes, page: Bitmap) -> bool:
    """Whether all pixels come back."""
    try:
        return decode(data, shared, page.width, page.height) == page.black
    except Undecodable:
        return False
