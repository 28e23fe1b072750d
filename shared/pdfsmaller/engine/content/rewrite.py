"""Every content stream of a document, written again in as few bytes as draw the same.

Pages, forms, tiling patterns, Type 3 glyphs and appearances. The same operators show the same text, in the same order;
marked content, inline images and what is clipped stay. Numbers lose what no device can show, state that is set already
is not set again, strings and numbers take their shortest spelling (see ``rewrite.lua``). A stream keeps its data where
nothing is won or anything in it is not certain; a page's streams that other pages share keep theirs.

Not done: fonts, images and all that is not content.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field

from deflate import zlib_compress
from pikepdf import Dictionary, Name, Object, Pdf, Stream

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.content.rewriter import Rewriter, rewriters
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.document import listed_contents
from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.streams import GENERAL, filters_of, read_decoded
from pdfsmaller.engine.structure.syntax import name_text
from pdfsmaller.engine.walk.streams import ContentStream, resources_of
from pdfsmaller.engine.workers import WORKERS, spread
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

#: Larger streams are left alone: they are held in memory several times over.
MAX_BYTES = 16_000_000
#: Content in the works at once, decoded.
BATCH_BYTES = 16_000_000
#: What decides whether a stream won: quick, since what is written is deflated once more. Of ten development documents
#: full of content the results are as large with 1 as with 6 (11,286,784 and 11,287,167 bytes; 2026-11-30).
LEVEL = 1
#: Of a pixel at the resolution asked for: how far a mark may move.
PIXEL_SHARE = 1 / 64
# Points. Extractors order text by where it stands: larger moves were seen to change that on dense pages.
MOST_TOLERANCE = 0.0075
#: The resolution that counts where none is asked for.
DEVICE_DPI = 600

# Entries of a graphics state that may be set twice, and that no operator but gs sets (ISO 32000-1, table 58).
_HARMLESS = frozenset(
    {
        "/Type",
        "/CA",
        "/ca",
        "/BM",
        "/AIS",
        "/TK",
        "/SA",
        "/OP",
        "/op",
        "/OPM",
        "/SM",
        "/TR",
        "/TR2",
        "/HT",
        "/BG",
        "/BG2",
        "/UCR",
        "/UCR2",
        "/HTP",
        "/UseBlackPtComp",
    }
)


@record(frozen=True)
class _Done:
    """What became of one content: its new data, deflated, or None where it stays."""

    packed: bytes | None = None


@record()
class ContentCache:
    """Work on content that several builds of one document share, by what it was made of."""

    done: dict[bytes, _Done] = field(default_factory=dict)


@record()
class _Content:
    """A page's content, or a stream's.

    Attributes:
        owner: the page, or the stream itself.
        streams: where it lies; the first takes the new data.
        names: its resources, as the rewriter wants them listed.
        scale: the largest at which it is shown, in points to a unit.
    """

    owner: Dictionary | Stream
    streams: list[Stream]
    names: bytes
    scale: float = math.inf


def tolerance(dpi: int | None) -> float:
    """How far marks may move, in points, in a document for so many dots per inch."""
    return min(MOST_TOLERANCE, 72 / (dpi or DEVICE_DPI) * PIXEL_SHARE)


def rewrite_content(
    pdf: Pdf,
    cache: ContentCache,
    streams: Iterable[ContentStream],
    scales: Mapping[ObjGen, float],
    limits: Limits,
    deadline: Deadline,
    *,
    tolerance: float,
) -> None:
    """Write the content streams again.

    Args:
        streams: of this document, or of the one that it is a copy of.
        scales: the largest at which each stream is shown (see ``scales``); what is not listed is never rounded.
        tolerance: how far a mark may move, in points of the page; 0: no number may change its value.

    Raises:
        LimitExceeded: a content stream is over ``max_stream_bytes``.
    """
    if Rewriter.available():
        _Rewrite(pdf, cache, streams, scales, limits, deadline, tolerance).run()


class _Rewrite:
    def __init__(
        self,
        pdf: Pdf,
        cache: ContentCache,
        streams: Iterable[ContentStream],
        scales: Mapping[ObjGen, float],
        limits: Limits,
        deadline: Deadline,
        tolerance: float,
    ) -> None:
        self.pdf, self.cache, self.streams, self.scales, self.limits = pdf, cache, streams, scales, limits
        self.deadline, self.tolerance = deadline, tolerance
        self.listings: dict[ObjGen, bytes] = {}

    def run(self) -> None:
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="content") as self.pool:
            for content, done in self._each(self._contents()):
                self._put(content, done)

    # --- what there is ------------------------------------------------------------------------------------------------

    def _contents(self) -> Iterator[_Content]:
        """What is a page's or a stream's own."""
        found: list[tuple[ContentStream, Dictionary | Stream, list[Stream]]] = []
        owners: Counter[ObjGen] = Counter()
        for about in self.streams:
            owner = self.pdf.get_object(about.objgen)
            listed = listed_contents(owner) if isinstance(owner, Dictionary | Stream) else [owner]
            streams = [stream for stream in listed if isinstance(stream, Stream)]
            owners.update(stream.objgen for stream in streams)
            if isinstance(owner, Dictionary | Stream) and streams and len(streams) == len(listed):
                found.append((about, owner, streams))
        for about, owner, streams in found:
            if all(owners[stream.objgen] == 1 for stream in streams):
                names = b""
                with tolerate("content"):
                    names = self._listed(resources_of(self.pdf, about))
                yield _Content(owner, streams, names, self.scales.get(about.objgen, math.inf))

    def _listed(self, resources: Object | None) -> bytes:
        """The resources that the rewriter asks about, as it wants them listed."""
        if not isinstance(resources, Dictionary):
            return b""
        known = self.listings.get(resources.objgen) if resources.is_indirect else None
        if known is None:
            known = "\n".join(_listing(resources)).encode()
            if resources.is_indirect:
                self.listings[resources.objgen] = known
        return known

    # --- rewriting ----------------------------------------------------------------------------------------------------

    def _each(self, contents: Iterable[_Content]) -> Iterator[tuple[_Content, _Done]]:
        """Rewrite contents in the pool, as many at once as memory allows."""
        waiting: list[tuple[_Content, list[bytes]]] = []
        size = 0
        for content in contents:
            data = None if self.deadline.passed() else self._read(content)
            if data is None:
                continue
            waiting.append((content, data))
            size += sum(map(len, data))
            if size > BATCH_BYTES:
                yield from self._flushed(waiting)
                waiting, size = [], 0
        yield from self._flushed(waiting)

    def _flushed(self, waiting: list[tuple[_Content, list[bytes]]]) -> Iterator[tuple[_Content, _Done]]:
        done = spread(self.pool, lambda item: self._rewritten(*item), waiting, lambda item: sum(map(len, item[1])))
        return zip([content for content, _ in waiting], done, strict=True)

    def _read(self, content: _Content) -> list[bytes] | None:
        """The streams' data, or None where they cannot all be read or are too large."""
        data, total = [], 0
        for stream in content.streams:
            if "/F" in stream or any(f.name not in GENERAL for f in filters_of(stream)):
                return None
            with tolerate("content") as attempt:
                data.append(read_decoded(stream, self.limits))
            if attempt.failed:
                return None
            total += len(data[-1])
            if total > MAX_BYTES:
                return None
        return data

    def _rewritten(self, content: _Content, data: list[bytes]) -> _Done:
        tolerance = self.tolerance if math.isfinite(content.scale) else 0.0
        scale = content.scale if tolerance else 1.0
        key = hashlib.sha256(b"\0".join([content.names, repr((scale, tolerance)).encode(), *data])).digest()
        known = self.cache.done.get(key)
        if known is None:
            old = b"\n".join(data)
            found = rewriters.get().rewrite(old, content.names, scale=scale, tolerance=tolerance)
            if found.data is None and tolerance:
                found = rewriters.get().rewrite(old, content.names, scale=scale, tolerance=0)
            known = self.cache.done[key] = _Done(_smaller(found.data, data))
        return known

    def _put(self, content: _Content, done: _Done) -> None:
        if done.packed is None:
            return
        first = content.streams[0]
        first.write(done.packed, filter=Name.FlateDecode)
        if len(content.streams) > 1:
            content.owner["/Contents"] = first


def _smaller(new: bytes | None, old: list[bytes]) -> bytes | None:
    """New content, deflated, if that is smaller than the old deflated as well as can be."""
    if new is None:
        return None
    packed = bytes(zlib_compress(new, LEVEL))
    return packed if len(packed) < sum(len(zlib_compress(data, LEVEL)) for data in old) else None


def _listing(resources: Dictionary) -> Iterator[str]:
    for name, font in _named(resources, "/Font").items():
        if isinstance(font, Dictionary) and _is_plain(name):
            yield from (f"{letter} {name[1:]}" for letter in _font_letters(font))
    for name, state in _named(resources, "/ExtGState").items():
        if isinstance(state, Dictionary) and _is_plain(name):
            mask = state.get("/SMask")
            if state.keys() - {"/SMask"} <= _HARMLESS:
                yield f"{'G' if mask is None or mask == Name.None_ else 'M'} {name[1:]}"


def _font_letters(font: Dictionary) -> str:
    kind = font.get("/Subtype")
    if kind == "/Type0":
        return "DE" if name_text(font.get("/Encoding")) in ("/Identity-H", "/Identity-V") else "E"
    if kind in ("/Type1", "/MMType1", "/TrueType"):
        return "SE"
    return "S" if kind == "/Type3" else ""


def _is_plain(name: str) -> bool:
    """Whether a name holds nothing that content may spell in more than one way (``#20``) but for sport."""
    return name.isascii() and name.isprintable() and not set(name[1:]) & set(" ()<>[]{}/%#")


def _named(holder: object, category: str) -> dict[str, Object]:
    """The entries of a category of resources; none where it is missing or no dictionary."""
    found = entry(holder, category) if isinstance(holder, Dictionary) else None
    return dict(found.items()) if isinstance(found, Dictionary) else {}
