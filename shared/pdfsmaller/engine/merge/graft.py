"""Copies objects of one document into the file that is being written.

An object is copied with everything it refers to, each object once. Two kinds are told apart:

- *values* are nothing but their content: streams, fonts, colour spaces, resources. They are written after what they
  refer to, so that two that are alike all the way down become one, whichever documents they come from;
- everything else (pages, fields, annotations, structure elements, layers …) has an identity, and a number of its own.

Edits belong before the copying: what is changed in the source's own objects is what gets copied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from pikepdf import Array, Dictionary, Object, Pdf, Stream

from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.streams import check_decoded_size
from pdfsmaller.engine.structure.syntax import name_text
from pdfsmaller.engine.structure.writer import PdfWriter
from pdfsmaller.limits import Limits

#: Dictionaries that are nothing but their content …
_VALUE_TYPES = frozenset(
    {"/Font", "/FontDescriptor", "/Encoding", "/ExtGState", "/Halftone", "/CMap", "/Pattern", "/Group", "/Mask"}
)
#: … and so are those that do not say what they are, unless they have an entry that only pages, annotations, fields,
#: actions, outlines, structure elements and the like have.
_IDENTITY_KEYS = frozenset(
    {
        "/Parent",
        "/P",
        "/Pg",
        "/Kids",
        "/K",
        "/S",
        "/T",
        "/FT",
        "/V",
        "/Rect",
        "/Dest",
        "/D",
        "/A",
        "/AA",
        "/First",
        "/Next",
        "/Prev",
        "/Title",
        "/StructParent",
        "/StructParents",
        "/EF",
        "/F",
        "/Names",
        "/Nums",
        "/Limits",
        "/Contents",
        "/Annots",
        "/OCGs",
        "/ID",
    }
)

# Object syntax as qpdf writes it: strings, references, and the keys that lead into the tree of tags.
_TOKENS = re.compile(
    rb"\((?:[^\\()]|\\.)*\)|<[0-9A-Fa-f]+>|(?<![\w.+-])(\d+) (\d+) R\b|/(StructParents?) (-?\d+)(?![\w.])", re.DOTALL
)


class Graft:
    """The copying of one document.

    Attributes:
        numbers: what each copied object's number is; None for an object that is left behind, which becomes null.
        tag_base: what is added to the keys into the tree of tags; None drops those keys.
    """

    def __init__(self, writer: PdfWriter, pdf: Pdf, limits: Limits) -> None:
        self._writer = writer
        self._limits = limits
        self._pdf = pdf
        self.numbers: dict[ObjGen, int | None] = {}
        self.tag_base: int | None = None
        self._additions: dict[ObjGen, bytes] = {}
        self._held: dict[ObjGen, bytes | None] = {}

    def reserve(self, obj: Object, addition: bytes = b"") -> int:
        """Give an object its number before it is copied.

        Args:
            addition: entries, in PDF syntax, that its dictionary has in the copy besides its own.
        """
        number = self._writer.reserve()
        self.numbers[obj.objgen] = number
        if addition:
            self._additions[obj.objgen] = addition
        return number

    def leave_behind(self, objects: Iterable[Object | None]) -> None:
        """References to these become null."""
        for obj in objects:
            if isinstance(obj, Object) and obj.is_indirect:
                self.numbers[obj.objgen] = None

    def hold(self, obj: Object) -> None:
        """Copy this object's company, but let ``release`` write it."""
        self._held[obj.objgen] = None

    def release(self, obj: Object) -> tuple[int, bytes]:
        """A held object's number and syntax."""
        number, body = self.numbers[obj.objgen], self._held.pop(obj.objgen)
        assert number is not None
        assert body is not None
        return number, body

    def copy(self, obj: Object) -> int | None:
        """Copy an indirect object and all it refers to; its number, or None where it is left behind."""
        objgen = obj.objgen
        number = self.numbers.get(objgen)
        if number is None and objgen not in self.numbers:
            self._copy(objgen, None)
            number = self.numbers[objgen]
        return number

    def copy_reserved(self, obj: Object) -> None:
        """Copy an object that has its number already."""
        self._copy(obj.objgen, self.numbers[obj.objgen])

    def syntax(self, value: Any) -> bytes:
        """A value of the document in the syntax of the copy; what it refers to is copied."""
        if isinstance(value, Object) and value.is_indirect:
            number = self.copy(value)
            return b"null" if number is None else b"%d 0 R" % number
        body = _direct(value)
        for objgen in _references(body):
            if objgen not in self.numbers:
                self._copy(objgen, None)
        return self._redirected(body)

    # --- details ------------------------------------------------------------------------------------------------

    def _copy(self, root: ObjGen, reserved: int | None) -> None:
        """Depth first, without recursion: documents nest deeper than Python does."""
        stack: list[tuple[ObjGen, Object, bytes, Iterator[ObjGen]]] = []
        on_stack: set[ObjGen] = set()

        def enter(objgen: ObjGen, number: int | None) -> None:
            obj = self._pdf.get_object(objgen)
            if not _is_worth_copying(obj):
                self.numbers[objgen] = None
                return
            body = _body(obj)
            if number is None and not _is_value(obj):
                number = self._writer.reserve()
            if number is not None:
                self.numbers[objgen] = number
            on_stack.add(objgen)
            stack.append((objgen, obj, body, iter(_references(body))))

        enter(root, reserved)
        while stack:
            objgen, obj, body, children = stack[-1]
            for child in children:
                if child in self.numbers:
                    continue
                if child in on_stack:  # a loop through a value: it gets a number of its own after all
                    self.numbers[child] = self._writer.reserve()
                    continue
                enter(child, None)
                break
            else:
                stack.pop()
                on_stack.discard(objgen)
                self._write(objgen, obj, body)

    def _write(self, objgen: ObjGen, obj: Object, body: bytes) -> None:
        body = self._redirected(body)
        number = self.numbers.get(objgen)
        if isinstance(obj, Stream):
            data = obj.read_raw_bytes()
            check_decoded_size(obj, data, self._limits)
            entries = body[2:-2].strip()
            if number is None:
                self.numbers[objgen] = self._writer.write_value(entries, data)
            else:
                self._writer.write_stream(entries, data, number)
            return
        if objgen in self._additions:
            body = body[:-2] + self._additions[objgen] + b" >>"
        if objgen in self._held:
            self._held[objgen] = body
        elif number is None:
            self.numbers[objgen] = self._writer.write_value(body)
        else:
            self._writer.write(body, number)

    def _redirected(self, body: bytes) -> bytes:
        numbers, base = self.numbers, self.tag_base

        def swap(match: re.Match[bytes]) -> bytes:
            if match[1]:
                number = numbers.get((int(match[1]), int(match[2])))
                return b"null" if number is None else b"%d 0 R" % number
            if match[3]:
                return b"" if base is None else b"/%s %d" % (match[3], base + int(match[4]))
            return match[0]

        return _TOKENS.sub(swap, body)


def _references(body: bytes) -> list[ObjGen]:
    return [(int(match[1]), int(match[2])) for match in _TOKENS.finditer(body) if match[1]]


def _is_worth_copying(obj: Any) -> bool:
    """No missing object, no node of the page tree, none of the containers that writers leave behind."""
    if obj is None:
        return False
    if isinstance(obj, Dictionary):
        return "/Kids" not in obj or obj.get("/Type") != "/Pages"
    return not (isinstance(obj, Stream) and name_text(obj.get("/Type")) in ("/ObjStm", "/XRef"))


def _is_value(obj: Any) -> bool:
    if isinstance(obj, Stream):
        return True
    if isinstance(obj, Dictionary):
        kind = obj.get("/Type")
        return name_text(kind) in _VALUE_TYPES if kind is not None else _IDENTITY_KEYS.isdisjoint(obj.keys())
    if isinstance(obj, Array):
        # One that is empty is there to be filled; references to what has an identity tell arrays apart by themselves.
        return len(obj) > 0 and not any(isinstance(item, Dictionary) and not item.is_indirect for item in obj)
    return True


def _direct(value: Any) -> bytes:
    if isinstance(value, Object):
        return value.unparse(resolved=True)
    return Array([value]).unparse()[1:-1].strip()  # numbers, booleans, null


def _body(obj: Any) -> bytes:
    """An object's syntax; of a stream, its dictionary's without ``/Length``, which the writer sets."""
    if not isinstance(obj, Stream):
        return _direct(obj)
    entries = obj.stream_dict
    if "/Length" in entries:
        del entries["/Length"]
    if "/Filter" in entries:
        _drop_crypt_filter(entries)
    return entries.unparse(resolved=True)


def _drop_crypt_filter(entries: Object) -> None:
    """The copy is not encrypted as the source was: its streams need no filter that says so (7.4.10)."""
    filters = entries["/Filter"]
    if isinstance(filters, Array) and any(item == "/Crypt" for item in filters):
        kept = [n for n, item in enumerate(filters) if item != "/Crypt"]
        entries["/Filter"] = Array([filters[n] for n in kept])
        parameters = entries.get("/DecodeParms")
        if isinstance(parameters, Array):
            entries["/DecodeParms"] = Array([parameters[n] for n in kept if n < len(parameters)])
    elif filters == "/Crypt":
        del entries["/Filter"]
        if "/DecodeParms" in entries:
            del entries["/DecodeParms"]
