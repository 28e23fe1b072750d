"""JPEG by mozjpeg (inside pyvips-binary), in gray, colour and CMYK; tried on small images by libjpeg-turbo (in Pillow).

Coded quickly, both make the same of the same tables; what goes through libvips takes a millisecond more, since that
starts threads.
"""

from __future__ import annotations

import io
import struct
from functools import cache, partial

import pyvips
from PIL import Image

from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.jpeg import strip_jpeg
from pdfsmaller.engine.workers import beside

# mozjpeg's tables by number: 3 is ImageMagick's (N. Robidoux), best in SSIM per byte on photos and scans alike.
QUANT_TABLE = 3
# Images of fewer pixels are tried by Pillow, which takes 0.6 of libvips' time (10 ms instead of 16 for 1.7 to 2.1
# million pixels of three photographs and scans) but keeps other threads waiting meanwhile.
FEW_PIXELS = 1_200_000
# The JFIF header that Pillow writes and vips leaves out.
_JFIF_BYTES = 18


def encode(image: pyvips.Image, quality: int, *, full_chroma: bool = False, fast: bool = False) -> Encoded:
    """A JPEG of 1, 3 or 4 bands without metadata, progressive unless it is to be made quickly.

    Args:
        full_chroma: colour differences keep every pixel.
    """
    if image.bands == 4:
        data = _cmyk(image, quality, full_chroma=full_chroma, fast=fast)
    else:
        data = _written(image, quality, full_chroma=full_chroma, fast=fast)
    return Encoded(data, "/DCTDecode", image.width, image.height, 8)


class Trials:
    """An image coded quickly at several qualities, to see what becomes of it; in any threads."""

    def __init__(self, image: pyvips.Image) -> None:
        """Of 1, 3 or 4 bands, in memory."""
        self._image = image
        self._pictures = _pictures(image) if image.width * image.height < FEW_PIXELS else []

    def encode(self, quality: int, *, full_chroma: bool = False) -> Encoded:
        """What ``encode`` makes with ``fast``."""
        if not self._pictures:
            return encode(self._image, quality, full_chroma=full_chroma, fast=True)
        parts = [_by_pillow(picture, quality, full_chroma=full_chroma) for picture in self._pictures]
        data = parts[0] if len(parts) == 1 else _joined(*parts)
        return Encoded(data, "/DCTDecode", self._image.width, self._image.height, 8)


def _pictures(image: pyvips.Image) -> list[Image.Image]:
    """For Pillow: the image, or the two that ``_cmyk`` makes of it."""
    parts = [image[0:3].invert(), image[3]] if image.bands == 4 else [image]
    size = image.width, image.height
    return [Image.frombytes("L" if part.bands == 1 else "RGB", size, bytes(part.write_to_memory())) for part in parts]


def _by_pillow(picture: Image.Image, quality: int, *, full_chroma: bool) -> bytes:
    written = io.BytesIO()
    color = picture.mode == "RGB"
    subsampling = 2 if color and not full_chroma else 0
    # A copy: Pillow notes in a picture how it is to be saved.
    picture.copy().save(written, "JPEG", qtables=_tables(quality, color=color), subsampling=subsampling, optimize=True)
    data = written.getvalue()
    return data[:2] + data[2 + _JFIF_BYTES :]


@cache
def _tables(quality: int, *, color: bool) -> dict[int, list[int]]:
    """What mozjpeg quantises with."""
    block = pyvips.Image.black(8, 8, bands=3 if color else 1).cast("uchar")
    with Image.open(io.BytesIO(_written(block, quality, full_chroma=False, fast=True)), formats=["JPEG"]) as picture:
        return dict(picture.quantization)  # type: ignore[attr-defined]


def _written(image: pyvips.Image, quality: int, *, full_chroma: bool, fast: bool) -> bytes:
    named = image.copy(interpretation="srgb" if image.bands == 3 else "b-w")
    data: bytes = named.jpegsave_buffer(
        Q=quality,
        optimize_coding=True,
        interlace=not fast,
        optimize_scans=not fast,
        trellis_quant=not fast,
        overshoot_deringing=not fast,
        quant_table=QUANT_TABLE,
        subsample_mode="off" if full_chroma else "on",
        keep="none",
    )
    return strip_jpeg(data)


def _cmyk(image: pyvips.Image, quality: int, *, full_chroma: bool, fast: bool) -> bytes:
    """A JPEG (YCCK) whose decoded samples are close to those of a four-band image.

    No encoder at hand writes YCCK with coarser chroma, but JPEG lets every component have scans of its own: a colour
    JPEG of the first three components and a gray one of the fourth, with one header over both, are such a file.
    Cyan, magenta and yellow are stored turned round (Adobe technical note 5116, section 18): a decoder takes the
    JPEG's RGB for 255 less each.
    """
    black = beside(partial(_written, image[3], quality, full_chroma=False, fast=fast))
    colors = _written(image[0:3].invert(), quality, full_chroma=full_chroma, fast=fast)
    return _joined(colors, black())


# "Adobe", version 100, no flags, transform 2 = YCCK.
_ADOBE_YCCK = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x02"
_BLACK_ID = 4
_BLACK_TABLE = 2


def _joined(colors: bytes, black: bytes) -> bytes:
    """One JPEG of the components of two of the same size and kind, the second of which is gray."""
    first, second = _segments(colors), _segments(black)
    marker, frame = next((m, body) for m, body, _ in first if m in _FRAMES)
    parts = [b"\xff\xd8", _ADOBE_YCCK]
    parts += [whole for m, _, whole in first if m == 0xDB]
    for m, body, _ in second:
        if m == 0xDB:
            parts.append(_segment(0xDB, bytes([_BLACK_TABLE]) + body[1:65]))
    sampling = frame[7]  # the finest: that of the first component
    parts.append(_segment(marker, frame[:5] + b"\4" + frame[6:] + bytes([_BLACK_ID, sampling, _BLACK_TABLE])))
    parts += [whole for m, _, whole in first if m in (0xC4, 0xDA)]
    for m, _, whole in second:
        if m == 0xC4:
            parts.append(whole)
        elif m == 0xDA:
            parts.append(whole[:5] + bytes([_BLACK_ID]) + whole[6:])
    return b"".join(parts) + b"\xff\xd9"


_FRAMES = (0xC0, 0xC1, 0xC2)


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def _segments(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """(marker, its parameters, all of it) for every segment of a JPEG just written; a scan's data belong to it."""
    found = []
    position = 2
    while position + 4 <= len(data) and data[position + 1] != 0xD9:
        marker = data[position + 1]
        end = position + 2 + struct.unpack(">H", data[position + 2 : position + 4])[0]
        body = data[position + 4 : end]
        if marker == 0xDA:
            end = _scan_end(data, end)
        found.append((marker, body, data[position:end]))
        position = end
    return found


def _scan_end(data: bytes, start: int) -> int:
    """Where the next marker is that is neither a stuffed byte nor a restart."""
    position = data.find(b"\xff", start)
    while 0 <= position < len(data) - 1 and (data[position + 1] == 0 or 0xD0 <= data[position + 1] <= 0xD7):
        position = data.find(b"\xff", position + 2)
    return position if position >= 0 else len(data)
