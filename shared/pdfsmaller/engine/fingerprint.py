"""What a document holds besides its pages' looks, as plain values that compare with ``==``.

Used by ``verify`` to tell that a result still has every box, link, bookmark, destination, field, tag, label,
attachment, layer and setting of its source. Nothing is interpreted beyond what the comparison needs: pages become
their numbers, streams a mark (attachments a digest), numbers are rounded.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pikepdf
from pikepdf import ObjectType

from pdfsmaller.engine.structure.syntax import name_text, narrow_text

# Places are written in tenths of a point where losses are allowed (``structure.places``).
_PLACE_DIGITS = 1
#: Entries of the catalog that are compared by themselves, say nothing to a reader (Version), or are private to the
#: program that wrote the file (PieceInfo).
_NOT_SETTINGS = frozenset(
    {
        "/Type",
        "/Pages",
        "/Version",
        "/Extensions",
        "/Metadata",
        "/PieceInfo",
        "/LastModified",
        "/SpiderInfo",
        "/Outlines",
        "/Names",
        "/Dests",
        "/AcroForm",
        "/StructTreeRoot",
        "/MarkInfo",
        "/Lang",
        "/PageLabels",
        "/OCProperties",
        "/Perms",
    }
)


class Reader:
    """Reads one document's structure into plain values that compare with ``==``.

    Broken documents have loops and nonsense anywhere: every walk remembers where it was, and ``budget`` bounds all of
    them together, equally for both documents: below 0, only a beginning was read.
    """

    def __init__(self, pdf: pikepdf.Pdf, nodes: int) -> None:
        self.pdf = pdf
        self.root = pdf.Root
        self.nodes = nodes
        self.budget = nodes
        self.page_of = {page.obj.objgen: number for number, page in enumerate(pdf.pages)}

    def plain(self, value: Any, depth: int = 7, digits: int = 2) -> Hashable:
        """A PDF object as nested tuples: pages as numbers, streams as a mark, numbers to so many digits.

        What destinations lead to is compared to a tenth of a point.
        """
        self.budget -= 1
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float, Decimal)):
            return round(float(value), digits)
        kind = value._type_code  # to ask for each class in turn takes most of the time there is
        if kind is ObjectType.string:
            return narrow_text(bytes(value))  # written in UTF-16 or not, a text is the same
        if kind is ObjectType.name_:
            return name_text(value)
        if depth == 0 or self.budget < 0:
            return "…"
        if kind is ObjectType.stream:
            return "a stream"
        if kind is ObjectType.array:
            items = value.as_list()
            if len(items) > 1 and _is_view(items[1]):
                digits = _PLACE_DIGITS
            return tuple([self.plain(item, depth - 1, digits) for item in items])
        if kind is ObjectType.dictionary:
            if value.is_indirect and value.objgen in self.page_of:
                return ("page", self.page_of[value.objgen])
            entries = dict(value.items())
            if entries.get("/Type") == "/Page":
                return ("page", None)
            shown = [
                (name, self.plain(item, depth - 1))
                for name, item in entries.items()
                if name not in ("/Parent", "/P", "/Prev") and item is not None
            ]
            return tuple(sorted(shown))
        return str(value)

    def tree(self, node: Any, leaves: str, seen: set[tuple[int, int]]) -> Iterator[tuple[Any, Any]]:
        """The pairs of a name or number tree, in order."""
        if not isinstance(node, pikepdf.Dictionary) or self.budget < 0 or len(seen) > self.nodes:
            return
        if node.is_indirect:
            if node.objgen in seen:
                return
            seen.add(node.objgen)
        pairs = list(node.get(leaves) or [])
        yield from zip(pairs[::2], pairs[1::2], strict=False)
        for kid in node.get("/Kids") or []:
            yield from self.tree(kid, leaves, seen)

    def names(self, name: str) -> Hashable:
        tree = self.root.get("/Names")
        if not isinstance(tree, pikepdf.Dictionary):
            return ()
        pairs = self.tree(tree.get(name), "/Names", set())
        return tuple(sorted((bytes(key), self.plain(value)) for key, value in pairs))

    def boxes(self) -> Hashable:
        known: dict[bytes, Hashable] = {}  # a page's boxes are mostly one, and those of the page before

        def edges(box: pikepdf.Array) -> Hashable:
            text = box.unparse()
            if text not in known:
                known[text] = tuple(round(float(v), 1) for v in box)
            return known[text]

        shown = []
        for page in self.pdf.pages:
            boxes = (page.mediabox, page.cropbox, page.trimbox, page.bleedbox, page.artbox)
            unit = float(page.obj.UserUnit) if "/UserUnit" in page.obj else 1.0
            shown.append((tuple(edges(box) for box in boxes), _rotation(page.obj), unit))
        return tuple(shown)

    def annotations(self) -> Hashable:
        return tuple(tuple(self._annotation(a) for a in page.obj.get("/Annots") or []) for page in self.pdf.pages)

    def _annotation(self, annotation: Any) -> Hashable:
        if not isinstance(annotation, pikepdf.Dictionary):
            return None
        keys = ("/Subtype", "/Dest", "/Contents", "/T", "/F", "/AS")
        present = annotation.keys()
        shown = [self.plain(annotation.get(key), 4) if key in present else None for key in keys]
        return (*shown, self.plain(annotation.get("/Rect"), 1, _PLACE_DIGITS), self._action(annotation))

    def _action(self, owner: pikepdf.Dictionary) -> Hashable:
        """What an annotation does; whatever else stands in an action's place (fonts, colour spaces) does nothing."""
        action = owner.get("/A")
        return self.plain(action, 4) if isinstance(action, pikepdf.Dictionary) and "/S" in action else None

    def outline(self) -> Hashable:
        entries: list[Hashable] = []
        seen: set[tuple[int, int]] = set()
        outlines = self.root.get("/Outlines")
        stack = [(outlines.get("/First"), 0)] if isinstance(outlines, pikepdf.Dictionary) else []
        while stack and len(entries) < self.nodes:
            item, level = stack.pop()
            if not isinstance(item, pikepdf.Dictionary) or item.objgen in seen:
                continue
            seen.add(item.objgen)
            present = item.keys()
            keys = ("/Title", "/Dest", "/A")
            entries.append((level, *(self.plain(item.get(key) if key in present else None, 4) for key in keys)))
            stack += [(item[key], level + deeper) for key, deeper in (("/Next", 0), ("/First", 1)) if key in present]
        return tuple(entries)

    def destinations(self) -> Hashable:
        return (self.names("/Dests"), self.plain(self.root.get("/Dests")))

    def other_names(self) -> Hashable:
        tree = self.root.get("/Names")
        if not isinstance(tree, pikepdf.Dictionary):
            return ()
        return tuple(
            (name, self.names(name)) for name in sorted(map(str, tree)) if name not in ("/Dests", "/EmbeddedFiles")
        )

    def fields(self) -> Hashable:
        form = self.root.get("/AcroForm")
        if not isinstance(form, pikepdf.Dictionary):
            return ()
        found: list[Hashable] = []
        seen: set[tuple[int, int]] = set()
        stack = [(field, b"") for field in reversed(list(form.get("/Fields") or []))]
        while stack and len(found) < self.nodes:
            field, path = stack.pop()
            if not isinstance(field, pikepdf.Dictionary) or (field.is_indirect and field.objgen in seen):
                continue
            seen.add(field.objgen)
            present = field.keys()
            if "/T" in present:
                path += b"." + bytes(field.T)
            keys = ("/FT", "/V", "/Ff", "/Opt", "/MaxLen")
            found.append((path, *(self.plain(field.get(key) if key in present else None, 4) for key in keys)))
            if "/Kids" in present:
                stack += [(kid, path) for kid in reversed(list(field.Kids or []))]
        return (tuple(found), self.plain(form.get("/SigFlags")), "/XFA" in form)

    def tags(self) -> Hashable:
        tree = self.root.get("/StructTreeRoot")
        marked = self.plain(self.root.get("/MarkInfo"), 2) or ()
        if not isinstance(tree, pikepdf.Dictionary):
            return (marked, None)
        digest, count = hashlib.sha1(usedforsecurity=False), 0
        seen: set[tuple[int, int]] = set()
        stack = [tree.get("/K")]
        while stack and count < self.nodes:
            item = stack.pop()
            if isinstance(item, pikepdf.Array):
                stack += reversed(list(item))
            elif isinstance(item, pikepdf.Dictionary):
                if item.is_indirect and item.objgen in seen:
                    continue
                seen.add(item.objgen)
                count += 1
                present = item.keys()
                keys = ("/S", "/Alt", "/ActualText", "/Lang", "/T", "/MCID")
                properties = [self.plain(item.get(key) if key in present else None, 2) for key in keys]
                digest.update(repr(properties).encode())
                if "/K" in present:
                    stack.append(item.K)
        if stack:
            self.budget = -1
        return (marked, count, digest.hexdigest(), "/ParentTree" in tree, "/RoleMap" in tree)

    def attachments(self) -> Hashable:
        tree = self.root.get("/Names")
        if not isinstance(tree, pikepdf.Dictionary):
            return ()
        found = []
        for name, spec in self.tree(tree.get("/EmbeddedFiles"), "/Names", set()):
            files = spec.get("/EF") if isinstance(spec, pikepdf.Dictionary) else None
            streams = [s for _, s in files.items() if isinstance(s, pikepdf.Stream)] if files is not None else []
            found.append((bytes(name), self.plain(spec, 2), tuple(sorted(_digest(s) for s in streams))))
        return tuple(sorted(found))

    def information(self) -> Hashable:
        # What a writer sets anew on every save says nothing of the document.
        volatile = ("/Producer", "/ModDate", "/CreationDate", "/Trapped")
        given = [
            (k, self.plain(v, 2)) for k, v in self.pdf.docinfo.items() if k not in volatile and v is not None and str(v)
        ]
        return (tuple(sorted(given)), "/Metadata" in self.root)

    def catalog(self) -> Hashable:
        shown = ((k, self.plain(v)) for k, v in self.root.items() if k not in _NOT_SETTINGS and v is not None)
        return (tuple(sorted(shown)), self._certification())

    def _certification(self) -> Hashable:
        """Whose signature says which changes are allowed. It refers to the catalog, which is compared by itself; usage
        rights do not outlive a change (``document.drop_usage_rights``)."""
        permissions = self.root.get("/Perms")
        return self.plain(permissions.get("/DocMDP"), 1) if isinstance(permissions, pikepdf.Dictionary) else None

    def encryption(self) -> Hashable:
        return (self.pdf.is_encrypted, self.pdf.allow if self.pdf.is_encrypted else None)


#: (kind, what to say, how to read it)
CHECKS: tuple[tuple[str, str, Callable[[Reader], Hashable]], ...] = (
    ("boxes", "A page's boxes or rotation changed", Reader.boxes),
    ("annotations", "Links or annotations changed", Reader.annotations),
    ("outline", "The outline (bookmarks) changed", Reader.outline),
    ("destinations", "Named destinations changed", Reader.destinations),
    ("names", "Named objects (scripts, pages, appearances) changed", Reader.other_names),
    ("fields", "Form fields or their values changed", Reader.fields),
    ("tags", "The tags (logical structure) changed", Reader.tags),
    ("language", "The language changed", lambda r: r.plain(r.root.get("/Lang"))),
    (
        "labels",
        "The page labels changed",
        lambda r: tuple((int(k), r.plain(v)) for k, v in r.tree(r.root.get("/PageLabels"), "/Nums", set())),
    ),
    ("attachments", "The attached files changed", Reader.attachments),
    ("layers", "The layers (optional content) changed", lambda r: r.plain(r.root.get("/OCProperties"))),
    ("metadata", "The document information or XMP changed", Reader.information),
    ("catalog", "The document's settings changed", Reader.catalog),
    ("encryption", "The encryption or its permissions changed", Reader.encryption),
)


def _is_view(value: Any) -> bool:
    """Whether it says how a destination is shown (ISO 32000-1, table 151)."""
    return isinstance(value, pikepdf.Name) and str(value) in ("/XYZ", "/FitH", "/FitV", "/FitBH", "/FitBV", "/FitR")


def _rotation(node: Any) -> int:
    """A page's rotation, its own or the nearest ancestor's: 0, 90, 180 or 270."""
    for _ in range(64):  # page trees are shallow; a loop of parents ends here
        if not isinstance(node, pikepdf.Dictionary):
            break
        if "/Rotate" in node:
            return int(node.Rotate) % 360
        node = node.get("/Parent")
    return 0


def _digest(stream: pikepdf.Object, limit: int = 200_000_000) -> bytes:
    """A digest of a stream's decoded data (of its beginning where it is larger than ``limit`` bytes)."""
    raw = stream.read_raw_bytes()
    digest = hashlib.sha1(usedforsecurity=False)
    if stream.get("/Filter") == "/FlateDecode" and "/DecodeParms" not in stream:
        inflate, rest, total = zlib.decompressobj(), raw, 0
        with suppress(zlib.error):
            while rest and total < limit:
                chunk = inflate.decompress(rest, 1_000_000)
                rest, total = inflate.unconsumed_tail, total + len(chunk)
                digest.update(chunk)
            return digest.digest()
    digest.update(raw)
    return digest.digest()
