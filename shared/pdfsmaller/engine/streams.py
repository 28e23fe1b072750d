"""Reading streams without trusting them: filters as a list, decoded bytes under a limit."""

from __future__ import annotations

import re
import zlib
from contextlib import suppress

import pikepdf
from pikepdf import Array, Dictionary, Name, Stream

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.structure.syntax import name_text
from pdfsmaller.errors import LimitExceeded
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

#: Short forms are legal in inline images and met in the wild elsewhere (ISO 32000-1, table 94).
SHORT_FILTERS = {
    "/A85": "/ASCII85Decode",
    "/AHx": "/ASCIIHexDecode",
    "/CCF": "/CCITTFaxDecode",
    "/DCT": "/DCTDecode",
    "/Fl": "/FlateDecode",
    "/LZW": "/LZWDecode",
    "/RL": "/RunLengthDecode",
}
GENERAL = frozenset({"/ASCII85Decode", "/ASCIIHexDecode", "/FlateDecode", "/LZWDecode", "/RunLengthDecode"})
BROTLI = "/BrotliDecode"
#: Streams that are parts of a file and not of its document.
FILE_TYPES = ("/XRef", "/ObjStm")
#: What qpdf, pdfium and the parts of this engine know between them.
KNOWN = GENERAL | {"/DCTDecode", "/JPXDecode", "/CCITTFaxDecode", "/JBIG2Decode", "/Crypt"}
# Deflate makes at most so many bytes of one (RFC 1951: 258 of two bits).
_FLATE_MOST = 1_032
# What qpdf says when one of its own memory limits stops a decoder.
_OVER_LIMIT = re.compile(r"limit exceeded", re.IGNORECASE)


@record(frozen=True)
class Filter:
    """One filter of a stream with its parameters (None = defaults)."""

    name: str
    parms: Dictionary | None


def filters_of(stream: Stream) -> list[Filter]:
    """The stream's filters, outermost first, by their long names."""
    names = entry(stream, "/Filter")
    if names is None:
        return []
    parms = entry(stream, "/DecodeParms")
    if parms is None:
        parms = entry(stream, "/DP")
    if parms is None and isinstance(names, Name):  # most streams
        text = name_text(names)
        return [Filter(SHORT_FILTERS.get(text, text), None)]
    listed = list(names.as_list()) if isinstance(names, Array) else [names] if isinstance(names, Name) else []
    given = list(parms.as_list()) if isinstance(parms, Array) else [parms]
    result = []
    for index, name in enumerate(listed):
        parm = given[index] if index < len(given) else None
        text = name_text(name)
        result.append(Filter(SHORT_FILTERS.get(text, text), parm if isinstance(parm, Dictionary) else None))
    return result


def read_decoded(stream: Stream, limits: Limits) -> bytes:
    """All of a stream whose filters are general-purpose ones, decoded.

    Raises:
        LimitExceeded: ``max_stream_bytes``.
        MemoryError: it does not fit into the memory there is.
        pikepdf.PdfError: the data is damaged or a filter is not a general-purpose one.
    """
    try:
        data = stream.read_bytes(pikepdf.StreamDecodeLevel.generalized)
    except (pikepdf.PdfError, RuntimeError, UnicodeDecodeError) as exc:  # qpdf's own message may be no UTF-8
        if _OVER_LIMIT.search(str(exc)):
            raise _too_big(limits) from exc
        if "bad_alloc" in str(exc):
            raise MemoryError from exc
        raise pikepdf.PdfError(str(exc)) from exc
    if len(data) > limits.max_stream_bytes:
        raise _too_big(limits)
    return data


def check_decoded_size(stream: Stream, data: bytes, limits: Limits) -> None:
    """Refuse a stream that decodes to more than ``max_stream_bytes``, without holding what it decodes to.

    Args:
        data: the stream's data as stored.

    Raises:
        LimitExceeded: ``max_stream_bytes``.
    """
    names = [f.name for f in filters_of(stream)]
    if names == ["/FlateDecode"]:
        if len(data) * _FLATE_MOST > limits.max_stream_bytes and _inflated_over(data, limits.max_stream_bytes):
            raise _too_big(limits)
    elif len(names) > 1 and all(name in GENERAL for name in names):
        with tolerate("stream"):  # nothing comes out of it
            read_decoded(stream, limits)


def _inflated_over(data: bytes, most: int) -> bool:
    inflate, rest, total = zlib.decompressobj(), data, 0
    with suppress(zlib.error):
        while rest and total <= most and not inflate.eof:
            total += len(inflate.decompress(rest, 1 << 20))
            rest = inflate.unconsumed_tail
    return total > most


def read_before_last(pdf: pikepdf.Pdf, stream: Stream, filters: list[Filter], limits: Limits) -> bytes:
    """The data as it stands before its last filter: the JPEG, JPEG 2000, CCITT or JBIG2 data inside."""
    if len(filters) == 1:
        return stream.read_raw_bytes()
    outer = Stream(pdf, stream.read_raw_bytes())
    outer["/Filter"] = Array([Name(f.name) for f in filters[:-1]])
    outer["/DecodeParms"] = Array([f.parms if f.parms is not None else None for f in filters[:-1]])
    return read_decoded(outer, limits)


def check_total(total: int, limits: Limits) -> None:
    """Refuse a stream that has decoded to so many bytes so far.

    Raises:
        LimitExceeded: ``max_stream_bytes``.
    """
    if total > limits.max_stream_bytes:
        raise _too_big(limits)


def _too_big(limits: Limits) -> LimitExceeded:
    return LimitExceeded(
        "max_stream_bytes",
        limits.max_stream_bytes,
        f"A stream of this PDF decodes to more than {limits.max_stream_bytes:,} bytes.",
    )
