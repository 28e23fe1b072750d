"""Subsets of one TrueType font as one program, for all the fonts that showed them.

Subsets that kept the glyph indices of the whole font (Word, Chrome, Distiller) are laid over one another, and nothing
else changes. Where each numbers its glyphs anew (Qt, cairo, many libraries), glyphs that are the same become one and
get new indices: only CIDFonts can follow, by a ``/CIDToGIDMap``.

What holds for a font as a whole must be equal: instructions, units, ascent and descent. A glyph that two programs have
must be the same byte by byte, but for the padding behind it, in both.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping, Sequence

from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.engine.fonts.sfnt import (
    MAX_GLYPHS,
    CmapTable,
    TrueType,
    alike,
    parts_at,
    patched,
    write_cmaps,
    write_metrics,
    write_outlines,
    write_sfnt,
)
from pdfsmaller.records import record

_INSTRUCTIONS = ("cvt ", "fpgm", "prep")
# What of `head` and `hhea` must be equal (OpenType): revision, flags, units, style, direction; ascent, descent, gap,
# caret and format. The rest is a box around all glyphs, dates and checksums.
_HEAD_EQUAL = (slice(0, 8), slice(16, 20), slice(44, 50))
_HHEA_EQUAL = (slice(0, 10), slice(18, 34))
_HEAD_BOX, _HHEA_EXTREMES = 36, 10
# Composite glyphs within one another: fonts have two or three levels.
_MOST_NESTED = 16


@record(frozen=True)
class Subset:
    """A program and those of its glyphs that count; the parts that they are made of are added."""

    font: TrueType
    glyphs: Collection[int]


class _Glyphs:
    """Glyphs of several programs under indices of their own."""

    def __init__(self) -> None:
        self.found: dict[int, tuple[bytes, tuple[int, int]]] = {}

    def put(self, index: int, glyph: bytes, metrics: tuple[int, int]) -> None:
        """Raises FontError where another glyph has this index."""
        known = self.found.setdefault(index, (glyph, metrics))
        if known[1] != metrics or not alike(known[0], glyph):
            raise FontError("a glyph differs")
        if len(glyph) > len(known[0]):
            self.found[index] = glyph, metrics

    def glyph(self, index: int) -> bytes:
        return self.found[index][0]

    def metrics(self, index: int) -> tuple[int, int]:
        return self.found[index][1]


def union_in_place(subsets: Sequence[Subset]) -> bytes:
    """One program with the glyphs of all, each at its index, and all codes of ``cmap``.

    Raises:
        FontError: they are not subsets of one font, or number its glyphs each in its own way.
    """
    united = _Glyphs()
    for subset in subsets:
        font = subset.font
        if font.names:
            raise FontError("glyphs with names")
        for index in font.with_parts(subset.glyphs):
            united.put(index, font.glyph(index), font.metrics(index))
    return _program([subset.font for subset in subsets], united, _joined_cmaps([subset.font for subset in subsets]))


def union_renumbered(subsets: Sequence[Subset]) -> tuple[bytes, list[dict[int, int]]]:
    """One program with the glyphs of all, those that are the same once, and the new index of each, by its old one.

    Raises:
        FontError: they are not subsets of one font.
    """
    numbers: dict[tuple[bytes, tuple[int, int]], int] = {}
    united = _Glyphs()
    maps: list[dict[int, int]] = []
    for subset in subsets:
        font = subset.font
        if font.cmaps or font.names:
            raise FontError("glyphs with codes")
        new_of: dict[int, int] = {}
        for index in sorted(font.with_parts(subset.glyphs)):
            _place(font, index, new_of, numbers, united, ())
        if new_of[0] != 0:
            raise FontError("a glyph differs")  # what stands for a missing one
        maps.append(new_of)
    return _program([subset.font for subset in subsets], united, []), maps


def _place(
    font: TrueType,
    index: int,
    new_of: dict[int, int],
    numbers: dict[tuple[bytes, tuple[int, int]], int],
    united: _Glyphs,
    around: tuple[int, ...],
) -> None:
    """Give a glyph the number of the one that is the same, or the next; its parts first, since they tell it apart."""
    if index in new_of:
        return
    if index in around or len(around) > _MOST_NESTED or index >= font.count:
        raise FontError("glyph_damaged")
    glyph = font.glyph(index)
    for _, part in parts_at(glyph):
        _place(font, part, new_of, numbers, united, (*around, index))
    glyph, metrics = _renamed(glyph, new_of), font.metrics(index)
    new_of[index] = new = numbers.setdefault((glyph.rstrip(b"\0"), metrics), len(numbers))
    united.put(new, glyph, metrics)


def same_renumbered(before: TrueType, after: TrueType, glyphs: Collection[tuple[int, int]]) -> bool:
    """Whether pairs of glyphs, and glyph 0, have equal outlines, instructions, advances and bearings."""
    waiting, seen = [(0, 0), *glyphs], set[tuple[int, int]]()
    while waiting:
        old, new = pair = waiting.pop()
        if pair in seen:
            continue
        seen.add(pair)
        if not (old < before.count and new < after.count) or before.metrics(old) != after.metrics(new):
            return False
        first, second = before.glyph(old), after.glyph(new)
        parts, new_parts = parts_at(first), parts_at(second)
        if len(parts) != len(new_parts):
            return False
        waiting += [(one, other) for (_, one), (_, other) in zip(parts, new_parts, strict=True)]
        if not alike(_renamed(first, {part: 0 for _, part in parts}), _renamed(second, {p: 0 for _, p in new_parts})):
            return False
    return all(before.tables.get(name, b"") == after.tables.get(name, b"") for name in _INSTRUCTIONS)


def _renamed(glyph: bytes, new_of: Mapping[int, int]) -> bytes:
    """A composite glyph with other numbers for its parts."""
    data = bytearray(glyph)
    for at, part in parts_at(glyph):
        struct.pack_into(">H", data, at, new_of[part])
    return bytes(data)


def _program(fonts: Sequence[TrueType], united: _Glyphs, cmaps: Sequence[CmapTable]) -> bytes:
    first, count = fonts[0].tables, max(united.found) + 1
    if count > MAX_GLYPHS:
        raise FontError("glyph count")
    for font in fonts[1:]:
        _check_whole(first, font.tables)
    kept = set(united.found)
    tables = {name: first[name] for name in _INSTRUCTIONS if first.get(name)}
    tables["glyf"], tables["loca"], long = write_outlines(united, kept, count)
    tables["hmtx"], longs = write_metrics(united, kept, count)
    heads, hheas = [font.tables["head"] for font in fonts], [font.tables["hhea"] for font in fonts]
    box = _extremes(heads, _HEAD_BOX, "hhhh", (min, min, max, max))
    tables["head"] = patched(first["head"], *box, (50, ">h", long), (8, ">I", 0))
    extremes = _extremes(hheas, _HHEA_EXTREMES, "Hhhh", (max, min, min, max))
    tables["hhea"] = patched(first["hhea"], *extremes, (34, ">H", longs))
    maxps = [font.tables["maxp"] for font in fonts]
    words = "H" * ((len(first["maxp"]) - 6) // 2)
    tables["maxp"] = patched(first["maxp"], *_extremes(maxps, 6, words, (max,) * len(words)), (4, ">H", count))
    if cmaps:
        tables["cmap"] = write_cmaps(list(cmaps), kept)
    return write_sfnt(tables)


def _check_whole(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> None:
    """Raises FontError where two fonts differ in what holds for all glyphs."""
    same = all(one.get(name, b"") == other.get(name, b"") for name in _INSTRUCTIONS)
    same &= all(one["head"][part] == other["head"][part] for part in _HEAD_EQUAL)
    same &= all(one["hhea"][part] == other["hhea"][part] for part in _HHEA_EQUAL)
    if not same or len(one["maxp"]) != len(other["maxp"]) or one["maxp"][:4] != other["maxp"][:4]:
        raise FontError("fonts differ as a whole")


def _extremes(
    tables: Sequence[bytes], at: int, codes: str, choose: Sequence[Callable[..., int]]
) -> list[tuple[int, str, int]]:
    """Patches of two bytes each with the least or greatest value of several tables."""
    found = []
    for code, best in zip(codes, choose, strict=True):
        found.append((at, ">" + code, best(struct.unpack_from(">" + code, table, at)[0] for table in tables)))
        at += 2
    return found


def _joined_cmaps(fonts: Sequence[TrueType]) -> list[CmapTable]:
    """The subtables of all programs that have any: the same ones, and no code in two ways."""
    joined: list[CmapTable] = []
    for font in fonts:
        if not font.cmaps:
            continue
        if not joined:
            joined = [CmapTable(t.platform, t.encoding, t.format, t.language, dict(t.glyphs)) for t in font.cmaps]
            continue
        if [(t.platform, t.encoding) for t in joined] != [(t.platform, t.encoding) for t in font.cmaps]:
            raise FontError("codes differ")
        for table, other in zip(joined, font.cmaps, strict=True):
            for code, glyph in other.glyphs.items():
                if table.glyphs.setdefault(code, glyph) != glyph:
                    raise FontError("codes differ")
    return joined
