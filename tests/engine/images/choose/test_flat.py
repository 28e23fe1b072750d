"""Drawn images, and those that are half a picture: what is coded as JPEG, and what is not."""

from __future__ import annotations

import io

import pytest
from pikepdf import Name
from PIL import Image

from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.choose.samples import FLAT_SHARE
from tests import documents
from tests.engine.conftest import Run
from tests.engine.images.test_images import jpeg_data, only_image
from tests.pictures import vips_of


def test_a_slide_saved_as_a_picture_becomes_a_jpeg(run: Run) -> None:
    """More than half of it is flat, and a JPEG of it rings beside the letters: not where that is seen."""
    assert pixels.flat_mask(vips_of(documents.slide())).avg() / 255 > FLAT_SHARE
    result = run(documents.slide_flate(), preset="ebook")
    image = only_image(result)
    assert len(image.read_raw_bytes()) < 75_000  # 106,000 where no pixel may ring
    assert result.mean_error() < 4
    # Paper stays paper, but for what is next to a letter.
    shown = Image.open(io.BytesIO(jpeg_data(image))).convert("L")
    assert sum(shown.crop((0, 80, 590, 600)).histogram()[200:245]) < 0.02 * 590 * 520


@pytest.mark.parametrize("preset", ["ebook", "screen"])
def test_a_drawing_without_a_picture_keeps_its_pixels(run: Run, preset: str) -> None:
    assert only_image(run(documents.chart_flate(), preset=preset)).Filter == Name.FlateDecode


@pytest.mark.parametrize("preset", ["screen", "ebook", "printer", "scan"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_page_number_on_an_empty_page_is_kept(run: Run, mode: str, preset: str) -> None:
    result = run(documents.page_number(mode), preset=preset)
    assert result.report.outcome == "compressed"
    assert result.warnings() == []
    page = result.render(result.target).convert("L")
    darkest, _ = page.crop((0, 0, page.width, page.height - 80)).getextrema()  # without the line below the picture
    assert darkest < 130
