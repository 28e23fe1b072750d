"""One image as it stands in the file: its data taken out, its meaning known, or the named reason why not.

Runs on the thread that owns the document, since pikepdf objects are not to be shared; what it returns is plain data
that any thread may work on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import deflate
from pikepdf import Array, Dictionary, Pdf, Stream

from pdfsmaller.engine.damage import raised_as
from pdfsmaller.engine.images.codecs import png
from pdfsmaller.engine.images.color import ColorSpace, read_color_space
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.find import FoundImage, Role
from pdfsmaller.engine.images.jpeg import jpeg_info
from pdfsmaller.engine.jbig2.segments import is_generic
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.streams import GENERAL, Filter, filters_of, read_before_last, read_decoded
from pdfsmaller.errors import LimitExceeded
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

Coding = Literal["samples", "jpeg", "jpx", "ccitt"]

# From this number on a predictor of the Flate filter is PNG's, and each row says which (ISO 32000-1, table 10).
FIRST_OF_PNG = 10
# Below this many stored bytes nothing worth the risk can be won.
TINY_BYTES = 200


class Skip(Exception):
    """An image is left as it is, for a reason with a stable name (counted in the report)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@record(frozen=True)
class CcittParameters:
    """The parameters of a CCITTFaxDecode filter (ISO 32000-1, table 11) that a decoder needs."""

    k: int
    black_is_1: bool
    byte_align: bool
    columns: int


@record(frozen=True)
class ImageSource:
    """An image as plain data.

    Attributes:
        objgen: where it lies in the document.
        role: shown by itself, a soft mask or a stencil.
        width, height: in pixels.
        bits: per component.
        color: its colour space; a stencil counts as gray.
        coding: what ``data`` is.
        data: decoded samples, rows padded to bytes, or a whole JPEG, JPEG 2000 or CCITT stream.
        stored: bytes in the file now.
        filters: the filters it is stored with.
        plain_decode: ``/Decode`` is absent or the default, so that samples mean what they say.
        inverted: ``/Decode`` is exactly the opposite of the default.
        lossy_ok: False where a changed sample would change more than a colour (colour-key masks).
        keep_reason: why it may not be changed lossily, when ``lossy_ok`` is False.
        ccitt: the filter's parameters when ``coding`` is ccitt.
        width_pt, height_pt: the largest size it is shown at, in points; 0 = unknown.
        page_pt: the long side of the smallest page that shows it, in points; 0 = unknown.
        resample: whether its pixel size may change.
        fixed_color: its colour space must stay, and it has the same size as its mask or image (``/Matte``).
        pages: pages that show it.
        masked: a mask of its own hides parts of it.
        covers: the share of its page that it fills at its largest, where it is on one page alone; else 0.
    """

    objgen: ObjGen
    role: Role
    width: int
    height: int
    bits: int
    color: ColorSpace
    coding: Coding
    data: bytes
    stored: int
    filters: tuple[str, ...]
    plain_decode: bool
    inverted: bool
    lossy_ok: bool
    keep_reason: str
    ccitt: CcittParameters | None
    width_pt: float
    height_pt: float
    page_pt: float
    resample: bool
    fixed_color: bool
    pages: frozenset[int]
    masked: bool
    covers: float

    @property
    def pixels(self) -> int:
        return self.width * self.height

    @property
    def decoded_bytes(self) -> int:
        """What the image takes in memory, decoded to 8 bits per component."""
        return self.pixels * self.color.components


def read_source(pdf: Pdf, found: FoundImage, limits: Limits, *, device_gray_ok: bool = True) -> ImageSource:
    """Take an image out of the document.

    Args:
        device_gray_ok: False in PDF/A without an output intent, where device colour spaces are not allowed.

    Raises:
        Skip: it is left alone, with the reason.
        MemoryError: there is not enough.
    """
    stream = pdf.get_object(found.objgen)
    if not isinstance(stream, Stream):
        raise Skip("unreadable")
    width, height = _size(stream)
    filters = filters_of(stream)
    names = tuple(f.name for f in filters)
    raw = stream.read_raw_bytes()
    stored = len(raw)
    matted = _is_matted(stream)
    if stored < TINY_BYTES and not matted:
        raise Skip("tiny")
    if any(name not in GENERAL for name in names[:-1]):
        raise Skip("unusual_filters")
    last = names[-1] if names else None
    if last == "/JBIG2Decode":
        raise Skip("jbig2")
    coding: Coding = {"/DCTDecode": "jpeg", "/JPXDecode": "jpx", "/CCITTFaxDecode": "ccitt"}.get(last or "", "samples")  # type: ignore[assignment]
    if coding == "samples" and last is not None and last not in GENERAL:
        raise Skip("unusual_filters")
    color, bits = _color_and_bits(stream, found.role, coding)
    if width * height * color.components * (2 if bits == 16 else 1) > limits.max_image_bytes:
        raise Skip("too_large")
    if not device_gray_ok:
        color = replace(color, neutral_is_gray=False)
    lossy_ok, keep_reason = _masking(stream)
    plain, inverted = _decode_array(stream, color, bits)
    if coding == "jpx" and int(stream.get("/SMaskInData", 0)) != 0:
        raise Skip("jpx_alpha")
    size = (width * color.samples * bits + 7) // 8 * height
    try:
        if coding == "samples":
            data = None
            if size <= limits.max_stream_bytes:
                data = _inflated(raw, filters, size) or _unpredicted(raw, filters, width, height, color, bits)
            data = data or read_decoded(stream, limits)
        else:
            data = read_before_last(pdf, stream, filters, limits)
    except LimitExceeded:
        raise Skip("too_large") from None
    if coding == "samples" and len(data) < size:
        raise Skip("truncated")
    if coding == "jpeg" and _unusual_transform(filters[-1], color, data):
        raise Skip("color_transform")
    return ImageSource(
        objgen=found.objgen,
        role=found.role,
        width=width,
        height=height,
        bits=bits,
        color=color,
        coding=coding,
        data=data,
        stored=stored,
        filters=names,
        plain_decode=plain,
        inverted=inverted,
        lossy_ok=lossy_ok,
        keep_reason=keep_reason,
        ccitt=_ccitt(filters[-1], width) if coding == "ccitt" else None,
        width_pt=found.width_pt,
        height_pt=found.height_pt,
        page_pt=found.page_pt,
        resample=found.resample and found.width_pt > 0,
        fixed_color=matted,
        pages=frozenset(found.pages),
        masked="/SMask" in stream or "/Mask" in stream,
        covers=_covers(pdf, found),
    )


def read_jbig2(pdf: Pdf, found: FoundImage, limits: Limits) -> Encoded | None:
    """An image that is stored as JBIG2 without symbols, as it stands; None for any other.

    Raises:
        Skip: it cannot be read, or is too large.
    """
    stream = pdf.get_object(found.objgen)
    if not isinstance(stream, Stream):
        return None
    filters = filters_of(stream)
    if not filters or filters[-1].name != "/JBIG2Decode" or (filters[-1].parms or {}):
        return None
    width, height = _size(stream)
    if width * height > limits.max_image_bytes:
        raise Skip("too_large")
    with raised_as(Skip("unreadable")):
        data = read_before_last(pdf, stream, filters, limits)
    return Encoded(data, "/JBIG2Decode", width, height, 1, exact=True) if is_generic(data) else None


def _inflated(raw: bytes, filters: Sequence[Filter], size: int) -> bytes | None:
    """Samples of exactly so many bytes that are deflated and nothing else, in a fifth of qpdf's time; else None."""
    if len(filters) != 1 or filters[0].name != "/FlateDecode" or filters[0].parms is not None:
        return None
    try:
        data = bytes(deflate.zlib_decompress(raw, size))
    except (deflate.DeflateError, ValueError):
        return None  # damage, and what goes on after the samples, is qpdf's matter
    return data if len(data) == size else None


def _unpredicted(
    raw: bytes, filters: Sequence[Filter], width: int, height: int, color: ColorSpace, bits: int
) -> bytes | None:
    """Samples of 8 bits that are deflated as PNG predicts them, in half of qpdf's time; None of any others.

    (elle-paper-pdfa1: 145 MB in 0.47 CPU seconds instead of 0.89.)
    """
    parms = filters[0].parms if len(filters) == 1 and filters[0].name == "/FlateDecode" else None
    if parms is None or bits != 8 or color.samples not in (1, 3):
        return None
    form = {"/Colors": color.samples, "/Columns": width, "/BitsPerComponent": 8}
    usual = {"/Colors": 1, "/Columns": 1, "/BitsPerComponent": 8}
    if any(parms.get(key, usual[key]) != value for key, value in form.items()):
        return None
    predictor = parms.get("/Predictor")
    if not isinstance(predictor, int) or predictor < FIRST_OF_PNG:
        return None
    return png.unpredicted(raw, width, height, color.samples)


def _size(stream: Stream) -> tuple[int, int]:
    with raised_as(Skip("unreadable")):
        width, height = int(stream.get("/Width", stream.get("/W", 0))), int(stream.get("/Height", stream.get("/H", 0)))
    if width <= 0 or height <= 0:
        raise Skip("unreadable")
    return width, height


def _color_and_bits(stream: Stream, role: Role, coding: Coding) -> tuple[ColorSpace, int]:
    bits = int(stream.get("/BitsPerComponent", stream.get("/BPC", 8)))
    if bool(stream.get("/ImageMask", False)):
        return ColorSpace("gray", 1), 1
    if coding == "ccitt":
        bits = 1
    color = read_color_space(stream.get("/ColorSpace", stream.get("/CS")))
    if color is None and coding == "jpx" and "/ColorSpace" not in stream:
        # JPEG 2000 brings its own colour space; the decoder tells which.
        return ColorSpace("rgb", 3, neutral_is_gray=True), 8
    if color is None:
        raise Skip("unknown_color_space")
    if coding in ("jpeg", "jpx"):
        bits = 8
    if bits not in (1, 2, 4, 8, 16):
        raise Skip("unreadable")
    return color, bits


def _masking(stream: Stream) -> tuple[bool, str]:
    """(may samples change, why not)."""
    if isinstance(stream.get("/Mask"), Array):
        return False, "color_key"
    return True, ""


def _covers(pdf: Pdf, found: FoundImage) -> float:
    if len(found.pages) != 1:
        return 0.0
    page = pdf.pages[next(iter(found.pages))]
    left, bottom, right, top = (float(v) for v in page.cropbox)
    unit = float(page.obj.get("/UserUnit", 1))
    area = abs((right - left) * (top - bottom)) * unit * unit
    return found.width_pt * found.height_pt / area if area > 0 else 0.0


def _is_matted(stream: Stream) -> bool:
    """Whether colours premultiplied with a soft mask are involved: this is such an image or such a mask.

    Both must have the same size, and ``/Matte`` is a colour in the image's present space (ISO 32000-1, 11.6.5.3).
    """
    mask = stream.get("/SMask")
    return "/Matte" in stream or (isinstance(mask, Stream) and "/Matte" in mask)


def _decode_array(stream: Stream, color: ColorSpace, bits: int) -> tuple[bool, bool]:
    """(is the default, is the exact opposite of the default)."""
    value = stream.get("/Decode", stream.get("/D"))
    if not isinstance(value, Array):
        return True, False
    try:
        numbers = [float(v) for v in value]
    except (TypeError, ValueError):
        return False, False
    if color.palette is not None:
        return numbers == [0.0, float(2**bits - 1)], False
    if color.family == "other" and color.components == 3:
        return False, False  # Lab's defaults are its ranges
    pairs = [numbers[i : i + 2] for i in range(0, len(numbers), 2)]
    plain = len(pairs) == color.components and all(pair == [0.0, 1.0] for pair in pairs)
    return plain, len(pairs) == color.components and all(pair == [1.0, 0.0] for pair in pairs)


def _unusual_transform(last: Filter, color: ColorSpace, data: bytes) -> bool:
    """Whether the filter's parameters say something else of a JPEG's colours than a reader takes for granted.

    Adobe's marker in the data overrules them; without it three components are transformed, four are not
    (ISO 32000-1, table 13).
    """
    if last.parms is None or "/ColorTransform" not in last.parms:
        return False
    info = jpeg_info(data)
    usual = 1 if color.components == 3 else 0
    return info is None or not (info.adobe or int(last.parms["/ColorTransform"]) == usual)


def _ccitt(last: Filter, width: int) -> CcittParameters:
    parms = last.parms if last.parms is not None else Dictionary()
    with raised_as(Skip("unreadable")):
        return CcittParameters(
            k=int(parms.get("/K", 0)),
            black_is_1=bool(parms.get("/BlackIs1", False)),
            byte_align=bool(parms.get("/EncodedByteAlign", False)),
            columns=int(parms.get("/Columns", 1728)),
        )
