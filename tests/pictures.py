"""Small image files for tests, made on the spot: every function returns the bytes of one file. Nothing is random.

``DECODED`` holds one of each format and mode that Pillow reads too (name → function), for tests that compare pixels.
"""

from __future__ import annotations

import base64
import io
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import pyvips
from PIL import Image, ImageDraw

from pdfsmaller.engine.images.codecs import ccitt
from tests.documents import chart, lettering, photo, srgb_profile

Make = Callable[[], bytes]

SIZE = (60, 41)
ORIENTATION = 0x112


# --- pictures -------------------------------------------------------------------------------------------------------


def color() -> Image.Image:
    return photo(*SIZE)


def gray() -> Image.Image:
    return color().convert("L")


def text() -> Image.Image:
    """Black and white."""
    return lettering(420, 300, 7).convert("1")


def flat(colours: int = 12) -> Image.Image:
    return chart(90, 61, colours)


def ramp(size: tuple[int, int] = SIZE) -> Image.Image:
    """Opacity from none to full."""
    return Image.linear_gradient("L").resize(size)


def see_through(mode: str = "RGBA") -> Image.Image:
    image = color().convert(mode)
    image.putalpha(ramp())
    return image


def corners(size: tuple[int, int] = (64, 40)) -> Image.Image:
    """Four corners of different colours: it shows how it is turned."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    width, height = size[0] // 2, size[1] // 2
    for place, fill in (((0, 0), "red"), ((1, 0), "green"), ((0, 1), "blue")):
        x, y = place[0] * width, place[1] * height
        draw.rectangle((x, y, x + width - 1, y + height - 1), fill=fill)
    return image


def srgb() -> bytes:
    """An sRGB profile that is the same every time: Little CMS writes the date into it."""
    profile = srgb_profile()
    return profile[:24] + bytes(12) + profile[36:]


# --- files ------------------------------------------------------------------------------------------------------------


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def oriented(image: Image.Image, format: str, orientation: int, **options: Any) -> bytes:
    """With an EXIF orientation, which may be one that does not exist."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return saved(image, format, exif=exif, **options)


def named_rgb_jpeg() -> bytes:
    """A JPEG of RGB whose only sign of that is its components' names."""
    data = saved(color(), "JPEG", quality=95, keep_rgb=True)
    adobe = data.find(b"\xff\xee")
    if adobe >= 0:
        data = data[:adobe] + data[adobe + 2 + int.from_bytes(data[adobe + 2 : adobe + 4], "big") :]
    return data


def sixteen(bands: int) -> pyvips.Image:
    """A picture of 16 bits whose low bytes matter: gray, with opacity, RGB, with opacity."""
    rng = random.Random(bands)
    samples = [rng.randrange(65_536) for _ in range(20 * 15 * bands)]
    image = pyvips.Image.new_from_memory(struct.pack(f"={len(samples)}H", *samples), 20, 15, bands, "ushort")
    return image.copy(interpretation="grey16" if bands < 3 else "rgb16")


def png(bits: int, kind: int, rows: bytes, width: int, height: int, *extra: tuple[bytes, bytes]) -> bytes:
    """A PNG from its parts: packed rows without filters, further chunks."""
    stride = len(rows) // height
    filtered = b"".join(b"\0" + rows[y * stride : (y + 1) * stride] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(filtered)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(data: bytes, kind: bytes, body: bytes) -> bytes:
    """A PNG with one chunk more, right after its header."""
    return data[:33] + png_chunk(kind, body) + data[33:]


def small_png(bits: int, kind: int, *extra: tuple[bytes, bytes], interlaced: bool = False) -> bytes:
    """A PNG of few bits: gray (0) or a palette (3)."""
    width, height = 21, 16
    rng = random.Random(bits)
    rows = rng.randbytes(((width * bits + 7) // 8) * height)
    if kind == 3:
        extra = ((b"PLTE", rng.randbytes(3 << bits)), *extra)
    data = png(bits, kind, rows, width, height, *extra)
    if not interlaced:
        return data
    return bytes(pyvips.Image.pngload_buffer(data).pngsave_buffer(interlace=True, bitdepth=bits if kind == 0 else 8))


def fax_tiff(*, photometric: int = 0, reversed_bits: bool = False, orientation: int = 1) -> bytes:
    """A fax page of one strip, coded as group 4."""
    image = text().convert("L")
    black_and_white = pyvips.Image.new_from_memory(image.tobytes(), *image.size, 1, "uchar").copy(interpretation="b-w")
    coded = ccitt.group_4(black_and_white.invert() if photometric else black_and_white)
    data = coded.data
    if reversed_bits:
        data = bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)
    # The coder turns round what is mostly white, and takes black for white otherwise.
    entries = {256: image.width, 257: image.height, 258: 1, 259: 4, 262: photometric, 277: 1, 278: image.height}
    entries |= {266: 2 if reversed_bits else 1, 274: orientation}
    return tiff_of([(entries, data)])


def tiff_of(pages: Sequence[tuple[dict[int, int], bytes]], *, big: bool = False) -> bytes:
    """A TIFF of pages with one strip each, from their tags and data."""
    form, head = ("<HHQQ", 16) if big else ("<HHII", 8)
    out = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) if big else struct.pack("<2sHI", b"II", 42, 8)
    assert len(out) == head
    for number, (tags, data) in enumerate(pages, start=1):
        entries = dict(sorted({**tags, 273: 0, 279: len(data)}.items()))
        size = (8 + 20 * len(entries) + 8) if big else (2 + 12 * len(entries) + 4)
        start = len(out)
        entries[273] = start + size
        after = 0 if number == len(pages) else start + size + len(data)
        body = b"".join(struct.pack(form, tag, 4, 1, value) for tag, value in entries.items())
        count, link = struct.pack("<Q" if big else "<H", len(entries)), struct.pack("<Q" if big else "<I", after)
        out += count + body + link + data
    return out


def gray_tiff(pages: int = 1, *, big: bool = False, width: int = 4, height: int = 4) -> bytes:
    """Tiny gray pages without compression, each of another brightness."""
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 277: 1, 278: height}
    return tiff_of([(tags, bytes([page % 256]) * 16) for page in range(pages)], big=big)


def many_pages(pages: int) -> bytes:
    """A TIFF of so many pages that share one pixel."""
    tags = {256: 1, 257: 1, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: 1}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    size = 2 + len(entries) + 4
    out = [struct.pack("<2sHI", b"II", 42, 16) + bytes(8)]
    for page in range(pages):
        after = 16 + size * (page + 1) if page + 1 < pages else 0
        out.append(struct.pack("<H", len(tags)) + entries + struct.pack("<I", after))
    return b"".join(out)


def vips_tiff(image: pyvips.Image, **options: Any) -> bytes:
    return bytes(image.tiffsave_buffer(**options))


def vips_of(image: Image.Image) -> pyvips.Image:
    bands = len(image.getbands())
    made = pyvips.Image.new_from_memory(image.tobytes(), *image.size, bands, "uchar")
    return made.copy(interpretation="srgb" if bands >= 3 else "b-w")


def interlaced(image: Image.Image) -> bytes:
    return bytes(vips_of(image).pngsave_buffer(interlace=True))


def gif_of(frames: int = 1) -> bytes:
    images = [flat(6 + n).quantize(32) for n in range(frames)]
    return saved(images[0], "GIF", save_all=frames > 1, append_images=images[1:])


#: 64 × 48 pixels, red on the left and blue on the right. Our codec decodes only, so it cannot be made here.
_HEIC = (
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAA"
    "AERAAAEAAQAAAAABoQABAAAAAAAAAGsAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/WlwcnAAAADd"
    "aXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAA"
    "AwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xh"
    "cAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAHNtZGF0AAAA"
    "ZygBrwngOSMkv//6Mb//+EaeQ/a5hcF//cw/ff4qbv/+6wXURjWLLH2jvL7/A+znFWIxzHHhHLW9xl2TFdlXKvRGjP3RgPLhqylPa1UJAJh/uES5"
    "pPNBjzUigbnnfr+apDJbt0egqws="
)


def heic() -> bytes:
    return base64.b64decode(_HEIC)


def claiming(width: int, height: int) -> bytes:
    """A tiny PNG that claims to be huge."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        png_chunk(kind, data) for kind, data in ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    )


def _clear_gif() -> bytes:
    image = flat(5).quantize(16)
    return saved(image, "GIF", transparency=3)


DECODED: dict[str, Make] = {
    "jpeg": lambda: saved(color(), "JPEG", quality=90),
    "jpeg_progressive": lambda: saved(color(), "JPEG", progressive=True),
    "jpeg_gray": lambda: saved(gray(), "JPEG"),
    "jpeg_named_rgb": named_rgb_jpeg,
    "jp2": lambda: saved(color(), "JPEG2000"),
    "jp2_gray": lambda: saved(gray(), "JPEG2000"),
    "jp2_codestream": lambda: saved(color(), "JPEG2000", no_jp2=True),
    "jp2_alpha": lambda: saved(see_through(), "JPEG2000"),
    "png_1": lambda: saved(text(), "PNG"),
    "png_gray": lambda: saved(gray(), "PNG"),
    "png_gray_2": lambda: small_png(2, 0),
    "png_gray_4": lambda: small_png(4, 0),
    "png_gray_4_interlaced": lambda: small_png(4, 0, interlaced=True),
    "png_rgb": lambda: saved(color(), "PNG"),
    "png_rgb_interlaced": lambda: interlaced(color()),
    "png_gray_interlaced": lambda: interlaced(gray()),
    "png_alpha_interlaced": lambda: interlaced(see_through()),
    "png_palette": lambda: saved(flat().quantize(200), "PNG"),
    "png_palette_1": lambda: small_png(1, 3),
    "png_palette_2": lambda: small_png(2, 3),
    "png_palette_4": lambda: small_png(4, 3),
    "png_palette_clear": lambda: small_png(4, 3, (b"tRNS", b"\xff\0")),
    "png_palette_alpha": lambda: small_png(4, 3, (b"tRNS", bytes(range(0, 128, 8)))),
    "png_palette_opaque": lambda: small_png(4, 3, (b"tRNS", b"\xff" * 16)),
    "png_gray_clear": lambda: saved(gray(), "PNG", transparency=gray().getpixel((3, 3))),
    "png_rgb_clear": lambda: saved(flat(), "PNG", transparency=(255, 255, 255)),
    "png_gray_alpha": lambda: saved(see_through("L"), "PNG"),
    "png_rgba": lambda: saved(see_through(), "PNG"),
    "png_rgba_opaque": lambda: saved(color().convert("RGBA"), "PNG"),
    "png_rgba_drawn": lambda: saved(flat().convert("RGBA"), "PNG"),
    "tiff_raw": lambda: saved(color(), "TIFF"),
    "tiff_lzw": lambda: saved(color(), "TIFF", compression="tiff_lzw"),
    "tiff_deflate": lambda: saved(gray(), "TIFF", compression="tiff_adobe_deflate"),
    "tiff_packbits": lambda: saved(flat(), "TIFF", compression="packbits"),
    "tiff_jpeg": lambda: saved(color(), "TIFF", compression="jpeg"),
    "tiff_jpeg_gray": lambda: saved(gray(), "TIFF", compression="jpeg"),
    "tiff_jpeg_ycbcr": lambda: vips_tiff(vips_of(color()), compression="jpeg", Q=80),
    "tiff_jpeg_strips": lambda: saved(photo(300, 200), "TIFF", compression="jpeg", tiffinfo={278: 16}),
    "tiff_jpeg_gray_strips": lambda: saved(photo(300, 203).convert("L"), "TIFF", compression="jpeg", tiffinfo={278: 8}),
    "tiff_jpeg_ycbcr_strips": lambda: vips_tiff(vips_of(photo(301, 203)), compression="jpeg", Q=80, tile_height=16),
    "tiff_tiled": lambda: vips_tiff(vips_of(photo(200, 150)), compression="deflate", tile=True, predictor="horizontal"),
    "tiff_palette": lambda: saved(flat().quantize(64), "TIFF"),
    "tiff_cmyk": lambda: saved(color().convert("CMYK"), "TIFF", compression="tiff_lzw"),
    "tiff_rgba": lambda: saved(see_through(), "TIFF"),
    "tiff_gray_alpha": lambda: vips_tiff(vips_of(see_through("L"))),
    "tiff_1": lambda: saved(text(), "TIFF"),
    "tiff_g4": lambda: saved(text(), "TIFF", compression="group4"),
    "tiff_g4_strips": lambda: saved(text(), "TIFF", compression="group4", tiffinfo={278: 16}),
    "tiff_g3": lambda: saved(text(), "TIFF", compression="group3", tiffinfo={278: 300}),
    "tiff_rle": lambda: saved(text(), "TIFF", compression="tiff_ccitt"),
    "tiff_fax_black_is_0": lambda: fax_tiff(photometric=1),
    "tiff_fax_white_is_0": lambda: fax_tiff(photometric=0),
    "tiff_fax_reversed": lambda: fax_tiff(reversed_bits=True),
    "tiff_big": lambda: saved(color(), "TIFF", big_tiff=True),
    "tiff_big_by_hand": lambda: gray_tiff(big=True),
    "gif": gif_of,
    "gif_clear": _clear_gif,
    "bmp": lambda: saved(color(), "BMP"),
    "bmp_palette": lambda: saved(flat().quantize(16), "BMP"),
    "bmp_1": lambda: saved(text(), "BMP"),
    "webp": lambda: saved(color(), "WEBP"),
    "webp_lossless": lambda: saved(flat(), "WEBP", lossless=True),
    "webp_alpha": lambda: saved(see_through(), "WEBP", lossless=True, exact=True),
    "avif": lambda: saved(color(), "AVIF"),
    "avif_alpha": lambda: saved(see_through(), "AVIF"),
}
