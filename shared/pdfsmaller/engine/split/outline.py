"""Where the entries of an outline begin parts."""

from __future__ import annotations

from pikepdf import Dictionary, Pdf

from pdfsmaller.engine.merge.destinations import goes_to, named_destinations, target_page
from pdfsmaller.engine.merge.outline import children
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.structure.syntax import string_text
from pdfsmaller.errors import InvalidOutlineLevel
from pdfsmaller.records import record


@record(frozen=True)
class Start:
    """A page, as an index from 0, with which a part begins, and the title of the entry that leads to it."""

    page: int
    title: str


def starts(pdf: Pdf, level: int) -> list[Start]:
    """Where parts begin, in the order of the pages; of several entries for a page, the first counts.

    Args:
        level: entries of this level and higher ones begin parts; 1 is the outermost.

    Raises:
        InvalidOutlineLevel: there is no entry of this level, or none of these leads to a page.
    """
    outlines = pdf.Root.get("/Outlines")
    indices = {page.obj.objgen: number for number, page in enumerate(pdf.pages)}
    strings, names = named_destinations(pdf)
    found: dict[int, str] = {}
    deepest = 0
    seen: set[ObjGen] = set()
    stack = [(item, 1) for item in reversed(children(outlines, seen))] if isinstance(outlines, Dictionary) else []
    while stack:
        item, depth = stack.pop()
        deepest = max(deepest, depth)
        page = target_page(goes_to(item), strings, names)
        if page is not None and page.objgen in indices:
            found.setdefault(indices[page.objgen], string_text(item.get("/Title")))
        if depth < level:
            stack += [(kid, depth + 1) for kid in reversed(children(item, seen))]
    if deepest == 0:
        raise InvalidOutlineLevel("The PDF has no outline (bookmarks) to be cut at. Cut it in another way.")
    if deepest < level:
        raise InvalidOutlineLevel(f"The PDF's outline has no level {level}; its deepest is {deepest}.")
    if not found:
        raise InvalidOutlineLevel(f"No entry of the PDF's outline down to level {level} leads to a page of it.")
    return [Start(page, found[page]) for page in sorted(found)]
