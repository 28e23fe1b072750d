"""PNG as a container of what a PDF holds."""

from __future__ import annotations

import zlib

import pytest
import pyvips

from pdfsmaller.engine.images.codecs import flate, png
from tests import documents


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_rows_predicted_in_a_pdf_are_its_samples(mode: str) -> None:
    picture = documents.photo(301, 97).convert(mode)
    bands = len(picture.getbands())
    image = pyvips.Image.new_from_memory(picture.tobytes(), 301, 97, bands, "uchar")
    predicted = flate.predicted(image)
    assert predicted.parms["/Predictor"] == 15
    assert png.unpredicted(predicted.data, 301, 97, bands) == picture.tobytes()


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(b"\0abc" * 9, id="a row is missing"),
        pytest.param(b"\0abc" * 9 + b"\0ab", id="a sample is missing"),
        pytest.param(b"\0abc" * 9 + b"\7abc", id="nobody knows that predictor"),
    ],
)
def test_damaged_rows_are_none(rows: bytes) -> None:
    assert png.unpredicted(zlib.compress(rows), 3, 10, 1) is None
    assert png.unpredicted(zlib.compress(b"\0abc" * 10), 3, 10, 1) == b"abc" * 10


def test_damaged_deflate_is_none() -> None:
    whole = zlib.compress(bytes(range(250)) * 40)
    assert png.unpredicted(whole[:-30], 249, 40, 1) is None
    assert png.unpredicted(whole[:-4] + b"\0\0\0\0", 249, 40, 1) is None
