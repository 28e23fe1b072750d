"""Scanned pages as layers: sharp strokes over a coarse background."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable

import pikepdf
import pypdfium2
import pytest
import pyvips
from pikepdf import Dictionary, Name
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from pdfsmaller.engine import compress as engine
from pdfsmaller.engine import lua
from pdfsmaller.engine.comparison import Comparison, Difference
from pdfsmaller.engine.images.choose import layers
from pdfsmaller.engine.scan.layers import Layers, separate
from pdfsmaller.engine.scan.page import opened
from pdfsmaller.engine.scan.strokes import find_strokes
from tests import documents
from tests.engine.conftest import Run
from tests.engine.images.test_images import jpeg_data

INK, PAPER = (40, 30, 90), (244, 236, 214)


def scanned(width: int = 1240, height: int = 1000) -> Image.Image:
    """Lettering in ink on paper with a shadow, noise and soft edges."""
    page = Image.new("RGB", (width, height), PAPER)
    page.paste(INK, mask=documents.lettering(width, height, lines=20).point(lambda v: 255 - v))
    shadow = Image.linear_gradient("L").resize(page.size).point(lambda v: 200 + v // 5)
    page = Image.composite(page, Image.new("RGB", page.size, (90, 80, 70)), shadow)
    rng = random.Random(3)
    noise = Image.frombytes("RGB", (256, 256), rng.randbytes(256 * 256 * 3)).resize(page.size, Image.Resampling.NEAREST)
    return Image.blend(page, noise, 0.04).filter(ImageFilter.GaussianBlur(0.7))


def scan(picture: Image.Image | None = None, dpi: float = 200, text: str = "", **keys: object) -> bytes:
    """A page that is one image, with text over it that shows nothing, as OCR leaves it."""
    doc = documents.Builder()
    image = doc.image(picture or scanned(), encode="jpeg", quality=88, **keys)
    width, height = int(image.Width) * 72 / dpi, int(image.Height) * 72 / dpi
    hidden = f"BT 3 Tr /F1 12 Tf 40 40 Td ({text}) Tj ET" if text else ""
    content = f"q {width:.3f} 0 0 {height:.3f} 0 0 cm /Im0 Do Q {hidden}"
    doc.page(content, size=(width, height), xobjects={"Im0": image})
    return doc.bytes()


def loaded(picture: Image.Image) -> pyvips.Image:
    bands = len(picture.getbands())
    return pyvips.Image.new_from_memory(picture.tobytes(), picture.width, picture.height, bands, "uchar")


def found(picture: Image.Image) -> Image.Image:
    with opened(loaded(picture)) as page:
        find_strokes(page)
        weights = bytes([0, 0, 0, 16, 0, 0, 0, 16])
        _, strokes = page.ask("cells", b"luminance", 1, weights)
    shares = array("f", strokes)
    return Image.frombytes("L", picture.size, bytes(round(255 * share) for share in shares))


def test_a_scan_is_half_of_what_an_ebook_is(run: Run) -> None:
    data = scan()
    whole = run(data, preset="ebook").report.output_bytes
    result = run(data, preset="scan")
    assert result.report.output_bytes < whole / 2
    assert result.report.warnings == []
    with result.open() as pdf:
        form = pdf.pages[0].Resources.XObject.Im0
        assert (form.Subtype, [float(v) for v in form.BBox]) == (Name.Form, [0, 0, 1, 1])
        images = [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == Name.Image]
        (stencil,) = [image for image in images if image.Filter == Name.JBIG2Decode]
        assert all(jpeg_data(image) for image in images if image != stencil)
        assert len(images) == 3
        assert (int(stencil.Width), int(stencil.Height), bool(stencil.ImageMask)) == (1240, 1000, True)
    assert result.mean_error(dpi=150) < 6


def test_the_text_over_it_stays(run: Run) -> None:
    result = run(scan(text="what the engine read"), preset="scan")
    with pypdfium2.PdfDocument(result.target) as document:
        assert document[0].get_textpage().get_text_range().strip() == "what the engine read"


@pytest.mark.parametrize("preset", ["printer", "lossless", None])
def test_only_where_it_is_asked_for(run: Run, preset: str | None) -> None:
    with run(scan(clean()), preset=preset).open() as pdf:
        assert pdf.pages[0].Resources.XObject.Im0.Subtype == Name.Image


# --- in place of a page coded whole -----------------------------------------------------------------------------------


def clean() -> Image.Image:
    """Lettering on even paper with little noise, as a good scanner gives it."""
    page = Image.new("RGB", (1653, 2200), (247, 245, 240))
    page.paste((40, 38, 45), mask=documents.lettering(1653, 1400, lines=26).point(lambda v: 255 - v))
    noise = Image.effect_noise(page.size, 2).point(lambda v: v - 120).convert("RGB")
    return ImageChops.subtract(page.filter(ImageFilter.GaussianBlur(0.6)), noise)


def pencilled() -> Image.Image:
    """With a note in faint pencil below the lettering."""
    page = clean()
    draw = ImageDraw.Draw(page)
    for line in range(6):
        points = [(200 + 9 * x, 1500 + 90 * line + 25 * (x % 3)) for x in range(130)]
        draw.line(points, fill=(222, 220, 215), width=2)
    return page


def stamped() -> Image.Image:
    """With a red stamp below the lettering."""
    page = clean()
    draw = ImageDraw.Draw(page)
    draw.ellipse((900, 1500, 1300, 1900), outline=(220, 90, 90), width=8)
    draw.text((960, 1660), "RECEIVED", fill=(220, 90, 90), font_size=60)
    return page.filter(ImageFilter.GaussianBlur(0.5))


def illustrated() -> Image.Image:
    """With a photograph below the lettering."""
    page = clean()
    page.paste(documents.photo(1000, 600), (300, 1500))
    return page


def is_layered(run: Run, picture: Image.Image, preset: str, **options: object) -> bool:
    with run(scan(picture), preset=preset, **options).open() as pdf:
        return bool(pdf.pages[0].Resources.XObject.Im0.Subtype == Name.Form)


@pytest.mark.parametrize("make", [clean, stamped], ids=["text", "stamp"])
def test_a_clean_scan_is_a_third_where_layers_look_as_good(
    run: Run, make: Callable[[], Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    layered = run(scan(make()), preset="ebook")
    assert layered.report.warnings == []
    with layered.open() as pdf:
        assert pdf.pages[0].Resources.XObject.Im0.Subtype == Name.Form
    monkeypatch.setattr(layers, "looks_as_good", lambda *_pictures: False)
    whole = run(scan(make()), preset="ebook")
    assert layered.report.output_bytes < whole.report.output_bytes / 2
    assert layered.mean_error(dpi=150) <= whole.mean_error(dpi=150)


@pytest.mark.parametrize("make", [pencilled, illustrated, scanned], ids=["pencil", "photo", "noise"])
def test_what_layers_would_lose_stays_whole(run: Run, make: Callable[[], Image.Image]) -> None:
    assert not is_layered(run, make(), "ebook")


def test_pages_are_not_all_taken_apart_where_the_first_were_in_vain(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    doc = documents.Builder()
    for number in range(9):
        picture = pencilled().rotate(0.05 * number, fillcolor=(247, 245, 240))
        image = doc.image(picture, encode="jpeg", quality=90)
        size = (picture.width * 72 / 200, picture.height * 72 / 200)
        doc.page(f"q {size[0]:.3f} 0 0 {size[1]:.3f} 0 0 cm /Im0 Do Q", size=size, xobjects={"Im0": image})
    taken_apart: list[float] = []

    def counted(image: pyvips.Image, dpi: float, target_dpi: int, *, compare: bool) -> Layers | None:
        taken_apart.append(dpi)
        return separate(image, dpi, target_dpi, compare=compare)

    monkeypatch.setattr(layers, "separate", counted)
    run(doc.bytes(), preset="ebook")
    assert len(taken_apart) == 3  # the first two, and the eighth


def test_in_a_hurry_pages_stay_whole(run: Run) -> None:
    assert not is_layered(run, clean(), "ebook", effort="fast")


def test_a_faint_stroke_beside_a_dark_one_stays_whole() -> None:
    picture = Image.new("L", (700, 700), 250)
    draw = ImageDraw.Draw(picture)
    for y in range(60, 640, 40):
        draw.line((60, y, 640, y), fill=20, width=3)
        draw.line((60, y + 14, 640, y + 14), fill=190, width=3)
    separated = separate(loaded(picture), 200, 150)
    assert separated is not None
    strokes = Image.frombytes("L", picture.size, bytes(separated.strokes.write_to_memory()))
    assert share(strokes, (70, 72, 630, 76)) < 0.3


@pytest.mark.parametrize(
    "make",
    [
        lambda: scan(documents.photo(1240, 1000)),
        lambda: scan(dpi=100),
        lambda: scan(scanned(300, 200)),
        lambda: scan(Image.new("RGB", (1240, 1000), PAPER)),
        lambda: documents.soft_mask(),
        lambda: documents.colour_key_mask(),
        lambda: documents.cmyk_jpeg(),
    ],
    ids=["photo", "coarse", "small", "blank", "masked", "colour key", "cmyk"],
)
def test_what_is_no_scanned_page_of_text_stays_whole(run: Run, make: Callable[[], bytes]) -> None:
    with run(make(), preset="scan").open() as pdf:
        forms = [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == Name.Form]
        assert forms == []


def test_a_gray_scan_stays_gray(run: Run) -> None:
    with run(scan(scanned().convert("L")), preset="scan").open() as pdf:
        images = [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == Name.Image]
        assert [image.get("/ColorSpace") for image in images if "/ColorSpace" in image] == [Name.DeviceGray] * 2


def test_what_belongs_to_the_image_as_a_whole_stays_there(run: Run) -> None:
    layer = Dictionary(Type=Name.OCG, Name="Scan")
    with run(scan(StructParent=7, OC=layer), preset="scan").open() as pdf:
        form = pdf.pages[0].Resources.XObject.Im0
        assert (form.Subtype, form.StructParent, str(form.OC.Name)) == (Name.Form, 7, "Scan")
        assert "/OC" not in form.Resources.XObject.P


def test_a_page_that_looks_different_is_coded_whole(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = engine.compare, []

    def unlike_at_first(*args: object, **options: object) -> Comparison:
        calls.append(args)
        unlike = Comparison(1, differences=[Difference("looks", 0, "It looks different.")], compared={0})
        return unlike if len(calls) == 1 else real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "compare", unlike_at_first)
    result = run(scan(), preset="scan")
    assert result.warnings() == ["image_rolled_back"]
    with result.open() as pdf:
        image = pdf.pages[0].Resources.XObject.Im0
        assert image.Subtype == Name.Image
        assert jpeg_data(image)


# --- strokes ----------------------------------------------------------------------------------------------------------


def share(strokes: Image.Image, box: tuple[int, int, int, int]) -> float:
    return strokes.crop(box).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)) / 255  # type: ignore[operator]


@pytest.mark.parametrize("ink", [(0, 0, 0), (120, 120, 120), (250, 200, 40), (200, 30, 30), (30, 60, 200)])
def test_ink_of_any_colour_is_found(ink: tuple[int, int, int]) -> None:
    picture = Image.new("RGB", (400, 300), (252, 252, 250))
    ImageDraw.Draw(picture).line((50, 150, 350, 150), fill=ink, width=4)
    strokes = found(picture)
    assert share(strokes, (60, 149, 340, 152)) == 1
    assert share(strokes, (0, 0, 400, 140)) == 0


def test_light_lettering_in_a_dark_box_is_found() -> None:
    picture = Image.new("L", (600, 500), 250)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((100, 100, 500, 400), fill=50)
    draw.line((200, 250, 400, 250), fill=250, width=5)
    assert share(found(picture), (210, 249, 390, 252)) == 1


def test_a_broad_stroke_has_no_hole() -> None:
    picture = Image.new("L", (400, 400), 250)
    ImageDraw.Draw(picture).rectangle((180, 100, 220, 300), fill=30)
    assert share(found(picture), (183, 103, 217, 297)) == 1


def test_shadows_and_noise_are_no_strokes() -> None:
    shadow = Image.linear_gradient("L").resize((600, 600)).point(lambda v: 120 + v // 2)
    noise = Image.frombytes("L", (600, 600), random.Random(2).randbytes(360_000))
    assert share(found(Image.blend(shadow, noise, 0.03)), (0, 0, 600, 600)) < 0.001


def test_the_paper_is_filled_where_strokes_were() -> None:
    picture = Image.new("RGB", (800, 800), PAPER)
    draw = ImageDraw.Draw(picture)
    for y in range(40, 760, 30):
        draw.line((40, y, 760, y), fill=INK, width=3)
    layers = separate(loaded(picture), 200, 150)
    assert layers is not None
    for band, level in enumerate(PAPER):
        assert (layers.paper[band].min(), layers.paper[band].max()) == pytest.approx((level, level), abs=3)
    center = layers.color(layers.color.width // 2, layers.color.height // 2)
    assert center == pytest.approx(INK, abs=12)


def test_nothing_of_a_page_stays_in_lua(monkeypatch: pytest.MonkeyPatch) -> None:
    runtimes = []
    new_runtime = lua.new_runtime

    def noted() -> object:
        runtimes.append(new_runtime())
        return runtimes[-1]

    monkeypatch.setattr(lua, "new_runtime", noted)
    monkeypatch.setattr(lua, "_functions", lua.PerThread(dict))
    picture = scanned()
    assert separate(loaded(picture), 200, 150) is not None
    kept = sum(runtime.eval(b'collectgarbage("count")') * 1024 for runtime in runtimes)
    assert len(runtimes) >= 1
    assert kept < picture.width * picture.height
