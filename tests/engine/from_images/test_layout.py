"""Pages: their size, what stands where on them, and which way up."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops, ImageOps

from pdfsmaller.errors import InvalidOption
from tests import pictures
from tests.engine.from_images.conftest import Make

A4, LETTER = (595.276, 841.89), (612, 792)


def plain(size: tuple[int, int], format: str = "PNG", **options: object) -> bytes:
    return pictures.saved(Image.new("RGB", size, "navy"), format, **options)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
def test_images_stand_as_exif_wants_it(make: Make, format: str, orientation: int) -> None:
    picture = pictures.corners()
    data = pictures.oriented(picture, format, orientation)
    tagged = picture.copy()
    tagged.getexif()[pictures.ORIENTATION] = orientation
    wanted = ImageOps.exif_transpose(tagged)
    made = make(data, resolution=72)
    assert made.page_size() == wanted.size
    assert "/Rotate" not in made.pdf.pages[0].obj
    seen = made.render()
    error = ImageChops.difference(seen, wanted).convert("L")
    assert sum(error.histogram()[60:]) <= 0.05 * seen.width * seen.height


@pytest.mark.parametrize("orientation", range(1, 9))
def test_faxes_are_turned_too(make: Make, orientation: int) -> None:
    data = pictures.fax_tiff(orientation=orientation)
    tagged = pictures.text().convert("L")
    tagged.getexif()[pictures.ORIENTATION] = orientation
    wanted = ImageOps.exif_transpose(tagged)
    made = make(data, resolution=72)
    error = ImageChops.difference(made.render().convert("L"), wanted)
    assert sum(error.histogram()[100:]) <= 0.03 * wanted.width * wanted.height


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "BMP"])
def test_the_files_resolution_makes_the_page(make: Make, format: str) -> None:
    width, height = make(plain((300, 150), format, dpi=(300, 150))).page_size()
    assert (width, height) == pytest.approx((72, 72), rel=0.001)


def test_exif_says_the_resolution_where_nothing_else_does(make: Make) -> None:
    exif = Image.Exif()
    exif[0x11A], exif[0x11B], exif[0x128] = 100.0, 50.0, 3  # per centimetre
    assert make(plain((254, 254), "WEBP", exif=exif)).page_size() == pytest.approx((72, 144), rel=0.001)


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_turned_images_keep_the_resolution_of_their_own_rows(make: Make, format: str) -> None:
    data = pictures.oriented(Image.new("RGB", (200, 100), "navy"), format, 6, dpi=(200, 50))
    assert make(data).page_size() == pytest.approx((144, 72))


@pytest.mark.parametrize("dpi", [(0, 0), (1, 1), (60_000, 60_000)])
def test_absurd_resolutions_count_as_none(make: Make, dpi: tuple[int, int]) -> None:
    assert make(plain((96, 48), "JPEG", dpi=dpi)).page_size() == (72, 36)


def test_a_resolution_that_is_asked_for_wins(make: Make) -> None:
    assert make(plain((300, 150), dpi=(300, 300)), resolution=150).page_size() == (144, 72)


@pytest.mark.parametrize(
    ("size", "paper", "orientation", "page"),
    [
        ((300, 200), "A4", "auto", A4[::-1]),
        ((200, 300), "A4", "auto", A4),
        ((300, 200), "letter", "portrait", LETTER),
        ((200, 300), "letter", "landscape", LETTER[::-1]),
    ],
)
def test_paper_is_turned_as_wanted(
    make: Make, size: tuple[int, int], paper: str, orientation: str, page: tuple[float, float]
) -> None:
    made = make(plain(size), page_size=paper, orientation=orientation)
    assert made.page_size() == pytest.approx(page, abs=0.01)


def test_auto_goes_by_how_the_image_is_shown(make: Make) -> None:
    data = pictures.oriented(Image.new("RGB", (300, 200), "navy"), "JPEG", 6)
    assert make(data, page_size="A4").page_size() == pytest.approx(A4, abs=0.01)


def test_on_paper_the_image_is_whole_centred_and_keeps_its_aspect(make: Make) -> None:
    made = make(plain((400, 100)), page_size="A4", orientation="portrait", margin="20mm")
    seen = made.render().convert("L").point(lambda v: 255 if v < 128 else 0)
    left, top, right, bottom = seen.getbbox() or (0, 0, 0, 0)
    margin = 20 * 72 / 25.4
    assert left == pytest.approx(margin, abs=1.5)
    assert A4[0] - right == pytest.approx(margin, abs=1.5)
    assert top == pytest.approx(A4[1] - bottom, abs=2.5)
    assert (right - left) / (bottom - top) == pytest.approx(4, rel=0.03)


def test_with_fit_the_margin_is_added(make: Make) -> None:
    made = make(plain((100, 50)), resolution=72, margin=10)
    assert made.page_size() == (120, 70)
    assert made.render().getpixel((5, 35)) == (255, 255, 255)
    assert made.render().getpixel((60, 35)) == (0, 0, 128)


def test_margins_that_leave_nothing_are_refused(make: Make) -> None:
    with pytest.raises(InvalidOption, match="margin"):
        make(plain((10, 10)), page_size="A4", margin=300)


@pytest.mark.parametrize(("size", "longest"), [((20_000, 10), 14_400), ((1, 1), 3), ((10, 1), 30)])
def test_pages_stay_within_what_readers_show(make: Make, size: tuple[int, int], longest: float) -> None:
    made = make(pictures.saved(Image.new("1", size), "PNG"), resolution=72)
    assert max(made.page_size()) == pytest.approx(longest, abs=0.01)
    assert min(made.page_size()) >= 3
