"""What the engine's tests share: running it on generated documents, and looking at results as a reader would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from PIL import Image, ImageChops, ImageStat

from pdfsmaller.engine import CompressOptions, Report
from pdfsmaller.engine.compress import compress
from pdfsmaller.limits import Limits

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"


# An object of a document lives only as long as the document does.
KEPT: list[pikepdf.Pdf] = []


@dataclass(frozen=True)
class Result:
    """One run: both files and the report."""

    source: Path
    target: Path
    report: Report
    password: str | None

    def open(self) -> pikepdf.Pdf:
        return pikepdf.open(self.target, password=self.password or "")

    def images(self) -> list[pikepdf.Stream]:
        """Every image XObject of the result, masks included."""
        pdf = self.open()
        KEPT.append(pdf)
        return [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]

    def warnings(self) -> list[str]:
        return [warning.code for warning in self.report.warnings]

    def render(self, which: Path, page: int = 0, dpi: float = 100) -> Image.Image:
        with pypdfium2.PdfDocument(which, password=self.password) as document:
            picture: Image.Image = document[page].render(scale=dpi / 72).to_pil().convert("RGB")
            return picture

    def mean_error(self, page: int = 0, dpi: float = 100) -> float:
        """The mean difference of rendered samples, in levels of 255."""
        difference = ImageChops.difference(self.render(self.source, page, dpi), self.render(self.target, page, dpi))
        return sum(ImageStat.Stat(difference).mean) / 3

    def same_pixels(self, page: int = 0, dpi: float = 100) -> bool:
        return self.render(self.source, page, dpi).tobytes() == self.render(self.target, page, dpi).tobytes()


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Compress a document given as bytes. Keyword arguments are options; ``limits`` is passed on."""

    def go(data: bytes, *, limits: Limits | None = None, **options: Any) -> Result:
        source, target = tmp_path / "in.pdf", tmp_path / "out.pdf"
        source.write_bytes(data)
        report = compress(source, target, CompressOptions.parse(options), limits=limits)
        assert target.stat().st_size == report.output_bytes <= report.input_bytes == len(data)
        return Result(source, target, report, options.get("password"))

    yield go
    while KEPT:
        KEPT.pop().close()
