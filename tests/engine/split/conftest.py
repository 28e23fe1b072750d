"""What the tests of splitting share: splitting a document given as bytes, and looking at the parts as readers would."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.report import PartReport, SplitReport
from pdfsmaller.engine.split.options import SplitOptions
from pdfsmaller.engine.split.split import run
from pdfsmaller.limits import Limits
from tests.corpus.merged import Part, differences, loose_ends
from tests.engine.merge.conftest import texts


@dataclass(frozen=True)
class Piece:
    """One part: the file, what the report says of it, and the document opened."""

    path: Path
    name: str
    report: PartReport
    pdf: pikepdf.Pdf

    @property
    def root(self) -> pikepdf.Dictionary:
        return self.pdf.Root

    def images(self) -> list[pikepdf.Object]:
        return [o for o in self.pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]


@dataclass(frozen=True)
class Pieces:
    """All parts, the report, and the document that they come from."""

    source: Path
    folder: Path
    report: SplitReport
    parts: list[Piece]
    password: str | None

    @property
    def pages(self) -> list[str]:
        return [part.report.pages for part in self.parts]

    @property
    def names(self) -> list[str]:
        return [part.name for part in self.parts]

    def warnings(self) -> list[str]:
        return [warning.code for warning in self.report.warnings]

    def texts(self) -> list[list[str]]:
        return [texts(part.path, self.password) for part in self.parts]

    def check(self) -> None:
        """Every part has all that its pages had; links go to the file that has their page."""
        contents = [indices(part.report.pages) for part in self.parts]
        places: dict[int, tuple[str, int]] = {}
        for part, pages in zip(self.parts, contents, strict=True):
            for place, page in enumerate(pages):
                places.setdefault(page, (part.name, place))
        for part, pages in zip(self.parts, contents, strict=True):
            elsewhere = {page: there for page, there in places.items() if page not in pages}
            source = Part(self.source, self.password, pages, elsewhere=elsewhere, pruned=True)
            assert differences([source], part.path) == []
            assert loose_ends(part.path) == []


def indices(pages: str) -> list[int]:
    """The pages that a report names, as indices from 0."""
    found: list[int] = []
    for stretch in pages.split(","):
        first, _, last = stretch.partition("-")
        found += range(int(first) - 1, int(last or first))
    return found


Cut = Callable[..., Pieces]


@pytest.fixture
def cut(tmp_path: Path) -> Iterator[Cut]:
    """Split a document given as bytes, called report.pdf. Other keywords are options; ``sound``: so are its streams."""
    opened: list[pikepdf.Pdf] = []
    runs = itertools.count()

    def go(
        document: bytes, *, name: str = "report.pdf", limits: Limits | None = None, sound: bool = True, **options: Any
    ) -> Pieces:
        folder = tmp_path / str(next(runs))
        folder.mkdir()
        source = folder / "in"
        source.write_bytes(document)
        parsed = SplitOptions.parse({"optimize": False, "verify": "full"} | options)
        done = run([InputFile(source, name)], folder, parsed, limits=limits or Limits(), progress=lambda *_: None)
        password = options.get("password") if not options.get("decrypt") else None
        parts = []
        for file, part in zip(done.files, done.report.parts, strict=True):
            pdf = pikepdf.open(file.path, password=password or "")
            opened.append(pdf)
            assert pdf.check_pdf_syntax() == [] or not sound
            assert file.name == part.name
            assert part.output_bytes == file.path.stat().st_size
            assert part.page_count == len(pdf.pages) == len(indices(part.pages))
            parts.append(Piece(file.path, file.name, part, pdf))
        report = done.report
        assert report.output_bytes == sum(part.report.output_bytes for part in parts)
        assert report.input_bytes == len(document)
        assert report.pages == sum(part.report.page_count for part in parts)
        assert {path.name for path in folder.iterdir()} == {"in", "parts"}
        assert len(list((folder / "parts").iterdir())) == len(parts)
        return Pieces(source, folder, report, parts, password)

    yield go
    for pdf in opened:
        pdf.close()
