"""Named destinations, and every place that leads to one.

Both kinds are kept apart: strings in the name tree (PDF 1.2), names in the catalog's dictionary (PDF 1.1). A name that
another document has already taken is renamed, there and wherever it is used. What leads to a page that is not
taken is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

from pikepdf import Array, Dictionary, Name, Object, String

from pdfsmaller.engine.merge.source import Source
from pdfsmaller.engine.merge.trees import read_names, write_names
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.structure.syntax import make_name, name_syntax, name_text
from pdfsmaller.engine.structure.writer import PdfWriter

K = TypeVar("K")

# Chains of actions are short; more is a loop.
_MAX_CHAIN = 100
_MAX_OUTLINE_ITEMS = 200_000


class Destinations:
    """The named destinations of all documents."""

    def __init__(self) -> None:
        self._strings: dict[bytes, bytes] = {}
        self._names: dict[str, bytes] = {}
        self._renamed: dict[int, tuple[dict[bytes, bytes], dict[str, str]]] = {}
        self.dropped_links = 0

    def prepare(self, source: Source) -> None:
        """Rename what collides, and drop the links that lead nowhere."""
        strings, names = named_destinations(source)
        if source.again:
            new_strings, new_names = self._renamed.get(source.index, ({}, {}))
        else:
            new_strings = renamed(strings, self._strings, lambda key, count: key + b".%d" % count)
            new_names = renamed(names, self._names, lambda key, count: f"{key}.{count}")
            self._renamed[source.index] = (new_strings, new_names)
        if not source.whole:
            self._drop_links(source, strings, names)
        if new_strings or new_names:
            for owner, key in _uses(source):
                value = owner[key]
                if isinstance(value, String) and bytes(value) in new_strings:
                    owner[key] = String(new_strings[bytes(value)])
                elif name_text(value) in new_names:
                    owner[key] = make_name(new_names[name_text(value)])

    def take(self, source: Source) -> None:
        """Copy the destinations that lead to copied pages."""
        if source.again:
            return
        strings, names = named_destinations(source)
        new_strings, new_names = self._renamed[source.index]
        for key, value in strings.items():
            if _leads_to_kept(source, value):
                self._strings[new_strings.get(key, key)] = source.graft.syntax(value)
        for name, value in names.items():
            if _leads_to_kept(source, value):
                self._names[new_names.get(name, name)] = source.graft.syntax(value)

    def write_strings(self, writer: PdfWriter) -> int | None:
        """The name tree's number, or None where there is nothing to be in it."""
        return write_names(writer, self._strings) if self._strings else None

    def write_names(self, writer: PdfWriter) -> int | None:
        """The number of the catalog's dictionary of destinations, or None."""
        if not self._names:
            return None
        return writer.write(
            b"<< %s >>" % b" ".join(b"%s %s" % (name_syntax(key), value) for key, value in self._names.items())
        )

    def _drop_links(self, source: Source, strings: dict[bytes, Any], names: dict[str, Any]) -> None:
        for page in source.pages:
            annotations = page.get("/Annots")
            if not isinstance(annotations, Array):
                continue
            kept = [a for a in annotations if not _is_dead_link(source, a, strings, names)]
            if len(kept) < len(annotations):
                self.dropped_links += len(annotations) - len(kept)
                page["/Annots"] = Array(kept)


def target_page(destination: Any, strings: dict[bytes, Any], names: dict[str, Any]) -> Any:
    """The page object that a destination (array, dictionary, string or name) leads to, or None."""
    for _ in range(3):  # a name stands for a dictionary, that for an array
        if isinstance(destination, String):
            destination = strings.get(bytes(destination))
        elif isinstance(destination, Name):
            destination = names.get(name_text(destination))
        elif isinstance(destination, Dictionary):
            destination = destination.get("/D")
        else:
            break
    if isinstance(destination, Array) and len(destination):
        page = destination[0]
        return page if isinstance(page, Dictionary) else None
    return None


def goes_to(holder: Dictionary) -> Any:
    """The destination of a link or an outline's entry, or None where it does something else."""
    if "/Dest" in holder:
        return holder["/Dest"]
    action = holder.get("/A")
    if isinstance(action, Dictionary) and action.get("/S") == "/GoTo":
        return action.get("/D")
    return None


def named_destinations(source: Source) -> tuple[dict[bytes, Any], dict[str, Any]]:
    """The document's named destinations: by string and by name."""
    tree, old = source.part("/Names"), source.part("/Dests")
    strings = dict(read_names(tree.get("/Dests"))) if tree is not None else {}
    return strings, dict(old.items()) if old is not None else {}


def _leads_to_kept(source: Source, value: Any) -> bool:
    return source.keeps(target_page(value, {}, {}))


def _is_dead_link(source: Source, annotation: Any, strings: dict[bytes, Any], names: dict[str, Any]) -> bool:
    if not isinstance(annotation, Dictionary) or annotation.get("/Subtype") != "/Link":
        return False
    destination = goes_to(annotation)
    page = target_page(destination, strings, names)
    return destination is not None and page is not None and not source.keeps(page)


def renamed(keys: Collection[K], taken: Collection[K], make: Callable[[K, int], K]) -> dict[K, K]:
    """New keys for those of ``keys`` that are taken, unlike all others: ``make(key, 2)``, ``make(key, 3)`` …"""
    new: dict[K, K] = {}
    given: set[K] = set()
    for key in keys:
        if key not in taken:
            continue
        count = 2
        while (candidate := make(key, count)) in taken or candidate in keys or candidate in given:
            count += 1
        new[key] = candidate
        given.add(candidate)
    return new


def _uses(source: Source) -> Iterator[tuple[Object, str]]:
    """Every entry that may name a destination: (dictionary, key)."""
    root = source.pdf.Root
    if "/OpenAction" in root:
        yield root, "/OpenAction"
        yield from _of_action(root.get("/OpenAction"))
    yield from _of_holder(root)
    for page in source.pages:
        yield from _of_holder(page)
    for annotation in source.annotations():
        yield from _of_holder(annotation)
        # A field's own actions may stand above its widgets.
        parent: Any = annotation.get("/Parent")
        for _ in range(_MAX_CHAIN):
            if not isinstance(parent, Dictionary):
                break
            yield from _of_holder(parent)
            parent = parent.get("/Parent")
    outlines = source.part("/Outlines")
    for item in outline_items(outlines) if outlines is not None else ():
        yield from _of_holder(item)


def _of_holder(holder: Object) -> Iterator[tuple[Object, str]]:
    if "/Dest" in holder:
        yield holder, "/Dest"
    yield from _of_action(holder.get("/A"))
    yield from _of_action(holder.get("/PA"))
    additional = holder.get("/AA")
    if isinstance(additional, Dictionary):
        for _, action in additional.items():
            yield from _of_action(action)


def _of_action(action: Any) -> Iterator[tuple[Object, str]]:
    pending, count = [action], 0
    while pending and count < _MAX_CHAIN:
        node = pending.pop()
        if isinstance(node, Array):
            pending += list(node)
        elif isinstance(node, Dictionary):
            count += 1
            if node.get("/S") == "/GoTo" and "/D" in node:
                yield node, "/D"
            pending.append(node.get("/Next"))


def outline_items(outlines: Dictionary) -> Iterator[Dictionary]:
    """Every entry below a node of the outline, parents first. Loops end quietly."""
    seen: set[ObjGen] = set()
    stack: list[Any] = [outlines.get("/First")]
    while stack and len(seen) < _MAX_OUTLINE_ITEMS:
        item = stack.pop()
        if not isinstance(item, Dictionary) or not _is_new(item, seen):
            continue
        yield item
        stack += [item.get("/Next"), item.get("/First")]


def _is_new(item: Object, seen: set[ObjGen]) -> bool:
    if item.objgen in seen:
        return False
    seen.add(item.objgen)
    return True
