"""What the tests of images to PDF share: running it on files given as bytes, and looking at what came out."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from PIL import Image

from pdfsmaller.engine.from_images.convert import images_to_pdf
from pdfsmaller.engine.from_images.options import ImageOptions
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.report import CombinedReport
from pdfsmaller.limits import Limits


@dataclass(frozen=True)
class Made:
    """One run: the PDF, open, and the report."""

    path: Path
    pdf: pikepdf.Pdf
    report: CombinedReport

    def image(self, page: int = 0) -> pikepdf.Stream:
        """The image XObject of a page."""
        found = self.pdf.pages[page].obj.Resources.XObject.Im0
        assert isinstance(found, pikepdf.Stream)
        return found

    def pixels(self, page: int = 0) -> Image.Image:
        """The page's image without its mask."""
        return decoded(self.image(page))

    def alpha(self, page: int = 0) -> Image.Image | None:
        """How opaque each pixel is, by soft mask or colour key."""
        image = self.image(page)
        if "/SMask" in image:
            assert isinstance(image.SMask, pikepdf.Stream)
            return decoded(image.SMask).convert("L")
        if "/Mask" not in image:
            return None
        low, high = [[int(v) for v in list(image.Mask)[start::2]] for start in (0, 1)]  # type: ignore[call-overload]
        assert low == high
        if "/Indexed" in str(image.ColorSpace):
            picture = Image.frombytes("P", self.size(page), image.read_bytes(), "raw", f"P;{image.BitsPerComponent}")
            return picture.point(lambda v: 0 if v == low[0] else 255, "L")
        picture = decoded(image)
        clear = tuple(low) if len(low) > 1 else low[0] * 255 // ((1 << int(image.BitsPerComponent)) - 1)
        flat = [
            0 if picture.getpixel((x, y)) == clear else 255 for y in range(picture.height) for x in range(picture.width)
        ]
        return Image.frombytes("L", picture.size, bytes(flat))

    def size(self, page: int = 0) -> tuple[int, int]:
        return int(self.image(page).Width), int(self.image(page).Height)

    def page_size(self, page: int = 0) -> tuple[float, float]:
        box = [float(value) for value in self.pdf.pages[page].mediabox]
        assert box[:2] == [0, 0]
        return box[2], box[3]

    def render(self, page: int = 0, dpi: float = 72) -> Image.Image:
        with pypdfium2.PdfDocument(self.path) as document:
            picture: Image.Image = document[page].render(scale=dpi / 72).to_pil().convert("RGB")
            return picture

    def warnings(self) -> list[str]:
        return [warning.code for warning in self.report.warnings]


def decoded(image: pikepdf.Stream) -> Image.Image:
    return pikepdf.PdfImage(image).as_pil_image(apply_mask=False)


def pillow(data: bytes) -> Image.Image:
    """The first frame of a file as Pillow sees it, not turned."""
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture.copy()


Make = Callable[..., Made]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Convert files given as bytes, or as (name, bytes). Keyword arguments are options; ``limits`` is passed on.

    ``valid=False``: a damaged image may make qpdf complain.
    """
    made: list[Made] = []

    def go(*files: bytes | tuple[str, bytes], limits: Limits | None = None, valid: bool = True, **options: Any) -> Made:
        sources = []
        for number, file in enumerate(files):
            name, data = file if isinstance(file, tuple) else (f"image{number}", file)
            path = tmp_path / f"{number}.bin"
            path.write_bytes(data)
            sources.append(InputFile(path, name))
        target = tmp_path / f"out{len(made)}.pdf"
        report = images_to_pdf(sources, target, ImageOptions.parse(options), limits=limits)
        assert target.stat().st_size == report.output_bytes
        pdf = pikepdf.open(target)
        result = Made(target, pdf, report)
        made.append(result)
        assert not valid or pdf.check_pdf_syntax() == []
        assert len(pdf.pages) == report.pages
        return result

    yield go
    while made:
        made.pop().pdf.close()
