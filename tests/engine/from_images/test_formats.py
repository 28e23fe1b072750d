"""Every format and mode comes out with the pixels that Pillow sees, masks with the opacity."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops

from tests import pictures
from tests.engine.from_images.conftest import Make, pillow

# What is decoded twice, by decoders that round differently. Of strips, Pillow's decoder sees no neighbouring rows, from
# which halved colour components are interpolated.
ROUNDED = {"jpeg_named_rgb": 2} | {name: 2 for name in pictures.DECODED if name.startswith("tiff_jpeg")}
ROUNDED["tiff_jpeg_ycbcr_strips"] = 40


def largest_difference(one: Image.Image, other: Image.Image) -> int:
    assert one.size == other.size
    extremes = ImageChops.difference(one, other).getextrema()
    pairs = extremes if isinstance(extremes[0], tuple) else (extremes,)
    return max(int(high) for _low, high in pairs)  # type: ignore[misc]


@pytest.mark.parametrize("name", pictures.DECODED)
def test_pixels_are_those_that_pillow_sees(make: Make, name: str) -> None:
    data = pictures.DECODED[name]()
    made = make(data)
    picture = pillow(data)
    mode = "CMYK" if picture.mode == "CMYK" else "RGB"
    opaque = not picture.has_transparency_data
    plain = picture.convert(mode) if opaque else picture.convert("RGBA").convert("RGB")
    assert largest_difference(made.pixels().convert(mode), plain) <= ROUNDED.get(name, 0)
    wanted = None if opaque else picture.convert("RGBA").getchannel("A")
    alpha = made.alpha()
    if wanted is None or wanted.getextrema() == (255, 255):
        assert alpha is None
    else:
        assert alpha is not None
        assert largest_difference(alpha, wanted) == 0


@pytest.mark.parametrize("name", pictures.DECODED)
def test_pages_look_as_pillow_shows_them(make: Make, name: str) -> None:
    """As a reader of its own sees it, pixel by pixel."""
    data = pictures.DECODED[name]()
    made = make(data, resolution=72)
    picture = pillow(data)
    white = Image.new("RGBA", picture.size, "white")
    wanted = Image.alpha_composite(white, picture.convert("RGBA")).convert("RGB")
    error = ImageChops.difference(made.render(), wanted).convert("L")
    levels = error.histogram()
    allowed = 45 if picture.mode == "CMYK" else 10
    assert sum(levels[allowed:]) <= 0.02 * sum(levels)
