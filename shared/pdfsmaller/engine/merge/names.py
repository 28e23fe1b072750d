"""The catalog's other names: attached files, scripts, named pages and the like. None is lost for another's sake."""

from __future__ import annotations

from pikepdf import Array

from pdfsmaller.engine.merge.destinations import renamed
from pdfsmaller.engine.merge.source import Source
from pdfsmaller.engine.merge.trees import read_names, write_names
from pdfsmaller.engine.structure.writer import PdfWriter

#: What belongs to no page, and is there once, however many files a document is cut into.
_OF_NO_PAGE = frozenset({"/EmbeddedFiles", "/Pages", "/Templates", "/IDS", "/URLS", "/AlternatePresentations"})
#: Destinations have a module of their own.
_KINDS = (
    "/EmbeddedFiles",
    "/JavaScript",
    "/AP",
    "/Pages",
    "/Templates",
    "/IDS",
    "/URLS",
    "/AlternatePresentations",
    "/Renditions",
)


class Names:
    """The name trees of all documents, and the catalog's associated files."""

    def __init__(self) -> None:
        self._trees: dict[str, dict[bytes, bytes]] = {}
        self._associated: list[bytes] = []

    def take(self, source: Source) -> None:
        """Copy what the document's name trees hold; a key that is taken by something else gets a number."""
        if source.again:
            return
        trees = source.part("/Names")
        for kind in _KINDS if trees is not None else ():
            assert trees is not None
            if kind in _OF_NO_PAGE and not source.with_files:
                continue
            found = {key: source.graft.syntax(value) for key, value in read_names(trees.get(kind))}
            found = {key: value for key, value in found.items() if value != b"null"}
            if not found:
                continue
            known = self._trees.setdefault(kind, {})
            taken = {key for key, value in known.items() if found.get(key) != value}
            new = renamed(found, taken, lambda key, count: key + b" (%d)" % count)
            known |= {new.get(key, key): value for key, value in found.items()}
        associated = source.pdf.Root.get("/AF")
        if isinstance(associated, Array) and source.with_files:
            self._associated += [source.graft.syntax(item) for item in associated]

    def write(self, writer: PdfWriter, destinations: int | None) -> bytes:
        """The catalog's entries, in PDF syntax. ``destinations``: the number of the tree of destinations."""
        trees = {kind: write_names(writer, found) for kind, found in self._trees.items()}
        if destinations:
            trees["/Dests"] = destinations
        entries = b""
        if trees:
            entries += b" /Names << %s >>" % b" ".join(b"%s %d 0 R" % (k.encode(), n) for k, n in trees.items())
        if self._associated:
            entries += b" /AF [%s]" % b" ".join(self._associated)
        return entries
