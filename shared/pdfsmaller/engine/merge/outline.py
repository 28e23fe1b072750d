"""The outline (bookmarks): each document's under an entry of its own, or one after the other."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from pikepdf import Dictionary, Object, String

from pdfsmaller.engine.merge.destinations import goes_to, named_destinations, target_page
from pdfsmaller.engine.merge.options import Outline as Wanted
from pdfsmaller.engine.merge.source import Source
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.structure.writer import PdfWriter

_MAX_ITEMS = 200_000
_MAX_DEPTH = 200


class Outline:
    """The outlines of all documents. ``wanted`` is the option of the same name."""

    def __init__(self, wanted: Wanted, writer: PdfWriter, *, sources: int) -> None:
        self._wanted = wanted
        self._writer = writer
        self._per_source = wanted == "per-source" and sources > 1
        self._root: int | None = None
        self._visible = 0
        #: All outermost items so far but the last are written: the first's number; the last's number and body.
        self._first: int | None = None
        self._last: tuple[int, bytes] | None = None

    def prepare(self, source: Source) -> None:
        """Drop the entries that lead to pages which are not taken."""
        outlines = source.part("/Outlines")
        if self._wanted == "none" or source.again or outlines is None:
            return
        if source.whole:
            _relink(outlines, children(outlines, set()))
        else:
            _prune(source, outlines)

    def take(self, source: Source) -> None:
        """Copy what is left."""
        if self._wanted == "none" or source.again:
            return
        outlines = source.part("/Outlines")
        items = children(outlines, set()) if outlines is not None else []
        root = self._number()
        if self._per_source:
            self._entry(source, outlines, items, root)
        elif items:
            assert outlines is not None
            source.graft.numbers[outlines.objgen] = root
            self._chain(source, items)

    def write(self) -> int | None:
        """The root's number, or None where there is no outline."""
        if self._root is None or self._first is None or self._last is None:
            return None
        number, body = self._last
        self._writer.write(body, number)
        ends = b"/First %d 0 R /Last %d 0 R /Count %d" % (self._first, number, self._visible)
        return self._writer.write(b"<< /Type /Outlines %s >>" % ends, self._root)

    def _number(self) -> int:
        if self._root is None:
            self._root = self._writer.reserve()
        return self._root

    def _entry(self, source: Source, outlines: Dictionary | None, items: list[Dictionary], root: int) -> None:
        number = self._writer.reserve()
        title = String(PurePath(source.name).stem or source.name).unparse()
        body = b"<< /Title %s /Parent %d 0 R" % (title, root)
        body += b" /Dest [%d 0 R /Fit]" % source.first_page
        if items:
            assert outlines is not None
            source.graft.numbers[outlines.objgen] = number
            for item in items:
                source.graft.copy(item)
            first, last = (source.graft.numbers[item.objgen] for item in (items[0], items[-1]))
            # A negative count: there is so much below, and it is shown closed.
            body += b" /First %d 0 R /Last %d 0 R /Count %d" % (first or 0, last or 0, -_visible(items))
        self._append(number, number, body + b" >>", 1)

    def _chain(self, source: Source, items: list[Dictionary]) -> None:
        """The items become outermost ones: only their last may still get a neighbour."""
        source.graft.hold(items[-1])
        if self._last is not None:
            source.graft.reserve(items[0], b"/Prev %d 0 R" % self._last[0])
            source.graft.copy_reserved(items[0])
        for item in items:
            source.graft.copy(item)
        number, body = source.graft.release(items[-1])
        first = source.graft.numbers[items[0].objgen]
        assert first is not None
        self._append(first, number, body, _visible(items), linked=True)

    def _append(self, first: int, last: int, body: bytes, visible: int, *, linked: bool = False) -> None:
        if self._last is None:
            self._first = first
        else:
            number, waiting = self._last
            self._writer.write(waiting[:-2] + b"/Next %d 0 R >>" % first, number)
            if not linked:
                body = body[:-2] + b"/Prev %d 0 R >>" % number
        self._last = (last, body)
        self._visible += visible


def children(node: Dictionary, seen: set[ObjGen]) -> list[Dictionary]:
    """The entries right below a node, as far as the chain is sound."""
    found: list[Dictionary] = []
    item: Any = node.get("/First")
    while isinstance(item, Dictionary) and item.is_indirect and item.objgen not in seen and len(seen) < _MAX_ITEMS:
        seen.add(item.objgen)
        found.append(item)
        item = item.get("/Next")
    return found


def _visible(items: list[Dictionary]) -> int:
    """How many entries show: these, and those below open ones."""
    return sum(1 + max(0, int(item.get("/Count", 0))) for item in items)


def _relink(node: Dictionary, items: list[Dictionary]) -> None:
    """Make these the entries below a node, in this order."""
    for key in ("/First", "/Last"):
        if key in node:
            del node[key]
    for place, item in enumerate(items):
        item["/Parent"] = node
        for key, neighbour in (("/Prev", place - 1), ("/Next", place + 1)):
            if 0 <= neighbour < len(items):
                item[key] = items[neighbour]
            elif key in item:
                del item[key]
    if items:
        node["/First"], node["/Last"] = items[0], items[-1]


def _prune(source: Source, outlines: Dictionary) -> None:
    """Keep the entries that lead to a copied page or elsewhere than to a page, and those above them."""
    strings, names = named_destinations(source.pdf)
    seen: set[ObjGen] = set()

    def alive(item: Dictionary) -> bool:
        destination = goes_to(item)
        if destination is None:
            return "/A" in item
        return source.keeps(target_page(destination, strings, names))

    def prune(node: Dictionary, depth: int) -> list[Dictionary]:
        kept = []
        for item in children(node, seen):
            below = prune(item, depth + 1) if depth < _MAX_DEPTH else []
            if not (below or alive(item)):
                continue
            if not alive(item):
                _forget_target(item)
            was_open = int(item.get("/Count", 0)) > 0
            _relink(item, below)
            if below:
                item["/Count"] = _visible(below) if was_open else -_visible(below)
            elif "/Count" in item:
                del item["/Count"]
            kept.append(item)
        return kept

    _relink(outlines, prune(outlines, 0))


def _forget_target(item: Object) -> None:
    for key in ("/Dest", "/A", "/SE"):
        if key in item:
            del item[key]
