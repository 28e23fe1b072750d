"""What a document has, counted: the parts that merging loses easily."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

KINDS = ("pages", "outline", "links", "names", "fields", "tags", "labels", "layers", "attached")
_MOST = 500_000


def of(pdf: Pdf) -> dict[str, int]:
    """How many of each kind; links and names only where they lead to one of the document's pages."""
    root = pdf.Root
    pages = {page.obj.objgen for page in pdf.pages}
    names = _names(root)

    def leads(given: Any) -> bool:
        for _ in range(3):
            if isinstance(given, String):
                given = names.get(bytes(given))
            elif isinstance(given, Name):
                given = names.get(str(given).encode())
            elif isinstance(given, Dictionary):
                given = given.get("/D")
        return isinstance(given, Array) and len(given) > 0 and isinstance(given[0], Object) and given[0].objgen in pages

    links, shown = 0, set()
    for page in pdf.pages:
        annotations = page.obj.get("/Annots")
        for annotation in annotations if isinstance(annotations, Array) else ():
            if not isinstance(annotation, Dictionary):
                continue
            shown.add(annotation.objgen)
            action = annotation.get("/A")
            given = annotation.get("/Dest", action.get("/D") if isinstance(action, Dictionary) else None)
            links += annotation.get("/Subtype") == "/Link" and leads(given)
    return {
        "pages": len(pdf.pages),
        "outline": sum(1 for _ in _tree(_at(root, "/Outlines"), ("/First", "/Next"))),
        "links": links,
        "names": sum(leads(value) for value in names.values()),
        "fields": len(_fields(root, shown)),
        "tags": sum("/S" in element for element in _tree(_at(root, "/StructTreeRoot"), ("/K",))),
        "labels": 0,
        "layers": len(_at(root, "/OCProperties/OCGs") or ()),
        "attached": sum(1 for _ in _pairs(_at(root, "/Names/EmbeddedFiles"))),
    }


def together(files: list[Path]) -> dict[str, Any]:
    """What several documents have together, and the label that each page is to have."""
    sums: dict[str, Any] = dict.fromkeys(KINDS, 0)
    labels: list[tuple[str, ...]] = []
    for file in files:
        with pikepdf.open(file) as pdf:
            for kind, number in of(pdf).items():
                sums[kind] += number
        labels.append(_labels(file))
    if any(any(own) for own in labels):
        sums["wanted labels"] = [
            label or str(number + 1) for own in labels for number, label in enumerate(own or ("",))
        ]
        sums["labels"] = len(sums["wanted labels"])
    return sums


def kept(target: Path, files: list[Path], expected: dict[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Kind, how many the result has, how many there were; without the outline's entries for the files themselves."""
    with pikepdf.open(target) as pdf:
        found = of(pdf)
        stems = {file.stem for file in files}
        own = [
            item for item in _tree(_at(pdf.Root, "/Outlines"), ("/First", "/Next")) if str(item.get("/Title")) in stems
        ]
        found["outline"] -= len(own)
    wanted = expected.get("wanted labels")
    if wanted:
        found["labels"] = sum(a == b for a, b in zip(_labels(target), wanted, strict=False))
    for kind in KINDS:
        yield kind, found[kind], expected[kind]


def image_bytes(pdf: Pdf) -> int:
    """How many bytes a document's pictures take."""
    return sum(
        len(obj.read_raw_bytes()) for obj in pdf.objects if isinstance(obj, Stream) and obj.get("/Subtype") == "/Image"
    )


def words_on_the_middle_page(file: Path) -> int:
    """Tells text from slides."""
    with pypdfium2.PdfDocument(file) as document:
        page = document[len(document) // 2]
        textpage = page.get_textpage()
        words = len(str(textpage.get_text_range()).split())
        textpage.close()
        page.close()
        return words


def _labels(file: Path) -> tuple[str, ...]:
    try:
        with pypdfium2.PdfDocument(file) as document:
            return tuple(document.get_page_label(number) for number in range(len(document)))
    except pypdfium2.PdfiumError:
        return ()


def _fields(root: Any, shown: set[tuple[int, int]]) -> set[str]:
    """Full names of the fields that have a widget on a page."""
    found: set[str] = set()
    todo: list[tuple[Any, str]] = [(field, "") for field in _at(root, "/AcroForm/Fields") or ()]
    seen = 0
    while todo and seen < _MOST:
        field, above = todo.pop()
        seen += 1
        if isinstance(field, Dictionary):
            name = f"{above}.{field['/T']}" if "/T" in field else above
            if field.objgen in shown:
                found.add(name)
            todo += [(kid, name) for kid in field.get("/Kids") or ()]
    return found


def _names(root: Any) -> dict[bytes, Any]:
    found = dict(_pairs(_at(root, "/Names/Dests")))
    old = root.get("/Dests")
    if isinstance(old, Dictionary):
        found |= {key.encode(): value for key, value in old.items()}
    return found


def _pairs(tree: Any) -> Iterator[tuple[bytes, Any]]:
    todo, seen = [tree], 0
    while todo and seen < _MOST:
        node = todo.pop()
        seen += 1
        if isinstance(node, Dictionary):
            flat = list(node.get("/Names") or ())
            yield from ((bytes(k), v) for k, v in zip(flat[::2], flat[1::2], strict=False) if isinstance(k, String))
            todo += list(node.get("/Kids") or ())


def _tree(root: Any, keys: tuple[str, ...]) -> Iterator[Dictionary]:
    """All dictionaries below one, each once."""
    seen: set[tuple[int, int]] = set()
    todo = [root]
    while todo and len(seen) < _MOST:
        node = todo.pop()
        if isinstance(node, Array):
            todo += [item for item in node if isinstance(item, Dictionary)]
            continue
        if not isinstance(node, Dictionary) or (node.is_indirect and node.objgen in seen):
            continue
        if node.is_indirect:
            seen.add(node.objgen)
        if node is not root:
            yield node
        todo += [node[key] for key in keys if isinstance(node.get(key), Object)]


def _at(root: Any, path: str) -> Any:
    for key in path.strip("/").split("/"):
        if not isinstance(root, Dictionary):
            return None
        root = root.get("/" + key)
    return root
