"""TrueType and OpenType programs cut down to some of their glyphs, table by table and without decoding one outline.

What stays is what PDF uses of a TrueType program (ISO 32000-1, 9.9, table 126 and text): ``glyf`` and ``loca`` with
the glyphs asked for and the parts of composite ones, ``head``, ``hhea``, ``hmtx`` and ``maxp``, the instructions
(``cvt``, ``fpgm``, ``prep``), and for simple fonts ``cmap``, and ``post`` where names lead to glyphs. Glyphs keep their
index, so that no code, no CIDToGIDMap and no instruction needs a change; those between are empty.

Guarantee: ``same_glyphs`` reads two programs anew and compares what a reader gets for each glyph kept: its bytes, with
those of its parts, its advance and its side bearing.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field
from functools import cached_property
from typing import Protocol

from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.records import record

_TRUETYPE = (b"\x00\x01\x00\x00", b"true")
_INSTRUCTIONS = ("cvt ", "fpgm", "prep")
_KEPT = ("cvt ", "fpgm", "glyf", "head", "hhea", "hmtx", "loca", "maxp", "prep")
# Flags of a part of a composite glyph (OpenType, glyf).
_ARGS_ARE_WORDS, _HAS_SCALE, _MORE_PARTS, _HAS_XY_SCALE, _HAS_2X2 = 0x0001, 0x0008, 0x0020, 0x0040, 0x0080
_HAS_INSTRUCTIONS = 0x0100
MAX_GLYPHS = 65_535
# Fonts have a handful of cmap subtables, and segments of codes that do not overlap.
MAX_CMAPS = 32
MAX_CODES = 200_000
# The cmap subtables that readers look into, by format; the others are dropped.
_FORMATS = (0, 4, 6, 12)
# A loca of two-byte entries counts in twos up to here.
_SHORT_LOCA = 0xFFFF * 2
# Padding behind a glyph, up to the next multiple of four.
_MOST_PADDING = 3


@record()
class CmapTable:
    """One subtable of ``cmap``: character codes to glyph indices, without those that lead to glyph 0."""

    platform: int
    encoding: int
    format: int
    language: int
    glyphs: dict[int, int] = field(default_factory=dict)


def is_truetype(program: bytes) -> bool:
    """Whether a program begins as TrueType does."""
    return program[:4] in _TRUETYPE


class Sfnt:
    """A program as its tables, whatever its outlines are.

    Raises:
        FontError: a table that is needed is missing or damaged.
    """

    needed: tuple[str, ...] = ("head", "hhea", "hmtx", "maxp")

    def __init__(self, program: bytes) -> None:
        self.tables = read_tables(program)
        for name in self.needed:
            if not self.tables.get(name):
                raise FontError("table_missing")
        head, maxp, hhea = self.tables["head"], self.tables["maxp"], self.tables["hhea"]
        if len(head) < 54 or len(maxp) < 6 or len(hhea) < 36:
            raise FontError("table_damaged")
        self.count: int = struct.unpack_from(">H", maxp, 4)[0]
        self.long_metrics = min(int(struct.unpack_from(">H", hhea, 34)[0]), self.count)
        if not self.count or not self.long_metrics or len(self.tables["hmtx"]) < 4 * self.long_metrics:
            raise FontError("table_damaged")

    def metrics(self, index: int) -> tuple[int, int]:
        """A glyph's advance width and left side bearing, in font units."""
        hmtx, longs = self.tables["hmtx"], self.long_metrics
        if index < longs:
            advance, bearing = struct.unpack_from(">Hh", hmtx, 4 * index)
            return advance, bearing
        at = 4 * longs + 2 * (index - longs)
        bearing = struct.unpack_from(">h", hmtx, at)[0] if at + 2 <= len(hmtx) else 0
        return struct.unpack_from(">H", hmtx, 4 * longs - 4)[0], bearing

    @cached_property
    def cmaps(self) -> list[CmapTable]:
        """The subtables of ``cmap`` that readers look into."""
        return read_cmaps(self.tables.get("cmap", b""))

    @cached_property
    def names(self) -> dict[str, int]:
        """Glyph indices by the names in ``post``; empty where it has none."""
        return read_post(self.tables.get("post", b""))


class TrueType(Sfnt):
    """A program with TrueType outlines.

    Raises:
        FontError: it is no TrueType, or a table that is needed is missing or damaged.
    """

    needed = (*Sfnt.needed, "glyf", "loca")

    def __init__(self, program: bytes) -> None:
        if not is_truetype(program):
            raise FontError("not_truetype")
        super().__init__(program)
        self.offsets = self._offsets(long=struct.unpack_from(">h", self.tables["head"], 50)[0] != 0)

    def _offsets(self, *, long: bool) -> array[int]:
        loca = self.tables["loca"]
        size = 4 if long else 2
        entries = min(self.count + 1, len(loca) // size)
        if entries < 2:
            raise FontError("table_damaged")
        offsets = _integers("I" if long else "H", loca[: entries * size])
        if not long:
            offsets = array("I", [2 * offset for offset in offsets])
        # A table that ends early leaves the last glyphs empty.
        offsets.extend([offsets[-1]] * (self.count + 1 - entries))
        return offsets

    def glyph(self, index: int) -> bytes:
        """A glyph's description, empty where it draws nothing.

        Raises:
            FontError: its place is outside the table.
        """
        if not 0 <= index < self.count:
            return b""
        start, end = self.offsets[index], self.offsets[index + 1]
        if start > end or end > len(self.tables["glyf"]):
            raise FontError("glyph_damaged")
        return self.tables["glyf"][start:end]

    def with_parts(self, glyphs: Iterable[int]) -> set[int]:
        """These glyphs, glyph 0, and all that composite ones among them are made of."""
        found: set[int] = set()
        waiting = [0, *glyphs]
        while waiting:
            glyph = waiting.pop()
            if glyph not in found and 0 <= glyph < self.count:
                found.add(glyph)
                waiting += parts(self.glyph(glyph))
        return found


def read_tables(program: bytes) -> dict[str, bytes]:
    """The tables of an sfnt by their tags.

    Raises:
        FontError: the directory is damaged.
    """
    if len(program) < 12:
        raise FontError("directory_damaged")
    (count,) = struct.unpack_from(">H", program, 4)
    if len(program) < 12 + 16 * count:
        raise FontError("directory_damaged")
    tables: dict[str, bytes] = {}
    for index in range(count):
        tag, _, offset, length = struct.unpack_from(">4sIII", program, 12 + 16 * index)
        tables.setdefault(tag.decode("latin-1"), program[offset : offset + length])
    return tables


def is_composite(glyph: bytes) -> bool:
    """Whether a glyph is made of others: a simple one counts its contours, 0 or more."""
    return len(glyph) >= 10 and glyph[0] >= 0x80


def parts(glyph: bytes) -> list[int]:
    """The glyphs that a composite glyph is made of.

    Raises:
        FontError: its description ends too soon.
    """
    return [part for _, part in parts_at(glyph)]


def parts_at(glyph: bytes) -> list[tuple[int, int]]:
    """The glyphs that a composite glyph is made of, and where in its description their indices stand.

    Raises:
        FontError: its description ends too soon.
    """
    if not is_composite(glyph):
        return []
    found = []
    at = 10
    while True:
        if at + 4 > len(glyph):
            raise FontError("glyph_damaged")
        flags, part = struct.unpack_from(">HH", glyph, at)
        found.append((at + 2, part))
        at += 8 if flags & _ARGS_ARE_WORDS else 6
        at += 2 if flags & _HAS_SCALE else 4 if flags & _HAS_XY_SCALE else 8 if flags & _HAS_2X2 else 0
        if not flags & _MORE_PARTS:
            return found


# --- subsetting -----------------------------------------------------------------------------------------------------


def subset_truetype(font: TrueType, glyphs: Collection[int], *, cmap: bool, names: bool) -> bytes:
    """A program with these glyphs (and their parts) at their own indices.

    Args:
        cmap: keep what leads from character codes to them.
        names: keep their names.

    Raises:
        FontError: a glyph that is to be kept is damaged.
    """
    kept = font.with_parts(glyphs)
    count = max(kept) + 1
    tables = {name: font.tables[name] for name in _KEPT if font.tables.get(name)}
    tables["glyf"], tables["loca"], long = write_outlines(font, kept, count)
    tables["hmtx"], longs = write_metrics(font, kept, count)
    tables["head"] = patched(tables["head"], (50, ">h", long), (8, ">I", 0))
    tables["maxp"] = patched(tables["maxp"], (4, ">H", count))
    tables["hhea"] = patched(tables["hhea"], (34, ">H", longs))
    if cmap:
        tables["cmap"] = write_cmaps(font.cmaps, kept)
    if names and font.names:
        tables["post"] = _post(font, kept, count)
    return write_sfnt(tables)


def subset_opentype(font: Sfnt, cff: bytes, glyphs: int, kept: Collection[int], *, cmap: bool) -> bytes:
    """An OpenType program around other CFF outlines.

    Args:
        cff: the outlines, each glyph at its index.
        glyphs: how many these are.
        kept: the glyphs whose codes and metrics count.
        cmap: keep what leads from character codes to them.
    """
    metrics, longs = write_metrics(font, kept, glyphs)
    tables = {"CFF ": cff, "hmtx": metrics, "head": patched(font.tables["head"], (8, ">I", 0))}
    tables["maxp"] = patched(font.tables["maxp"], (4, ">H", glyphs))
    tables["hhea"] = patched(font.tables["hhea"], (34, ">H", longs))
    if cmap:
        tables["cmap"] = write_cmaps(font.cmaps, kept)
    return write_sfnt(tables, b"OTTO")


def without_idle_instructions(font: TrueType) -> bytes | None:
    """The program without ``cvt``, ``fpgm`` and ``prep`` where no glyph calls them, as where all are spaces; else None.

    What stands for missing glyphs (glyph 0) does not count: it loses its own.
    """
    if not any(font.tables.get(name) for name in _INSTRUCTIONS):
        return None
    missing = font.glyph(0)
    start, end = _instructions(missing)
    if is_composite(missing) or start > len(missing):
        return None
    for index in range(1, font.count):
        first, last = _instructions(font.glyph(index))
        if last > first:
            return None
    if end > start:
        missing = missing[: start - 2] + b"\0\0" + missing[end:]
    tables = {name: table for name, table in font.tables.items() if name not in _INSTRUCTIONS}
    outlines = _WithMissing(font, missing)
    tables["glyf"], tables["loca"], long = write_outlines(outlines, set(range(font.count)), font.count)
    tables["head"] = patched(tables["head"], (50, ">h", long), (8, ">I", 0))
    return write_sfnt(tables)


@record(frozen=True)
class _WithMissing:
    """The glyphs of a program, with another for missing ones."""

    font: TrueType
    missing: bytes

    def glyph(self, index: int) -> bytes:
        return self.font.glyph(index) if index else self.missing

    def metrics(self, index: int) -> tuple[int, int]:
        return self.font.metrics(index)


def _instructions(glyph: bytes) -> tuple[int, int]:
    """Where a glyph's instructions stand in its description; of a composite one no more than whether there are any.

    What ends too soon counts as if it had some.
    """
    if len(glyph) < 10:
        return 0, 0
    if is_composite(glyph):
        flags = [struct.unpack_from(">H", glyph, at - 2)[0] for at, _ in parts_at(glyph)]
        return 0, len(glyph) * any(flag & _HAS_INSTRUCTIONS for flag in flags)
    start = 12 + 2 * struct.unpack_from(">h", glyph)[0]
    if start > len(glyph):
        return start, start + 1
    return start, start + struct.unpack_from(">H", glyph, start - 2)[0]


class Glyphs(Protocol):
    """What glyphs are written from."""

    def glyph(self, index: int) -> bytes: ...

    def metrics(self, index: int) -> tuple[int, int]: ...


class Metrics(Protocol):
    """What advances and bearings are written from."""

    def metrics(self, index: int) -> tuple[int, int]: ...


def write_outlines(font: Glyphs, kept: set[int], count: int) -> tuple[bytes, bytes, int]:
    """``glyf``, ``loca`` and whether that has long entries."""
    pieces: list[bytes] = []
    offsets = array("I", [0])
    total = 0
    for index in range(count):
        if index in kept and (glyph := font.glyph(index)):
            glyph += b"\0" * (len(glyph) % 2)
            pieces.append(glyph)
            total += len(glyph)
        offsets.append(total)
    if total <= _SHORT_LOCA:
        return b"".join(pieces) or b"\0", _packed(array("H", [offset // 2 for offset in offsets])), 0
    return b"".join(pieces), _packed(offsets), 1


def write_metrics(font: Metrics, kept: Collection[int], count: int) -> tuple[bytes, int]:
    """``hmtx`` and the number of its long entries. What is not kept takes its neighbour's advance."""
    advances, bearings = [], []
    advance = 0
    for index in range(count):
        bearing = 0
        if index in kept:
            advance, bearing = font.metrics(index)
        advances.append(advance)
        bearings.append(bearing)
    longs = count
    while longs > 1 and advances[longs - 2] == advances[longs - 1]:
        longs -= 1
    long = b"".join(struct.pack(">Hh", *pair) for pair in zip(advances[:longs], bearings[:longs], strict=True))
    return long + struct.pack(f">{count - longs}h", *bearings[longs:]), longs


def _post(font: TrueType, kept: set[int], count: int) -> bytes:
    """``post`` in format 2 with the names of the kept glyphs; all others are ``.notdef``."""
    known = {name: index for index, name in enumerate(_macintosh_names())}
    by_glyph = {glyph: name for name, glyph in font.names.items() if glyph in kept}
    indices = []
    texts: list[bytes] = []
    for glyph in range(count):
        name = by_glyph.get(glyph, ".notdef")
        if name in known:
            indices.append(known[name])
        else:
            indices.append(len(known) + len(texts))
            texts.append(name.encode("latin-1"))
    header = b"\x00\x02\x00\x00" + font.tables["post"][4:32]
    table = struct.pack(f">H{count}H", count, *indices)
    return header + table + b"".join(bytes([len(text)]) + text for text in texts)


def patched(table: bytes, *changes: tuple[int, str, int]) -> bytes:
    data = bytearray(table)
    for offset, code, value in changes:
        struct.pack_into(code, data, offset, value)
    return bytes(data)


def write_sfnt(tables: Mapping[str, bytes], version: bytes = _TRUETYPE[0]) -> bytes:
    """Tables in the order of their tags, with their checksums (OpenType, table directory)."""
    count = len(tables)
    power = count.bit_length() - 1
    header = struct.pack(">4sHHHH", version, count, 16 << power, power, 16 * count - (16 << power))
    directory, body = [], []
    offset = 12 + 16 * count
    for tag in sorted(tables):
        data = tables[tag]
        directory.append(struct.pack(">4sIII", tag.encode("latin-1"), _checksum(data), offset, len(data)))
        body.append(data + b"\0" * (-len(data) % 4))
        offset += len(body[-1])
    program = bytearray(b"".join([header, *directory, *body]))
    at = 12 + 16 * sorted(tables).index("head") + 8
    (head,) = struct.unpack_from(">I", program, at)
    struct.pack_into(">I", program, head + 8, (0xB1B0AFBA - _checksum(bytes(program))) & 0xFFFFFFFF)
    return bytes(program)


def _checksum(data: bytes) -> int:
    return sum(_integers("I", data + b"\0" * (-len(data) % 4))) & 0xFFFFFFFF


def _integers(code: str, data: bytes) -> array[int]:
    """Big-endian unsigned integers."""
    numbers: array[int] = array(code, data)
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _packed(numbers: array[int]) -> bytes:
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers.tobytes()


# --- cmap -----------------------------------------------------------------------------------------------------------


def read_cmaps(table: bytes) -> list[CmapTable]:
    """The subtables of formats 0, 4, 6 and 12. Damaged ones give what could be read of them.

    Raises:
        FontError: they claim more codes than there are characters.
    """
    found: list[CmapTable] = []
    if len(table) < 4:
        return found
    (count,) = struct.unpack_from(">H", table, 2)
    for index in range(min(count, (len(table) - 4) // 8, MAX_CMAPS)):
        platform, encoding, offset = struct.unpack_from(">HHI", table, 4 + 8 * index)
        data = table[offset:]
        if len(data) < 8:
            continue
        (number,) = struct.unpack_from(">H", data)
        if number not in _FORMATS:
            continue
        (language,) = struct.unpack_from(">I", data, 8) if number == 12 and len(data) >= 12 else (0,)
        if number != 12:
            (language,) = struct.unpack_from(">H", data, 4)
        pairs = {0: _read_0, 4: _read_4, 6: _read_6, 12: _read_12}[number](data)
        glyphs = {code: glyph for code, glyph in pairs.items() if glyph}
        found.append(CmapTable(platform, encoding, number, language, glyphs))
    return found


def _read_0(data: bytes) -> dict[int, int]:
    return dict(enumerate(data[6:262]))


def _read_6(data: bytes) -> dict[int, int]:
    if len(data) < 10:
        return {}
    first, count = struct.unpack_from(">HH", data, 6)
    return dict(enumerate(_integers("H", data[10 : 10 + min(2 * count, (len(data) - 10) // 2 * 2)]), first))


def _read_4(data: bytes) -> dict[int, int]:
    segments = struct.unpack_from(">H", data, 6)[0] // 2
    if len(data) < 16 + 8 * segments:
        return {}
    words = _integers("H", data[: len(data) // 2 * 2])
    ends, starts = words[7 : 7 + segments], words[8 + segments : 8 + 2 * segments]
    deltas, ranges = words[8 + 2 * segments : 8 + 3 * segments], 8 + 3 * segments
    found: dict[int, int] = {}
    total = 0
    for index in range(segments):
        start, end, delta, offset = starts[index], ends[index], deltas[index], words[ranges + index]
        if start > end:
            continue
        total += end - start + 1
        if total > MAX_CODES:
            raise FontError("cmap_large")
        if offset in (0, 0xFFFF):
            codes = range(start, end + 1)
            low = (start + delta) & 0xFFFF
            if low + len(codes) <= 0x10000:
                found.update(zip(codes, range(low, low + len(codes)), strict=True))
            else:
                found.update((code, (code + delta) & 0xFFFF) for code in codes)
            continue
        at = ranges + index + offset // 2
        for code, glyph in zip(range(start, end + 1), words[at : at + end - start + 1], strict=False):
            found[code] = (glyph + delta) & 0xFFFF if glyph else 0
    found.pop(0xFFFF, None)
    return found


def _read_12(data: bytes) -> dict[int, int]:
    if len(data) < 16:
        return {}
    (count,) = struct.unpack_from(">I", data, 12)
    found: dict[int, int] = {}
    total = 0
    for index in range(min(count, (len(data) - 16) // 12)):
        start, end, glyph = struct.unpack_from(">III", data, 16 + 12 * index)
        length = min(end - start + 1, MAX_GLYPHS - glyph + 1)
        total += max(length, 0)
        if total > MAX_CODES:
            raise FontError("cmap_large")
        if length > 0 and end <= 0x10FFFF:
            found.update(zip(range(start, start + length), range(glyph, glyph + length), strict=True))
    return found


def write_cmaps(tables: list[CmapTable], kept: Collection[int]) -> bytes:
    """A ``cmap`` with the codes that lead to kept glyphs. Equal subtables are stored once."""
    pieces: dict[bytes, int] = {}
    records = []
    offset = 4 + 8 * len(tables)
    for table in tables:
        glyphs = {code: glyph for code, glyph in table.glyphs.items() if glyph in kept}
        data = _write(table, glyphs)
        if data not in pieces:
            pieces[data] = offset
            offset += len(data)
        records.append(struct.pack(">HHI", table.platform, table.encoding, pieces[data]))
    return struct.pack(">HH", 0, len(tables)) + b"".join(records) + b"".join(pieces)


def _write(table: CmapTable, glyphs: dict[int, int]) -> bytes:
    if table.format == 12:
        return _write_12(table, glyphs)
    if table.format == 4:
        return _write_4(table, glyphs)
    first, last = (min(glyphs), max(glyphs)) if glyphs else (0, 0)
    row = [glyphs.get(code, 0) for code in range(first, last + 1)]
    if table.format == 0 and len(row) > 126:  # from here on format 6 would be longer
        return struct.pack(">HHH", 0, 262, table.language) + bytes(glyphs.get(code, 0) for code in range(256))
    return struct.pack(f">HHHHH{len(row)}H", 6, 10 + 2 * len(row), table.language, first, len(row), *row)


def _write_4(table: CmapTable, glyphs: dict[int, int]) -> bytes:
    segments: list[tuple[int, int, int]] = []
    for code in sorted(glyphs):
        delta = (glyphs[code] - code) & 0xFFFF
        if segments and segments[-1][1] == code - 1 and segments[-1][2] == delta:
            segments[-1] = (segments[-1][0], code, delta)
        else:
            segments.append((code, code, delta))
    segments.append((0xFFFF, 0xFFFF, 1))
    count = len(segments)
    power = count.bit_length() - 1
    search = 2 << power
    starts, ends, deltas = zip(*segments, strict=True)
    words = (2 * count, search, power, 2 * count - search, *ends, 0, *starts, *deltas, *([0] * count))
    length = 6 + 2 * len(words)
    if length > 0xFFFF:
        raise FontError("cmap_large")
    return struct.pack(f">HHH{len(words)}H", 4, length, table.language, *words)


def _write_12(table: CmapTable, glyphs: dict[int, int]) -> bytes:
    groups: list[tuple[int, int, int]] = []
    for code in sorted(glyphs):
        if groups and groups[-1][1] == code - 1 and groups[-1][2] + code - groups[-1][0] == glyphs[code]:
            groups[-1] = (groups[-1][0], code, groups[-1][2])
        else:
            groups.append((code, code, glyphs[code]))
    header = struct.pack(">HHIII", 12, 0, 16 + 12 * len(groups), table.language, len(groups))
    return header + b"".join(struct.pack(">III", *group) for group in groups)


# --- post -----------------------------------------------------------------------------------------------------------


def read_post(table: bytes) -> dict[str, int]:
    """Glyph indices by name, of formats 1 and 2; where a name comes twice the first counts."""
    if table[:4] == b"\x00\x01\x00\x00":
        return {name: index for index, name in enumerate(_macintosh_names())}
    if table[:4] != b"\x00\x02\x00\x00" or len(table) < 34:
        return {}
    (count,) = struct.unpack_from(">H", table, 32)
    if len(table) < 34 + 2 * count:
        return {}
    standard = _macintosh_names()
    texts = []
    at = 34 + 2 * count
    while at < len(table):
        length = table[at]
        texts.append(table[at + 1 : at + 1 + length].decode("latin-1"))
        at += 1 + length
    found: dict[str, int] = {}
    for glyph, index in enumerate(_integers("H", table[34 : 34 + 2 * count])):
        if index < len(standard):
            found.setdefault(standard[index], glyph)
        elif index - len(standard) < len(texts):
            found.setdefault(texts[index - len(standard)], glyph)
    return found


def _macintosh_names() -> list[str]:
    from fontTools.ttLib.standardGlyphOrder import standardGlyphOrder

    return list(standardGlyphOrder)


# --- proof ----------------------------------------------------------------------------------------------------------


def same_glyphs(before: TrueType, after: TrueType, glyphs: Collection[int]) -> bool:
    """Whether two programs give the same outline, instructions, advance and bearing for these glyphs."""
    for glyph in before.with_parts(glyphs):
        if before.metrics(glyph) != after.metrics(glyph):
            return False
        if not alike(before.glyph(glyph), after.glyph(glyph)):
            return False
    return all(before.tables.get(name, b"") == after.tables.get(name, b"") for name in _INSTRUCTIONS)


def alike(one: bytes, other: bytes) -> bool:
    """Whether two descriptions of a glyph are the same but for padding."""
    shorter, longer = sorted((one, other), key=len)
    padding = longer[len(shorter) :]
    return longer.startswith(shorter) and len(padding) <= _MOST_PADDING and not any(padding)


def same_codes(before: Sfnt, after: Sfnt, codes: Collection[int]) -> bool:
    """Whether the subtables of ``cmap`` lead from these codes to the same glyphs."""
    if len(before.cmaps) != len(after.cmaps):
        return False
    return all(
        (old.platform, old.encoding) == (new.platform, new.encoding)
        and all(old.glyphs.get(code) == new.glyphs.get(code) for code in codes)
        for old, new in zip(before.cmaps, after.cmaps, strict=True)
    )
