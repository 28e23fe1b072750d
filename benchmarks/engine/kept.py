"""What a document holds besides its pages' looks, counted by kind: enough to see that a tool lost some of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Dictionary

_MOST_PAGES = 400
_DEPTH = 8
#: The kind that says whether the document claims to be PDF/A, and may.
PDFA = "PDF/A"
#: Where XMP says "this is PDF/A" and which part of the standard, as an element or as an attribute.
_PDFA_PART = re.compile(rb"pdfaid:part(?:\s*=\s*[\"']|[^<>]*>\s*)(\d)")
#: Streams that hold objects, or the table of them: PDF 1.5 has them, so PDF/A-1 does not (ISO 19005-1, 6.1.4).
_STREAMS_OF_OBJECTS = re.compile(rb"/Type\s*/(?:ObjStm|XRef)")
_ERRORS = (pikepdf.PdfError, ValueError, TypeError, AttributeError, KeyError, IndexError, RuntimeError)


def count(file: Path) -> dict[str, int] | None:
    """How much there is of each kind (of some only whether there is any), or None where the file does not open."""
    try:
        with pikepdf.open(file) as pdf:
            found = {"pages": len(pdf.pages)}
            for kind, counted in _KINDS.items():
                found[kind] = 0
                with suppress(*_ERRORS):
                    found[kind] = counted(pdf)
            return found
    except _ERRORS:
        return None


def lost(before: dict[str, int], after: dict[str, int], source: Path, target: Path) -> list[str]:
    """The kinds of which there is less. A signature holds only over the very bytes that were signed."""
    less = [kind for kind in _KINDS if after[kind] < before[kind]]
    if before["signatures"] and "signatures" not in less:
        signed = source.read_bytes()
        if target.read_bytes()[: len(signed)] != signed:
            less.append("signatures")
    return less


def _links(pdf: pikepdf.Pdf) -> int:
    found = 0
    for page in list(pdf.pages)[:_MOST_PAGES]:
        with suppress(*_ERRORS):
            found += sum(note.get("/Subtype") == "/Link" for note in page.obj.get("/Annots") or ())
    return found


def _outline(pdf: pikepdf.Pdf) -> int:
    seen: set[tuple[int, int]] = set()
    todo = [pdf.Root.Outlines.get("/First")] if "/Outlines" in pdf.Root else []
    while todo:
        item = todo.pop()
        if isinstance(item, Dictionary) and item.objgen not in seen:
            seen.add(item.objgen)
            todo += [item.get("/Next"), item.get("/First")]
    return len(seen)


def _fields(pdf: pikepdf.Pdf) -> list[Any]:
    return list(pdf.Root.get("/AcroForm", Dictionary()).get("/Fields") or ())


def _signatures(fields: list[Any], depth: int = 0) -> int:
    found = 0
    for field in fields:
        found += field.get("/FT") == "/Sig" and "/V" in field
        if depth < _DEPTH:
            found += _signatures(list(field.get("/Kids") or ()), depth + 1)
    return found


def _named(pdf: pikepdf.Pdf, name: str) -> int:
    return sum(_leaves(pdf.Root.get("/Names", Dictionary()).get(name), 0))


def _leaves(node: Any, depth: int) -> Iterator[int]:
    """The sizes of a name tree's leaves."""
    if isinstance(node, Dictionary) and depth < _DEPTH:
        yield len(node.get("/Names") or ()) // 2
        for kid in node.get("/Kids") or ():
            yield from _leaves(kid, depth + 1)


def _pdfa(pdf: pikepdf.Pdf) -> int:
    """1 where the document says that it is PDF/A, and its file may say so."""
    part = _PDFA_PART.search(pdf.Root.Metadata.read_bytes()) if "/Metadata" in pdf.Root else None
    if not part or part[1] != b"1":
        return int(part is not None)
    return int(not _STREAMS_OF_OBJECTS.search(Path(pdf.filename).read_bytes()))


_KINDS: dict[str, Callable[[pikepdf.Pdf], int]] = {
    "links": _links,
    "outline": _outline,
    "destinations": lambda pdf: _named(pdf, "/Dests") + len(pdf.Root.get("/Dests", Dictionary())),
    "fields": lambda pdf: len(_fields(pdf)),
    "signatures": lambda pdf: _signatures(_fields(pdf)),
    "attachments": lambda pdf: _named(pdf, "/EmbeddedFiles"),
    "layers": lambda pdf: len(pdf.Root.OCProperties.OCGs) if "/OCProperties" in pdf.Root else 0,
    "labels": lambda pdf: int("/PageLabels" in pdf.Root),
    "tags": lambda pdf: int("/StructTreeRoot" in pdf.Root),
    "language": lambda pdf: int("/Lang" in pdf.Root),
    PDFA: _pdfa,
}
