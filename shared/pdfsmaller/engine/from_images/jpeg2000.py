"""JPEG 2000: files and bare codestreams, embedded as they are where a PDF can show them (ISO 32000-1, 7.4.9).

Those with opacity, a palette, components of different sizes or a colour space that no PDF names are decoded.
Whether all of the data is there is told by its own structure: decoding takes seconds.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import field

from pdfsmaller.engine.from_images.hints import pillow_hints, valid_profile
from pdfsmaller.engine.from_images.picture import CMYK, DEVICE, GRAY, RGB, Picture, Stored
from pdfsmaller.engine.from_images.raster import SIXTEEN, open_with_pillow, pack_pillow
from pdfsmaller.engine.from_images.reading import Reading
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.records import record

_CODESTREAM = b"\xff\x4f\xff\x51"
_COD, _SOT, _EOC = 0xFF52, 0xFF90, b"\xff\xd9"
_ENUMERATED = {16: RGB, 17: GRAY, 12: CMYK}
# A colour specification box's methods: a number, a restricted and any ICC profile.
_NUMBER, _PROFILES = 1, (2, 3)


@record()
class _Header:
    """What boxes and the codestream's main header say. ``special``: there is more to it than plain components."""

    width: int = 0
    height: int = 0
    bits: set[int] = field(default_factory=set)
    components: int = 0
    space: bytes | None = None
    profile: bytes | None = None
    levels: int = 0
    special: bool = False


def read_jpeg2000(data: bytes, reading: Reading) -> Picture:
    """The image of a JPEG 2000 file.

    Raises:
        UnreadableImage: it is damaged or cut short, or would have to be decoded and has colour of more than 8 bits.
        LimitExceeded: ``max_image_bytes``.
    """
    header = _Header()
    start = 0 if data[:4] == _CODESTREAM else _read_boxes(data, header)
    try:
        _read_codestream(data, start, header)
    except (struct.error, IndexError):
        raise reading.broken("is a damaged JPEG 2000 image") from None
    reading.check_size(header.width, header.height, header.components * (2 if max(header.bits, default=8) > 8 else 1))
    if not _is_whole(data, start):
        raise reading.broken("is cut short: the JPEG 2000 image has no end")
    space = header.space or DEVICE.get(header.components)
    plain = not header.special and len(header.bits) == 1 and header.bits <= set(range(8, 17))
    with open_with_pillow(io.BytesIO(data), "JPEG2000", reading) as picture:
        orientation, dpi = pillow_hints(picture)
        if not plain or space is None or DEVICE.get(header.components) != space:
            if max(header.bits, default=8) > 8 and picture.mode not in SIXTEEN:
                # Pillow rounds the brightest samples to 0.
                raise reading.broken(
                    "has colour of more than 8 bits with opacity, a palette or a colour space of its own"
                )
            return Picture(pack_pillow(picture, reading), orientation, dpi)
    _decode_smallest(data, header.levels, reading)
    bits = 8 if header.bits == {8} else 16
    profile = valid_profile(header.profile, space)
    image = Stored(Encoded(data, "/JPXDecode", header.width, header.height, bits), space, profile)
    return Picture(image, orientation, dpi)


def _decode_smallest(data: bytes, levels: int, reading: Reading) -> None:
    """Decode the smallest resolution that Pillow can (it rounds some odd sizes wrongly): can the headers be read?"""
    for level in (levels, 0):
        with open_with_pillow(io.BytesIO(data), "JPEG2000", reading) as picture:
            picture.reduce = level  # type: ignore[assignment, method-assign]
            try:
                picture.load()
                return
            except OSError:
                if level == 0:
                    raise


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Each box's type, and where its content starts and ends."""
    while start + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if length == 1 and start + 16 <= end:
            length, content = struct.unpack_from(">Q", data, content)[0], start + 16
        stop = end if length == 0 else start + length
        if stop < content:
            return
        yield kind, content, min(stop, end)
        start = stop


def _read_boxes(data: bytes, header: _Header) -> int:
    """Where the codestream starts; its end if there is none."""
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind == b"jp2h":
            for inner, at, stop in _boxes(data, start, end):
                _read_header_box(inner, data[at:stop], header)
        elif kind == b"jp2c":
            return start
    return len(data)


def _read_header_box(kind: bytes, body: bytes, header: _Header) -> None:
    if kind in (b"pclr", b"cmap", b"cdef"):
        # Even where it only says that channels are colours in their order, decoding is right.
        header.special = True
    elif kind == b"colr" and len(body) >= 3 and header.space is None and header.profile is None:
        if body[0] == _NUMBER and len(body) >= 7:
            header.space = _ENUMERATED.get(int.from_bytes(body[3:7], "big"))
            header.special |= header.space is None
        elif body[0] in _PROFILES:
            header.profile = body[3:]


def _read_codestream(data: bytes, start: int, header: _Header) -> None:
    """The main header. Raises struct.error or IndexError where it is damaged."""
    if data[start : start + 4] != _CODESTREAM:
        raise IndexError
    right, below, left, top = struct.unpack_from(">4I", data, start + 8)
    header.width, header.height = right - left, below - top
    header.components = struct.unpack_from(">H", data, start + 40)[0]
    for index in range(header.components):
        depth, across, down = data[start + 42 + 3 * index : start + 45 + 3 * index]
        header.bits.add((depth & 0x7F) + 1)
        header.special |= depth > 0x7F or across != 1 or down != 1
    position = start + 2
    while (marker := struct.unpack_from(">H", data, position)[0]) != _SOT:
        if marker == _COD:
            header.levels = data[position + 9]
        position += 2 + struct.unpack_from(">H", data, position + 2)[0]


def _is_whole(data: bytes, start: int) -> bool:
    """Whether the codestream goes on to its end marker, tile part after tile part."""
    position = start + 2
    while position + 4 <= len(data):
        marker, length = struct.unpack_from(">HH", data, position)
        if data[position : position + 2] == _EOC:
            return True
        if marker == _SOT:
            if position + 12 > len(data):
                return False
            part = struct.unpack_from(">I", data, position + 6)[0]
            if part == 0:  # the last one: up to the end
                return data.find(_EOC, position) >= 0
            position += max(part, 12)
        else:
            position += 2 + length
    return data[position : position + 2] == _EOC
