"""Structure: the same document in fewer bytes, with nothing changed that anybody can see or use.

Identical streams become one, streams are deflated better, unused resources, thumbnails, applications' private data and
entries that say nothing go. Outlines, destinations, names, tags, labels, attachments, layers, fields and the values of
metadata are not touched.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field

from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.color.profiles import slim_profiles
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.deflate import ZOPFLI_BYTES_PER_SECOND, zlib_compress
from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.fonts.to_unicode import compact_to_unicode
from pdfsmaller.engine.options import Effort
from pdfsmaller.engine.streams import FILE_TYPES, GENERAL, filters_of, read_decoded
from pdfsmaller.engine.structure.defaults import drop_defaults
from pdfsmaller.engine.structure.functions import thin_functions
from pdfsmaller.engine.structure.meshes import thin_meshes
from pdfsmaller.engine.structure.palettes import inline_palettes
from pdfsmaller.engine.structure.predicted import PARAMETERS_BYTES, Rows, predicted, rows_of
from pdfsmaller.engine.structure.syntax import name_text
from pdfsmaller.engine.structure.trees import fill_trees
from pdfsmaller.engine.structure.xmp import trimmed
from pdfsmaller.engine.workers import WORKERS, spread
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

# What `/Filter/FlateDecode` takes in a stream's dictionary.
_FLATE_ENTRY = 19
RECOMPRESS_BATCH_BYTES = 40_000_000


@record(frozen=True)
class Packed:
    """A stream's data as it is to be stored; predicted, where it lies in rows."""

    data: bytes
    deflated: bool
    rows: Rows | None = None

    @property
    def cost(self) -> int:
        """Bytes in the file, with the entries that name the filter and how it is predicted."""
        return len(self.data) + (_FLATE_ENTRY if self.deflated else 0) + (PARAMETERS_BYTES if self.rows else 0)


@record(frozen=True)
class _Pending:
    """A stream that waits for being deflated: what it holds, and what it took before."""

    stream: Stream
    key: bytes
    data: bytes
    before: int
    zopfli: bool
    rows: Rows | None


@record()
class StructureCache:
    """Work on streams that several builds of one document share.

    Attributes:
        deflated: smaller data, by a digest of the stored data and its filters (None = keep).
        zopfli_bytes: how many bytes may still be deflated by zopfli.
    """

    deflated: dict[bytes, Packed | None] = field(default_factory=dict)
    zopfli_bytes: int = ZOPFLI_BYTES_PER_SECOND


def tidy(
    pdf: Pdf,
    cache: StructureCache,
    limits: Limits,
    deadline: Deadline,
    *,
    effort: Effort = "default",
    pdfa: bool = False,
    exact: bool = False,
) -> None:
    """All structural savings.

    Args:
        pdfa: the document claims to be PDF/A.
        exact: no pixel may change.

    Raises:
        LimitExceeded: a stream is over ``max_stream_bytes``.
    """
    drop_private_data(pdf)
    drop_defaults(pdf)
    drop_unused_form_resources(pdf)
    if not exact:
        drop_part_metadata(pdf)
        thin_meshes(pdf, limits)
        thin_functions(pdf, limits)
    trim_xmp(pdf, limits, plain=pdfa)
    compact_to_unicode(pdf, limits)
    inline_palettes(pdf, limits)
    fill_trees(pdf)
    if not deadline.passed():
        drop_unused_resources(pdf)
    if not deadline.passed():
        slim_profiles(pdf, limits, exact=exact)
    deflate_streams(pdf, cache, limits, deadline, effort=effort, plain_xmp=pdfa)


def drop_private_data(pdf: Pdf) -> None:
    """Page thumbnails, and what applications keep for themselves in ``/PieceInfo`` (ISO 32000-1, 14.5)."""
    if "/PieceInfo" in pdf.Root:
        del pdf.Root["/PieceInfo"]
    for page in pdf.pages:
        for key in ("/Thumb", "/PieceInfo"):
            if key in page.obj:
                del page.obj[key]
    for obj in pdf.objects:
        if isinstance(obj, Stream) and "/PieceInfo" in obj:
            del obj["/PieceInfo"]


def drop_unused_form_resources(pdf: Pdf) -> None:
    """The fonts that an interactive form without any field keeps for its fields."""
    form = pdf.Root.get("/AcroForm")
    if not isinstance(form, Dictionary) or "/XFA" in form:
        return
    fields = form.get("/Fields")
    if fields is None or (isinstance(fields, Array) and not len(fields)):
        for key in ("/DR", "/DA"):
            if key in form:
                del form[key]


def drop_part_metadata(pdf: Pdf) -> None:
    """XMP of images, forms, fonts and placed graphics, which no reader shows. The document's and its pages' stay."""
    for obj in pdf.objects:
        if isinstance(obj, Stream) and "/Metadata" in obj:
            del obj["/Metadata"]
        resources = entry(obj, "/Resources") if isinstance(obj, Stream | Dictionary) else None
        marked = entry(resources, "/Properties") if isinstance(resources, Dictionary) else None
        if isinstance(marked, Dictionary):
            for properties in marked.values():
                if isinstance(properties, Dictionary) and "/Metadata" in properties and "/Type" not in properties:
                    del properties["/Metadata"]


def trim_xmp(pdf: Pdf, limits: Limits, *, plain: bool) -> None:
    """XMP packets without what says nothing.

    Args:
        plain: they are not going to be deflated.
    """
    for obj in pdf.objects:
        if not isinstance(obj, Stream) or entry(obj, "/Type") != "/Metadata":
            continue
        with tolerate("metadata") as attempt:
            data = read_decoded(obj, limits)
        if attempt.failed:
            continue
        packet = trimmed(data, wrapped=plain)
        if len(packet) < len(data):
            obj.write(packet)


def drop_unused_resources(pdf: Pdf) -> None:
    """Fonts and XObjects that no page content names.

    Left alone where a Type 3 font has no resources of its own: its glyphs use the page's, which qpdf does not see.
    """
    with tolerate("resources"):
        for obj in pdf.objects:
            if isinstance(obj, Dictionary) and entry(obj, "/Subtype") == "/Type3" and "/Resources" not in obj:
                return
        pdf.remove_unreferenced_resources()


def deflate_streams(
    pdf: Pdf, cache: StructureCache, limits: Limits, deadline: Deadline, *, effort: Effort, plain_xmp: bool = False
) -> None:
    """Every stream with general-purpose filters as Flate at its best, or plain, where that is smaller.

    Args:
        plain_xmp: leave metadata as they are: PDF/A demands that programs can read them that know no PDF (ISO 19005-1,
            6.7.2).
    """
    pending: list[_Pending] = []
    size = 0
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="deflate") as pool:

        def deflated(item: _Pending) -> Packed:
            found = predicted(item.data, item.rows) if item.rows else None
            packed = zlib_compress(found or item.data, effort, deadline, zopfli=item.zopfli)
            return Packed(packed, deflated=True, rows=item.rows if found else None)

        def flush() -> None:
            nonlocal size
            done = spread(pool, deflated, pending, lambda item: len(item.data))
            for item, packed in zip(pending, done, strict=True):
                best = min(Packed(item.data, deflated=False), packed, key=lambda p: p.cost)
                cache.deflated[item.key] = best if best.cost < item.before else None
                _put(item.stream, cache.deflated[item.key])
            pending.clear()
            size = 0

        for obj in pdf.objects:
            if not isinstance(obj, Stream) or not _may_deflate(obj, plain_xmp):
                continue
            with tolerate("stream") as attempt:
                raw = obj.read_raw_bytes()
                key = _key(obj, raw)
                if key in cache.deflated:
                    _put(obj, cache.deflated[key])
                    continue
                if deadline.passed():
                    break
                data = read_decoded(obj, limits)
            if attempt.failed:
                continue
            zopfli = effort == "max" and len(data) <= cache.zopfli_bytes
            if zopfli:
                cache.zopfli_bytes -= len(data)
            rows = rows_of(data) if "/N" in obj else None
            before = len(raw) + (_FLATE_ENTRY if "/Filter" in obj else 0)
            pending.append(_Pending(obj, key, data, before, zopfli, rows))
            size += len(data)
            if size > RECOMPRESS_BATCH_BYTES:
                flush()
        flush()


def _key(stream: Stream, raw: bytes) -> bytes:
    """What a stream decodes to, as a digest of its stored data and filters."""
    digest = hashlib.blake2b(raw, digest_size=16)
    for name in ("/Filter", "/DecodeParms", "/DP"):
        value = entry(stream, name)
        if isinstance(value, Object):
            digest.update(value.unparse(resolved=True))
    return digest.digest()


def _put(stream: Stream, packed: Packed | None) -> None:
    if packed is None:
        return
    parameters = None
    if packed.rows is not None:
        parameters = Dictionary(Predictor=15, Colors=packed.rows.step, Columns=packed.rows.columns)
    stream.write(packed.data, filter=Name.FlateDecode if packed.deflated else None, decode_parms=parameters)


def _may_deflate(stream: Stream, plain_xmp: bool) -> bool:
    kind = name_text(entry(stream, "/Type"))
    if kind in FILE_TYPES or "/F" in stream or (plain_xmp and kind == "/Metadata"):
        return False
    filters = filters_of(stream)
    if entry(stream, "/Subtype") == "/Image" and filters:
        return False  # images have had their own race
    return all(f.name in GENERAL for f in filters)
