"""Flate: samples as they are or as PNG predicts them, by libpng and libdeflate.

What races is deflated quickly (``predicted``, ``plain``); what has won, with all effort (``repacked``).
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import deflate
import pyvips

from pdfsmaller.engine.deflate import zlib_compress
from pdfsmaller.engine.images.codecs import png
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.options import Effort

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
        written = piece.pngsave_buffer(compression=0, filter=way, keep="none", **options)
        return zlib.decompress(png.chunks(written)[b"IDAT"])

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
        return plain(png.without_filter_bytes(best, image.height), image.width, image.height, bits)
    parms: dict[str, int | bool] = {"/Predictor": 15, "/Colors": image.bands, "/Columns": image.width}
    if bits != 8:
        parms["/BitsPerComponent"] = bits
    return Encoded(_deflated_fast(best), "/FlateDecode", image.width, image.height, bits, parms, exact=True)


def plain(data: bytes, width: int, height: int, bits: int) -> Encoded:
    """Samples as they are, deflated quickly: see ``repacked``. Exact."""
    return Encoded(_deflated_fast(data), "/FlateDecode", width, height, bits, exact=True)


def repacked(encoded: Encoded, effort: Effort) -> Encoded:
    """The same samples, deflated with all effort: for what has won, since it takes ten times as long."""
    if encoded.filter != "/FlateDecode" or effort == "fast":
        return encoded
    packed = zlib_compress(zlib.decompress(encoded.data), effort, zopfli=True)
    return replace(encoded, data=packed) if len(packed) < len(encoded.data) else encoded


def quick_size(data: bytes) -> int:
    """About the bytes that data take deflated: some more than with all effort."""
    return len(deflate.zlib_compress(data, QUICK_LEVEL))


def _deflated_fast(data: bytes | bytearray) -> bytes:
    return bytes(deflate.zlib_compress(data, CANDIDATE_LEVEL))
