"""Tags (logical structure): one tree that holds the trees of all documents.

Keys into the tree of parents move up by what earlier documents use; roles, classes and element ids that mean something
else in an earlier document get another name. Elements without anything on a copied page are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pikepdf import Array, Dictionary, Object, Stream, String

from pdfsmaller.engine.merge.destinations import renamed
from pdfsmaller.engine.merge.source import Source
from pdfsmaller.engine.merge.trees import read_names, read_numbers, write_names, write_numbers
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.structure.syntax import make_name, name_syntax, name_text, string_text
from pdfsmaller.engine.structure.writer import PdfWriter

_MAX_ELEMENTS = 2_000_000
_MAX_KEY = 2**31 - 1


class Tags:
    """The structure trees of all documents."""

    def __init__(self, writer: PdfWriter) -> None:
        self._writer = writer
        self._root: int | None = None
        self._next_key = 0
        self._kids: list[bytes] = []
        self._parents: dict[int, bytes] = {}
        self._ids: dict[bytes, bytes] = {}
        self._roles: dict[str, bytes] = {}
        self._classes: dict[str, bytes] = {}
        self._lists: dict[str, list[bytes]] = {"/Namespaces": [], "/PronunciationLexicon": [], "/AF": []}
        self._marked = False
        self._untagged = False
        self._language: str | None = None
        self._new_ids: dict[bytes, bytes] = {}

    def prepare(self, source: Source) -> None:
        """Make the document's tree ready to be part of another."""
        root = source.part("/StructTreeRoot")
        language = source.pdf.Root.get("/Lang")
        own = string_text(language)
        if self._language is None:
            self._language = own or ""
        if root is None or "/K" not in root:
            self._untagged = True
            return
        if self._root is None:
            self._root = self._writer.reserve()
        source.graft.numbers[root.objgen] = self._root
        information = source.part("/MarkInfo")
        self._marked = self._marked or (information is not None and bool(information.get("/Marked", False)))
        if not source.whole:
            _prune(source, root)
        source.graft.tag_base = self._next_key
        if own and own != self._language:
            for element in _outermost(root):
                if "/Lang" not in element:
                    element["/Lang"] = String(own)
        self._rename(source, root)

    def take(self, source: Source) -> None:
        """Copy the tree and everything that belongs to it."""
        root = source.part("/StructTreeRoot")
        base = source.graft.tag_base
        if root is None or base is None:
            return
        syntax = source.graft.syntax
        kids = root.get("/K")
        self._kids += [syntax(kid) for kid in (kids if isinstance(kids, Array) else [kids]) if kid is not None]
        last = -1
        used = None if source.whole else _used_keys(source)
        for key, value in read_numbers(root.get("/ParentTree")):
            if key > _MAX_KEY - base:
                continue
            last = max(last, key)
            if used is not None and key not in used:
                continue
            # Written at once: all of them together would be as large as the tree itself.
            body = syntax(value)
            self._parents[base + key] = b"%d 0 R" % self._writer.write(body) if body.startswith(b"[") else body
        after = root.get("/ParentTreeNextKey")
        if isinstance(after, int) and last < after <= _MAX_KEY - base:
            last = after - 1
        self._next_key = base + last + 1
        for identity, element in read_names(root.get("/IDTree")):
            if (body := syntax(element)) != b"null":
                self._ids[self._new_ids.get(identity, identity)] = body
        for kind, known in (("/RoleMap", self._roles), ("/ClassMap", self._classes)):
            entries = root.get(kind)
            if isinstance(entries, Dictionary):
                known |= {role: syntax(meaning) for role, meaning in entries.items()}
        for kind, items in self._lists.items():
            given = root.get(kind)
            if isinstance(given, Array):
                items += [syntax(item) for item in given]

    def write(self) -> bytes:
        """The catalog's entries, in PDF syntax; empty where no document had tags."""
        if self._root is None:
            return b""
        writer = self._writer
        body = b"<< /Type /StructTreeRoot /K [%s]" % b" ".join(self._kids)
        body += b" /ParentTree %d 0 R /ParentTreeNextKey %d" % (write_numbers(writer, self._parents), self._next_key)
        if self._ids:
            body += b" /IDTree %d 0 R" % write_names(writer, self._ids)
        for key, entries in ((b"/RoleMap", self._roles), (b"/ClassMap", self._classes)):
            if entries:
                pairs = b" ".join(name_syntax(name) + b" " + value for name, value in entries.items())
                body += b" %s << %s >>" % (key, pairs)
        for name, items in self._lists.items():
            if items:
                body += b" %s [%s]" % (name.encode(), b" ".join(items))
        writer.write(body + b" >>", self._root)
        marks = b" /Marked true" if self._marked else b""
        if self._untagged:  # tells readers that the tags may not hold everything (14.7.1)
            marks += b" /Suspects true"
        return b" /StructTreeRoot %d 0 R /MarkInfo <<%s >>" % (self._root, marks)

    # --- names --------------------------------------------------------------------------------------------------

    def _rename(self, source: Source, root: Dictionary) -> None:
        """Give other names to roles, classes and ids that mean something else in an earlier document."""
        roles = _collisions(source, root, "/RoleMap", self._roles)
        classes = _collisions(source, root, "/ClassMap", self._classes)
        ids = dict.fromkeys(key for key, _ in read_names(root.get("/IDTree")))
        self._new_ids = renamed(ids, self._ids, lambda key, count: key + b".%d" % count)
        if roles or classes or self._new_ids:
            for element in _elements(root):
                _rename_element(element, roles, classes, self._new_ids)


def _collisions(source: Source, root: Dictionary, kind: str, known: dict[str, bytes]) -> dict[str, str]:
    """New names for the entries of a map that an earlier document maps to something else; the map has them then."""
    entries = root.get(kind)
    if not isinstance(entries, Dictionary):
        return {}
    described = {name: source.graft.syntax(value) for name, value in entries.items()}
    taken = {name for name, body in known.items() if described.get(name) != body}
    new = renamed(described, taken, lambda name, count: f"{name}_{count}")
    if new:
        joined = Dictionary()
        for name, value in entries.items():
            # A role may stand for another custom role, which may have been renamed as well.
            value = make_name(new[name_text(value)]) if name_text(value) in new else value
            key: Any = make_name(new.get(name, name))
            joined[key] = value
        root[kind] = joined
    return new


def _rename_element(
    element: Dictionary, roles: dict[str, str], classes: dict[str, str], ids: dict[bytes, bytes]
) -> None:
    role = name_text(element.get("/S"))
    if role in roles:
        element["/S"] = make_name(roles[role])
    given = element.get("/C")
    if name_text(given) in classes:
        element["/C"] = make_name(classes[name_text(given)])
    elif isinstance(given, Array):
        element["/C"] = Array([make_name(classes[name_text(c)]) if name_text(c) in classes else c for c in given])
    if isinstance(element.get("/ID"), String) and bytes(element["/ID"]) in ids:
        element["/ID"] = String(ids[bytes(element["/ID"])])
    attributes = element.get("/A")
    for owner in attributes if isinstance(attributes, Array) else [attributes]:
        if isinstance(owner, Dictionary) and isinstance(owner.get("/Headers"), Array):
            headers = owner["/Headers"]  # the ids of a table cell's headers (14.8.5.7)
            owner["/Headers"] = Array(
                [String(ids[bytes(h)]) if isinstance(h, String) and bytes(h) in ids else h for h in headers]
            )


# --- walking ----------------------------------------------------------------------------------------------------


def _kids_of(element: Dictionary) -> list[Any]:
    kids = element.get("/K")
    return list(kids) if isinstance(kids, Array) else [] if kids is None else [kids]


def _is_element(kid: Any) -> bool:
    return isinstance(kid, Dictionary) and "/S" in kid


def _outermost(root: Dictionary) -> Iterator[Dictionary]:
    return (kid for kid in _kids_of(root) if _is_element(kid))


def _elements(root: Dictionary) -> Iterator[Dictionary]:
    """Every element, parents before kids. Loops end quietly."""
    seen: set[ObjGen] = set()
    stack: list[Any] = [root]
    while stack and len(seen) < _MAX_ELEMENTS:
        node = stack.pop()
        for kid in _kids_of(node):
            if not _is_element(kid) or (kid.is_indirect and kid.objgen in seen):
                continue
            if kid.is_indirect:
                seen.add(kid.objgen)
            yield kid
            stack.append(kid)


def _prune(source: Source, root: Dictionary) -> None:
    """Leave out elements with nothing on a copied page: from the innermost outwards, without recursion.

    Elements that are empty in the first place (a table's blank cells) stay where something beside them does.
    """
    order = list(_elements(root))
    empty: set[ObjGen] = set()
    hollow: dict[ObjGen, list[Any]] = {}
    for element in [*reversed(order), root]:
        page = element.get("/Pg")
        kids = _kids_of(element)
        kept = [kid for kid in kids if _stays(source, kid, page, empty)]
        if all(_is_element(kid) and kid.is_indirect and kid.objgen in hollow for kid in kept):
            elsewhere = isinstance(page, Object) and page.is_indirect and not source.keeps(page)
            if len(kept) == len(kids) and not elsewhere:
                hollow[element.objgen] = kept
                continue
            _forget(kept, hollow, empty)
            kept = []
            if element.is_indirect and element.objgen != root.objgen:
                empty.add(element.objgen)
        if len(kept) < len(kids):
            element["/K"] = Array(kept)
    source.graft.numbers |= dict.fromkeys(empty)


def _forget(elements: list[Any], hollow: dict[ObjGen, list[Any]], empty: set[ObjGen]) -> None:
    """Count empty elements, and those below them, among those that are left out."""
    pending = list(elements)
    while pending:
        objgen = pending.pop().objgen
        empty.add(objgen)
        pending += hollow.pop(objgen, ())


def _stays(source: Source, kid: Any, page: Any, empty: set[ObjGen]) -> bool:
    if isinstance(kid, Dictionary):
        if "/S" in kid:
            return not (kid.is_indirect and kid.objgen in empty)
        target = kid.get("/Pg", page)
        if kid.get("/Type") == "/OBJR":
            obj = kid.get("/Obj")
            if isinstance(obj, Object) and obj.is_indirect and obj.objgen in source.graft.numbers:
                return source.graft.numbers[obj.objgen] is not None
        return source.keeps(target)
    return source.keeps(page)  # a number: marked content of the element's page


def _used_keys(source: Source) -> set[int]:
    """The keys into the tree of parents that pages, annotations and XObjects of the copied pages have."""
    keys: set[int] = set()
    for page in source.pages:
        keys.add(_key(page, "/StructParents"))
    for annotation in source.annotations():
        keys.add(_key(annotation, "/StructParent"))
    for obj in source.pdf.objects:
        if isinstance(obj, Stream) and obj.objgen in source.graft.numbers:
            keys |= {_key(obj, "/StructParents"), _key(obj, "/StructParent")}
    keys.discard(-1)
    return keys


def _key(obj: Object, name: str) -> int:
    key = obj.get(name, -1)
    return key if isinstance(key, int) else -1
