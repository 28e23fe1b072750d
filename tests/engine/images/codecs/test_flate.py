"""Samples deflated: as they are, and as PNG predicts them."""

from __future__ import annotations

import pytest
import pyvips
from PIL import Image

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
