"""Streams whose filters readers do not know: Brotli written again as Flate, and what is left of such streams.

The PDF Association's extension of 2026 adds ``/BrotliDecode``, with the parameters of ``/FlateDecode``. qpdf and pdfium
do not know it: to them such a stream is empty, and a page of it is blank. So Brotli becomes Flate before anything else
looks at the document. A stream of any other unknown filter is left as it is, byte for byte, and named.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import brotli
import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

from pdfsmaller.engine.brotli_data import decompress
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.document import inherited_resources
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.streams import BROTLI, GENERAL, KNOWN, Filter, check_total, filters_of, read_decoded
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

# What is read of a document for a cross-reference table: not part of what it holds.
_PACKING = ("/ObjStm", "/XRef")
_PREDICTOR = frozenset({"/Predictor", "/Colors", "/BitsPerComponent", "/Columns"})
# Chains of filters are two or three long in real files.
_MOST_FILTERS = 8
# Ways from a page to what it does not show.
_AWAY = frozenset({"/Parent", "/P", "/Dest", "/A", "/AA", "/B", "/Popup", "/IRT", "/StructParent", "/PieceInfo"})
# Objects looked at to find the pages that show a stream: beyond this, every page counts as one.
_MOST_OBJECTS = 500_000


@record(frozen=True)
class UnknownFilters:
    """What a document holds that cannot be read for its filters.

    Attributes:
        names: the filters.
        streams: the streams they are of.
        packed: objects are packed in such streams, so that some of the document is not seen at all.
    """

    names: frozenset[str]
    streams: frozenset[ObjGen]
    packed: bool


def unknown_filters(pdf: Pdf, *, laid_open: bool = False) -> UnknownFilters:
    """The streams whose filters nobody here knows.

    Args:
        laid_open: what was packed with Brotli stands in the file a second time, to be read by everybody.
    """
    names, streams, packed = set[str](), set[ObjGen](), False
    for stream in _streams(pdf):
        with tolerate("filters"):
            unknown = {one.name for one in filters_of(stream)} - KNOWN
            packing = str(stream.get("/Type")) in _PACKING
            if packing and laid_open:
                unknown.discard(BROTLI)
            if unknown:
                names |= unknown
                streams.add(stream.objgen)
                packed = packed or packing
    return UnknownFilters(frozenset(names), frozenset(streams), packed)


def write_flate_for_brotli(pdf: Pdf, limits: Limits) -> bool:
    """Store every stream that is Brotli as Flate: whether there was any. What cannot be decoded stays.

    Raises:
        LimitExceeded: a stream is over ``max_stream_bytes``.
    """
    found = False
    for stream in _streams(pdf):
        with tolerate("brotli", brotli.error):
            if str(stream.get("/Type")) in _PACKING:
                continue
            filters = filters_of(stream)
            if len(filters) <= _MOST_FILTERS and any(one.name == BROTLI for one in filters):
                data, left = stream.read_raw_bytes(), filters
                while any(one.name == BROTLI for one in left):
                    data, left = _flate_for_first(pdf, data, left, limits)
                _store(stream, data, left)
                found = True
    return found


def _flate_for_first(pdf: Pdf, data: bytes, filters: list[Filter], limits: Limits) -> tuple[bytes, list[Filter]]:
    """Data and filters with Flate for the first Brotli, and without the filters around it.

    Raises:
        pikepdf.PdfError: they cannot be decoded.
        LimitExceeded: ``max_stream_bytes``.
    """
    place = next(index for index, one in enumerate(filters) if one.name == BROTLI)
    around, parms = filters[:place], filters[place].parms
    if any(one.name not in GENERAL for one in around):
        raise pikepdf.PdfError("a filter around Brotli is not known")
    if parms is not None and not set(parms.keys()) <= _PREDICTOR:
        raise pikepdf.PdfError("Brotli with a dictionary of its own")
    if around:
        outer = Stream(pdf, data)
        _put_filters(outer, around)
        data = read_decoded(outer, limits)
    deflate, parts, total = zlib.compressobj(), [], 0
    for piece in decompress(data):
        total += len(piece)
        check_total(total, limits)
        parts.append(deflate.compress(piece))
    return b"".join([*parts, deflate.flush()]), [Filter("/FlateDecode", parms), *filters[place + 1 :]]


def _store(stream: Stream, data: bytes, filters: list[Filter]) -> None:
    for key in ("/DP", "/DecodeParms"):
        if key in stream:
            del stream[key]
    stream.write(data)
    _put_filters(stream, filters)


def _put_filters(stream: Stream, filters: list[Filter]) -> None:
    stream["/Filter"] = Array([Name(one.name) for one in filters])
    if any(one.parms is not None for one in filters):
        stream["/DecodeParms"] = Array([one.parms for one in filters])


def pages_showing(pdf: Pdf, streams: frozenset[ObjGen]) -> set[int]:
    """The pages that lead to any of these streams, by their content, resources or annotations."""
    found: set[int] = set()
    budget = _MOST_OBJECTS if streams else 0
    for number, page in enumerate(pdf.pages if streams else ()):
        seen: set[ObjGen] = set()
        stack: list[Object | None] = [page.obj, inherited_resources(page.obj)]
        while stack and number not in found:
            node = stack.pop()
            budget -= 1
            if budget < 0:
                found.add(number)
            if not isinstance(node, Array | Dictionary | Stream):
                continue
            if node.is_indirect:
                if node.objgen in seen:
                    continue
                seen.add(node.objgen)
                if node.objgen in streams:
                    found.add(number)
            with tolerate("pages_of_streams"):
                if isinstance(node, Array):
                    stack += node.as_list()
                else:
                    stack += [value for key, value in node.items() if key not in _AWAY]
    return found


def _streams(pdf: Pdf) -> Iterator[Stream]:
    return (obj for obj in pdf.objects if isinstance(obj, Stream))
