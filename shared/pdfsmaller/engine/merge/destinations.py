"""Named destinations, and every place that leads to one.

Both kinds are kept apart: strings in the name tree (PDF 1.2), names in the catalog's dictionary (PDF 1.1). A name that
another document has already taken is renamed, there and wherever it is used. What leads to a page that is not
taken is dropped, or led to the file that has that page (``remote``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

from pikepdf import Array, Dictionary, Name, Object, Pdf, String

from pdfsmaller.engine.merge.remote import Remote, is_pending, lead_to, pending_page
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
        self.remote_links = 0

    def prepare(self, source: Source) -> None:
        """Rename what collides, and drop the links that lead nowhere."""
        strings, names = named_destinations(source.pdf)
        if source.again:
            new_strings, new_names = self._renamed.get(source.index, ({}, {}))
        else:
            new_strings = renamed(strings, self._strings, lambda key, count: key + b".%d" % count)
            new_names = renamed(names, self._names, lambda key, count: f"{key}.{count}")
            self._renamed[source.index] = (new_strings, new_names)
        if not source.whole or source.remote is not None:
            self._part_with_links(source, strings, names)
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
        strings, names = named_destinations(source.pdf)
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

    def _part_with_links(self, source: Source, strings: dict[bytes, Any], names: dict[str, Any]) -> None:
        """Lead links to pages that are not taken to other files, or drop them."""
        led: set[ObjGen] = set()
        for page in source.pages:
            annotations = page.get("/Annots")
            if not isinstance(annotations, Array):
                continue
            kept: list[Object] = []
            dropped: list[Object] = []
            for annotation in annotations:
                dead = False
                if source.remote is not None and isinstance(annotation, Dictionary):
                    outcome = _lead_to_other_files(source, source.remote, annotation, strings, names, led)
                    is_link = annotation.get("/Subtype") == "/Link"
                    self.remote_links += is_link and outcome is True
                    dead = is_link and outcome is False
                dead = dead or _is_dead_link(source, annotation, strings, names)
                (dropped if dead else kept).append(annotation)
            if dropped:
                self.dropped_links += len(dropped)
                page["/Annots"] = Array(kept)
                source.graft.leave_behind(dropped)  # tags refer to them too


def _lead_to_other_files(
    source: Source,
    remote: Remote,
    annotation: Dictionary,
    strings: dict[bytes, Any],
    names: dict[str, Any],
    led: set[ObjGen],
) -> bool | None:
    """Lead an annotation that goes to pages which are not taken to the files that have them, as far as there are any.

    Args:
        led: the actions that were led to another file; several annotations may share one.

    Returns:
        True: it goes to another file now. False: it was to go to one first of all, but none has that page. None:
        neither.
    """

    def away(destination: Any) -> tuple[int, list[Any]] | None:
        """The index of the page led to, and the view of it, where that page is not taken."""
        array = resolved(destination, strings, names)
        page = array[0] if array is not None else None
        if not isinstance(page, Dictionary) or source.keeps(page) or page.objgen not in source.indices:
            return None
        return source.indices[page.objgen], list(array or ())[1:]

    outcome: bool | None = None
    if "/Dest" in annotation and (found := away(annotation["/Dest"])) and (target := remote(found[0])):
        del annotation["/Dest"]
        annotation["/A"] = lead_to(Dictionary(), target, found[1])
        return True
    for place, action in enumerate(list(_actions_of(annotation))):
        if action.is_indirect and action.objgen in led:
            outcome = True
            continue
        if is_pending(action):
            found = pending_page(action)
        else:
            found = away(action.get("/D")) if action.get("/S") == "/GoTo" else None
        if found is None:
            continue
        if target := remote(found[0]):
            lead_to(action, target, found[1])
            outcome = True
            if action.is_indirect:
                led.add(action.objgen)
        elif is_pending(action):
            for key in list(action.keys()):
                if key != "/Next":
                    del action[key]
            action["/S"], action["/D"] = Name.GoTo, Array([None, Name.Fit])
            if place == 0 and isinstance(annotation.get("/A"), Dictionary):
                outcome = False
    return outcome


def resolved(destination: Any, strings: dict[bytes, Any], names: dict[str, Any]) -> Array | None:
    """What a destination (array, dictionary, string or name) stands for: page and view; or None."""
    for _ in range(3):  # a name stands for a dictionary, that for an array
        if isinstance(destination, String):
            destination = strings.get(bytes(destination))
        elif isinstance(destination, Name):
            destination = names.get(name_text(destination))
        elif isinstance(destination, Dictionary):
            destination = destination.get("/D")
        else:
            break
    return destination if isinstance(destination, Array) and len(destination) else None


def target_page(destination: Any, strings: dict[bytes, Any], names: dict[str, Any]) -> Any:
    """The page object that a destination (array, dictionary, string or name) leads to, or None."""
    array = resolved(destination, strings, names)
    return array[0] if array is not None and isinstance(array[0], Dictionary) else None


def goes_to(holder: Dictionary) -> Any:
    """The destination of a link or an outline's entry, or None where it does something else."""
    if "/Dest" in holder:
        return holder["/Dest"]
    action = holder.get("/A")
    if isinstance(action, Dictionary) and action.get("/S") == "/GoTo":
        return action.get("/D")
    return None


def named_destinations(pdf: Pdf) -> tuple[dict[bytes, Any], dict[str, Any]]:
    """The document's named destinations: by string and by name."""
    tree, old = pdf.Root.get("/Names"), pdf.Root.get("/Dests")
    strings = dict(read_names(tree.get("/Dests"))) if isinstance(tree, Dictionary) else {}
    return strings, dict(old.items()) if isinstance(old, Dictionary) else {}


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
        yield from ((action, "/D") for action in _actions_from(root.get("/OpenAction")) if _is_go_to(action))
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
    for action in _actions_of(holder):
        if _is_go_to(action):
            yield action, "/D"


def _is_go_to(action: Dictionary) -> bool:
    return action.get("/S") == "/GoTo" and "/D" in action


def _actions_of(holder: Object) -> Iterator[Dictionary]:
    """Every action that a page, annotation, field, or entry of the outline has."""
    yield from _actions_from(holder.get("/A"))
    yield from _actions_from(holder.get("/PA"))
    additional = holder.get("/AA")
    if isinstance(additional, Dictionary):
        for _, action in additional.items():
            yield from _actions_from(action)


def _actions_from(first: Any) -> Iterator[Dictionary]:
    """An action, and those that follow it."""
    pending, count = [first], 0
    while pending and count < _MAX_CHAIN:
        node = pending.pop()
        if isinstance(node, Array):
            pending += list(node)
        elif isinstance(node, Dictionary):
            count += 1
            yield node
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
