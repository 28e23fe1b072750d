"""JBIG2: what is coded is read back by others bit for bit."""

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
from pikepdf import Array, Dictionary, Name
from PIL import Image, ImageDraw

from pdfsmaller.engine import lua
from pdfsmaller.engine.jbig2 import generic
from tests import documents
from tests.engine.conftest import Run
from tests.engine.images.test_images import only_image

BIG = 10_000_000


def as_pdf(
    data: bytes, width: int, height: int, coding: Name = Name.JBIG2Decode, parms: dict[str, object] | None = None
) -> bytes:
    """One page, as large in points as the image in pixels."""
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page(page_size=(max(3, width), max(3, height)))
        image = pikepdf.Stream(
            pdf,
            data,
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=width,
            Height=height,
            ColorSpace=Name.DeviceGray,
            BitsPerComponent=1,
            Filter=coding,
            DecodeParms=Dictionary(parms or {}),
        )
        page.Resources = Dictionary(XObject=Dictionary(I=image))
        page.Contents = pdf.make_stream(b"%d 0 0 %d 0 0 cm /I Do" % (width, height))
        buffer = io.BytesIO()
        pdf.save(buffer)
    return buffer.getvalue()


def decoded(data: bytes, width: int, height: int) -> bytes:
    """What pdfium makes of the stream: one bit per sample."""
    with pypdfium2.PdfDocument(as_pdf(data, width, height)) as document:
        (image,) = document[0].get_objects()
        picture: Image.Image = image.get_bitmap().to_pil().convert("1", dither=Image.Dither.NONE)
    assert picture.size == (width, height)
    return picture.tobytes()


def text_page(width: int, height: int) -> Image.Image:
    picture = Image.new("1", (width, height), 1)
    draw, lines = ImageDraw.Draw(picture), random.Random(5)
    for y in range(10, height - 20, 14):
        draw.text((20, y), "".join(lines.choice("etaoin shrdlu") for _ in range(width // 8)), fill=0)
    return picture


@st.composite
def bitmaps(draw: st.DrawFn) -> Image.Image:
    """Noise, runs, one value, text and rows that repeat, of any small size."""
    width, height = draw(st.integers(1, 150)), draw(st.integers(1, 60))
    kind = draw(st.sampled_from(["noise", "runs", "white", "black", "text", "rows", "blocks"]))
    source = random.Random(draw(st.integers(0, 2**32)))
    picture = Image.new("1", (width, height), kind == "white")
    match kind:
        case "noise":
            picture = Image.frombytes("1", picture.size, source.randbytes((width + 7) // 8 * height))
        case "runs":
            values = [
                v for _ in range(width * height // 20 + 1) for v in [source.choice((0, 255))] * source.randint(1, 40)
            ]
            values += [0] * (width * height)
            picture = Image.frombytes("L", picture.size, bytes(values[: width * height])).convert("1")
        case "text":
            picture = text_page(width, height)
        case "rows":
            picture = Image.frombytes("1", (width, 1), source.randbytes((width + 7) // 8)).resize((width, height))
        case "blocks":
            for _ in range(5):
                x, y = source.randrange(width), source.randrange(height)
                picture.paste(source.choice((0, 1)), (x, y, x + source.randrange(1, 90), y + source.randrange(1, 30)))
    return picture


@settings(max_examples=150, deadline=None)
@given(bitmaps(), st.sampled_from(generic.TEMPLATES))
def test_every_pixel_is_as_it_was(picture: Image.Image, template: int) -> None:
    data = generic.encode(picture.tobytes(), *picture.size, template, BIG)
    assert data is not None
    assert decoded(data, *picture.size) == picture.tobytes()


@pytest.mark.parametrize("template", generic.TEMPLATES)
@pytest.mark.parametrize("inverted", [False, True])
def test_a_page_of_text_is_a_third_smaller_than_its_fax(template: int, inverted: bool) -> None:
    picture = text_page(1234, 1000).point(lambda v: 255 - v if inverted else v)
    data = generic.encode(picture.tobytes(), *picture.size, template, BIG)
    assert data is not None
    assert decoded(data, *picture.size) == picture.tobytes()
    fax, _ = documents.g4(picture)
    assert len(data) < len(fax) * 0.67


@pytest.mark.parametrize("template", generic.TEMPLATES)
@pytest.mark.parametrize("reader", ["pdfimages", "mutool"])
def test_other_readers_see_the_same(tmp_path: Path, reader: str, template: int) -> None:
    if shutil.which(reader) is None:
        pytest.skip(f"{reader} is not installed")
    picture = text_page(500, 300)
    data = generic.encode(picture.tobytes(), *picture.size, template, BIG)
    assert data is not None
    (tmp_path / "in.pdf").write_bytes(as_pdf(data, *picture.size))
    if reader == "mutool":
        command = ["mutool", "draw", "-q", "-r", "72", "-F", "pgm", "-o", "out.pgm", "in.pdf"]
    else:
        command = ["pdfimages", "in.pdf", "out"]
    subprocess.run(command, check=True, cwd=tmp_path)
    (found,) = tmp_path.glob("out*")
    with Image.open(found) as seen:
        assert seen.convert("1", dither=Image.Dither.NONE).tobytes() == picture.tobytes()


def test_a_result_over_the_limit_is_none() -> None:
    picture = text_page(300, 200)
    data = generic.encode(picture.tobytes(), *picture.size, 0, BIG)
    assert data is not None
    assert generic.encode(picture.tobytes(), *picture.size, 0, len(data)) == data
    for most in (0, 80, len(data) // 2, len(data) - 1):
        assert generic.encode(picture.tobytes(), *picture.size, 0, most) is None


def test_a_bitmap_of_another_size_is_refused() -> None:
    for data, width, height in ((b"\0" * 9, 20, 3 + 1), (b"", 1, 1), (b"\0" * 10, 8, 9), (b"\0", 0, 1)):
        with pytest.raises(ValueError, match="size"):
            generic.encode(data, width, height, 0, BIG)


def test_without_luajit_there_is_no_jbig2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **_more: object) -> None:
        raise lua.Unavailable

    monkeypatch.setattr(lua, "call", missing)
    assert generic.encode(b"\0", 8, 1, 0, BIG) is None
    assert only_image(run(documents.bilevel_flate(), preset="ebook")).Filter == Name.CCITTFaxDecode


def test_a_coder_that_is_too_slow_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lua, "_SECONDS", -1.0)
    picture = text_page(300, 200)
    try:
        assert generic.encode(picture.tobytes(), *picture.size, 0, BIG) is None
        monkeypatch.setattr(lua, "_SECONDS", 1.0)
        assert generic.encode(picture.tobytes(), *picture.size, 0, BIG) is None
    finally:
        lua._unavailable.clear()


@pytest.mark.parametrize("preset", ["ebook", "lossless"])
@pytest.mark.parametrize("name", ["bilevel_flate", "bilevel_flate_decode", "ccitt_g4", "stencil"])
def test_what_is_shown_stays_the_same(run: Run, name: str, preset: str) -> None:
    """Whatever 0 and 1 mean: a stencil, a ``/Decode``."""
    result = run(documents.IMAGES[name](), preset=preset)
    assert result.same_pixels()
    assert Name.JBIG2Decode in [image.get("/Filter") for image in result.images()]


def test_a_soft_mask_of_two_levels(run: Run) -> None:
    def sharp(pdf: pikepdf.Pdf) -> None:
        (image,) = [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and "/SMask" in o]
        mask = image.SMask
        size = (int(mask.Width), int(mask.Height))
        mask.write(text_page(*size).convert("L").tobytes())

    result = run(documents.edited(documents.soft_mask(), sharp), preset="lossless")
    (mask,) = [image.SMask for image in result.images() if "/SMask" in image]
    assert mask.Filter == Name.JBIG2Decode
    assert result.same_pixels()


def test_fast_means_fax(run: Run) -> None:
    assert only_image(run(documents.bilevel_flate(), preset="ebook", effort="fast")).Filter == Name.CCITTFaxDecode
    assert only_image(run(documents.ccitt_g4(), preset="ebook", effort="fast")).Filter == Name.CCITTFaxDecode


def test_a_reversed_decode_stays(run: Run) -> None:
    image = only_image(run(documents.bilevel_flate_decode(), preset="ebook"))
    assert image.Decode == Array([1, 0])
