"""Bitmaps of a document coded once more, together: pages of text share their symbols (``pdfsmaller.engine.jbig2``).

Comes after every image was coded by itself. Pages are taken in groups, each with symbols of its own, so that memory is
bounded whatever the number of pages; every image can still be left out of the result without the others.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace

from pdfsmaller.engine import lua
from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.pixels import INVERTED
from pdfsmaller.engine.jbig2.decode import Undecodable, decode
from pdfsmaller.engine.jbig2.symbols import Bitmap, encode
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.options import Effort
from pdfsmaller.engine.workers import WORKERS

# Packed bytes of the pages of a group: six at 300 dpi. Two groups are in the works; a whole run took 330 MB
# (impossibility-proofs-ccitt, preset ebook). What larger groups would save has not been measured by itself.
GROUP_BYTES = 6_000_000
# Pixels of the pages that are coded together. A million take 0.02 to 0.05 CPU seconds (pages of four scans, as in
# `benchmarks.bilevel`, 2026-11-30): up to six in all, or fourteen pages of A4 at 300 dpi. Effort max knows no end.
MOST_PIXELS = 120_000_000
# A page that takes less holds too few letters.
LEAST_BYTES = 1_000
# What the reference to the symbols takes in an image's dictionary.
_REFERENCE_BYTES = 40


def share_symbols(
    encoded: Mapping[ObjGen, Encoded], order: Mapping[ObjGen, int], effort: Effort, pool: Executor, deadline: Deadline
) -> dict[ObjGen, Encoded]:
    """Smaller codings of those that are JBIG2.

    Args:
        encoded: every image's coding, by object.
        order: the first page of each.
        effort: bounds how many pages are taken.
    """
    running: list[tuple[list[ObjGen], Future[list[Encoded]]]] = []
    smaller: dict[ObjGen, Encoded] = {}

    def collect() -> None:
        objgens, future = running.pop(0)
        coded = zip(objgens, future.result(), strict=True)
        smaller.update((objgen, image) for objgen, image in coded if image is not encoded[objgen])

    room = MOST_PIXELS if effort != "max" else math.inf
    for group in _groups(encoded, order):
        room -= sum(encoded[objgen].width * encoded[objgen].height for objgen in group)
        if room < 0 or deadline.passed():
            break
        if len(running) >= WORKERS:
            collect()
        running.append((group, pool.submit(_together, [encoded[objgen] for objgen in group])))
    while running:
        collect()
    return smaller


def with_symbols(image: Encoded) -> Encoded:
    """An image that shares its symbols with no other, where that is smaller."""
    bitmap = _bitmap(image)
    return _together([image])[0] if bitmap is not None and len(bitmap.data) >= LEAST_BYTES else image


def shared_bytes(image: Encoded) -> int:
    """What an image's symbols take, in bytes."""
    bitmap = image.over[1] if image.over is not None else image
    return len(bitmap.shared or b"")


def kept_bytes(image: Encoded) -> int:
    """What the pixels take that are kept of an image for symbols."""
    bitmap = _bitmap(image)
    return len(bitmap.bitmap or b"") if bitmap is not None else 0


def without_pixels(image: Encoded) -> Encoded:
    """The same, nothing kept of it."""
    bitmap = _bitmap(image)
    return _with_bitmap(image, replace(bitmap, bitmap=None)) if bitmap is not None else image


def _bitmap(image: Encoded) -> Encoded | None:
    """What of an image is JBIG2: all of it, or its strokes."""
    if image.over is not None:
        image = image.over[1]
    return image if image.filter == "/JBIG2Decode" and image.shared is None else None


def _groups(encoded: Mapping[ObjGen, Encoded], order: Mapping[ObjGen, int]) -> Iterator[list[ObjGen]]:
    group: list[ObjGen] = []
    size = 0
    for objgen in sorted(encoded, key=lambda objgen: (order.get(objgen, 0), objgen)):
        bitmap = _bitmap(encoded[objgen])
        if bitmap is None or len(bitmap.data) < LEAST_BYTES:
            continue
        packed = (bitmap.width + 7) // 8 * bitmap.height
        if group and size + packed > GROUP_BYTES:
            yield group
            group, size = [], 0
        group.append(objgen)
        size += packed
    if group:
        yield group


def _together(images: Sequence[Encoded]) -> list[Encoded]:
    """The same images, those smaller that are."""
    bitmaps = [bitmap for bitmap in map(_bitmap, images) if bitmap is not None]
    try:
        pages = [Bitmap(_pixels(bitmap), bitmap.width, bitmap.height) for bitmap in bitmaps]
        coded = encode(pages, [len(bitmap.data) - _REFERENCE_BYTES for bitmap in bitmaps])
    except (lua.Unavailable, Undecodable):
        return list(images)
    if coded is None:
        return list(images)
    return [
        _with_bitmap(image, replace(bitmap, data=data, shared=coded.shared, bitmap=None)) if data is not None else image
        for image, bitmap, data in zip(images, bitmaps, coded.pages, strict=True)
    ]


def _pixels(bitmap: Encoded) -> bytes:
    """Those of JBIG2, a set bit being black."""
    if bitmap.bitmap is not None:
        return zlib.decompress(bitmap.bitmap).translate(INVERTED)
    return decode(bitmap.data, b"", bitmap.width, bitmap.height)


def _with_bitmap(image: Encoded, bitmap: Encoded) -> Encoded:
    return bitmap if image.over is None else replace(image, over=(image.over[0], bitmap))
