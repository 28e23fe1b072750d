"""What counts as another look of a rendered page, found by LuaJIT and, where there is none, by libvips."""

from __future__ import annotations

import pypdfium2
import pypdfium2.raw as pdfium
import pytest

from pdfsmaller.engine import lua
from pdfsmaller.engine.looks import Looks, unlike
from pdfsmaller.engine.render.page import Rendering

_NEAR = Looks(0.85, "no-change")
_WHITE, _GRAY = (255, 255, 255), (128, 128, 128)
_Patch = tuple[int, int, int, int, tuple[int, int, int]]


@pytest.fixture(params=["luajit", "libvips"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of comparing."""

    def unavailable(*_: object) -> None:
        raise lua.Unavailable

    if request.param == "libvips":
        monkeypatch.setattr(lua, "call", unavailable)


def _page(*patches: _Patch, width: int = 203, height: int = 301) -> Rendering:
    """A white page with some lines of gray, and over them patches: left, top, width, height and colour."""
    bitmap = pypdfium2.PdfBitmap.new_native(width, height, pdfium.FPDFBitmap_BGRx, rev_byteorder=True)
    lines = [(20, top, 160, 3, _GRAY) for top in range(20, height - 20, 12)]
    for left, top, wide, high, color in [(0, 0, width, height, _WHITE), *lines, *patches]:
        bitmap.fill_rect((*color, 255), left, top, wide, high)
    return Rendering(bitmap.buffer, bitmap.width, bitmap.height, bitmap.stride)


def test_equal_pages_are_alike() -> None:
    assert unlike(_page(), _page(), Looks(1.0, "no-change")) is None


def test_what_is_no_color_of_a_pixel_does_not_count() -> None:
    other = _page()
    other.pixels[3] = 7
    assert unlike(_page(), other, Looks(1.0, "no-change")) is None


@pytest.mark.parametrize("place", [(0, 0), (100, 150), (202, 300)])
def test_one_pixel_is_another_look_where_all_were_to_stay(place: tuple[int, int]) -> None:
    other = _page((*place, 1, 1, (250, 255, 255)))
    assert unlike(_page(), other, Looks(1.0, "no-change")) == "its pixels changed"
    assert unlike(_page(), other, _NEAR) is None


def test_a_missing_half_is_not_similar() -> None:
    found = unlike(_page(), _page((0, 0, 203, 150, _WHITE)), _NEAR)
    assert found is not None
    assert found.startswith("similarity 0.")


def test_a_patch_of_another_color_has_moved_though_the_page_is_similar() -> None:
    other = _page((40, 40, 24, 24, (255, 200, 255)))
    assert unlike(_page((40, 40, 24, 24, _WHITE)), other, Looks(0.5, "no-change")) is None
    assert "changed colour" in (unlike(_page((40, 40, 24, 24, _WHITE)), other, _NEAR) or "")


@pytest.mark.parametrize("looks", [_NEAR, Looks(0.5, "no-change"), Looks(0.85, "grayscale")])
@pytest.mark.parametrize("place", [(101, 289), (96, 290), (199, 297)])
def test_a_page_number_is_missed(looks: Looks, place: tuple[int, int]) -> None:
    """One block of a thousand, and the page is all but the same without it."""
    number = _page((*place, 4, 4, (0, 0, 0)))
    assert unlike(number, _page(), looks) == "something on it is gone"
    assert unlike(number, _page((*place, 4, 3, (40, 40, 40))), looks) is None
    assert unlike(_page((*place, 2, 1, (0, 0, 0))), _page(), looks) is None  # a speck of dust


def test_where_color_was_to_go_only_luminance_counts() -> None:
    gray, red, black = ((40, 40, 24, 24, color) for color in ((76, 76, 76), (255, 0, 0), (0, 0, 0)))
    page = _page((40, 40, 24, 24, (255, 0, 0)))
    assert unlike(page, _page(gray), Looks(0.5, "grayscale")) is None
    assert unlike(page, _page(red), Looks(0.5, "grayscale")) is None
    assert unlike(_page(), _page(black), Looks(0.5, "grayscale")) is not None


def test_a_row_more_or_less_is_rounding_and_three_are_not() -> None:
    assert unlike(_page(height=301), _page(height=303), _NEAR) is None
    assert unlike(_page(width=203), _page(width=202), _NEAR) is None
    assert unlike(_page(height=301), _page(height=304), _NEAR) == "its size changed"


def test_dark_and_light_may_not_change_places_in_black_and_white() -> None:
    page = _page((40, 40, 100, 100, (0, 0, 0)))
    assert unlike(page, _page((40, 41, 100, 100, (0, 0, 0))), Looks(0.5, "bilevel")) is None
    inverted = _page((0, 0, 203, 301, (0, 0, 0)), (40, 40, 100, 100, _WHITE))
    assert unlike(page, inverted, Looks(0.5, "bilevel")) is not None
