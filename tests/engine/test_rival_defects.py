"""What users of other tools complain about, each complaint as a test on a document that provokes it.

Complaints that a whole file of tests is about are not repeated here: signatures, PDF/A and XMP, passwords, bombs and
repair (``test_compress``), how images find their size (``test_images``), target sizes (``test_target_size``), what
merging loses (``merge/``), limits on memory and time (``test_child``, ``tests/sandbox``).
"""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String
from PIL import Image

from pdfsmaller.engine.fingerprint import Reader
from tests import documents, typefaces
from tests.documents import Builder
from tests.engine.conftest import Result, Run

PRESETS = ("lossless", "screen")


def text_of(file: Any, password: str | None = None) -> list[str]:
    with pypdfium2.PdfDocument(file, password=password) as document:
        return [page.get_textpage().get_text_range() for page in document]


def drawn(file: Any, page: int = 0) -> dict[int, int]:
    """How many objects of each of pdfium's kinds a page draws, those in forms too."""
    with pypdfium2.PdfDocument(file) as document:
        kinds = [obj.type for obj in document[page].get_objects(max_depth=8)]
    return {kind: kinds.count(kind) for kind in set(kinds)}


def pixel(result: Result, x: float, y: float) -> tuple[int, ...]:
    """The colour of the result's first page at a place given as shares of its width and height."""
    image = result.render(result.target)
    found = image.getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(found, tuple)
    return found


# --- size -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
def test_a_file_that_is_small_already_comes_back_as_it_was(run: Run, preset: str) -> None:
    """OCRmyPDF#601, #1366, qpdf#1181, Stirling#4681 (743 KB became 4.4 MB)."""
    first = run(documents.structured(), preset=preset).target.read_bytes()
    again = run(first, preset=preset)
    assert again.target.stat().st_size <= len(first)
    assert again.report.outcome != "unchanged" or again.target.read_bytes() == first


def test_noise_that_nothing_makes_smaller_comes_back_as_it_was(run: Run) -> None:
    data = io.BytesIO()
    noise = Image.frombytes("RGB", (60, 60), random.Random(1).randbytes(60 * 60 * 3))
    doc = Builder()
    doc.show(doc.image(noise), dpi=72)
    with pikepdf.open(io.BytesIO(doc.bytes())) as pdf:
        pdf.save(data, object_stream_mode=pikepdf.ObjectStreamMode.generate, recompress_flate=True)
    result = run(data.getvalue(), preset="lossless")
    assert result.target.stat().st_size <= len(data.getvalue())


def test_the_ratio_told_is_that_of_the_files(run: Run) -> None:
    """OCRmyPDF#1070."""
    result = run(documents.photo_jpeg(), preset="ebook")
    assert result.report.ratio == pytest.approx(result.target.stat().st_size / result.source.stat().st_size, abs=0.001)


def test_images_with_a_profile_and_a_palette_of_profiled_colours_shrink(run: Run) -> None:
    """Nothing shrinks: qpdf#280, #1402, Stirling#3171 (``Total images: 0``)."""
    doc = Builder()
    profile = Array([Name.ICCBased, doc.flate(documents.srgb_profile(), N=3)])
    photo = documents.photo(900, 600)
    palette = photo.quantize(256)
    indexed = Array([Name.Indexed, profile, 255, bytes(palette.getpalette() or ())[:768].ljust(768, b"\0")])
    doc.show(doc.image(photo, ColorSpace=profile), dpi=300)
    doc.show(
        doc.flate(
            palette.tobytes(),
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=900,
            Height=600,
            BitsPerComponent=8,
            ColorSpace=indexed,
        ),
        dpi=300,
    )
    report = run(doc.bytes(), preset="ebook").report
    assert report.images.changed == 2
    assert report.after.images < report.before.images / 4


def test_presets_differ(run: Run) -> None:
    """All or nothing: Stirling#3073 (70 MB stayed 70 MB, or became an unreadable 114 KB)."""
    data = documents.photo_jpeg(1600, 1200, dpi=400)
    sizes = [run(data, preset=preset).report.output_bytes for preset in ("screen", "ebook", "printer", "lossless")]
    assert all(smaller * 1.2 < larger for smaller, larger in pairwise(sizes))


# --- pages stay what they are ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("color_mode", ["no-change", "grayscale", "bilevel"])
def test_no_page_becomes_a_picture(run: Run, color_mode: str) -> None:
    """bentopdf#239, OpenToolKit/CompressPDF#4: text and links were lost with it."""
    doc = Builder()
    content = "0.8 0.1 0.1 rg 72 500 200 100 re f 0 0 0.6 RG 72 400 m 300 450 l S BT /F1 14 Tf 72 700 Td (Words) Tj ET"
    doc.page(content)
    doc.show(doc.image(documents.photo(600, 450), encode="jpeg"), dpi=300)
    result = run(doc.bytes(), preset="screen", color_mode=color_mode)
    for page in range(2):
        assert drawn(result.target, page) == drawn(result.source, page)
    assert drawn(result.target) == {pdfium.FPDF_PAGEOBJ_PATH: 2, pdfium.FPDF_PAGEOBJ_TEXT: 1}
    assert text_of(result.target) == text_of(result.source)


@pytest.mark.parametrize("preset", PRESETS)
def test_an_outline_keeps_its_levels_its_look_and_what_is_folded(run: Run, preset: str) -> None:
    """bentopdf#882, OCRmyPDF#242, sysreptor#321 (levels came out wrong)."""

    def nested(pdf: Pdf) -> None:
        with pdf.open_outline() as outline:
            outline.root.clear()
            for chapter in range(3):
                item = pikepdf.OutlineItem(f"Chapter {chapter}", chapter)
                section = pikepdf.OutlineItem("Section – «é»", chapter)
                section.children.append(pikepdf.OutlineItem("Paragraph", chapter, "FitH", top=500))
                section.is_closed = True
                item.children.append(section)
                outline.root.append(item)
        first = pdf.Root.Outlines.First
        first.C, first.F = Array([1, 0, 0]), 3
        action = Dictionary(S=Name.GoTo, D=String("the-end"))
        del first["/Dest"]
        first.A = action

    def entries(pdf: Pdf) -> list[Any]:
        def below(item: Any, level: int) -> list[Any]:
            found: list[Any] = []
            while item is not None:
                look = [item.get(key) for key in ("/Count", "/F")]
                color = [float(c) for c in item.get("/C", ())]
                found.append((level, str(item.Title), *look, color, "/Dest" in item, "/A" in item))
                found += below(item.get("/First"), level + 1)
                item = item.get("/Next")
            return found

        return below(pdf.Root.Outlines.First, 0)

    result = run(documents.edited(documents.structured(), nested), preset=preset)
    with pikepdf.open(result.source) as before, result.open() as after:
        assert entries(after) == entries(before)
        assert {level for level, *_ in entries(after)} == {0, 1, 2}
        assert Reader(after, 10_000).outline() == Reader(before, 10_000).outline()


@pytest.mark.parametrize("preset", PRESETS)
def test_tags_find_their_marked_content(run: Run, preset: str) -> None:
    """bitcrowd/chromic_pdf#207: structure was there, what it pointed at was not."""

    def described(pdf: Pdf) -> None:
        for element in pdf.Root.StructTreeRoot.K:
            element.Alt, element.ActualText = String("Alternate"), String("Actual")

    result = run(documents.edited(documents.structured(), described), preset=preset)
    with result.open() as pdf:
        root = pdf.Root.StructTreeRoot
        parents = dict(zip(*[iter(root.ParentTree.Nums)] * 2, strict=True))
        assert str(pdf.Root.Lang) == "en-GB"
        assert bool(pdf.Root.MarkInfo.Marked)
        for page in pdf.pages:
            (element,) = parents[page.obj.StructParents]
            assert element.Pg.objgen == page.obj.objgen
            assert (str(element.Alt), str(element.ActualText)) == ("Alternate", "Actual")
            marked = [op for op in pikepdf.parse_content_stream(page) if str(op.operator) == "BDC"]
            assert any(op.operands[0] == "/P" and op.operands[1].MCID == element.K for op in marked)


# --- fonts ------------------------------------------------------------------------------------------------------------


def typeset(kind: str) -> bytes:
    """A document in one kind of font that uses some letters on its pages, others in a form and in an annotation."""
    doc = Builder()
    font = typefaces.KINDS[kind](doc.pdf)

    def words(text: str, y: int, size: int = 20) -> bytes:
        return b"BT /T1 %d Tf 40 %d Td %s Tj ET\n" % (size, y, typefaces.shown(kind, text))

    fonts = Dictionary(T1=font)
    form = doc.flate(
        words("Xylophone", 10),
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, 400, 60]),
        Resources=Dictionary(Font=fonts),
    )
    for text in ("Hamburg caf\xe9", "Quiz 0129."):
        doc.page(
            words(text, 200) + b"q 1 0 0 1 0 100 cm /Fm Do Q",
            size=(420, 260),
            xobjects={"Fm": form},
            resources={"Font": fonts},
        )
    stamp = doc.flate(
        words("Wok", 10),
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, 200, 60]),
        Resources=Dictionary(Font=fonts),
    )
    doc.pdf.pages[0].Annots = Array(
        [
            doc.pdf.make_indirect(
                Dictionary(
                    Type=Name.Annot, Subtype=Name.Stamp, Rect=Array([0, 20, 200, 80]), F=4, AP=Dictionary(N=stamp)
                )
            )
        ]
    )
    return doc.bytes()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("kind", typefaces.KINDS)
def test_text_is_not_garbled_by_work_on_fonts(run: Run, kind: str, preset: str) -> None:
    """OCRmyPDF#1337, #1561, PyMuPDF#1081, #2923, #3494, #4457: other glyphs, or none, or text that cannot be copied."""
    result = run(typeset(kind), preset=preset, verify="off")
    assert text_of(result.target) == text_of(result.source)
    assert "caf\xe9" in text_of(result.target)[0]
    for page in range(2):  # so fine that it does not show how a reader rounds the outlines of each kind of program
        assert result.same_pixels(page, dpi=300)


def _in_pattern(doc: Builder, fonts: Dictionary, words: bytes) -> bytes:
    pattern = doc.flate(
        words,
        Type=Name.Pattern,
        PatternType=1,
        PaintType=1,
        TilingType=1,
        BBox=Array([0, 0, 200, 50]),
        XStep=200,
        YStep=50,
        Resources=Dictionary(Font=fonts),
    )
    doc.page(b"/Pattern cs /P1 scn 0 0 400 200 re f", resources={"Pattern": Dictionary(P1=pattern)})
    return b""


def _in_type_3_glyph(doc: Builder, fonts: Dictionary, words: bytes) -> bytes:
    glyph = doc.flate(b"200 0 d0 " + words)
    fonts.T3 = doc.pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type3,
            FontBBox=Array([0, 0, 200, 50]),
            FontMatrix=Array([0.01, 0, 0, 0.01, 0, 0]),
            CharProcs=Dictionary(a=glyph),
            Encoding=Dictionary(Differences=Array([97, Name.a])),
            FirstChar=97,
            LastChar=97,
            Widths=Array([200]),
            Resources=Dictionary(Font=Dictionary(T1=fonts.T1)),
        )
    )
    return b"BT /T3 100 Tf 20 300 Td (a) Tj ET"


def _in_soft_mask(doc: Builder, fonts: Dictionary, words: bytes) -> bytes:
    group = doc.flate(
        b"1 g " + words,
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, 200, 50]),
        Group=Dictionary(S=Name.Transparency, CS=Name.DeviceGray),
        Resources=Dictionary(Font=fonts),
    )
    state = Dictionary(SMask=Dictionary(S=Name.Luminosity, G=group))
    doc.page(b"/Soft gs 0 0 400 200 re f", resources={"ExtGState": Dictionary(Soft=state)})
    return b""


def _in_hidden_layer(doc: Builder, fonts: Dictionary, words: bytes) -> bytes:
    layer = doc.pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String("Hidden")))
    doc.pdf.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(OFF=Array([layer])))
    doc.page(b"/OC /L1 BDC " + words + b" EMC", resources={"Font": fonts, "Properties": Dictionary(L1=layer)})
    return b""


def _in_another_state(doc: Builder, fonts: Dictionary, words: bytes) -> bytes:
    def look(content: bytes) -> pikepdf.Object:
        keys = {"Type": Name.XObject, "Subtype": Name.Form, "BBox": Array([0, 0, 200, 50])}
        return doc.flate(content, Resources=Dictionary(Font=fonts), **keys)

    states = Dictionary(On=look(words), Off=look(b""))
    stamp = Dictionary(Subtype=Name.Stamp, Rect=Array([0, 0, 200, 50]), F=4, AS=Name.Off, AP=Dictionary(N=states))
    doc.page(b"").Annots = Array([doc.pdf.make_indirect(stamp)])
    return b""


def show_everything(pdf: Pdf) -> None:
    """Layers and states that are hidden come to light."""
    if "/OCProperties" in pdf.Root:
        pdf.Root.OCProperties.D.OFF = Array([])
    for page in pdf.pages:
        for note in page.obj.get("/Annots", ()):
            if "/AS" in note:
                note.AS = Name.On


@pytest.mark.parametrize("kind", ["simple_truetype", "simple_type1", "cid_cff"])
@pytest.mark.parametrize(
    "place",
    [_in_pattern, _in_type_3_glyph, _in_soft_mask, _in_hidden_layer, _in_another_state],
    ids=lambda place: place.__name__.lstrip("_"),
)
def test_letters_stay_wherever_they_are_used(run: Run, kind: str, place: Any) -> None:
    """A subset by what pages show directly loses what forms, patterns, masks and hidden parts show."""
    doc = Builder()
    fonts = Dictionary(T1=typefaces.KINDS[kind](doc.pdf))
    more = place(doc, fonts, b"BT /T1 20 Tf 5 10 Td %s Tj ET" % typefaces.shown(kind, "Quiz"))
    plain = b"BT /T1 20 Tf 40 400 Td %s Tj ET " % typefaces.shown(kind, "Hamburg")
    doc.page(plain + more, resources={"Font": fonts})
    result = run(doc.bytes(), preset="ebook", verify="off")
    assert result.report.after.fonts < result.report.before.fonts
    for file in (result.source, result.target):
        file.write_bytes(documents.edited(file.read_bytes(), show_everything))
    for page in range(2 if place is not _in_type_3_glyph else 1):
        assert result.same_pixels(page, dpi=300)
        assert result.render(result.source, page).convert("L").getextrema()[0] < 128  # there is something to see


@pytest.mark.parametrize("kind", typefaces.KINDS)
def test_a_field_can_still_be_typed_into(run: Run, kind: str) -> None:
    """Its font keeps the glyphs of letters that nobody has typed yet."""

    def field(pdf: Pdf) -> None:
        font = pdf.pages[0].obj.Resources.Font.T1
        widget = pdf.make_indirect(
            Dictionary(
                Type=Name.Annot,
                Subtype=Name.Widget,
                FT=Name.Tx,
                T=String("name"),
                DA=String("/T1 20 Tf 0 g"),
                Rect=Array([40, 20, 240, 60]),
                F=4,
            )
        )
        pdf.pages[0].obj.Annots.append(widget)
        pdf.Root.AcroForm = Dictionary(Fields=Array([widget]), DR=Dictionary(Font=Dictionary(T1=font)))

    def typed(pdf: Pdf) -> None:
        font = pdf.Root.AcroForm.DR.Font.T1
        pdf.pages[0].Resources = Dictionary(Font=Dictionary(T1=font))
        pdf.pages[0].Contents = pdf.make_stream(b"BT /T1 30 Tf 40 200 Td %s Tj ET" % typefaces.shown(kind, "FJKVgjkv5"))
        del pdf.pages[0].obj["/Annots"]

    result = run(documents.edited(typeset(kind), field), preset="ebook", verify="off")
    before, after = (documents.edited(file.read_bytes(), typed) for file in (result.source, result.target))
    pictures = []
    for data in (before, after):
        with pypdfium2.PdfDocument(data) as document:
            pictures.append(document[0].render(scale=300 / 72).to_pil().convert("RGB").tobytes())
    assert pictures[0] == pictures[1]


# --- masks ------------------------------------------------------------------------------------------------------------

_RED = (200, 30, 30)
_FRAME = "0.2 0.6 1 rg 0 0 2000 2000 re f"


def masked(mask: Callable[[Builder, Image.Image], dict[str, Any]]) -> bytes:
    """A red photograph-like picture over blue, with a hole in the middle made by ``mask``."""
    doc = Builder()
    noise = documents.photo(600, 400)
    picture = Image.blend(noise, Image.new("RGB", noise.size, _RED), 0.85)
    hole = Image.new("L", noise.size, 255)
    hole.paste(0, (150, 100, 450, 300))
    doc.show(doc.image(picture, encode="jpeg", quality=95, **mask(doc, hole)), dpi=200, background=_FRAME)
    return doc.bytes()


def _soft(doc: Builder, hole: Image.Image) -> dict[str, Any]:
    return {"SMask": doc.image(hole)}


def _soft_jpeg(doc: Builder, hole: Image.Image) -> dict[str, Any]:
    return {"SMask": doc.image(hole, encode="jpeg", quality=90)}


def _soft_inverted(doc: Builder, hole: Image.Image) -> dict[str, Any]:
    return {"SMask": doc.image(hole.point(lambda v: 255 - v), Decode=Array([1, 0]))}


def _soft_bilevel(doc: Builder, hole: Image.Image) -> dict[str, Any]:
    return {"SMask": doc.image(hole.convert("1"))}


def _soft_small(doc: Builder, hole: Image.Image) -> dict[str, Any]:
    return {"SMask": doc.image(hole.resize((60, 40)))}


def _matte(doc: Builder, hole: Image.Image) -> dict[str, Any]:
    return {"SMask": doc.image(hole, Matte=Array([0, 0, 0]))}


def _stencil_of(doc: Builder, hole: Image.Image, **keys: Any) -> pikepdf.Object:
    entries = {"Type": Name.XObject, "Subtype": Name.Image, "ImageMask": True, "BitsPerComponent": 1}
    width, height = hole.size
    return doc.stream(keys.pop("data"), Width=width, Height=height, **entries, **keys)


def _explicit(doc: Builder, hole: Image.Image) -> dict[str, Any]:
    data = hole.point(lambda v: 255 - v).convert("1").tobytes()  # 1 hides
    return {"Mask": _stencil_of(doc, hole, data=data)}


def _explicit_inverted(doc: Builder, hole: Image.Image) -> dict[str, Any]:
    return {"Mask": _stencil_of(doc, hole, data=hole.convert("1").tobytes(), Decode=Array([1, 0]))}


def _explicit_g4(doc: Builder, hole: Image.Image) -> dict[str, Any]:
    data, black_is_1 = documents.g4(hole.point(lambda v: 255 - v).convert("1"))
    parameters = Dictionary(K=-1, Columns=hole.width, Rows=hole.height, BlackIs1=black_is_1)
    return {"Mask": _stencil_of(doc, hole, data=data, Filter=Name.CCITTFaxDecode, DecodeParms=parameters)}


def _explicit_jbig2(doc: Builder, hole: Image.Image) -> dict[str, Any]:
    """docling#4329: what a mask in JBIG2 hides became a black box."""
    return {"Mask": _stencil_of(doc, hole, data=jbig2(hole.convert("1")), Filter=Name.JBIG2Decode)}


def jbig2(image: Image.Image) -> bytes:
    """A picture as JBIG2: one generic region, coded as group 4 (ITU-T T.88, 7.2, 7.4.6 and 7.4.8)."""
    data, _ = documents.g4(image)
    size = struct.pack(">II", *image.size)
    page = size + struct.pack(">IIBH", 0, 0, 0, 0)
    region = size + struct.pack(">IIB", 0, 0, 0) + b"\x01" + data
    segments = ((0, 48, page), (1, 38, region))
    return b"".join(struct.pack(">IBBBI", number, kind, 0, 1, len(body)) + body for number, kind, body in segments)


_MASKS = (
    _soft,
    _soft_jpeg,
    _soft_inverted,
    _soft_bilevel,
    _soft_small,
    _matte,
    _explicit,
    _explicit_inverted,
    _explicit_g4,
    _explicit_jbig2,
)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("mask", _MASKS, ids=lambda mask: mask.__name__.lstrip("_"))
def test_what_a_mask_hides_is_no_black_box(run: Run, mask: Any, preset: str) -> None:
    """pypdf#1895, OCRmyPDF#1073, #1536 (Matte), WeKnora#2775, docling#4329."""
    result = run(masked(mask), preset=preset)
    assert pixel(result, 0.5, 0.45) == pytest.approx((51, 153, 255), abs=6)
    red, green, blue = pixel(result, 0.2, 0.25)
    assert red > 120 > max(green, blue)
    assert result.mean_error() < 2
    if preset == "lossless":  # a mask that is stored the other way round may be rounded the other way at its edge
        assert result.mean_error() < 0.01


# --- colour -----------------------------------------------------------------------------------------------------------


def cmyk_picture(*, jpeg: str) -> bytes:
    """Four fields: cyan, magenta, yellow and black ink, as a JPEG with Adobe's marker, as YCCK, or not as a JPEG."""
    picture = Image.new("CMYK", (800, 200))
    for n, ink in enumerate(((255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 255, 0), (0, 0, 0, 255))):
        picture.paste(ink, (n * 200, 0, n * 200 + 200, 200))
    doc = Builder()
    if jpeg == "none":
        doc.show(doc.image(picture), dpi=300)
        return doc.bytes()
    keys: dict[str, Any] = {"Decode": Array([1, 0] * 4)}  # Adobe writes inks inverted, and Pillow does as Adobe
    if jpeg == "ycck":
        picture = _as_ycck(picture)
    data = documents.jpeg(picture, 95, subsampling=0)
    if jpeg == "ycck":
        at = data.index(b"Adobe")
        assert data[at + 11] == 0
        data = data[: at + 11] + b"\x02" + data[at + 12 :]  # the marker's transform: YCCK
    entries = {"Type": Name.XObject, "Subtype": Name.Image, "Width": 800, "Height": 200, "BitsPerComponent": 8}
    doc.show(doc.stream(data, Filter=Name.DCTDecode, ColorSpace=Name.DeviceCMYK, **entries, **keys), dpi=300)
    return doc.bytes()


def _as_ycck(picture: Image.Image) -> Image.Image:
    """What a CMYK writer must be given so that the samples it stores (inverted) are YCCK of the inverted inks."""
    c, m, y, k = picture.split()
    # Decoders turn luma and chroma into red, green and blue and store their complements; here those of inverted inks.
    luma, cb, cr = Image.merge("RGB", (c, m, y)).convert("YCbCr").split()
    return Image.merge("CMYK", [*(band.point(lambda v: 255 - v) for band in (luma, cb, cr)), k])


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("jpeg", ["adobe", "ycck", "none"])
def test_cmyk_is_not_inverted(run: Run, jpeg: str, preset: str) -> None:
    """sejda#267, pypdf#2931, #3943, Pillow#4866, caesium-clt#21 (all black)."""
    result = run(cmyk_picture(jpeg=jpeg), preset=preset)
    image = result.render(result.target)
    strip = image.crop((0, int(image.height * 0.3), image.width, int(image.height * 0.31))).resize((41, 1))
    inks = [strip.getpixel((x, 0)) for x in (11, 17, 23, 30)]
    dominant = [min(range(3), key=lambda band: ink[band]) for ink in inks[:3]]  # type: ignore[index]
    assert dominant == [0, 1, 2]  # cyan lacks red, magenta green, yellow blue
    assert max(inks[3]) < 80  # type: ignore[arg-type, type-var]
    assert result.mean_error() < 2


def test_an_icc_profile_is_not_dropped(run: Run) -> None:
    """Stirling#1310, PyMuPDF#4070, #4186: colours shifted. A profile with red and blue swapped shows it at once."""
    swapped = bytearray(documents.srgb_profile())
    count = int.from_bytes(swapped[128:132], "big")
    at = {bytes(swapped[132 + n * 12 : 136 + n * 12]): 132 + n * 12 for n in range(count)}
    red, blue = at[b"rXYZ"], at[b"bXYZ"]
    swapped[red + 4 : red + 12], swapped[blue + 4 : blue + 12] = (
        swapped[blue + 4 : blue + 12],
        swapped[red + 4 : red + 12],
    )
    doc = Builder()
    space = Array([Name.ICCBased, doc.flate(bytes(swapped), N=3)])
    picture = Image.blend(documents.photo(800, 600), Image.new("RGB", (800, 600), (230, 40, 40)), 0.7)
    doc.show(doc.image(picture, encode="jpeg", ColorSpace=space), dpi=300)
    result = run(doc.bytes(), preset="ebook")
    assert result.report.images.changed == 1
    assert result.mean_error() < 4


# --- black and white --------------------------------------------------------------------------------------------------


def two_colours(how: str) -> bytes:
    """Lettering in 1 bit a pixel, whose two values do not mean black and white in this order."""
    letters = documents.lettering(800, 600, 12)
    inverted = letters.point(lambda v: 255 - v)
    doc = Builder()
    keys: dict[str, Any] = {}
    image = letters
    if how == "palette":
        keys["ColorSpace"] = Array([Name.Indexed, Name.DeviceRGB, 1, b"\xc0\x10\x10\xff\xff\x90"])
    elif how == "palette white first":
        image, keys["ColorSpace"] = inverted, Array([Name.Indexed, Name.DeviceGray, 1, b"\xff\x00"])
    elif how == "palette inverted by Decode":
        image = inverted
        keys |= {
            "ColorSpace": Array([Name.Indexed, Name.DeviceRGB, 1, b"\xc0\x10\x10\xff\xff\x90"]),
            "Decode": Array([1, 0]),
        }
    elif how == "gray inverted by Decode":
        image, keys["Decode"] = inverted, Array([1, 0])
    elif how == "gray between levels":
        keys["Decode"] = Array([0.2, 0.9])
    elif how.startswith("stencil"):
        keys |= {"ImageMask": True}
        if how.endswith("inverted by Decode"):
            image, keys["Decode"] = inverted, Array([1, 0])
    entries: dict[str, Any] = {"Type": Name.XObject, "Subtype": Name.Image, "BitsPerComponent": 1}
    if "ImageMask" not in keys:
        entries["ColorSpace"] = Name.DeviceGray
    xobject = doc.flate(image.convert("1").tobytes(), Width=image.width, Height=image.height, **(entries | keys))
    doc.show(xobject, dpi=150, background="0.9 1 0.9 rg 0 0 900 900 re f 0.1 0.1 0.6 rg")
    return doc.bytes()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(
    "how",
    [
        "palette",
        "palette white first",
        "palette inverted by Decode",
        "gray inverted by Decode",
        "gray between levels",
        "stencil",
        "stencil inverted by Decode",
    ],
)
def test_one_bit_means_what_it_meant(run: Run, how: str, preset: str) -> None:
    """pdfsizeopt#101 (1-bit indexed taken for black and white), OCRmyPDF#1150 (inverted)."""
    result = run(two_colours(how), preset=preset)
    assert result.report.outcome == "compressed"
    assert result.same_pixels(dpi=150)


def test_lettering_is_never_coded_by_likeness(run: Run) -> None:
    """OCRmyPDF#648: coders that reuse similar shapes swapped digits. No pixel of a scan may differ."""
    for preset in ("ebook", "scan"):
        result = run(documents.bilevel_flate(dpi=200), preset=preset)
        assert result.same_pixels(dpi=200)
