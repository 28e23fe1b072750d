"""Fuzz the writer of PDFs: ``python -m benchmarks.fuzz.writer --minutes 10 --seed 1``.

Documents are made by lot, object by object: pages with annotations, links, forms that show one another, values that are
alike, streams that are alike, loops, objects that nothing refers to, names and strings of any bytes, numbers in any
spelling. Each is written by qpdf and then packed (``structure.pack``). What must hold:

- the result opens, in qpdf without a warning and in PDFium, with as many pages;
- walked down together from their catalogs, the two hold the same values, and streams the same data;
- nothing that has an identity (pages, annotations, fields) became one with another or two;
- packed again, it is no larger.

A finding's document is kept in ``--keep``. The same seed and case make the same document; ``--case N`` runs one alone.
"""

from __future__ import annotations

import io
import random
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pypdfium2
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

from benchmarks.fuzz.loop import Wrong, main
from pdfsmaller.engine.structure.pack import write_packed

#: Packing a document again may settle what the first time could not see: the room a little less certain.
_AGAIN = 64
_NAMES = [f"/{letter}" for letter in "ABCDEGH"] + ["/a b", "/#", "/é", "/(", "/Contents2", "/R", "/0"]
_STRINGS = [
    b"",
    b"12 0 R",
    b"(",
    b")",
    b"\\",
    b"\r",
    b"\r\n",
    b"\n",
    b"\0\xff",
    b"a(b)c",
    b"/A <<",
    b"endstream endobj",
]
_NUMBERS = [0, 1, -1, 255, 2**31 - 1, -(2**31), Decimal("0.5"), Decimal("-0.000001"), Decimal("100.00"), Decimal("-.0")]
_KEYS_OF_VALUES = ["/Font", "/ExtGState", "/ColorSpace", "/Resources", "/Encoding", "/A", "/BS", "/Properties"]
#: What a stream's dictionary need not say, or says in another way.
_SAID_ANYWAY = frozenset({"/Length", "/Filter", "/DecodeParms"})


class _Maker:
    """One document by lot."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.pdf = Pdf.new()
        for _ in range(rng.choice((1, 1, 2, 5, 30))):
            self.pdf.add_blank_page()
        self.pool: list[Object] = [page.obj for page in self.pdf.pages]
        for _ in range(rng.choice((3, 10, 60))):
            self.pool.append(self._indirect())
        for _ in range(rng.randrange(4)):
            self._loop()
        self.fields: list[Object] = []
        for page in self.pdf.pages:
            self._furnish(page.obj)
        self.pdf.Root[Name.AcroForm] = Dictionary(Fields=Array(self.fields))
        self.pdf.Root[Name.Extra] = self._value(3)
        if rng.random() < 0.5:
            self.pdf.docinfo[Name.Title] = self._string()

    def bytes(self) -> bytes:
        file = io.BytesIO()
        version = self.rng.choice(("1.3", "1.4", "1.5", "1.7", "2.0"))
        self.pdf.save(file, force_version=version, static_id=True)
        return file.getvalue()

    def _string(self) -> String:
        rng = self.rng
        return String(rng.choice(_STRINGS) if rng.random() < 0.5 else rng.randbytes(rng.randrange(12)))

    def _number(self) -> Any:
        rng = self.rng
        return rng.choice(_NUMBERS) if rng.random() < 0.5 else Decimal(rng.randrange(-(10**6), 10**6)).scaleb(-3)

    def _value(self, depth: int) -> Any:
        rng = self.rng
        kind = rng.randrange(8 if depth else 5)
        if kind == 0:
            return self._number()
        if kind == 1:
            return self._string()
        if kind == 2:
            return Name(rng.choice(_NAMES))
        if kind == 3:
            return rng.choice((True, False, 0))
        if kind == 4:
            return rng.choice(self.pool)
        if kind == 5:
            return Array([self._value(depth - 1) for _ in range(rng.randrange(5))])
        return self._dictionary(depth - 1)

    def _dictionary(self, depth: int) -> Dictionary:
        rng = self.rng
        made = Dictionary()
        for _ in range(rng.randrange(5)):
            made[rng.choice(_NAMES + _KEYS_OF_VALUES)] = self._value(depth)
        return made

    def _indirect(self) -> Object:
        rng = self.rng
        kind = rng.randrange(8)
        if kind == 0:
            return self.pdf.make_indirect(self._value(3))
        if kind == 1 and len(self.pool) > 2:  # one more of what is there
            other = rng.choice(self.pool)
            if isinstance(other, Stream):
                return self.pdf.make_stream(other.read_bytes(), Dictionary(_own(other)))
            if isinstance(other, Dictionary) and "/Type" not in other:
                return self.pdf.make_indirect(Dictionary(dict(other.items())))
        if kind == 2:
            data = rng.choice((b"", b"x", b"0 0 9 9 re f", rng.randbytes(200), b"endstream\nendobj\n"))
            return self.pdf.make_stream(data, self._dictionary(2))
        if kind == 3:
            return self.pdf.make_indirect(Array([self._value(2) for _ in range(rng.choice((0, 3, 40)))]))
        if kind == 4:
            font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name(rng.choice(("/Helvetica", "/Courier"))))
            return self.pdf.make_indirect(font)
        return self.pdf.make_indirect(self._dictionary(3))

    def _loop(self) -> None:
        holders = [obj for obj in self.pool if isinstance(obj, Dictionary) and "/Type" not in obj]
        if holders:
            self.rng.choice(holders)[Name.Loop] = self.rng.choice(self.pool)

    def _furnish(self, page: Object) -> None:
        rng = self.rng
        page[Name.Resources] = rng.choice((self._dictionary(3), self.pdf.make_indirect(self._dictionary(3))))
        annotations = [self._annotation(page) for _ in range(rng.choice((0, 0, 1, 4, 50)))]
        if annotations:
            page[Name.Annots] = rng.choice((Array, lambda items: self.pdf.make_indirect(Array(items))))(annotations)
            if rng.random() < 0.3:
                self.pdf.Root[Name.Elsewhere] = rng.choice(annotations)

    def _annotation(self, page: Object) -> Object:
        rng = self.rng
        kind = rng.choice((Name.Link, Name.Link, Name.Text, Name.Widget))
        made = Dictionary(Type=Name.Annot, Subtype=kind, Rect=Array([0, 0, 9, self._number()]))
        if kind == Name.Widget:
            made[Name.FT] = Name.Tx
        if rng.random() < 0.3:
            made[Name.P] = page
        made[Name.A] = self._value(2)
        if kind == Name.Widget:
            made[Name.T] = String(f"{len(self.fields)}")
            self.fields.append(made := self.pdf.make_indirect(made))
            return made
        return made if rng.random() < 0.1 else self.pdf.make_indirect(made)


def _own(stream: Object) -> dict[str, Any]:
    return {key: value for key, value in stream.items() if key not in _SAID_ANYWAY}


class _Comparison:
    """Two documents walked down together."""

    def __init__(self) -> None:
        self.became: dict[tuple[int, int], tuple[int, int]] = {}
        self.were: dict[tuple[int, int], tuple[int, int]] = {}
        self.seen: set[tuple[int, int]] = set()
        self.waiting: list[tuple[Any, Any, str]] = []

    def difference(self, old: Pdf, new: Pdf) -> str | None:
        """Where the second is not the first, or None."""
        infos = [pdf.trailer.get("/Info", Dictionary()) for pdf in (old, new)]
        self.waiting = [(old.Root, new.Root, "Root"), (*infos, "Info")]
        while self.waiting:
            a, b, path = self.waiting.pop()
            found = self._identity(a, b) or self._value(a, b, path)
            if found:
                return f"{path}: {found}"
        return None

    def _identity(self, a: Any, b: Any) -> str | None:
        if not isinstance(a, Object) or not isinstance(b, Object) or not a.is_indirect or not b.is_indirect:
            return None
        if self.became.setdefault(a.objgen, b.objgen) != b.objgen:
            return "one object became two"
        if _has_identity(a) and self.were.setdefault(b.objgen, a.objgen) != a.objgen:
            return "two objects became one"
        return None

    def _value(self, a: Any, b: Any, path: str) -> str | None:
        if isinstance(a, Object) and a.is_indirect:
            if a.objgen in self.seen:
                return None
            self.seen.add(a.objgen)
        if isinstance(a, Array) and isinstance(b, Array):
            if len(a) != len(b):
                return "length"
            pairs = zip(a.as_list(), b.as_list(), strict=True)
            self.waiting += [(one, other, f"{path}/{index}") for index, (one, other) in enumerate(pairs)]
            return None
        if isinstance(a, Stream) != isinstance(b, Stream):
            return "a stream or none"
        if isinstance(a, Dictionary | Stream) and isinstance(b, Dictionary | Stream):
            own, other = _own(a), _own(b)
            if own.keys() != other.keys():
                return f"keys {sorted(own.keys() ^ other.keys())}"
            self.waiting += [(own[key], other[key], f"{path}{key}") for key in own]
            return "data" if isinstance(a, Stream) and a.read_bytes() != b.read_bytes() else None
        if isinstance(a, String) and isinstance(b, String):
            return None if bytes(a) == bytes(b) else "a string"
        return None if a == b and isinstance(a, bool) == isinstance(b, bool) else f"{a!r} became {b!r}"


def _has_identity(obj: Object) -> bool:
    return isinstance(obj, Dictionary) and obj.get("/Type") in (Name.Page, Name.Annot, Name.Pages, Name.Catalog)


def run_case(seed: int, case: int) -> str:
    """Write one document: what became of it.

    Raises:
        Wrong: the result is not the document.
    """
    rng = random.Random(f"{seed}:{case}")
    source = _Maker(rng).bytes()
    packed = rng.random() < 0.7
    with tempfile.TemporaryDirectory() as folder, Pdf.open(io.BytesIO(source)) as old:
        target, again = Path(folder) / "1.pdf", Path(folder) / "2.pdf"
        write_packed(old, target, object_streams=packed, effort="fast")
        files = {"pdf": source, "packed.pdf": target.read_bytes()}
        with Pdf.open(target) as new:
            if new.get_warnings() or new.check_pdf_syntax():
                raise Wrong("qpdf warns", files)
            found = _Comparison().difference(old, new)
            if found:
                raise Wrong(found, files)
            write_packed(new, again, object_streams=packed, effort="fast")
            if again.stat().st_size > target.stat().st_size + _AGAIN:
                raise Wrong("larger when packed again", files)
        with pypdfium2.PdfDocument(target) as document:
            if len(document) != len(old.pages):
                raise Wrong("PDFium finds other pages", files)
    return "packed" if packed else "plain"


if __name__ == "__main__":
    sys.exit(main("benchmarks.fuzz.writer", __doc__, run_case))
