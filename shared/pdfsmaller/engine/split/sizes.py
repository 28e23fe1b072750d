"""How many pages fit into a part of a size: estimated from what each page refers to, then tried.

An estimate counts each object once, however many pages lead to it, as a part has it; what no page leads to (tags, the
outline) is taken to be alike for all pages, and learnt from the parts that were written. So most parts are written once
or twice, and none for every page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeGuard

from pikepdf import Dictionary, Object, Pdf, Stream

from pdfsmaller.engine.objgen import ObjGen

_REFERENCE = re.compile(rb"\b(\d+) (\d+) R\b")
#: What leads from a page to others: the page tree, an annotation's page, a field's other widgets.
_UPWARDS = re.compile(rb"/(?:Parent|P) \d+ \d+ R\b")
#: A page that refers to more objects than this refers to other pages' by a way that nobody foresaw.
_MAX_OBJECTS = 100_000
#: Bytes for each page of what no page leads to, before any part was written.
_FIRST_GUESS = 100
#: What a stream takes beside its dictionary and data, in bytes, and how far other objects are deflated.
_STREAM_BYTES, _DEFLATED = 50, 0.3
#: Parts are written at most so often; then the largest that fitted is taken.
_MAX_TRIES = 8
#: One more page is tried unless an estimate says that it is over by more than this share of what it adds.
_UNSURE = 0.25


class PageSizes:
    """What the pages of a document take in a file, in bytes."""

    def __init__(self, pdf: Pdf) -> None:
        self._bytes: dict[ObjGen, float] = {}
        self._references: dict[ObjGen, list[ObjGen]] = {}
        self._ends = {page.obj.objgen for page in pdf.pages} | {pdf.Root.objgen}
        self._objects = [self._reached_from(pdf, page.obj) for page in pdf.pages]
        self._every_part = self._of_document(pdf, first=False)
        self._first_part = self._of_document(pdf, first=True)
        #: What each page takes besides the objects that it leads to.
        self._beside = float(_FIRST_GUESS)

    def together(self, pages: Sequence[int], most: float, *, first: bool) -> list[float]:
        """The size of a file of the first page, of the first two, and so on, until one is over ``most``.

        Args:
            first: it has what belongs to no page, too.
        """
        start = self._first_part if first else self._every_part
        seen = set(start)
        total = sum(self._bytes[objgen] for objgen in start)
        sizes = []
        for page in pages:
            new = [objgen for objgen in self._objects[page] if objgen not in seen]
            seen.update(new)
            total += self._beside + sum(self._bytes[objgen] for objgen in new)
            sizes.append(total)
            if total > most:
                break
        return sizes

    def learn(self, estimate: float, size: int, pages: int) -> None:
        """Take in that a file of so many pages, estimated to have so many bytes, has ``size`` of them."""
        self._beside = max(0.0, self._beside + (size - estimate) / pages)

    def _of_document(self, pdf: Pdf, *, first: bool) -> list[ObjGen]:
        """The objects that a file has for the document's sake: metadata, profiles, what forms and scripts need."""
        root = pdf.Root
        form, names = root.get("/AcroForm"), root.get("/Names")
        holders = [root.get("/Metadata"), root.get("/OutputIntents"), form.get("/DR") if _has(form) else None]
        kinds = ("/JavaScript", "/AP", "/Renditions") if not first else tuple(names.keys()) if _has(names) else ()
        holders += [names.get(kind) for kind in kinds if kind != "/Dests"] if _has(names) else []
        found: dict[ObjGen, None] = {}
        for holder in holders:
            if isinstance(holder, Object):
                found |= dict.fromkeys(self._reached_from(pdf, holder))
        return list(found)

    def _reached_from(self, pdf: Pdf, start: Object) -> list[ObjGen]:
        """An object, and those that it leads to, without going on to other pages."""
        seen: set[ObjGen] = set()
        pending = [start.objgen] if start.is_indirect else _references(start.unparse())
        while pending and len(seen) < _MAX_OBJECTS:
            objgen = pending.pop()
            if objgen in seen or (objgen in self._ends and objgen != start.objgen):
                continue
            seen.add(objgen)
            if objgen not in self._references:
                self._read(objgen, pdf.get_object(objgen))
            pending += self._references[objgen]
        return list(seen)

    def _read(self, objgen: ObjGen, obj: object) -> None:
        self._references[objgen], self._bytes[objgen] = [], 0.0
        if not isinstance(obj, Object):
            return
        body = obj.stream_dict if isinstance(obj, Stream) else obj
        text = body.unparse(resolved=True)
        self._references[objgen] = _references(text)
        self._bytes[objgen] = _DEFLATED * len(text)
        if isinstance(obj, Stream):
            length = obj.stream_dict.get("/Length")
            self._bytes[objgen] = len(text) + _STREAM_BYTES + (length if isinstance(length, int) else 0)


def _has(value: object) -> TypeGuard[Dictionary]:
    return isinstance(value, Dictionary)


def _references(text: bytes) -> list[ObjGen]:
    return [(int(match[1]), int(match[2])) for match in _REFERENCE.finditer(_UPWARDS.sub(b"", text))]


def fit(
    sizes: PageSizes,
    pages: Sequence[int],
    most: int,
    write: Callable[[int], int],
    *,
    first: bool,
    hurry: Callable[[], bool],
) -> int:
    """How many of these pages, from the first, fit into a file.

    Args:
        pages: as indices in the document that ``sizes`` knows.
        most: what the file may have, in bytes.
        write: writes a file of the first so many pages, and tells its size.
        first: the file has what belongs to no page, too.
        hurry: whether to be content with what fits.

    Returns:
        How many fit: a file of so many was written. 0: not even one page does, and a file of one was written.
    """
    fits, over = 0, len(pages) + 1
    estimates = sizes.together(pages, 2.0 * most, first=first)
    count = max(1, sum(estimate <= most for estimate in estimates))
    for _ in range(_MAX_TRIES):
        size = write(count)
        sizes.learn(estimates[min(count, len(estimates)) - 1], size, count)
        if size <= most:
            fits = count
        else:
            over = count
        if fits + 1 >= over or (fits and hurry()):
            return fits
        estimates = sizes.together(pages, 2.0 * most, first=first)
        shift = size - estimates[min(count, len(estimates)) - 1]
        if size <= most and count < len(estimates):
            added = estimates[count] - estimates[count - 1]
            if size + added * (1 - _UNSURE) > most:
                return fits
        fitting = sum(estimate + shift <= most for estimate in estimates)
        count = min(max(fitting, fits + 1), over - 1)
    while not fits:  # the estimates were of no use
        count = max(1, count // 2)
        if write(count) <= most:
            fits = count
        elif count == 1:
            return 0
    return fits
