"""PNG: where a PDF can hold the compressed rows as they are, they are taken over; the rest is decoded.

A PDF knows PNG's own filters, so gray, RGB and palette images that are not interlaced need no coding again. Opacity
becomes a soft mask, one transparent colour a colour key.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import field, replace

import pyvips

from pdfsmaller.engine.from_images.hints import orientation_of, read_exif, valid_dpi, valid_profile
from pdfsmaller.engine.from_images.pack import pack
from pdfsmaller.engine.from_images.picture import DEVICE, Picture, Stored
from pdfsmaller.engine.from_images.png_chunks import chunks
from pdfsmaller.engine.from_images.reading import Reading
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.records import record

_GRAY, _RGB, _PALETTE, _GRAY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_SAMPLES = {_GRAY: 1, _RGB: 3, _PALETTE: 1, _GRAY_ALPHA: 2, _RGBA: 4}
_DEPTHS = {_GRAY: (1, 2, 4, 8, 16), _RGB: (8, 16), _PALETTE: (1, 2, 4, 8), _GRAY_ALPHA: (8, 16), _RGBA: (8, 16)}
_METRE_INCHES = 0.0254
# Enough for any profile of a monitor or a press.
_PROFILE_MAX = 16_000_000
_INFLATE_STEP = 1 << 20
_LAST_FILTER = 4


@record()
class _Png:
    """A PNG taken apart."""

    width: int = 0
    height: int = 0
    bits: int = 0
    kind: int = -1
    interlaced: bool = False
    palette: bytes = b""
    transparency: bytes = b""
    profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    orientation: int = 1
    animated: bool = False
    rows: list[memoryview] = field(default_factory=list)

    @property
    def samples(self) -> int:
        return _SAMPLES[self.kind]

    @property
    def row_bytes(self) -> int:
        """Bytes of one row, its filter's number included."""
        return 1 + (self.width * self.samples * self.bits + 7) // 8

    @property
    def opaque(self) -> bool:
        """Whether every pixel is painted, as far as that can be told without decoding."""
        if self.kind == _PALETTE:
            return all(level == 255 for level in self.transparency)
        return self.kind < _GRAY_ALPHA and not self.transparency


def read_png(data: bytes, reading: Reading) -> Picture:
    """The image of a PNG; an animation's first.

    Raises:
        UnreadableImage: it is damaged.
        LimitExceeded: ``max_image_bytes``.
    """
    png = _parse(data, reading)
    key = _color_key(png)
    if not png.interlaced and (png.opaque or key or png.kind == _PALETTE):
        image = _as_it_is(png, reading)
        if png.opaque and png.bits == 1:
            image = min(image, _decoded(data, png, reading), key=lambda s: len(s.coded.data))  # a fax coder does better
        elif key:
            image = replace(image, color_key=key)
        elif not png.opaque:
            image = replace(image, mask=_palette_mask(data, reading))
    else:
        image = _decoded(data, png, reading)
    return Picture(image, png.orientation, png.dpi, ("animation",) if png.animated else ())


def _parse(data: bytes, reading: Reading) -> _Png:
    png = _Png()
    for kind, body, whole in chunks(data):
        if not whole:
            if kind[0] & 0x20:  # ancillary: the image can be shown without it
                continue
            raise reading.broken("is damaged or cut short: a checksum is wrong")
        if kind == b"IHDR" and len(body) == 13:
            png.width, png.height, png.bits, png.kind, _, _, lacing = struct.unpack(">IIBBBBB", body)
            png.interlaced = lacing != 0
        elif kind == b"IDAT":
            png.rows.append(body)
        else:
            _note(png, kind, bytes(body))
    if png.bits not in _DEPTHS.get(png.kind, ()) or (png.kind == _PALETTE and not png.palette):
        raise reading.broken("is a PNG image with a damaged header")
    reading.check_size(png.width, png.height, png.samples * (2 if png.bits == 16 else 1))
    return png


def _note(png: _Png, kind: bytes, body: bytes) -> None:
    """What a chunk other than the header and the rows says."""
    if kind == b"PLTE" and len(body) % 3 == 0:
        png.palette = body[: 3 * 256]
    elif kind == b"tRNS":
        png.transparency = body
    elif kind == b"iCCP":
        png.profile = _inflated_profile(body)
    elif kind == b"pHYs" and len(body) == 9:
        across, down, unit = struct.unpack(">IIB", body)
        png.dpi = valid_dpi(across, down, _METRE_INCHES) if unit == 1 else None
    elif kind == b"eXIf":
        png.orientation = orientation_of(read_exif(body))
    elif kind == b"acTL" and len(body) == 8:
        png.animated = int.from_bytes(body[:4], "big") > 1


def _inflated_profile(body: bytes) -> bytes | None:
    _name, _, rest = body.partition(b"\0")
    try:
        return zlib.decompressobj().decompress(rest[1:], _PROFILE_MAX)
    except zlib.error:
        return None


# --- taken over -------------------------------------------------------------------------------------------------------


def _as_it_is(png: _Png, reading: Reading) -> Stored:
    """The compressed rows as they are, once it is known that they are whole."""
    data = b"".join(png.rows)
    _check_rows(data, png, reading)
    colors = 3 if png.kind == _RGB else 1
    parms: dict[str, int | bool] = {
        "/Predictor": 15,
        "/Colors": colors,
        "/BitsPerComponent": png.bits,
        "/Columns": png.width,
    }
    palette = png.palette[: 3 << png.bits] if png.kind == _PALETTE else None
    space = DEVICE[3 if palette is not None else colors]
    coded = Encoded(data, "/FlateDecode", png.width, png.height, png.bits, parms, palette=palette)
    return Stored(coded, space, valid_profile(png.profile, space))


def _check_rows(data: bytes, png: _Png, reading: Reading) -> None:
    """Inflate the rows, keeping none: there must be as many as the header says, each with a filter that exists."""
    seen, expected, stride = 0, png.height * png.row_bytes, png.row_bytes
    try:
        for piece in _inflated(data):
            filters = piece[-seen % stride : expected - seen : stride]
            if max(filters, default=0) > _LAST_FILTER:
                raise reading.broken("is damaged: a row has a filter that does not exist")
            seen += len(piece)
            if seen >= expected:
                return
    except zlib.error:
        raise reading.broken("is damaged: its rows cannot be inflated") from None
    raise reading.broken("is cut short: rows are missing")


def _inflated(data: bytes) -> Iterator[bytes]:
    """In pieces, so that neither the data nor what comes of it is copied as a whole."""
    inflater, view = zlib.decompressobj(), memoryview(data)
    for start in range(0, len(data), _INFLATE_STEP):
        rest: bytes | memoryview = view[start : start + _INFLATE_STEP]
        while rest and not inflater.eof:
            yield inflater.decompress(rest, _INFLATE_STEP)
            rest = inflater.unconsumed_tail


def _color_key(png: _Png) -> tuple[int, ...]:
    """The one colour that is not painted, as /Mask has it; empty where there is none or where a soft mask is due."""
    if png.kind == _PALETTE:
        clear = [index for index, level in enumerate(png.transparency) if level == 0]
        partly = any(0 < level < 255 for level in png.transparency)
        return (clear[0], clear[0]) if len(clear) == 1 and not partly else ()
    # Readers that show eight of sixteen bits take neighbours of the colour for the colour.
    if png.bits == 16 or len(png.transparency) != 2 * png.samples:
        return ()
    values = struct.unpack(f">{png.samples}H", png.transparency)
    return tuple(value & (1 << png.bits) - 1 for value in values for _ in range(2))


# --- decoded ----------------------------------------------------------------------------------------------------------


def _load(data: bytes, reading: Reading) -> pyvips.Image:
    try:
        return pyvips.Image.pngload_buffer(data, fail_on="truncated").copy_memory()
    except pyvips.Error as exc:
        raise reading.vips_failed(exc, "is damaged or cut short") from None


def _decoded(data: bytes, png: _Png, reading: Reading) -> Stored:
    image = _load(data, reading)
    return pack(image, reading.goal, alpha=image.bands in (2, 4), profile=png.profile)


def _palette_mask(data: bytes, reading: Reading) -> Stored | None:
    image = _load(data, reading)
    if image.bands != 4:
        return None
    return pack(image, reading.goal, alpha=True).mask
