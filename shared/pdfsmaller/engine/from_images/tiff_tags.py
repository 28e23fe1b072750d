"""TIFF's directories: the tags that decide how a page may be taken over, of classic TIFF and BigTIFF."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

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
# A directory has some twenty tags; strips are the only ones with many values, and of those one is asked for.
_VALUES_MAX = 4
_BYTES_MAX = 16_000_000


class DamagedTiff(Exception):
    """The directories cannot be read."""


@dataclass(frozen=True, slots=True)
class Directory:
    """One page's tags: numbers, as many as there are up to four; how many there really are; long fields as bytes."""

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
        DamagedTiff: a directory lies outside the file, or was there before.
    """
    file.seek(0)
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"+\0", b"\0+")
    try:
        offset = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)[0]
        seen: set[int] = set()
        while offset:
            if offset in seen:
                raise DamagedTiff
            seen.add(offset)
            directory, offset = _read(file, offset, order, big)
            yield directory
    except (struct.error, OverflowError, OSError, ValueError):
        raise DamagedTiff from None


def _read(file: IO[bytes], offset: int, order: str, big: bool) -> tuple[Directory, int]:
    """The directory at an offset, and where the next one is."""
    size, inline, counter, link = (20, 8, "Q", "Q") if big else (12, 4, "H", "I")
    file.seek(offset)
    count = struct.unpack(order + counter, file.read(struct.calcsize(order + counter)))[0]
    if count > 65_535:
        raise DamagedTiff
    entries = file.read(count * size)
    following = struct.unpack(order + link, file.read(struct.calcsize(order + link)))[0]
    directory = Directory()
    for at in range(0, count * size, size):
        tag, kind = struct.unpack_from(order + "HH", entries, at)
        if tag in _KNOWN and kind in _TYPES:
            number = struct.unpack_from(order + ("Q" if big else "I"), entries, at + 4)[0]
            _store(file, directory, tag, order + _TYPES[kind], number, entries[at + size - inline : at + size], order)
    return directory, following


def _store(file: IO[bytes], directory: Directory, tag: int, code: str, count: int, inline: bytes, order: str) -> None:
    """Read one field's values, which stand in its entry or where that points."""
    width = struct.calcsize(code)
    wanted = count * width
    directory.counts[tag] = count
    whole = tag in (JPEG_TABLES, PROFILE)
    if wanted <= len(inline):
        data = inline[:wanted]
    else:
        file.seek(struct.unpack(order + ("Q" if len(inline) == 8 else "I"), inline)[0])
        data = file.read(min(wanted, _BYTES_MAX if whole else _VALUES_MAX * width))
    if whole:
        directory.blobs[tag] = data
        return
    step = struct.calcsize(code)
    found: list[int] = []
    for at in range(0, min(len(data), _VALUES_MAX * step) - step + 1, step):
        found += struct.unpack_from(code, data, at)
    directory.values[tag] = tuple(found)
