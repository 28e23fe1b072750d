"""JPEG 2000 with loss: coded so again where that takes fewer bytes than a JPEG that looks alike."""

from __future__ import annotations

import io

from pikepdf import Name
from PIL import Image

from pdfsmaller.engine.images.choose.jpx import WAVES_SHARE
from tests import documents
from tests.engine.conftest import Run
from tests.engine.images.test_images import jpeg_data, only_image


def test_a_picture_in_jpeg_2000_stays_in_it_where_a_jpeg_takes_more(run: Run) -> None:
    quick = run(documents.jpx(), preset="ebook", effort="fast")
    coded, error = only_image(quick), quick.mean_error()
    assert coded.Filter == Name.DCTDecode
    size = len(coded.read_raw_bytes())
    waves = run(documents.jpx(), preset="ebook", verify="full")
    image = only_image(waves)
    assert (image.Filter, image.ColorSpace, image.BitsPerComponent) == (Name.JPXDecode, Name.DeviceRGB, 8)
    assert len(image.read_raw_bytes()) < WAVES_SHARE * 1.01 * size
    assert waves.mean_error() < error + 1
    assert waves.warnings() == []


def test_gray_pictures_stay_gray(run: Run) -> None:
    image = only_image(run(documents.jpx(kind="gray"), preset="ebook"))
    assert (image.Filter, image.ColorSpace) == (Name.JPXDecode, Name.DeviceGray)
    assert Image.open(io.BytesIO(image.read_raw_bytes())).mode == "L"


def test_lettering_becomes_what_keeps_its_edges(run: Run) -> None:
    """Reduced, waves blur them before a JPEG of the same bytes does."""
    result = run(documents.jpx(1200, 900, 150, kind="lettering"), preset="screen")
    assert jpeg_data(only_image(result))
    assert result.report.outcome == "compressed"


def test_white_of_sixteen_bits_stays_white(run: Run) -> None:
    """Pillow, which decodes JPEG 2000 here, rounds the brightest of more than eight bits to 0."""
    data = documents.jpx(kind="lettering", bits=16)
    result = run(data, preset="ebook", verify="off")
    assert result.render(result.source).getpixel((60, 20)) == (255, 255, 255)
    assert result.mean_error() < 1
    assert result.report.images.skipped == {"jpx": 1}
    assert run(data, preset="ebook").warnings() == []


def test_a_jpeg_stays_one(run: Run) -> None:
    assert jpeg_data(only_image(run(documents.photo_jpeg(), preset="ebook")))
