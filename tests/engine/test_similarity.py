"""Structural similarity: what LuaJIT finds in one pass is what libvips finds in many."""

from __future__ import annotations

import pytest
import pyvips

from pdfsmaller.engine import lua
from pdfsmaller.engine.similarity import picture_of, similarity, similarity_of_images


def _pair(width: int, height: int, bands: int) -> tuple[pyvips.Image, pyvips.Image]:
    """A picture of something and a noisier one of it, every band of its own."""
    noise = pyvips.Image.gaussnoise(width, height, mean=120, sigma=80, seed=1).gaussblur(2)
    image = noise.bandjoin([noise.rot180() * (band + 1) / bands for band in range(1, bands)]) if bands > 1 else noise
    other = image * 0.9 + 5 + pyvips.Image.gaussnoise(width, height, mean=0, sigma=4, seed=2)
    return image.cast("uchar").copy_memory(), other.cast("uchar").copy_memory()


# 37 = 4 blocks and more than half of one; 35 = 4 and less than half: then it does not count.
@pytest.mark.parametrize("size", [(64, 48, 3), (37, 35, 1), (35, 37, 3), (33, 44, 4), (8, 8, 1)])
def test_both_ways_find_the_same(size: tuple[int, int, int]) -> None:
    one, other = _pair(*size)
    found = similarity(picture_of(one), picture_of(other))
    assert found == pytest.approx(similarity_of_images(one, other), abs=1e-5)
    assert 0.1 < found < 0.999


def test_equal_pictures_are_alike() -> None:
    one, _ = _pair(50, 50, 3)
    assert similarity(picture_of(one), picture_of(one)) == 1


def test_without_luajit_libvips_compares(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = map(picture_of, _pair(64, 48, 3))
    found = similarity(one, other)

    def unavailable(*_: object) -> None:
        raise lua.Unavailable

    monkeypatch.setattr(lua, "call", unavailable)
    assert similarity(one, other) == pytest.approx(found, abs=1e-5)


def test_pictures_of_two_sizes_are_refused() -> None:
    one, _ = _pair(64, 48, 3)
    with pytest.raises(ValueError, match="two sizes"):
        similarity(picture_of(one), picture_of(one.crop(0, 0, 64, 40)))
