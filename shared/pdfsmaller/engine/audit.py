"""Where a file's bytes are: the stored size of every stream, by what the stream is for.

One pass over the document's objects. Nothing is decoded: a stream counts with the bytes that it takes in the file.
What is no stream (dictionaries, cross-reference tables, object streams' overhead, the space between) and every
stream of no known kind is ``structure``, so that the parts always add up to the file.

Inline images count as content: they cannot be told from it without parsing it. Colour profiles count as images,
which is what nearly all of them serve.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal

import pikepdf

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.report import Audit

Kind = Literal["images", "fonts", "content", "metadata", "attachments"]

_FONT_FILES = ("/FontFile", "/FontFile2", "/FontFile3")
_KINDS: tuple[Kind, ...] = ("images", "fonts", "content", "metadata", "attachments")
#: Where one stream has two uses, the first of these holds (a thumbnail is an image, but counts as metadata).
_RANK: dict[Kind, int] = {"metadata": 0, "fonts": 1, "attachments": 2, "images": 3, "content": 4}
#: What has none of these entries says nothing of other streams. (All keys of an object are had sooner than each alone.)
_TELLING = frozenset(
    {"/FontDescriptor", "/ToUnicode", "/CharProcs", "/Contents", "/EF", "/Thumb", "/PieceInfo", "/DecodeParms"}
    | {*_FONT_FILES, "/CIDSet", "/CharSet"}
)
#: Private application data nest freely; deeper than this nobody looks.
_PRIVATE_DEPTH = 8


def audit(pdf: pikepdf.Pdf, file_bytes: int, streams: Counter[Kind] | None = None) -> Audit:
    """The stored bytes of a document by kind.

    Args:
        pdf: as opened from the file (streams changed since then count with their new size).
        file_bytes: the file's size, in bytes; the parts add up to it exactly.
        streams: counts the streams of each kind.
    """
    sizes: dict[ObjGen, int] = {}
    kinds: dict[ObjGen, Kind] = {}

    def claim(key: ObjGen, kind: Kind) -> None:
        known = kinds.get(key)
        if known is None or _RANK[kind] < _RANK[known]:
            kinds[key] = kind

    for obj in pdf.objects:
        with tolerate("object"):  # counts as structure
            if isinstance(obj, pikepdf.Stream):
                sizes[obj.objgen] = _stored_size(obj, file_bytes)
                if (own := _kind_of_stream(obj)) is not None:
                    claim(obj.objgen, own)
            if isinstance(obj, (pikepdf.Stream, pikepdf.Dictionary)) and not _TELLING.isdisjoint(obj.keys()):
                for key, kind in _kinds_of_referenced(obj):
                    claim(key, kind)

    totals = dict.fromkeys(_KINDS, 0)
    for key, size in sizes.items():
        if key in kinds:
            totals[kinds[key]] += size
            if streams is not None:
                streams[kinds[key]] += 1
    claimed = sum(totals.values())
    if claimed > file_bytes:  # lengths that lie, or streams that overlap
        totals = {kind: size * file_bytes // claimed for kind, size in totals.items()}
    return Audit(**totals, structure=file_bytes - sum(totals.values()))


def _stored_size(stream: pikepdf.Object, file_bytes: int) -> int:
    length = stream.stream_dict.get("/Length")
    if isinstance(length, int):
        return max(0, min(length, file_bytes))
    return min(len(stream.read_raw_bytes()), file_bytes)


def _kind_of_stream(stream: pikepdf.Object) -> Kind | None:
    """What a stream says of itself."""
    kind = entry(stream, "/Type")
    if kind == "/Metadata":
        return "metadata"
    if kind == "/EmbeddedFile":
        return "attachments"
    if kind == "/CMap" or "/Length1" in stream:
        return "fonts"
    if kind is None and entry(stream, "/N") in (1, 3, 4):  # an ICC profile
        return "images"
    subtype = entry(stream, "/Subtype")
    if subtype == "/Image":
        return "images"
    if subtype in ("/Type1C", "/CIDFontType0C", "/OpenType"):
        return "fonts"
    if subtype == "/Form" or "/PatternType" in stream or "/ShadingType" in stream:
        return "content"
    return None


def _kinds_of_referenced(obj: pikepdf.Object) -> Iterator[tuple[ObjGen, Kind]]:
    """What an object says of the streams that it refers to."""
    if "/FontDescriptor" in obj or "/ToUnicode" in obj or "/CharProcs" in obj:  # a font
        for name in ("/ToUnicode", "/Encoding", "/CIDToGIDMap"):
            yield from _streams(obj.get(name), "fonts")
        yield from _streams(obj.get("/CharProcs"), "fonts")
        descriptor = obj.get("/FontDescriptor")
        if isinstance(descriptor, pikepdf.Dictionary) and not descriptor.is_indirect:
            yield from _font_programs(descriptor)
    if "/FontName" in obj or obj.get("/Type") == "/FontDescriptor":
        yield from _font_programs(obj)
    if "/Contents" in obj and obj.get("/Type") != "/Annot":
        yield from _streams(obj.get("/Contents"), "content")
    if "/EF" in obj:
        yield from _streams(obj.get("/EF"), "attachments")
    if "/Thumb" in obj:
        yield from _streams(obj.get("/Thumb"), "metadata")
    if "/PieceInfo" in obj:
        yield from _private(obj.get("/PieceInfo"), _PRIVATE_DEPTH)
    parameters = entry(obj, "/DecodeParms")
    for given in parameters if isinstance(parameters, pikepdf.Array) else [parameters]:
        if isinstance(given, pikepdf.Dictionary) and "/JBIG2Globals" in given:
            yield from _streams(given.get("/JBIG2Globals"), "images")


def _font_programs(descriptor: pikepdf.Object) -> Iterator[tuple[ObjGen, Kind]]:
    for name in (*_FONT_FILES, "/CIDSet", "/CharSet"):
        yield from _streams(descriptor.get(name), "fonts")


def _streams(value: object, kind: Kind) -> Iterator[tuple[ObjGen, Kind]]:
    """The streams that a value is, or holds one level down."""
    if isinstance(value, pikepdf.Stream):
        yield value.objgen, kind
    elif isinstance(value, pikepdf.Array):
        for item in value:
            if isinstance(item, pikepdf.Stream):
                yield item.objgen, kind
    elif isinstance(value, pikepdf.Dictionary):
        for _, item in value.items():
            if isinstance(item, pikepdf.Stream):
                yield item.objgen, kind


def _private(value: object, depth: int) -> Iterator[tuple[ObjGen, Kind]]:
    """Every stream below private application data; never up to a page again."""
    if isinstance(value, pikepdf.Stream):
        yield value.objgen, "metadata"
    if depth == 0 or not isinstance(value, (pikepdf.Stream, pikepdf.Dictionary, pikepdf.Array)):
        return
    if isinstance(value, pikepdf.Array):
        for item in value:
            yield from _private(item, depth - 1)
    elif value.get("/Type") not in ("/Page", "/Pages", "/Catalog"):
        for name, item in value.items():
            if name != "/Parent":
                yield from _private(item, depth - 1)
