"""TIFF's directories: the tags that decide how a page may be taken over, of classic TIFF and BigTIFF."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import field
from typing import IO

from pdfsmaller.records import record

SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
FILL_ORDER, OFFSETS, ORIENTATION, SAMPLES, LENGTHS = 266, 273, 274, 277, 279
X_RESOLUTION, Y_RESOLUTION, T4_OPTIONS, T6_OPTIONS, UNIT, TILE_WIDTH = 282, 283, 292, 293, 296, 322
SAMPLE_FORMAT, JPEG_TABLES, PROFILE = 339, 347, 34675

# Sizes and struct codes of the field types (TIFF 6.0, section 2; BigTIFF adds 16–18). Rationals are pairs.
_TYPES = {1: "B", 2: "B", 3: "H", 4: "I", 5: "II", 6: "b", 7: "B", 8: "h", 9: "i", 10: "ii", 13: "I", 16: "Q", 18: "Q"}
_KNOWN = frozenset(
    (
        *(SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, OFFSETS, ORIENTATION, SAMPLES, LENGTHS),
        *(X_RESOLUTION, Y_RESOLUTION, T4_OPTIONS, T6_OPTIONS, UNIT, TILE_WIDTH, SAMPLE_FORMAT, JPEG_TABLES, PROFILE),
    )
)
# Strips are the only tags with many values. More than so many are not asked for.
STRIPS_MAX = 1_024
_VALUES_MAX = 4
_ENTRIES_MAX = 65_535
_BYTES_MAX = 16_000_000


class DamagedTiff(Exception):
    """The directories cannot be read."""


@record(frozen=True)
class Directory:
    """One page's tags: numbers, up to the first few; how many there really are; long fields as bytes."""

    values: dict[int, tuple[int, ...]] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    blobs: dict[int, bytes] = field(default_factory=dict)

    def first(self, tag: int, default: int = 0) -> int:
        return (self.values.get(tag) or (default,))[0]

    def rational(self, tag: int) -> float | None:
        above, below, *_ = (*self.values.get(tag, ()), 0, 0)
        return above / below if below else None


def directories(file: IO[bytes]) -> Iterator[Directory]:
    """Every page's tags, one after the other.

    Raises:
        DamagedTiff: a directory or a field lies outside the file, or a directory was there before.
    """
    try:
        yield from _Reader(file).directories()
    except (struct.error, OverflowError, OSError, ValueError):
        raise DamagedTiff from None


class _Reader:
    """One file's byte order and widths."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(16)
        self._order = "<" if head[:2] == b"II" else ">"
        big = head[2:4] in (b"+\0", b"\0+")
        # Of a directory's counter, of a field's count and of an offset.
        self._counter, self._offset = ("Q", "Q") if big else ("H", "I")
        self._first = self._number(head, self._offset, 8 if big else 4)

    def directories(self) -> Iterator[Directory]:
        offset, seen = self._first, set[int]()
        while offset:
            if offset in seen:
                raise DamagedTiff
            seen.add(offset)
            directory, offset = self._directory(offset)
            yield directory

    def _number(self, data: bytes, code: str, at: int = 0) -> int:
        return int(struct.unpack_from(self._order + code, data, at)[0])

    def _directory(self, offset: int) -> tuple[Directory, int]:
        """The directory at an offset, and where the next one is."""
        width = struct.calcsize("=" + self._offset)
        size = 4 + 2 * width
        self._file.seek(offset)
        count = self._number(self._file.read(struct.calcsize("=" + self._counter)), self._counter)
        if count > _ENTRIES_MAX:
            raise DamagedTiff
        entries = self._file.read(count * size)
        following = self._number(self._file.read(width), self._offset)
        directory = Directory()
        for at in range(0, count * size, size):
            tag, kind = struct.unpack_from(self._order + "HH", entries, at)
            if tag in _KNOWN and kind in _TYPES:
                number = self._number(entries, self._offset, at + 4)
                self._store(directory, tag, _TYPES[kind], number, entries[at + 4 + width : at + size])
        return directory, following

    def _store(self, directory: Directory, tag: int, code: str, count: int, inline: bytes) -> None:
        """Read one field's values, which stand in its entry or where that points."""
        step = struct.calcsize("=" + code)
        if count * step > self._size:
            raise DamagedTiff
        directory.counts[tag] = count
        whole = tag in (JPEG_TABLES, PROFILE)
        most = STRIPS_MAX if tag in (OFFSETS, LENGTHS) else _VALUES_MAX
        if count * step <= len(inline):
            data = inline[: count * step]
        else:
            self._file.seek(self._number(inline, self._offset))
            data = self._file.read(min(count * step, _BYTES_MAX if whole else most * step))
        if whole:
            directory.blobs[tag] = data
            return
        found: list[int] = []
        for at in range(0, min(len(data), most * step) - step + 1, step):
            found += struct.unpack_from(self._order + code, data, at)
        directory.values[tag] = tuple(found)
