"""CCITT group 4: read as others read it, or not at all."""

from __future__ import annotations

import random

import pikepdf
import pypdfium2
import pytest
from hypothesis import given, settings
from pikepdf import Name
from PIL import Image

from pdfsmaller.engine import lua
from pdfsmaller.engine.images.pixels import CCITT
from tests import documents
from tests.engine.conftest import Run
from tests.engine.jbig2.test_generic import as_pdf, bitmaps, text_page


def read(data: bytes, size: tuple[int, int], *, aligned: bool = False) -> bytes | None:
    """Packed rows with black as 1, or None where the data is damaged."""
    found = lua.call(CCITT, size[0] * size[1], data, *size, aligned)
    return found if isinstance(found, bytes) else None


def blacks(picture: Image.Image) -> bytes:
    return picture.convert("L").point(lambda v: 255 - v).convert("1").tobytes()


@settings(max_examples=300, deadline=None)
@given(bitmaps())
def test_what_libtiff_writes_is_read(picture: Image.Image) -> None:
    data, black_is_1 = documents.g4(picture)
    expected = picture.tobytes() if black_is_1 else blacks(picture)
    assert read(data, picture.size) == expected


def test_damage_is_seen_or_does_no_harm() -> None:
    """Of what is accepted, pdfium makes the same picture."""
    picture, rng, accepted = text_page(401, 120), random.Random(9), 0
    data, black_is_1 = documents.g4(picture)
    for attempt in range(120):
        damaged = bytearray(data)
        if attempt % 3 == 0:
            del damaged[rng.randrange(10, len(damaged)) :]
        else:
            damaged[rng.randrange(len(damaged))] ^= rng.choice((1, 2, 4, 8, 16, 32, 64, 128, 255))
        black = read(bytes(damaged), picture.size)
        if black is None:
            continue
        accepted += 1
        samples = Image.frombytes("1", picture.size, black).point(lambda v: v if black_is_1 else 255 - v)
        assert samples.tobytes() == seen(bytes(damaged), *picture.size, black_is_1=black_is_1)
    assert accepted < 20


def test_nothing_and_noise() -> None:
    rng = random.Random(4)
    assert read(b"", (8, 8)) is None
    for length in (1, 7, 100, 5000):
        assert read(rng.randbytes(length), (200, 200)) is None
    assert read(b"\xff" * 50, (2000, 2000)) is None


def seen(data: bytes, width: int, height: int, *, black_is_1: bool) -> bytes:
    """What pdfium makes of a fax: one bit per sample."""
    parms = {"/K": -1, "/Columns": width, "/Rows": height, "/BlackIs1": black_is_1}
    with pypdfium2.PdfDocument(as_pdf(data, width, height, Name.CCITTFaxDecode, parms)) as document:
        (image,) = document[0].get_objects()
        picture: Image.Image = image.get_bitmap().to_pil().convert("1", dither=Image.Dither.NONE)
        return picture.tobytes()


def test_rows_that_begin_on_a_byte(run: Run) -> None:
    """All rows but the first in vertical mode: eight columns of stripes, each one bit a change, filled up to a byte."""
    width, height = 8, 40
    # White 2, black 2, twice over: "H 2 2" each time; then four changes "V0" and the end of the row as the fifth.
    first = "001" + "0111" + "11" + "001" + "0111" + "11"
    bits = first.ljust(24, "0") + "11111000" * (height - 1)
    data = int(bits, 2).to_bytes(len(bits) // 8)
    assert read(data, (width, height), aligned=True) == bytes([0b00110011]) * height
    assert read(data, (width, height)) is None


def test_a_damaged_fax_stays_as_it_is(run: Run) -> None:
    def cut(pdf: pikepdf.Pdf) -> None:
        (image,) = [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]
        image.write(image.read_raw_bytes()[:-40], filter=image.Filter, decode_parms=image.DecodeParms)

    result = run(documents.edited(documents.ccitt_g4(), cut), preset="ebook")
    assert result.report.images.skipped == {"damaged_ccitt": 1}


@pytest.mark.parametrize("columns", [1599, 1601])
def test_rows_of_another_length_stay_as_they_are(run: Run, columns: int) -> None:
    def lengthen(pdf: pikepdf.Pdf) -> None:
        (image,) = [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]
        image.DecodeParms.Columns = columns

    result = run(documents.edited(documents.ccitt_g4(), lengthen), preset="ebook")
    assert result.report.images.skipped == {"unusual_ccitt": 1}
