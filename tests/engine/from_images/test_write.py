"""Pages of text share the symbols of their letters, every pixel as it was."""

from __future__ import annotations

import pytest
from PIL import Image

from tests import pictures
from tests.engine.from_images.conftest import Made, Make
from tests.engine.jbig2.test_symbols import letters


def scan(seed: int) -> Image.Image:
    page = letters(900, 700, seed)
    return Image.frombytes("1", (page.width, page.height), bytes(255 - byte for byte in page.black))


def symbols(made: Made) -> list[tuple[int, int] | None]:
    """Where each page's symbols are."""
    images = [made.image(page) for page in range(len(made.pdf.pages))]
    return [image.DecodeParms.JBIG2Globals.objgen if "/DecodeParms" in image else None for image in images]


@pytest.mark.parametrize("options", [{}, {"preset": "lossless"}])
def test_pages_share_their_symbols(make: Make, options: dict[str, str]) -> None:
    scans = [scan(seed) for seed in range(3)]
    made = make(*(pictures.saved(page, "PNG") for page in scans), **options)
    assert len(set(symbols(made))) == 1
    assert None not in symbols(made)
    assert all(made.pixels(number).convert("1").tobytes() == page.tobytes() for number, page in enumerate(scans))
    alone = make(*(pictures.saved(page, "PNG") for page in scans), bilevel="generic", **options)
    assert symbols(alone) == [None] * 3
    assert made.path.stat().st_size < 0.85 * alone.path.stat().st_size


def test_the_same_picture_is_one_object(make: Make) -> None:
    data = pictures.saved(scan(1), "PNG")
    made = make(data, data, pictures.saved(scan(2), "PNG"))
    assert made.image(0).objgen == made.image(1).objgen != made.image(2).objgen


def test_pages_beyond_the_bound_stand_alone(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pdfsmaller.engine.images.together.MOST_PIXELS", 2 * 900 * 700)
    made = make(*(pictures.saved(scan(seed), "PNG") for seed in range(3)))
    first, second, third = symbols(made)
    assert first == second is not None
    assert third is None
    assert made.pixels(2).convert("1").tobytes() == scan(2).tobytes()
