"""Colour taken out of everything but images."""

from __future__ import annotations

import random

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
    return documents.with_content(documents.text(pages=1), b"q " + content + b" Q", **resources)


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


SAMPLES = bytes([255, 255, 255, 230, 90, 10])  # white to orange


def with_space(space: bytes, content: bytes, function: bytes | None = None) -> bytes:
    """A page whose colour space /S is given; ``@`` in it is a sampled function, or a calculator's program."""

    def draw(pdf: pikepdf.Pdf) -> None:
        made = (
            pdf.make_stream(
                function, FunctionType=4, Domain=[0, 1] * (2 if b"DeviceN" in space else 1), Range=[0, 1] * 3
            )
            if function
            else pdf.make_stream(SAMPLES, FunctionType=0, Domain=[0, 1], Range=[0, 1] * 3, Size=[2], BitsPerSample=8)
        )
        made = pdf.make_indirect(made)
        value = pikepdf.Object.parse(space.replace(b"@", b"null"))
        if b"@" in space:
            value[3] = made
        pdf.pages[0].obj.Resources.ColorSpace = pikepdf.Dictionary(S=value)
        pdf.pages[0].contents_add(b"q " + content + b" Q")

    return documents.edited(documents.text(pages=1), draw)


SQUARE = b" 0 0 99 99 re f"


@pytest.mark.parametrize(
    "data",
    [
        with_space(b"[/Separation /Orange /DeviceRGB " + FUNCTION + b"]", b"/S cs 1 scn" + SQUARE),
        with_space(b"[/Separation /Orange /DeviceRGB @]", b"/S cs 0.7 scn" + SQUARE),
        with_space(
            b"[/Separation /Orange /DeviceRGB @]", b"/S cs 0.7 scn" + SQUARE, b"{ dup 0.5 mul exch 1 exch sub 0 }"
        ),
        with_space(b"[/DeviceN [/A /B] /DeviceRGB @]", b"/S cs 0.9 0.2 scn" + SQUARE, b"{ 0.3 }"),
        with_space(b"[/Separation /All /DeviceRGB " + FUNCTION + b"]", b"/S cs 0.6 scn" + SQUARE),
        with_space(b"[/Lab << /WhitePoint [0.95 1 1.09] /Range [-99 99 -99 99] >>]", b"/S cs 60 70 -50 sc" + SQUARE),
        with_space(b"[/Indexed /DeviceRGB 1 <00ff00ff00aa>]", b"/S cs 1 sc" + SQUARE),
    ],
)
def test_every_kind_of_colour_space_turns_gray(run: Run, data: bytes) -> None:
    result = run(data, color_mode="grayscale")
    assert has_color(Result(result.target, result.source, result.report, None))
    assert not has_color(result)
    assert "color_mode_partial" not in result.warnings()
    before, after = (result.render(which).convert("L") for which in (result.source, result.target))
    place = (20, before.height - 20)
    assert after.getpixel(place) == pytest.approx(before.getpixel(place), abs=25)


def test_a_space_begins_with_its_initial_colour(run: Run) -> None:
    """All tints are 1 at first, and 1 of this spot colour is blue (ISO 32000-1, 8.6.6.4)."""
    result = run(
        with_space(b"[/Separation /Blue /DeviceRGB " + FUNCTION + b"]", b"/S cs" + SQUARE), color_mode="grayscale"
    )
    place = (20, result.render(result.target).height - 20)
    assert result.render(result.target).getpixel(place) == pytest.approx((28, 28, 28), abs=2)


def test_a_damaged_spot_colour_stays_and_is_told(run: Run) -> None:
    space = pikepdf.Object.parse(b"<< /Spot [/Separation /Orange /DeviceRGB << /FunctionType 7 >>] >>")
    result = run(drawn(b"/Spot cs 1 scn 0 0 99 99 re f", ColorSpace=space), color_mode="grayscale")
    assert "color_mode_partial" in result.warnings()


@pytest.mark.parametrize("kind", [1, 2, 4, 5, 6, 7])
def test_every_kind_of_shading_turns_gray(run: Run, kind: int) -> None:
    corners = [(0, 0), (255, 0), (255, 255), (0, 255)]
    colors = [b"\xff\0\0", b"\0\xff\0", b"\0\0\xff", b"\xff\xff\0"]

    def vertex(n: int, flag: bytes = b"\0") -> bytes:
        return flag + bytes(corners[n]) + colors[n]

    def patch(points: int) -> bytes:
        side = [(0, 85 * n) for n in range(4)] + [(85 * n, 255) for n in range(1, 4)]
        side += [(255, 170 - 85 * n) for n in range(3)] + [(170 - 85 * n, 0) for n in range(2)]
        inner = [(85, 85), (85, 170), (170, 170), (170, 85)]
        return b"\0" + b"".join(bytes(p) for p in (side + inner)[:points]) + b"".join(colors)

    meshes = {
        4: b"".join(vertex(n) for n in (0, 1, 2, 0, 2, 3)),
        5: b"".join(vertex(n, b"") for n in (0, 1, 3, 2)),
        6: patch(12),
        7: patch(16),
    }

    def draw(pdf: pikepdf.Pdf) -> None:
        shading: pikepdf.Object
        if kind in meshes:
            shading = pdf.make_stream(
                meshes[kind], ShadingType=kind, ColorSpace=pikepdf.Name.DeviceRGB, BitsPerCoordinate=8,
                BitsPerComponent=8, Decode=[0, 99, 0, 99, 0, 1, 0, 1, 0, 1],
            )  # fmt: skip
            if kind == 5:
                shading.VerticesPerRow = 2
            else:
                shading.BitsPerFlag = 8
        elif kind == 1:
            function = pdf.make_stream(b"{ 0.4 }", FunctionType=4, Domain=[0, 1, 0, 1], Range=[0, 1] * 3)
            shading = pikepdf.Dictionary(
                ShadingType=1, ColorSpace=pikepdf.Name.DeviceRGB, Matrix=[99, 0, 0, 99, 0, 0], Function=function
            )
        else:
            function = pdf.make_stream(
                SAMPLES, FunctionType=0, Domain=[0, 1], Range=[0, 1] * 3, Size=[2], BitsPerSample=8
            )
            shading = pikepdf.Dictionary(
                ShadingType=2, ColorSpace=pikepdf.Name.DeviceRGB, Coords=[0, 0, 99, 0], Function=function
            )
        pdf.pages[0].obj.Resources.Shading = pikepdf.Dictionary(S=pdf.make_indirect(shading))
        pdf.pages[0].contents_add(b"q 0 0 99 99 re W n /S sh Q")
        private = pdf.make_stream(random.Random(1).randbytes(9000))  # won elsewhere: samples take more than a program
        pdf.pages[0].obj.PieceInfo = pikepdf.Dictionary(X=pikepdf.Dictionary(Private=private))

    result = run(documents.edited(documents.text(pages=1), draw), color_mode="grayscale")
    assert has_color(Result(result.target, result.source, result.report, None))
    assert not has_color(result)
    assert "color_mode_partial" not in result.warnings()
    before, after = (result.render(which).convert("L") for which in (result.source, result.target))
    for x, y in ((30, 30), (60, 90), (110, 60)):
        place = (x, before.height - y)
        assert after.getpixel(place) == pytest.approx(before.getpixel(place), abs=20)


def test_uncoloured_patterns_turn_gray(run: Run) -> None:
    def draw(pdf: pikepdf.Pdf) -> None:
        cell = pdf.make_stream(
            b"0 0 5 9 re f", PatternType=1, PaintType=2, TilingType=1, BBox=[0, 0, 9, 9], XStep=9, YStep=9,
            Resources=pikepdf.Dictionary(),
        )  # fmt: skip
        resources = pdf.pages[0].obj.Resources
        resources.Pattern = pikepdf.Dictionary(P=cell)
        resources.ColorSpace = pikepdf.Dictionary(S=pikepdf.Array([pikepdf.Name.Pattern, pikepdf.Name.DeviceRGB]))
        pdf.pages[0].contents_add(b"q /S cs 1 0.2 0 /P scn 0 0 99 99 re f Q")

    result = run(documents.edited(documents.text(pages=1), draw), color_mode="grayscale")
    assert not has_color(result)
    assert "color_mode_partial" not in result.warnings()
    assert result.mean_error() < 5


def test_default_appearances_and_outlines_turn_gray(run: Run) -> None:
    def draw(pdf: pikepdf.Pdf) -> None:
        with pdf.open_outline() as outline:
            outline.root.append(pikepdf.OutlineItem("One", 0))
        pdf.Root.Outlines.First.C = pikepdf.Array([1, 0, 0])
        field = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Tx, T="field", Rect=[9, 9, 90, 30],
            DA=b"0 0 1 rg /Helv 12 Tf", MK=pikepdf.Dictionary(BG=[1, 1, 0]),
        )  # fmt: skip
        field = pdf.make_indirect(field)
        pdf.pages[0].obj.Annots = pikepdf.Array([field])
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=[field], DA=b"/Helv 0 Tf 1 0 0 RG")

    result = run(documents.edited(documents.text(pages=1), draw), color_mode="grayscale")
    with result.open() as pdf:
        assert bytes(pdf.Root.AcroForm.DA) == b"/Helv 0 Tf 0.3 G"
        assert bytes(pdf.Root.AcroForm.Fields[0].DA) == b"0.11 g /Helv 12 Tf"
        assert [float(value) for value in pdf.Root.Outlines.First.C.as_list()] == [0.3, 0.3, 0.3]


def test_forms_and_appearances_too(run: Run) -> None:
    for data in (documents.form(), documents.transparency(), documents.structured()):
        result = run(data, color_mode="grayscale")
        assert not any(has_color(result, page) for page in range(result.report.pages))


def test_bilevel_leaves_black_and_white(run: Run) -> None:
    result = run(drawn(b"0.8 0.8 0.2 rg 0 0 99 99 re f 0.2 0.1 0.6 rg 0 0 50 50 re f"), color_mode="bilevel")
    picture = result.render(result.target)
    assert picture.getpixel((20, picture.height - 20)) == (0, 0, 0)
    assert picture.getpixel((100, picture.height - 100)) == (255, 255, 255)


@pytest.mark.parametrize(
    "content", [b"null 0 0 rg", b"[1] 0 0 rg", b"/DeviceRGB cs (1) 0 0 sc", b"/DeviceRGB cs null 0 0 sc"]
)
def test_operands_that_are_no_numbers_leave_the_content_as_it_is(run: Run, content: bytes) -> None:
    data = documents.with_content(documents.text(1), content + b" 0 0 50 50 re f")
    result = run(data, preset="ebook", color_mode="grayscale")
    assert result.report.damage["content_color"] > 0
