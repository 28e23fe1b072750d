"""Flate: samples as they are or as PNG predicts them (by LuaJIT, where there is one, or libpng), by libdeflate.

What races is deflated quickly (``predicted``, ``plain``); what has won, with all effort (``repacked``). JPEGs, too, are
smaller deflated where they are even in part: Huffman codes take a bit at least for what repeats.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from dataclasses import replace
from typing import Any

import deflate
import pyvips

from pdfsmaller.engine import lua
from pdfsmaller.engine.deflate import zlib_compress
from pdfsmaller.engine.images.codecs import png
from pdfsmaller.engine.images.codecs.predict import predict
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.options import Effort

# What PNG knows: for all rows the sample to the left, the one above, both or the nearest of three; or row by row.
WAYS = ("sub", "up", "avg", "paeth", "all")
# Deflating at this level tells about how much there is to win.
QUICK_LEVEL = 4
# Codings race deflated at this one.
CANDIDATE_LEVEL = 8
# Ways to predict are tried on about so many bytes, in at most so many strips of so many rows at least.
SAMPLE_BYTES = 1_000_000
STRIPS, STRIP_ROWS = 8, 16
# They are deflated at this level; so little of them, as what has won is.
SAMPLE_LEVEL = 6
LITTLE_BYTES, LITTLE_LEVEL = 20_000, 10
# What a predictor takes in the image's dictionary.
PARAMETERS_BYTES = 36
# Rows are predicted so many bytes at a time. (elle-paper-pdfa1, 145 MB of samples, preset lossless, 2026-12-01: with
# 8 MB 444 MB at the most, as Lua keeps some strips, with 2 MB 415, and no less with 1 MB.)
STRIP_BYTES = 2_000_000


def predicted(image: pyvips.Image, *, bits: int = 8, effort: Effort = "default") -> Encoded:
    """Flate with whichever PNG predictors are smallest: none, one for all rows, or the best per row. 1 to 4 bands.

    Deflated quickly: see ``repacked``.
    """
    # A quick try on a sample tells which way is best; only that one is done on all of it.
    way = _best_way(image, bits, effort)
    if way == "none":
        return plain(_samples(image, bits), image.width, image.height, bits)
    # Strip by strip, since less memory is needed so. Rows are predicted from the one before: a strip begins with the
    # last row of that before, which is then dropped. libpng treats a single row otherwise.
    high = max(2, STRIP_BYTES // (image.width * image.bands))
    rows = bytearray()
    for top in range(0, image.height, high):
        start, end = max(0, top - 1), min(image.height, top + high)
        strip = _predicted_rows(image.crop(0, start, image.width, end - start), way, bits)
        rows += strip[len(strip) // (end - start) * (top - start) :]
    parms: dict[str, int | bool] = {"/Predictor": 15, "/Colors": image.bands, "/Columns": image.width}
    if bits != 8:
        parms["/BitsPerComponent"] = bits
    return Encoded(_deflated_fast(rows), "/FlateDecode", image.width, image.height, bits, parms, exact=True)


def _best_way(image: pyvips.Image, bits: int, effort: Effort) -> str:
    """The way to predict that takes the fewest bytes on a sample."""
    tops, high = _sampled(image)
    sampled: dict[str, list[bytes]] = {}
    for top in tops:
        for way, rows in _each_way(image.crop(0, top, image.width, high), bits, effort).items():
            # The first row of a piece is predicted from nothing.
            start = len(rows) // high if len(tops) > 1 else 0
            sampled.setdefault(way, []).append(rows[start:])

    def size(way: str) -> int:
        joined = b"".join(sampled[way])
        parameters = 0 if way == "none" else PARAMETERS_BYTES
        level = SAMPLE_LEVEL if len(joined) > LITTLE_BYTES else LITTLE_LEVEL
        return parameters + len(deflate.zlib_compress(joined, level))

    return min(sampled, key=size)


def _each_way(image: pyvips.Image, bits: int, effort: Effort) -> dict[str, bytes]:
    """Rows as they are and as each way predicts them."""
    ways = ("all",) if effort == "fast" else WAYS
    rows = _samples(image, bits)
    if len(ways) > 1:
        with suppress(lua.Unavailable):
            return dict(zip(("none", *ways), (rows, *_by_lua(rows, image, bits, "each")), strict=True))
    return {"none": rows} | {way: _predicted_rows(image, way, bits) for way in ways}


def _predicted_rows(image: pyvips.Image, way: str, bits: int) -> bytes:
    """Rows as a way predicts them, each with the byte before it that says how."""
    with suppress(lua.Unavailable):
        return bytes(_by_lua(_samples(image, bits), image, bits, way))
    return _by_libpng(image, way, bits)


def _by_lua(rows: bytes, image: pyvips.Image, bits: int, way: str) -> Any:
    pixel = max(1, image.bands * bits // 8)
    return predict(rows, len(rows) // image.height, pixel, way)


def _by_libpng(image: pyvips.Image, way: str, bits: int) -> bytes:
    options: dict[str, Any] = {"bitdepth": bits} if bits != 8 else {}
    written = image.pngsave_buffer(compression=0, filter=way, keep="none", **options)
    return zlib.decompress(png.chunks(written)[b"IDAT"])


def _samples(image: pyvips.Image, bits: int) -> bytes:
    """Samples as PDF means them, rows padded to bytes. Below 8 bits they are levels spread over 0 to 255."""
    if bits == 8:
        return bytes(image.write_to_memory())
    return png.without_filter_bytes(_by_libpng(image, "none", bits), image.height)


def _sampled(image: pyvips.Image) -> tuple[list[int], int]:
    """Where pieces of together about SAMPLE_BYTES begin, all over an image, and their height.

    (A screenshot's middle is often empty: taking it for the whole cost up to a tenth of the bytes.)
    """
    rows = max(STRIP_ROWS, SAMPLE_BYTES // (image.width * image.bands))
    if image.height <= rows:
        return [0], image.height
    high = max(STRIP_ROWS, rows // STRIPS)
    number = max(2, rows // high)
    return [round(n * (image.height - high) / (number - 1)) for n in range(number)], high


def plain(data: bytes, width: int, height: int, bits: int) -> Encoded:
    """Samples as they are, deflated quickly: see ``repacked``. Exact."""
    return Encoded(_deflated_fast(data), "/FlateDecode", width, height, bits, exact=True)


def repacked(encoded: Encoded, effort: Effort) -> Encoded:
    """The same samples, deflated with all effort: for what has won, since it takes ten times as long.

    A JPEG (layers of a page included) is deflated as it stands, where that takes fewer bytes.
    """
    if encoded.over is not None:
        color, stencil = encoded.over
        encoded = replace(encoded, over=(over_jpeg(color, effort), stencil))
    if encoded.filter != "/FlateDecode" or effort == "fast":
        return over_jpeg(encoded, effort)
    packed = zlib_compress(zlib.decompress(encoded.data), effort, zopfli=True)
    return replace(encoded, data=packed) if len(packed) < len(encoded.data) else encoded


def over_jpeg(encoded: Encoded, effort: Effort) -> Encoded:
    """A JPEG deflated, where that takes fewer bytes; anything else as it is. Quick work is not worth it."""
    if encoded.filter != "/DCTDecode" or encoded.deflated or encoded.parms or effort == "fast":
        return encoded
    packed = replace(encoded, data=zlib_compress(encoded.data, effort), deflated=True)
    return packed if packed.cost < encoded.cost else encoded


def estimate(image: pyvips.Image) -> int:
    """About the bytes that an image's samples of 8 bits take deflated as they are, told from a sample of them."""
    tops, high = _sampled(image)
    pieces = [bytes(image.crop(0, top, image.width, high).write_to_memory()) for top in tops]
    size = quick_size(b"".join(pieces))
    return round(size * float(image.height) / (high * len(pieces)))


def quick_size(data: bytes) -> int:
    """About the bytes that data take deflated: some more than with all effort."""
    return len(deflate.zlib_compress(data, QUICK_LEVEL))


def _deflated_fast(data: bytes | bytearray) -> bytes:
    return bytes(deflate.zlib_compress(data, CANDIDATE_LEVEL))
