"""Colour taken out of everything but images."""

from __future__ import annotations

import pikepdf
import pytest
from PIL import ImageChops

from tests import documents
from tests.engine.conftest import Result, Run

FUNCTION = b"<< /FunctionType 2 /Domain [0 1] /C0 [1 0 0] /C1 [0 0 1] /N 1 >>"


def has_color(result: Result, page: int = 0) -> bool:
    red, green, blue = result.render(result.target, page).split()
    return any(ImageChops.difference(red, other).getextrema()[1] > 1 for other in (green, blue))


def drawn(content: bytes, **resources: pikepdf.Object) -> bytes:
    def draw(pdf: pikepdf.Pdf) -> None:
        page = pdf.pages[0]
        for key, value in resources.items():
            page.obj.Resources["/" + key] = value
        page.contents_add(b"q " + content + b" Q")

    return documents.edited(documents.text(pages=1), draw)


def spaces() -> pikepdf.Dictionary:
    return pikepdf.Object.parse(b"<< /R [/CalRGB << /WhitePoint [0.95 1 1.09] >>] /C /DeviceCMYK >>")


@pytest.mark.parametrize(
    "content",
    [
        b"1 0 0 rg 0 0 99 99 re f",
        b"0 0 1 RG 20 w 9 9 m 99 99 l S",
        b"0 1 1 0 k 0 0 99 99 re f",
        b"1 0 0 0 K 20 w 9 9 m 99 99 l S",
        b"/DeviceRGB cs 0 1 0 sc 0 0 99 99 re f",
        b"/DeviceRGB cs 0 1 0 scn q 0 0 9 9 re f Q 0 0 99 99 re f",
        b"/R cs 0 1 0 sc 0 0 99 99 re f",
        b"/C CS 1 0 1 0 SCN 20 w 9 9 m 99 99 l S",
    ],
)
def test_grayscale_vectors(run: Run, content: bytes) -> None:
    result = run(drawn(content, ColorSpace=spaces()), color_mode="grayscale")
    assert not has_color(result)
    assert "color_mode_partial" not in result.warnings()


def test_gray_levels_are_those_of_the_standard(run: Run) -> None:
    """DeviceRGB (1, 0, 0) is 0.3 of white (ISO 32000-1, 10.3.2)."""
    result = run(drawn(b"1 0 0 rg 0 0 99 99 re f"), color_mode="grayscale")
    picture = result.render(result.target)
    assert picture.getpixel((20, picture.height - 20)) == pytest.approx((76, 76, 76), abs=2)


def test_grayscale_gradients(run: Run) -> None:
    shading = pikepdf.Object.parse(
        b"<< /S << /ShadingType 2 /ColorSpace /DeviceRGB /Coords [0 0 99 0] /Function " + FUNCTION + b" >> >>"
    )
    result = run(drawn(b"0 0 99 99 re W n /S sh", Shading=shading), color_mode="grayscale")
    assert not has_color(result)


def test_a_spot_colour_stays_and_is_told(run: Run) -> None:
    space = pikepdf.Object.parse(b"<< /Spot [/Separation /Orange /DeviceRGB " + FUNCTION + b"] >>")
    result = run(drawn(b"/Spot cs 1 scn 0 0 99 99 re f", ColorSpace=space), color_mode="grayscale")
    assert "color_mode_partial" in result.warnings()


def test_forms_and_appearances_too(run: Run) -> None:
    for data in (documents.form(), documents.transparency(), documents.structured()):
        result = run(data, color_mode="grayscale")
        assert not any(has_color(result, page) for page in range(result.report.pages))


def test_bilevel_leaves_black_and_white(run: Run) -> None:
    result = run(drawn(b"0.8 0.8 0.2 rg 0 0 99 99 re f 0.2 0.1 0.6 rg 0 0 50 50 re f"), color_mode="bilevel")
    picture = result.render(result.target)
    assert picture.getpixel((20, picture.height - 20)) == (0, 0, 0)
    assert picture.getpixel((100, picture.height - 100)) == (255, 255, 255)
