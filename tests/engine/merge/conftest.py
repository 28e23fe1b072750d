"""What the tests of merging share: merging documents given as bytes, and looking at the result as a reader would."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest

from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.merge.merge import merge
from pdfsmaller.engine.merge.options import MergeOptions
from pdfsmaller.engine.report import CombinedReport
from pdfsmaller.limits import Limits


@dataclass(frozen=True)
class Merged:
    """One result: the file, the report, and the document opened."""

    path: Path
    report: CombinedReport
    pdf: pikepdf.Pdf
    password: str | None

    @property
    def root(self) -> pikepdf.Dictionary:
        return self.pdf.Root

    def warnings(self) -> list[str]:
        return [warning.code for warning in self.report.warnings]

    def texts(self) -> list[str]:
        return texts(self.path, self.password)

    def page_of(self, page: pikepdf.Object) -> int | None:
        """Which page of the result an object is; None if it is none of them."""
        numbers = {p.obj.objgen: number for number, p in enumerate(self.pdf.pages)}
        return numbers.get(page.objgen)

    def fields(self) -> dict[str, pikepdf.Dictionary]:
        """Every terminal field by its full name."""
        found: dict[str, pikepdf.Dictionary] = {}

        def walk(field: pikepdf.Dictionary, path: tuple[str, ...]) -> None:
            path = (*path, str(field.T)) if "/T" in field else path
            kids = [kid for kid in field.get("/Kids", []) if "/T" in kid]
            if not kids:
                found[".".join(path)] = field
            for kid in kids:
                walk(kid, path)

        for field in self.root.AcroForm.Fields:
            walk(field, ())
        return found

    def outline(self) -> list[tuple[int, str, int | None]]:
        """The outline: (level, title, page)."""
        found: list[tuple[int, str, int | None]] = []

        def walk(node: pikepdf.Dictionary, level: int) -> None:
            item, before = node.get("/First"), None
            while item is not None:
                assert item.Parent.objgen == node.objgen
                assert item.get("/Prev") == before
                page = item.Dest[0] if "/Dest" in item else None
                found.append((level, str(item.Title), None if page is None else self.page_of(page)))
                walk(item, level + 1)
                item, before = item.get("/Next"), item
            assert node.get("/Last") == before

        if "/Outlines" in self.root:
            walk(self.root.Outlines, 0)
        return found


def texts(path: Path, password: str | None = None) -> list[str]:
    with pypdfium2.PdfDocument(path, password=password) as document:
        return [document[n].get_textpage().get_text_range() for n in range(len(document))]


Join = Callable[..., Merged]


@pytest.fixture
def join(tmp_path: Path) -> Iterator[Join]:
    """Merge documents given as bytes; they are called a.pdf, b.pdf … Keyword arguments are options."""
    opened: list[pikepdf.Pdf] = []
    runs = itertools.count()

    def go(*documents: bytes, limits: Limits | None = None, **options: Any) -> Merged:
        folder = tmp_path / str(next(runs))
        folder.mkdir()
        sources = []
        for letter, data in zip("abcdefghij", documents, strict=False):
            path = folder / letter
            path.write_bytes(data)
            sources.append(InputFile(path, f"{letter}.pdf"))
        target = folder / "out.pdf"
        parsed = MergeOptions.parse({"optimize": False, "verify": "full"} | options)
        report = merge(sources, target, parsed, limits=limits)
        password = options.get("password") if not options.get("decrypt") else None
        pdf = pikepdf.open(target, password=password or "")
        opened.append(pdf)
        assert pdf.check_pdf_syntax() == []
        assert report.pages == len(pdf.pages)
        assert report.output_bytes == target.stat().st_size
        assert report.input_bytes == sum(len(data) for data in documents)
        return Merged(target, report, pdf, password)

    yield go
    for pdf in opened:
        pdf.close()
