"""The codecs: pixels in, PDF stream data out. Each takes a libvips image and is safe to call from any thread.

Flate's PNG predictors come from libpng, CCITT G4 from libtiff; for JPEG see ``pdfsmaller.engine.images.jpeg``.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from typing import Any

import deflate
import pyvips

from pdfsmaller.engine.deflate import zlib_compress
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.options import Effort

# Our two workers are the parallelism; libvips' own threads and operation cache would only add memory.
pyvips.concurrency_set(1)
pyvips.cache_set_max(0)

# Deflating at this level tells which predictors will win.
QUICK_LEVEL = 4
# Codings race deflated at this one.
CANDIDATE_LEVEL = 8
# Ways to predict are tried on so many bytes.
PIECE_BYTES = 1_000_000
# Rows are predicted so many bytes at a time.
STRIP_BYTES = 8_000_000


def predicted(image: pyvips.Image, *, bits: int = 8, effort: Effort = "default") -> Encoded:
    """Flate with whichever PNG predictors are smallest: none, one for all rows, or the best per row. 1 to 4 bands.

    Deflated quickly: see ``repacked``.
    """
    options: dict[str, Any] = {"bitdepth": bits} if bits != 8 else {}

    def filtered(piece: pyvips.Image, way: str) -> bytes:
        png = piece.pngsave_buffer(compression=0, filter=way, keep="none", **options)
        return zlib.decompress(png_chunks(png)[b"IDAT"])

    def all_filtered(way: str) -> bytearray:
        # Strip by strip, since a PNG of it all takes several times its memory. Rows are predicted from the one before:
        # a strip begins with the last row of that before, which is then dropped. libpng treats a single row otherwise.
        high = max(2, STRIP_BYTES // (image.width * image.bands))
        rows = bytearray()
        for top in range(0, image.height, high):
            start, end = max(0, top - 1), min(image.height, top + high)
            strip = filtered(image.crop(0, start, image.width, end - start), way)
            rows += strip[len(strip) // (end - start) * (top - start) :]
        return rows

    # A quick try on a piece from the middle tells which way is best; only that one is done at full effort.
    high = min(image.height, max(16, PIECE_BYTES // (image.width * image.bands)))
    piece = image.crop(0, (image.height - high) // 2, image.width, high)
    ways = ("none", "all") if effort == "fast" else ("none", "sub", "up", "paeth", "all")
    chosen = min(ways, key=lambda way: quick_size(filtered(piece, way)))
    best = all_filtered(chosen)
    if chosen == "none":
        return flate(without_filter_bytes(best, image.height), image.width, image.height, bits)
    parms: dict[str, int | bool] = {"/Predictor": 15, "/Colors": image.bands, "/Columns": image.width}
    if bits != 8:
        parms["/BitsPerComponent"] = bits
    return Encoded(_deflated_fast(best), "/FlateDecode", image.width, image.height, bits, parms, exact=True)


def repacked(encoded: Encoded, effort: Effort) -> Encoded:
    """The same samples, deflated with all effort: for what has won, since it takes ten times as long."""
    if encoded.filter != "/FlateDecode" or effort == "fast":
        return encoded
    packed = zlib_compress(zlib.decompress(encoded.data), effort)
    return replace(encoded, data=packed) if len(packed) < len(encoded.data) else encoded


def flate(data: bytes, width: int, height: int, bits: int) -> Encoded:
    """Samples as they are, deflated quickly: see ``repacked``. Exact."""
    return Encoded(_deflated_fast(data), "/FlateDecode", width, height, bits, exact=True)


def quick_size(data: bytes) -> int:
    """About the bytes that data take deflated: some more than with all effort."""
    return len(deflate.zlib_compress(data, QUICK_LEVEL))


def _deflated_fast(data: bytes | bytearray) -> bytes:
    return bytes(deflate.zlib_compress(data, CANDIDATE_LEVEL))


def without_filter_bytes(rows: bytes | bytearray, height: int) -> bytes:
    """PNG rows of which none is filtered, without the byte before each that says so."""
    length = len(rows) // height
    return b"".join(rows[start + 1 : start + length] for start in range(0, len(rows), length))


def ccitt_g4(image: pyvips.Image) -> Encoded:
    """A one-band image of 0 and 255 as CCITT group 4; sample 1 = 255. Exact.

    The commoner value is coded as the fax's white, for which its run codes are made.
    """
    ones_are_common = image.avg() >= 128
    coded = image.invert() if ones_are_common else image
    tiff = coded.tiffsave_buffer(
        compression="ccittfax4", bitdepth=1, tile=False, tile_height=image.height, keep="none", bigtiff=False
    )
    parms: dict[str, int | bool] = {"/K": -1, "/Columns": image.width, "/Rows": image.height}
    # libtiff codes a 0 bit as white. Read back with BlackIs1 a 0 is a 0; without it white is a 1, which undoes the
    # inversion.
    if not ones_are_common:
        parms["/BlackIs1"] = True
    return Encoded(_tiff_strip(tiff), "/CCITTFaxDecode", image.width, image.height, 1, parms, exact=True)


def png_chunks(png: bytes) -> dict[bytes, bytes]:
    """A PNG's chunks by type, those of the same type joined."""
    chunks: dict[bytes, list[bytes]] = {}
    position = 8
    while position + 12 <= len(png):
        length = struct.unpack(">I", png[position : position + 4])[0]
        chunks.setdefault(png[position + 4 : position + 8], []).append(png[position + 8 : position + 8 + length])
        position += 12 + length
    return {kind: b"".join(parts) for kind, parts in chunks.items()}


def _tiff_strip(tiff: bytes) -> bytes:
    """The only strip of a small TIFF file that libtiff has written."""
    order = "<" if tiff[:2] == b"II" else ">"
    directory = struct.unpack(order + "I", tiff[4:8])[0]
    count = struct.unpack(order + "H", tiff[directory : directory + 2])[0]
    tags: dict[int, tuple[int, int]] = {}
    for index in range(count):
        entry = tiff[directory + 2 + 12 * index : directory + 14 + 12 * index]
        tag, kind, values = struct.unpack(order + "HHI", entry[:8])
        value = struct.unpack(order + ("H" if kind == 3 else "I"), entry[8 : 10 if kind == 3 else 12])[0]
        tags[tag] = (values, value)
    strips, offset = tags[273]
    if strips != 1:
        raise ValueError("more than one strip")
    return tiff[offset : offset + tags[279][1]]


def ccitt_tiff(data: bytes, width: int, height: int, k: int, *, black_is_1: bool) -> bytes:
    """CCITT data wrapped as a TIFF file, for libtiff to decode (TIFF 6.0, section 11)."""
    compression, option = (4, (293, 0)) if k < 0 else (3, (292, 1 if k > 0 else 0))
    photometric = 1 if black_is_1 else 0
    entries = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 1),
        (259, 3, compression),
        (262, 3, photometric),
        (266, 3, 1),
        (273, 4, 8 + 2 + 11 * 12 + 4),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, len(data)),
        (option[0], 4, option[1]),
    ]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", len(entries)) + body + b"\0\0\0\0" + data
