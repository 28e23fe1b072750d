"""Resources that a page names but does not use: many writers give all pages one dictionary of everything.

A part of such a document would have every image and font of the whole. So each page, and each form, pattern and
appearance with resources of its own, gets a dictionary of just those that its content names. A name counts wherever it
stands in the content, in a string too, so that nothing needed is ever taken; what cannot be read keeps all it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pikepdf import Array, Dictionary, Object, Pdf, Stream

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.document import inherited_resources
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.streams import read_decoded
from pdfsmaller.limits import Limits

_NAME = re.compile(rb"/[^\0\t\n\f\r ()<>\[\]{}/%]*")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
#: What content names; what else is in such a dictionary (ProcSet) is left alone.
_CATEGORIES = ("/Font", "/XObject", "/ExtGState", "/ColorSpace", "/Pattern", "/Shading", "/Properties")
#: Forms in forms are a few levels deep; a chain of them without resources of their own ends here.
_MAX_ROUNDS = 50

Names = frozenset[bytes]


def drop_unused(pdf: Pdf, limits: Limits) -> bool:
    """Take from every page, form, pattern and appearance the resources that it does not name.

    Returns:
        Whether anything was taken.

    Raises:
        LimitExceeded: content is over ``max_stream_bytes``.
    """
    return _Sweep(pdf, limits).run()


class _Sweep:
    """One call of ``drop_unused``: what was seen so far."""

    def __init__(self, pdf: Pdf, limits: Limits) -> None:
        self._pdf, self._limits = pdf, limits
        self._named: dict[ObjGen, Names | None] = {}
        self._swept: set[ObjGen] = set()
        self._changed = False

    def run(self) -> bool:
        for page in self._pdf.pages:
            with tolerate("resources"):
                self._sweep_page(page.obj)
        return self._changed

    def _sweep_page(self, page: Dictionary) -> None:
        pending: list[Stream] = []
        resources = inherited_resources(page)
        if resources is not None:
            contents = page.get("/Contents")
            pieces = list(contents) if isinstance(contents, Array) else [contents]
            named = self._named_in([piece for piece in pieces if isinstance(piece, Stream)])
            pending += self._sweep(page, resources, named)
        annotations = page.get("/Annots")
        for annotation in annotations if isinstance(annotations, Array) else ():
            if isinstance(annotation, Dictionary):
                pending += _appearances(annotation.get("/AP"))
        while pending:
            stream = pending.pop()
            own = stream.get("/Resources")
            if stream.objgen in self._swept or not isinstance(own, Dictionary):
                continue
            self._swept.add(stream.objgen)
            pending += self._sweep(stream, own, self._named_in([stream]))

    def _sweep(self, holder: Object, resources: Dictionary, named: Names | None) -> list[Stream]:
        """Leave a holder's resources only what it names; the streams among these, to be swept in turn."""
        used = None if named is None else self._with_borrowed(resources, named)
        kept = Dictionary()
        lost = False
        streams: list[Stream] = []
        for category, entries in resources.items():
            if category not in _CATEGORIES or not isinstance(entries, Dictionary):
                kept[category] = entries
                continue
            stay = {name: value for name, value in entries.items() if used is None or _syntax(name) in used}
            lost = lost or len(stay) < len(entries.keys())
            for value in stay.values():
                streams += _holders(value)
            if len(stay) == len(entries.keys()):
                kept[category] = entries
            elif stay:
                kept[category] = Dictionary(stay)
        if lost:
            holder["/Resources"] = self._pdf.make_indirect(kept)
            self._changed = True
        return streams

    def _with_borrowed(self, resources: Dictionary, named: Names) -> Names | None:
        """Also what is named by content that has no resources of its own, and so uses those of whoever shows it."""
        seen: set[ObjGen] = set()
        for _ in range(_MAX_ROUNDS):
            more = named
            for category in _CATEGORIES:
                entries = resources.get(category)
                for name, value in entries.items() if isinstance(entries, Dictionary) else ():
                    if _syntax(name) not in named:
                        continue
                    borrowers = [s for s in _borrowers(value) if s.objgen not in seen]
                    seen.update(s.objgen for s in borrowers)
                    added = self._named_in(borrowers)
                    if added is None:
                        return None
                    more |= added
            if more == named:
                return named
            named = more
        return None

    def _named_in(self, streams: list[Stream]) -> Names | None:
        """All names in some content; None where it cannot be read."""
        found: Names = frozenset()
        for stream in streams:
            if stream.objgen not in self._named:
                self._named[stream.objgen] = None
                with tolerate("content"):
                    data = read_decoded(stream, self._limits)
                    self._named[stream.objgen] = frozenset(map(_unescaped, _NAME.findall(data)))
            names = self._named[stream.objgen]
            if names is None:
                return None
            found |= names
        return found


def _holders(value: Any) -> Iterator[Stream]:
    """The content streams that a resource is, or has."""
    if isinstance(value, Stream):
        yield value
    elif isinstance(value, Dictionary):
        mask = value.get("/SMask")
        group = mask.get("/G") if isinstance(mask, Dictionary) else None
        if isinstance(group, Stream):
            yield group
        glyphs = value.get("/CharProcs")
        if isinstance(glyphs, Dictionary) and "/Resources" not in value:
            yield from (glyph for _, glyph in glyphs.items() if isinstance(glyph, Stream))


def _borrowers(value: Any) -> Iterator[Stream]:
    """Those of them that have no resources of their own."""
    return (
        stream
        for stream in _holders(value)
        if stream.get("/Subtype") not in ("/Image", "/PS") and not isinstance(stream.get("/Resources"), Dictionary)
    )


def _appearances(given: Any) -> Iterator[Stream]:
    """The streams of an annotation's appearances: one for each state, or one for all (12.5.5)."""
    for _, entry in given.items() if isinstance(given, Dictionary) else ():
        for stream in [entry] if isinstance(entry, Stream) else [s for _, s in _entries(entry)]:
            if isinstance(stream, Stream):
                yield stream


def _entries(value: Any) -> list[tuple[str, Any]]:
    return list(value.items()) if isinstance(value, Dictionary) else []


def _syntax(name: str) -> bytes:
    """A dictionary's key as the bytes that it stands for."""
    return name.encode("utf-8", "surrogateescape")


def _unescaped(name: bytes) -> bytes:
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), name) if b"#" in name else name
