"""JPEG: embedded as it is, byte for byte, where a PDF can show it; that is nearly always.

Every JPEG is decoded once, reduced, to see that it is whole; that takes a few hundredths of a second.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import field

import pyvips

from pdfsmaller.engine.from_images.hints import exif_dpi, orientation_of, read_exif, valid_dpi, valid_profile
from pdfsmaller.engine.from_images.pack import pack
from pdfsmaller.engine.from_images.picture import DEVICE, Picture, Stored
from pdfsmaller.engine.from_images.reading import Reading
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.memory import ran_out_of_memory
from pdfsmaller.records import record

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Baseline, extended and progressive with Huffman codes; what else there is (lossless, arithmetic) no PDF can hold.
_PDF_FRAMES = frozenset((0xC0, 0xC1, 0xC2))
# A marker that is neither a stuffed zero, a restart, fill nor one without content.
_MARKER = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")
_ADOBE_RGB = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"
_JFIF_UNITS = {1: 1.0, 2: 2.54}


@record()
class _Header:
    """What a JPEG's segments say."""

    frame: int = 0
    precision: int = 0
    width: int = 0
    height: int = 0
    components: bytes = b""
    adobe_transform: int | None = None
    jfif: bool = False
    jfif_dpi: tuple[float, float] | None = None
    exif: bytes = b""
    profile: dict[int, bytes] = field(default_factory=dict)
    end: int = 0


def read_jpeg(data: bytes, reading: Reading) -> Picture:
    """The image of a JPEG; the first of several (MPO). What follows its end is left out.

    Raises:
        UnreadableImage: it is damaged or cut short, or of a kind that cannot be decoded.
        LimitExceeded: ``max_image_bytes``.
    """
    header = _parse(data)
    if header.frame == 0:
        raise reading.broken("is a damaged JPEG image: nothing says how large it is")
    reading.check_size(header.width, header.height, len(header.components) * (2 if header.precision > 8 else 1))
    if not header.end:
        raise reading.broken("is cut short: the JPEG image has no end")
    exif = read_exif(header.exif)
    orientation, dpi = orientation_of(exif), header.jfif_dpi or exif_dpi(exif)
    profile = b"".join(part for _, part in sorted(header.profile.items()))
    components = len(header.components)
    if header.frame not in _PDF_FRAMES or header.precision != 8 or components not in DEVICE:
        return Picture(_coded_again(data, header, profile, reading), orientation, dpi)
    complaint = _complaint(data)
    if complaint and _complaint(data, serious_only=True):
        raise reading.broken("is a damaged JPEG image")
    space = DEVICE[components]
    embedded = data[: header.end]
    # Decoders take three components named so for RGB; in a PDF they would be YCbCr.
    shown = marked_rgb(embedded) if _is_named_rgb(header) else embedded
    image = Stored(
        Encoded(shown, "/DCTDecode", header.width, header.height, 8),
        space,
        profile=valid_profile(profile, space),
        # Adobe stores inks upside down, and its marker is how decoders know; a PDF must say it.
        inverted=components == 4 and header.adobe_transform is not None,
    )
    return Picture(image, orientation, dpi, ("damaged",) if complaint else ())


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Each segment's marker, and where its content starts and ends, up to the end of the first image."""
    position = 2
    while match := _MARKER.search(data, position):
        marker, start = match[1][0], match.end()
        if marker == _EOI:
            yield marker, start, start
            return
        if marker == _SOI:
            position = start
            continue
        if start + 2 > len(data):
            return
        end = start + int.from_bytes(data[start : start + 2], "big")
        if end > len(data):
            return
        yield marker, start + 2, end
        position = end


def marked_rgb(data: bytes) -> bytes:
    """The same JPEG with Adobe's marker, by which all readers know components that are RGB; ``/ColorTransform`` some of
    them pass over. JFIF's, which says YCbCr, is taken out."""
    for marker, start, end in jpeg_segments(data):
        if marker == _APP0 and data[start : start + 5] == b"JFIF\0":
            data = data[: start - 4] + data[end:]
        break
    return data[:2] + _ADOBE_RGB + data[2:]


def _parse(data: bytes) -> _Header:
    header = _Header()
    for marker, start, end in jpeg_segments(data):
        body = data[start:end] if marker != _SOS else b""
        if marker == _EOI:
            header.end = end
        elif marker in _FRAMES and not header.frame and len(body) >= 6:
            header.frame = marker
            header.precision, header.height, header.width, count = struct.unpack(">BHHB", body[:6])
            header.components = body[6 : 6 + 3 * count : 3]
        elif marker == _APP0 and body[:5] == b"JFIF\0" and len(body) >= 12:
            unit, across, down = struct.unpack(">BHH", body[7:12])
            header.jfif = True
            header.jfif_dpi = valid_dpi(across, down, _JFIF_UNITS[unit]) if unit in _JFIF_UNITS else None
        elif marker == _APP1 and body[:6] == b"Exif\0\0" and not header.exif:
            header.exif = body
        elif marker == _APP2 and body[:12] == b"ICC_PROFILE\0" and len(body) > 14:
            header.profile.setdefault(body[12], body[14:])
        elif marker == _APP14 and body[:5] == b"Adobe" and len(body) >= 12:
            header.adobe_transform = body[11]
    return header


def _is_named_rgb(header: _Header) -> bool:
    return header.components == b"RGB" and header.adobe_transform is None and not header.jfif


def _complaint(data: bytes, *, serious_only: bool = False) -> bool:
    """Whether the decoder has something to say against the data."""
    level = "error" if serious_only else "warning"
    try:
        pyvips.Image.jpegload_buffer(data, shrink=8, fail_on=level, access="sequential").avg()
    except pyvips.Error as exc:
        if ran_out_of_memory(exc):
            raise MemoryError from exc
        return True
    return False


def _coded_again(data: bytes, header: _Header, profile: bytes, reading: Reading) -> Stored:
    """The pixels of a JPEG that no PDF can hold."""
    try:
        image = pyvips.Image.jpegload_buffer(data, fail_on="error").copy_memory()
    except pyvips.Error as exc:
        kind = "12 bits" if header.precision != 8 else "lossless or arithmetic coding, or an odd number of components"
        how = f"is a JPEG image of a rare kind ({kind}) that cannot be decoded"
        raise reading.vips_failed(exc, how) from None
    return pack(image, reading.goal, profile=profile)
