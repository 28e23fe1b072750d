"""Symbols that pages share: every pixel comes back, here and elsewhere, whatever the bitmap is."""

from __future__ import annotations

import io
import random
import shutil
import subprocess
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pikepdf import Dictionary, Name
from PIL import Image, ImageChops, ImageDraw, ImageFont

from pdfsmaller.engine import lua
from pdfsmaller.engine.images.pixels import INVERTED
from pdfsmaller.engine.jbig2.decode import decode
from pdfsmaller.engine.jbig2.generic import encode as encode_generic
from pdfsmaller.engine.jbig2.symbols import Bitmap, Pages, encode
from tests.engine.jbig2.test_generic import bitmaps


def bitmap_of(picture: Image.Image) -> Bitmap:
    """Of a picture whose 0 is black."""
    black = ImageChops.invert(picture.convert("L")).convert("1", dither=Image.Dither.NONE)
    return Bitmap(black.tobytes(), *picture.size)


def letters(width: int, height: int, seed: int, *, dirt: float = 0.3) -> Bitmap:
    """Lines of letters, the edges of each a little different, as a scanner sees them."""
    source = random.Random(seed)
    picture = Image.new("L", (width, height), 255)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(24)
    for y in range(8, height - 30, 34):
        draw.text(
            (12 + source.random(), y + source.random()),
            "".join(source.choices("etaoinshrdlu ", k=width // 13)),
            0,
            font,
        )
    noise = 255 * dirt / 2
    seen = bytes(
        value if value in (0, 255) else 255 * (value + source.gauss(0, noise) > 127) for value in picture.tobytes()
    )
    return bitmap_of(Image.frombytes("L", picture.size, seen))


def generic_bytes(page: Bitmap) -> int:
    data = encode_generic(page.black.translate(INVERTED), page.width, page.height, 0, 10**8)
    assert data is not None
    return len(data)


def all_equal(coded: Pages, pages: list[Bitmap]) -> bool:
    return all(
        data is None or decode(data, coded.shared, page.width, page.height) == page.black
        for data, page in zip(coded.pages, pages, strict=True)
    )


def as_pdf(coded: Pages, pages: list[Bitmap]) -> bytes:
    """A page for each that was coded, as large in points as in pixels."""
    with pikepdf.new() as pdf:
        shared = pdf.make_stream(coded.shared)
        for data, page in zip(coded.pages, pages, strict=True):
            assert data is not None
            image = pikepdf.Stream(
                pdf,
                data,
                Type=Name.XObject,
                Subtype=Name.Image,
                Width=page.width,
                Height=page.height,
                ColorSpace=Name.DeviceGray,
                BitsPerComponent=1,
                Filter=Name.JBIG2Decode,
                DecodeParms=Dictionary(JBIG2Globals=shared),
            )
            made = pdf.add_blank_page(page_size=(page.width, page.height))
            made.Resources = Dictionary(XObject=Dictionary(I=image))
            made.Contents = pdf.make_stream(b"%d 0 0 %d 0 0 cm /I Do" % (page.width, page.height))
        buffer = io.BytesIO()
        pdf.save(buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def text() -> tuple[list[Bitmap], Pages]:
    pages = [letters(900, 700, seed) for seed in range(2)]
    coded = encode(pages, [generic_bytes(page) for page in pages])
    assert coded is not None
    assert None not in coded.pages
    return pages, coded


def test_pages_of_text_take_three_quarters(text: tuple[list[Bitmap], Pages]) -> None:
    pages, coded = text
    assert all_equal(coded, pages)
    size = len(coded.shared) + sum(len(data or b"") for data in coded.pages)
    assert size < 0.75 * sum(generic_bytes(page) for page in pages)


def test_pdfium_sees_the_same(text: tuple[list[Bitmap], Pages]) -> None:
    pages, coded = text
    with pypdfium2.PdfDocument(as_pdf(coded, pages)) as document:
        for number, page in enumerate(pages):
            (image,) = document[number].get_objects()
            picture: Image.Image = image.get_bitmap().to_pil().convert("1", dither=Image.Dither.NONE)
            assert bitmap_of(picture) == page


@pytest.mark.parametrize("reader", ["pdfimages", "mutool", "gs"])
def test_other_readers_see_the_same(tmp_path: Path, text: tuple[list[Bitmap], Pages], reader: str) -> None:
    if shutil.which(reader) is None:
        pytest.skip(f"{reader} is not installed")
    pages, coded = text
    (tmp_path / "in.pdf").write_bytes(as_pdf(coded, pages))
    command = {
        "pdfimages": ["pdfimages", "in.pdf", "out"],
        "mutool": ["mutool", "draw", "-q", "-r", "72", "-F", "pgm", "-o", "out-%d.pgm", "in.pdf"],
        "gs": ["gs", "-q", "-sDEVICE=pgmraw", "-r72", "-o", "out-%d.pgm", "in.pdf"],
    }[reader]
    subprocess.run(command, check=True, cwd=tmp_path)
    found = sorted(tmp_path.glob("out*"))
    assert len(found) == len(pages)
    for file, page in zip(found, pages, strict=True):
        with Image.open(file) as seen:
            assert bitmap_of(seen) == page


def test_jbig2dec_sees_the_same(tmp_path: Path, text: tuple[list[Bitmap], Pages]) -> None:
    if shutil.which("jbig2dec") is None:
        pytest.skip("jbig2dec is not installed")
    pages, coded = text
    (tmp_path / "shared").write_bytes(coded.shared)
    for data, page in zip(coded.pages, pages, strict=True):
        (tmp_path / "page").write_bytes(data or b"")
        command = ["jbig2dec", "-e", "-t", "pbm", "-o", "out.pbm", "shared", "page"]
        subprocess.run(command, check=True, cwd=tmp_path)
        assert (tmp_path / "out.pbm").read_bytes().endswith(page.black)


@settings(max_examples=20, deadline=None)
@given(st.lists(bitmaps(), min_size=1, max_size=3), st.booleans())
def test_whatever_the_bitmap_is(pictures: list[Image.Image], inverted: bool) -> None:
    pages = [bitmap_of(picture.point(lambda value: 255 - value) if inverted else picture) for picture in pictures * 2]
    coded = encode(pages, [10**6] * len(pages))
    if coded is not None:
        assert all_equal(coded, pages)


def test_letters_at_the_edges_of_the_page() -> None:
    """Where a symbol's box would reach over the edge."""
    page = letters(600, 300, 3)
    picture = Image.frombytes("1", (page.width, page.height), page.black.translate(INVERTED))
    pages = [bitmap_of(picture.crop((x, y, x + 415, y + 201))) for x, y in ((13, 9), (20, 17), (31, 25))]
    coded = encode(pages, [10**6] * 3)
    assert coded is not None
    assert None not in coded.pages
    assert all_equal(coded, pages)


def test_a_symbol_is_never_moved_by_its_height() -> None:
    """PDFium takes it for one that is not moved, and reads on from the wrong place."""
    page = letters(600, 300, 4)
    picture = Image.frombytes("1", (page.width, page.height), page.black.translate(INVERTED))
    for x in range(20, 560, 20):  # lines, some of which are two pixels high
        picture.paste(0, (x, 290, x + 11, 291))
        if x % 100 == 0:
            picture.paste(0, (x, 289, x + 9, 290))
    pages = [bitmap_of(picture)]
    coded = encode(pages, [10**6])
    assert coded is not None
    with pypdfium2.PdfDocument(as_pdf(coded, pages)) as document:
        (image,) = document[0].get_objects()
        assert bitmap_of(image.get_bitmap().to_pil()) == pages[0]


def test_a_page_that_gains_nothing_is_left_out(text: tuple[list[Bitmap], Pages]) -> None:
    pages, _ = text
    coded = encode([*pages, letters(900, 700, 9)], [10**6, 10**6, 100])
    assert coded is not None
    assert [data is None for data in coded.pages] == [False, False, True]
    assert encode(pages, [100, 100]) is None


@pytest.mark.parametrize("kind", ["noise", "screen", "specks", "black", "grid"])
def test_what_is_no_text_is_given_up(kind: str) -> None:
    """In bounded time; nothing is coded or all of it comes back."""
    source, size = random.Random(1), (1600, 1600)
    picture = Image.new("1", size, 1)
    match kind:
        case "noise":
            picture = Image.frombytes("1", size, source.randbytes(size[0] * size[1] // 8))
        case "screen":
            picture = Image.linear_gradient("L").resize(size).convert("1")
        case "specks":
            for _ in range(60_000):
                picture.putpixel((source.randrange(size[0]), source.randrange(size[1])), 0)
        case "black":
            picture = Image.new("1", size, 0)
        case "grid":
            for y in range(0, size[1], 8):
                for x in range(0, size[0], 8):
                    picture.paste(0, (x, y, x + source.randrange(3, 7), y + source.randrange(3, 7)))
    page = bitmap_of(picture)
    try:
        coded = encode([page], [generic_bytes(page)])
    except lua.Unavailable:  # its time was over
        coded = None
    assert coded is None or all_equal(coded, [page])
    assert generic_bytes(page) > 0  # the next one finds LuaJIT as before
