"""All content streams of a document, to be found again in any copy of it."""

from __future__ import annotations

from pikepdf import Dictionary, Object, Pdf, Stream

from pdfsmaller.engine.document import inherited_resources, listed_contents
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.streams import read_decoded
from pdfsmaller.engine.walk.graph import Document
from pdfsmaller.limits import Limits
from pdfsmaller.records import record


@record(frozen=True)
class ContentStream:
    """A page's content, a form, a pattern or a Type 3 glyph.

    Attributes:
        objgen: the stream's object; a page's.
        page: it is a page's content.
        holder: the object whose ``/Resources`` its names refer to, or None where it has none or that is not certain.
        colored: it may set colours other than levels of DeviceGray.
        gray: it may set levels of DeviceGray.
        inline: it may have inline images.
        inline_bytes: size of the largest of them, as far as is known.
    """

    objgen: ObjGen
    page: bool
    holder: ObjGen | None
    colored: bool
    gray: bool
    inline: bool
    inline_bytes: int = 0


def content_streams(document: Document) -> list[ContentStream]:
    """All that were walked, pages first. What could not be read may do anything."""
    pages = {page.node for page in document.pages}
    holders: dict[ObjGen, set[ObjGen | None]] = {}
    for node in document.nodes:
        holders.setdefault(node.objgen, set()).add(node.holder)
    found: dict[ObjGen, ContentStream] = {}
    for node in sorted(document.nodes, key=lambda node: node not in pages):
        if node.objgen not in found:
            holder = node.holder if len(holders[node.objgen]) == 1 else None
            events = node.events
            found[node.objgen] = ContentStream(
                node.objgen,
                node in pages,
                holder,
                events is None or events.colored,
                events is None or events.gray,
                events is None or events.inline,
                events.inline_bytes if events is not None else 0,
            )
    return list(found.values())


def resources_of(pdf: Pdf, stream: ContentStream) -> Dictionary | None:
    """The resources of a stream in a document or a copy of it.

    Raises:
        pikepdf.PdfError, ValueError: they are damaged.
    """
    holder = pdf.get_object(stream.holder) if stream.holder is not None else None
    if isinstance(holder, Dictionary) and stream.page:
        return inherited_resources(holder)
    found = holder.get("/Resources") if isinstance(holder, Dictionary | Stream) else None
    return found if isinstance(found, Dictionary) else None


def content_of(owner: Object, limits: Limits) -> bytes:
    """The content of a page, whose streams are one, or a stream's.

    Raises:
        LimitExceeded: a stream is over ``max_stream_bytes``.
        pikepdf.PdfError: the data of one is damaged.
    """
    return b"\n".join(read_decoded(one, limits) for one in listed_contents(owner) if isinstance(one, Stream))
