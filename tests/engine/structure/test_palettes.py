"""Palettes that are streams become strings where that is smaller, with the same colours."""

from __future__ import annotations

import random

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream, String

from pdfsmaller.engine.structure.palettes import inline_palettes
from pdfsmaller.limits import Limits
from tests import documents
from tests.engine.conftest import Run

COLORS = random.Random(5).randbytes(48)


def indexed(pdf: Pdf, data: bytes) -> Array:
    return Array([Name.Indexed, Name.DeviceRGB, len(data) // 3 - 1, pdf.make_stream(data)])


def test_palettes_are_found_wherever_colour_spaces_stand() -> None:
    pdf = pikepdf.new()
    page = pdf.add_blank_page().obj
    own = pdf.make_indirect(indexed(pdf, COLORS))
    image = pdf.make_stream(bytes(4), Type=Name.XObject, Subtype=Name.Image, ColorSpace=indexed(pdf, COLORS))
    page.Resources = Dictionary(ColorSpace=Dictionary(A=indexed(pdf, COLORS), B=own, C=Name.DeviceRGB), XObject=image)
    inline_palettes(pdf, Limits())
    for space in (page.Resources.ColorSpace.A, own, image.ColorSpace):
        assert isinstance(space[3], String)
        assert bytes(space[3]) == COLORS


@pytest.mark.parametrize("data", [bytes(2000), b"()" * 384], ids=["longer than any palette", "much to escape"])
def test_what_is_not_smaller_stays_a_stream(data: bytes) -> None:
    pdf = pikepdf.new()
    space = pdf.make_indirect(indexed(pdf, data))
    inline_palettes(pdf, Limits())
    assert isinstance(space[3], Stream)


@pytest.mark.parametrize("preset", ["ebook", "lossless"])
def test_a_picture_with_a_palette_looks_the_same(run: Run, preset: str) -> None:
    def with_palette(pdf: Pdf) -> None:
        image = next(iter(pdf.pages[0].obj.Resources.XObject.values()))
        width, height = int(image.Width), int(image.Height)
        rows = bytes((x * 16 // width + y // 9) % 16 for y in range(height) for x in range(width))
        image.write(rows)
        image.ColorSpace = indexed(pdf, COLORS)
        image.BitsPerComponent = 8

    result = run(documents.edited(documents.icc_rgb(300, 200, dpi=100), with_palette), preset=preset)
    assert result.mean_error() < 3
    (image,) = result.images()
    assert not any(isinstance(part, Stream) for part in image.ColorSpace)
