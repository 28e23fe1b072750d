"""Palettes: how many colours do, and what is told of how far they are from the image."""

from __future__ import annotations

import zlib

import pytest
import pyvips

from pdfsmaller.engine import lua
from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.codecs import flate, palette


def _drawing(width: int, height: int, colors: int) -> pyvips.Image:
    """Bars of so many colours."""
    place = pyvips.Image.xyz(width, height)
    bar = (place[0] * colors / width).floor()
    return pixels.settle((bar * 37 % 256).bandjoin([bar * 101 % 256, bar * 11 % 256]))


def _shades(width: int, height: int) -> pyvips.Image:
    place = pyvips.Image.xyz(width, height)
    return pixels.settle((place[0] * 255 / width).bandjoin([place[1] * 255 / height, (place[0] + place[1]) % 256]))


@pytest.mark.parametrize(("colors", "bits"), [(2, 4), (16, 4), (200, 8)])
def test_a_drawing_keeps_its_colours_in_as_few_bits_as_hold_them(colors: int, bits: int) -> None:
    image = _drawing(600, 400, colors)
    coded = palette.unseen(image, 1.0)
    assert coded is not None
    assert coded.bits <= bits
    assert coded.entries >= min(colors, 16)


def test_what_has_too_many_colours_for_a_palette_gets_none() -> None:
    assert palette.unseen(_shades(600, 600), 0.2) is None


def test_a_large_image_gets_the_palette_that_trying_all_ways_gives_it() -> None:
    image = _drawing(900, 700, 120)
    first = next(
        made
        for quality, bits in palette.WAYS
        if palette.error(made := palette.quantized(image, quality=quality, bits=bits), image).is_unseen(1.0)
    )
    coded = palette.unseen(image, 1.0)
    assert coded is not None
    assert (coded.bits, coded.palette) == (first.bits, first.colors)


def _gray(width: int, height: int, levels: int) -> pyvips.Image:
    """Bars of so many levels of gray, each with a little noise."""
    bar = (pyvips.Image.xyz(width, height)[0] * levels / width).floor() * (250 / levels)
    return pixels.settle(bar + pyvips.Image.gaussnoise(width, height, mean=3, sigma=0.6, seed=4))


@pytest.mark.parametrize(("levels", "bits"), [(3, 2), (12, 4), (40, 8)])
def test_gray_keeps_as_many_levels_as_are_seen(levels: int, bits: int) -> None:
    image = _gray(600, 400, levels)
    coded = palette.unseen_gray(image, 1.0)
    assert coded is not None
    assert (coded.bits, len(coded.palette or b"")) == (bits, coded.entries)
    assert levels - 2 <= coded.entries <= levels + 4
    colors = b"".join(bytes([level]) * 3 for level in coded.palette or b"")
    rows = zlib.decompress(coded.data)
    assert palette.error(palette.Indexed(rows, colors, 600, 400, bits), image.bandjoin([image, image])).is_unseen(1.0)


def _page(mark: tuple[int, int, int]) -> pyvips.Image:
    """Paper with black lines over a quarter of it and one small mark in another colour where nothing else is."""
    page = pyvips.Image.black(1240, 1754, bands=3) + 255
    lines = page.draw_rect([0, 0, 0], 100, 100, 1000, 400, fill=True)
    return pixels.settle(lines.draw_rect(list(mark), 620, 1600, 3, 20, fill=True))


@pytest.mark.parametrize("allowed", [0.2, 1.0, 4.0])
def test_what_stands_alone_on_a_page_does_not_become_paper(allowed: int) -> None:
    image = _page((90, 90, 90))
    blank = image.draw_rect([255, 255, 255], 0, 0, 1240, 600, fill=True)  # as a page number on a page without text
    for each in (image, blank):
        coded = palette.unseen_gray(pixels.settle(each[0]), allowed)
        assert coded is not None
        assert any(70 < level < 110 for level in coded.palette or b"")
        coded = palette.unseen(pixels.settle(each), allowed)
        assert coded is not None
        shown = palette.Indexed(zlib.decompress(coded.data), coded.palette or b"", 1240, 1754, coded.bits).shown()
        assert all(70 < band < 110 for band in shown.getpoint(621, 1610))


def test_a_small_mark_in_colour_does_not_become_gray() -> None:
    """An icon of a few pixels in a screenshot's one blue."""
    image = _page((70, 120, 240))
    coded = palette.unseen(image, 1.0)
    assert coded is not None
    shown = palette.Indexed(zlib.decompress(coded.data), coded.palette or b"", 1240, 1754, coded.bits).shown()
    red, _, blue = shown.getpoint(621, 1610)
    assert blue - red > 100


def test_gray_that_needs_many_levels_gets_no_palette() -> None:
    assert palette.unseen_gray(pixels.settle(pyvips.Image.xyz(600, 400)[0] % 256), 0.05) is None


@pytest.mark.parametrize(("colors", "bits"), [(3, 2), (4, 2), (16, 4), (17, 8), (256, 8)])
def test_at_most_256_colours_come_back_as_they_were(colors: int, bits: int) -> None:
    image = _drawing(512, 64, colors)
    known = palette.colors(image)
    assert known is not None
    assert len(known) == colors
    coded = palette.exact(image, known)
    assert coded is not None
    assert (coded.exact, coded.bits, coded.entries) == (True, bits, colors)
    rows = zlib.decompress(flate.repacked(coded, "default").data)
    assert (palette.Indexed(rows, coded.palette or b"", 512, 64, bits).shown() - image).abs().max() == 0


def test_more_than_256_colours_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    place = pyvips.Image.xyz(257, 3)
    image = pixels.settle((place[0] % 256).bandjoin([(place[0] > 255).ifthenelse(9, 0), place[1]]))
    assert palette.colors(image) is None
    monkeypatch.setattr(palette, "COUNTED_PIXELS", 257)
    assert palette.colors(image) is None
    assert palette.colors(image.crop(0, 0, 256, 1)) == [bytes([level, 0, 0]) for level in range(256)]


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("width", [301, 64])
def test_the_error_is_the_same_with_luajit_and_without(bits: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    image = _shades(width, 77)
    indexed = palette.quantized(image, quality=75, bits=bits)
    quick = palette.error(indexed, image)

    def away(*_: object) -> None:
        raise lua.Unavailable

    monkeypatch.setattr(lua, "call", away)
    assert quick == pytest.approx(palette.error(indexed, image))
    assert quick.mean > 0
    assert quick.near >= quick.far


def test_an_exact_palette_has_no_error() -> None:
    image = _drawing(300, 50, 9)
    assert palette.error(palette.quantized(image), image) == (0.0, 0.0, 0.0, 0.0)
