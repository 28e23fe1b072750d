"""The codecs: pixels in, PDF stream data out. Each takes a libvips image and is safe to call from any thread.

JPEG comes from mozjpeg (inside pyvips-binary), Flate with PNG predictors from libpng, CCITT G4 from libtiff.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

import pyvips

# Our two workers are the parallelism; libvips' own threads and operation cache would only add memory.
pyvips.concurrency_set(1)
pyvips.cache_set_max(0)

# mozjpeg's tables by number: 3 is ImageMagick's (N. Robidoux), best in SSIM per byte on photos and scans alike.
JPEG_QUANT_TABLE = 3
# Deflating at this level tells which predictors will win.
QUICK_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Encoded:
    """An image ready to be written.

    Attributes:
        data: the stream's bytes.
        filter: its only filter, e.g. ``/DCTDecode``.
        width, height, bits: of the image now.
        parms: the filter's parameters.
        color: ``keep`` the colour space, ``gray`` = DeviceGray, ``base`` = the base of the present Indexed one.
        palette: the components of its entries; the colour space becomes Indexed over the one that ``color`` says.
        entries: colours in the palette.
        drop_decode: the samples now mean what they say, whatever ``/Decode`` said before.
        exact: no decoded sample differs from the source's.
    """

    data: bytes
    filter: str
    width: int
    height: int
    bits: int
    parms: dict[str, int | bool] = field(default_factory=dict)
    color: str = "keep"
    palette: bytes | None = None
    entries: int = 0
    drop_decode: bool = False
    exact: bool = False

    @property
    def cost(self) -> int:
        """Bytes in the file, what the dictionary gains included."""
        return len(self.data) + 12 * len(self.parms) + (len(self.palette) + 24 if self.palette is not None else 0)


def jpeg(image: pyvips.Image, quality: int, *, full_chroma: bool, fast: bool = False) -> bytes:
    """A progressive JPEG of 1 or 3 bands (4: see ``jpeg_cmyk``) without metadata."""
    data: bytes = image.jpegsave_buffer(
        Q=quality,
        optimize_coding=True,
        interlace=not fast,
        optimize_scans=not fast,
        trellis_quant=not fast,
        overshoot_deringing=not fast,
        quant_table=JPEG_QUANT_TABLE,
        subsample_mode="off" if full_chroma else "on",
        keep="none",
    )
    return strip_jpeg(data)


def jpeg_cmyk(image: pyvips.Image, quality: int, *, adobe: bool, fast: bool = False) -> bytes:
    """A JPEG whose decoded samples are those of a four-band image.

    Args:
        adobe: the source carried Adobe's marker, so the result does. Readers turn CMYK round by that marker or do
            not; either way the result is read as the source was.

    YCCK would be a quarter smaller, but not every reader takes it as it is meant.
    """
    # libvips turns CMYK round when it writes: turned before, the stored samples are these.
    turned = image.invert().copy(interpretation="cmyk")
    return strip_jpeg(jpeg(turned, quality, full_chroma=True, fast=fast), keep_adobe=adobe)


def strip_jpeg(data: bytes, *, keep_adobe: bool = True) -> bytes:
    """The same JPEG without comments and application data (thumbnails, profiles, XMP), which a PDF reader ignores.

    The Adobe marker stays, as it says how the components are to be read. Data that is not well-formed is returned
    as it is.
    """
    if data[:2] != b"\xff\xd8":
        return data
    parts = [b"\xff\xd8"]
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return data
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker == 0xDA:  # the scan: all that follows is image data
            parts.append(data[position:])
            return b"".join(parts)
        length = struct.unpack(">H", data[position + 2 : position + 4])[0]
        end = position + 2 + length
        # JFIF (APP0) says "YCbCr" to decoders that would guess otherwise.
        jfif = marker == 0xE0 and data[position + 4 : position + 8] == b"JFIF"
        adobe = marker == 0xEE and data[position + 4 : position + 9] == b"Adobe"
        if jfif or (adobe and keep_adobe) or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            parts.append(data[position:end])
        position = end
    return data


@dataclass(frozen=True, slots=True)
class JpegInfo:
    """What a JPEG's headers say.

    Attributes:
        width, height, components: of the frame.
        adobe: it carries an Adobe marker.
        quality: an estimate on libjpeg's scale, from the first quantisation table.
        full_chroma: colour components have the frame's full resolution.
    """

    width: int
    height: int
    components: int
    adobe: bool
    quality: int
    full_chroma: bool


# The sum of the luminance table that libjpeg scales (ITU-T T.81, table K.1).
_LUMINANCE_SUM = 3688


def jpeg_info(data: bytes) -> JpegInfo | None:
    """Read the headers, or None where they are damaged."""
    width = height = components = table_sum = 0
    adobe = full = False
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker == 0xDA:
            break
        length = struct.unpack(">H", data[position + 2 : position + 4])[0]
        body = data[position + 4 : position + 2 + length]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and len(body) >= 6:
            height, width, components = struct.unpack(">HHB", body[1:6])
            samplings = {body[7 + 3 * i] for i in range(components) if 7 + 3 * i < len(body)}
            full = len(samplings) == 1
        elif marker == 0xDB and not table_sum and len(body) >= 65:
            table_sum = sum(body[1:65]) if body[0] >> 4 == 0 else sum(struct.unpack(">64H", body[1:129])) // 256
        elif marker == 0xEE and body[:5] == b"Adobe":
            adobe = True
        position += 2 + length
    if not (width and height and components):
        return None
    scale = 100 * table_sum / _LUMINANCE_SUM
    quality = round((200 - scale) / 2 if scale <= 100 else 5000 / scale) if scale > 0 else 100
    return JpegInfo(width, height, components, adobe, max(1, min(100, quality)), full)


def predicted(image: pyvips.Image, *, bits: int = 8, effort: int = 9) -> Encoded:
    """Flate with whichever PNG predictors are smaller: none, or the best per row. Exact. 1 to 4 bands."""
    options: dict[str, Any] = {"bitdepth": bits} if bits != 8 else {}

    def coded(rows: str, level: int) -> bytes:
        png = image.pngsave_buffer(compression=level, filter=rows, keep="none", **options)
        return _png_chunks(png)[b"IDAT"]

    # A quick try tells which way is better; only that one is done at full effort.
    quick = {rows: coded(rows, QUICK_LEVEL) for rows in ("none", "all")}
    rows = min(quick, key=lambda r: len(quick[r]))
    best = min(quick[rows], coded(rows, effort), key=len)
    parms: dict[str, int | bool] = {"/Predictor": 15, "/Colors": image.bands, "/Columns": image.width}
    if bits != 8:
        parms["/BitsPerComponent"] = bits
    return Encoded(best, "/FlateDecode", image.width, image.height, bits, parms, exact=True)


def palette(image: pyvips.Image, *, effort: int = 9, quality: int = 100, bits: int = 8) -> Encoded:
    """At most 256 colours (16 with ``bits=4``) as indices with a palette. How exact it is, the caller must measure."""
    png = image.pngsave_buffer(
        compression=effort, filter="none", palette=True, Q=quality, bitdepth=bits, dither=0.0, effort=4, keep="none"
    )
    chunks = _png_chunks(png)
    _, _, depth, kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    if kind != 3:
        raise ValueError("not a palette image")
    parms: dict[str, int | bool] = {"/Predictor": 15, "/Colors": 1, "/Columns": image.width}
    if depth != 8:
        parms["/BitsPerComponent"] = depth
    colors = chunks[b"PLTE"]
    return Encoded(
        chunks[b"IDAT"],
        "/FlateDecode",
        image.width,
        image.height,
        depth,
        parms,
        palette=colors,
        entries=len(colors) // 3,
    )


def decode_palette(indexed: Encoded) -> pyvips.Image:
    """The colours that a reader will see of a palette coding."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", indexed.width, indexed.height, indexed.bits, 3, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"PLTE", indexed.palette or b"")
    png += chunk(b"IDAT", indexed.data) + chunk(b"IEND", b"")
    image = pyvips.Image.pngload_buffer(png)
    return image[0:3] if image.bands > 3 else image


def flate(data: bytes, width: int, height: int, bits: int, level: int = 9) -> Encoded:
    """Samples as they are, deflated. Exact."""
    return Encoded(zlib.compress(data, level), "/FlateDecode", width, height, bits, exact=True)


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


def _png_chunks(png: bytes) -> dict[bytes, bytes]:
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
