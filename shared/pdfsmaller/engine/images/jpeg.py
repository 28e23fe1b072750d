"""JPEG as it is found: read as far as its headers go, stripped, and coded again without loss (by mozjpeg)."""

from __future__ import annotations

import struct

import deflate
import mozjpeg_lossless_optimization
import pyvips

from pdfsmaller.records import record

# Samples are looked at so many rows at a time.
_ROWS = 128


def transcoded(data: bytes, info: JpegInfo) -> bytes:
    """The same coefficients in fewer bytes (progressive, with the best Huffman tables); every pixel stays.

    Data that the transcoder does not take, or that decodes differently afterwards, is returned only stripped.
    """
    stripped = strip_jpeg(data)
    try:
        best = strip_jpeg(mozjpeg_lossless_optimization.optimize(data), keep_adobe=info.adobe)
    except (ValueError, RuntimeError, OSError):
        return stripped
    if len(best) >= len(stripped):
        return stripped
    try:
        return best if _checksums(data) == _checksums(best) else stripped
    except pyvips.Error:
        return stripped


def _checksums(data: bytes) -> tuple[int, ...]:
    """What tells samples from others that differ by accident: their form and two checksums of them all.

    One JPEG after the other, since a progressive one is held in memory while it is decoded.
    """
    image = pyvips.Image.jpegload_buffer(data, fail_on="warning", access="sequential")
    region = pyvips.Region.new(image)
    crc, adler = 0, 1
    for top in range(0, image.height, _ROWS):
        rows = region.fetch(0, top, image.width, min(_ROWS, image.height - top))
        crc, adler = deflate.crc32(rows, crc), deflate.adler32(rows, adler)
    return image.width, image.height, image.bands, crc, adler


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


@record(frozen=True)
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
