"""Samples deflated: as they are, and as PNG predicts them."""

from __future__ import annotations

import pytest
import pyvips
from PIL import Image

from pdfsmaller.engine import lua
from pdfsmaller.engine.images.codecs import flate
from tests import documents


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_rows_predicted_strip_by_strip_are_those_of_the_whole_image(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = documents.photo(320, 240).convert(mode)
    image = pyvips.Image.new_from_memory(picture.tobytes(), 320, 240, len(mode), "uchar")
    image = image.copy(interpretation="srgb" if mode == "RGB" else "b-w")
    whole = flate.predicted(image)
    assert whole.parms["/Predictor"] == 15
    for strip_bytes in (1, 10_000, 100_000):
        monkeypatch.setattr(flate, "STRIP_BYTES", strip_bytes)
        assert flate.predicted(image) == whole


def test_a_screenshot_whose_middle_is_empty_is_predicted_by_what_is_around_it() -> None:
    picture = Image.new("RGB", (900, 1200), "white")
    picture.paste(documents.photo(900, 380), (0, 0))
    picture.paste(documents.photo(900, 380, seed=2), (0, 820))
    image = pyvips.Image.new_from_memory(picture.tobytes(), 900, 1200, 3, "uchar").copy(interpretation="srgb")
    plain = flate.plain(picture.tobytes(), 900, 1200, 8)
    assert flate.predicted(image).cost < 0.8 * plain.cost


@pytest.mark.parametrize(("mode", "bits"), [("L", 2), ("L", 4), ("L", 8), ("RGB", 8), ("CMYK", 8)])
def test_rows_are_predicted_alike_with_luajit_and_by_libpng(
    mode: str, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = 255 // (2**bits - 1)
    picture = documents.photo(301, 77).convert(mode).point(lambda level: level // step * step)
    image = pyvips.Image.new_from_memory(picture.tobytes(), 301, 77, len(picture.getbands()), "uchar")
    image = image.copy(interpretation="b-w" if mode == "L" else "srgb")
    quick = flate._each_way(image, bits, "default")

    def away(*_: object) -> None:
        raise lua.Unavailable

    monkeypatch.setattr(lua, "call", away)
    assert quick == flate._each_way(image, bits, "default")
    assert len(set(quick.values())) == 6
