"""Inline images become objects, each as it was; what is not certain stays where it is."""

from __future__ import annotations

import io
import zlib

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pdfsmaller.engine.analysis import Analysis, analyse
from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.images.inline import externalize_inline_images, inline_images
from pdfsmaller.limits import Limits
from tests import documents
from tests.engine.conftest import Run

WIDTH, HEIGHT = 60, 40
#: What looks like an end: qpdf would go on reading content behind it.
FALSE_END = b"\nEI Q q Q q Q q Q q Q q Q q Q q Q q Q q Q q Q\n"
TEXT = b" BT /F1 10 Tf 36 300 Td (Behind) Tj ET"


def samples(components: int = 3) -> bytes:
    picture = documents.photo(WIDTH, HEIGHT).convert({1: "L", 3: "RGB", 4: "CMYK"}[components]).tobytes()
    return picture[:500] + FALSE_END + picture[500 + len(FALSE_END) :]


def inline(data: bytes, entries: bytes = b"/CS /RGB /BPC 8") -> bytes:
    return b"q 300 0 0 200 36 36 cm BI /W %d /H %d %s ID " % (WIDTH, HEIGHT, entries) + data + b"\nEI Q"


def document(content: bytes, **resources: object) -> bytes:
    return documents.with_content(documents.text(pages=1), content, **resources)


def analysed(pdf: Pdf) -> Analysis:
    return analyse(pdf, Limits(), Deadline(60))


def objects(data: bytes) -> tuple[Pdf, list[Stream]]:
    """A document whose inline images are objects, and these."""
    pdf = Pdf.open(io.BytesIO(data))
    found = analysed(pdf).found.images
    return pdf, [pdf.get_object(objgen) for objgen in sorted(found)]  # type: ignore[misc]


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b" ", b""])
def test_data_that_holds_what_looks_like_its_end_is_whole(separator: bytes) -> None:
    content = inline(samples()).replace(b"\nEI Q", separator + b"EI Q", 2).replace(separator + b"EI Q q", b"\nEI Q q")
    pdf, (image,) = objects(document(content + TEXT))
    assert image.read_bytes() == samples()
    assert (image.Width, image.Height, image.ColorSpace, image.BitsPerComponent) == (WIDTH, HEIGHT, Name.DeviceRGB, 8)
    assert b"(Behind) Tj" in pdf.pages[0].Contents.read_bytes()
    assert b"BI" not in pdf.pages[0].Contents.read_bytes()


def test_a_page_with_such_an_image_keeps_its_looks_and_text(run: Run) -> None:
    result = run(document(inline(samples()) + TEXT), preset="lossless")
    assert result.same_pixels()
    with result.open() as pdf:
        assert pdf.pages[0].Resources.XObject
        assert b"Behind" in pdf.pages[0].Contents.read_bytes()


def test_such_an_image_is_coded_like_any_other(run: Run) -> None:
    content = inline(documents.photo(WIDTH, HEIGHT).tobytes())
    result = run(document(content), preset="ebook")
    assert result.mean_error() < 3
    assert ["/DCTDecode" in str(image.Filter) for image in result.images()] == [True]


@pytest.mark.parametrize(
    ("entries", "components"),
    [(b"/CS /G /BPC 8", 1), (b"/ColorSpace /DeviceCMYK /BitsPerComponent 8", 4), (b"/CS /Own /BPC 8", 3)],
)
def test_the_size_follows_from_the_colour_space(entries: bytes, components: int) -> None:
    own = Dictionary(Own=calibrated_rgb())
    _, (image,) = objects(document(inline(samples(components), entries), ColorSpace=own))
    assert image.read_bytes() == samples(components)
    if components == 3:
        assert image.ColorSpace[0] == Name.CalRGB


def calibrated_rgb() -> Array:
    return Array([Name.CalRGB, Dictionary(WhitePoint=Array([0.95, 1, 1.09]))])


def test_abbreviations_are_written_out() -> None:
    data = zlib.compress(samples(1))
    entries = b"/CS [/I /RGB 255 <%s>] /BPC 8 /D [0 255] /I true /F [/Fl] /DP [null]" % bytes(768).hex().encode()
    _, (image,) = objects(document(inline(data, entries)))
    assert image.read_bytes() == samples(1)
    assert image.ColorSpace.as_list()[:3] == [Name.Indexed, Name.DeviceRGB, 255]
    assert (image.Filter, image.Interpolate) == (Array([Name.FlateDecode]), True)
    assert {"/Decode", "/DecodeParms"} <= image.keys()


def test_a_stencil_stays_one() -> None:
    size = (WIDTH * 8, HEIGHT)
    content = b"BI /W %d /H %d /IM true /D [1 0] ID " % size + samples(1) + b" EI"
    _, (image,) = objects(document(content))
    assert (image.ImageMask, image.Decode.as_list(), image.read_bytes()) == (True, [1, 0], samples(1))


def test_those_of_forms_become_objects_in_their_own_resources() -> None:
    def add(pdf: Pdf) -> None:
        form = Stream(pdf, inline(samples()), Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 400, 400]))
        form.Resources = Dictionary()
        pdf.pages[0].obj.Resources.XObject = Dictionary(Fm=pdf.make_indirect(form))
        pdf.pages[0].contents_add(b"/Fm Do")

    pdf, (image,) = objects(documents.edited(documents.text(pages=1), add))
    assert image.read_bytes() == samples()
    form = pdf.pages[0].Resources.XObject.Fm
    assert [one.objgen for one in form.Resources.XObject.as_dict().values()] == [image.objgen]


@pytest.mark.parametrize(
    "content",
    [
        inline(samples()[:-9]),  # too short
        inline(samples(), b"/CS /RGB /ColorSpace /DeviceCMYK /BPC 8"),
        inline(zlib.compress(samples()), b"/CS /RGB /BPC 8 /F /Fl /Filter /A85"),
        inline(documents.photo(8, 5).tobytes()).replace(b"/W 60 /H 40", b"/W 8 /H 5"),  # small
        inline(samples(), b"/CS /RGB /BPC 8 /Odd 1..2"),
    ],
)
def test_what_is_not_certain_or_small_stays(content: bytes) -> None:
    data = document(content)
    pdf, found = objects(data)
    assert found == []
    with Pdf.open(io.BytesIO(data)) as before:
        pages = [[stream.read_bytes() for stream in one.pages[0].Contents] for one in (before, pdf)]  # type: ignore[union-attr]
    assert pages[0] == pages[1]


def test_of_entries_in_both_forms_the_short_ones_count() -> None:
    entries = b"/CS /RGB /BPC 8 /Height 7"
    (image,) = inline_images(inline(samples(), entries)) or ()
    assert (image.certain, image.data_end - image.data_begin) == (1, len(samples()))


def test_no_name_of_the_resources_is_taken() -> None:
    own = documents.photo(4, 4).tobytes()

    def add(pdf: Pdf) -> None:
        image = Stream(pdf, own, Type=Name.XObject, Subtype=Name.Image, Width=4, Height=4)
        image.ColorSpace, image.BitsPerComponent = Name.DeviceRGB, 8
        pdf.pages[0].obj.Resources.XObject = Dictionary({"/IIm0": pdf.make_indirect(image)})
        pdf.pages[0].contents_add(b"/IIm0 Do " + inline(samples()))

    pdf, found = objects(documents.edited(documents.text(pages=1), add))
    assert sorted(len(image.read_bytes()) for image in found) == [len(own), len(samples())]
    assert pdf.pages[0].Resources.XObject["/IIm0"].read_bytes() == own


def test_pages_that_share_their_resources_get_each_its_own() -> None:
    def add(pdf: Pdf) -> None:
        shared = pdf.make_indirect(pdf.pages[0].obj.Resources)
        for page in pdf.pages:
            page.obj.Resources = shared
        pdf.pages[0].contents_add(inline(samples()))

    pdf, (image,) = objects(documents.edited(documents.text(pages=2), add))
    assert "/XObject" not in pdf.pages[1].Resources
    assert [one.objgen for one in pdf.pages[0].Resources.XObject.as_dict().values()] == [image.objgen]


def test_copies_of_a_document_get_the_same_numbers() -> None:
    data = document(inline(samples()) + inline(samples(1), b"/CS /G /BPC 8"))
    with Pdf.open(io.BytesIO(data)) as one, Pdf.open(io.BytesIO(data)) as other:
        analysis = analysed(one)
        externalize_inline_images(other, analysis.inline, Limits())
        for objgen in analysis.found.images:
            first, second = one.get_object(objgen), other.get_object(objgen)
            assert isinstance(second, Stream)
            assert isinstance(first, Stream)
            assert first.read_bytes() == second.read_bytes()


def test_colour_is_not_taken_out_around_what_the_parser_misreads(run: Run) -> None:
    small = b"BI /W 15 /H 10 /CS /G /BPC 8 ID " + (FALSE_END + bytes(150))[:150] + b"\nEI"
    result = run(document(b"1 0 0 rg 0 0 20 20 re f " + small + TEXT), color_mode="grayscale")
    assert "color_mode_partial" in result.warnings()
    with result.open() as pdf:
        content = pikepdf.Page(pdf.pages[0].obj).obj.Contents
        streams = content.as_list() if isinstance(content, Array) else [content]
        assert any(b"Behind" in stream.read_bytes() for stream in streams)
