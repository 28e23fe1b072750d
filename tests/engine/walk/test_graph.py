"""Who draws whom: where names lead, and what counts where that is not certain."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.content.scales import find_scales
from pdfsmaller.engine.fonts.usage import find_usage
from pdfsmaller.engine.images.find import FoundImage, find_images
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.walk import graph
from pdfsmaller.engine.walk.graph import walk
from pdfsmaller.errors import LimitExceeded
from pdfsmaller.limits import Limits
from tests.engine.fonts.conftest import add_page, composite, form, simple

PROGRAM = b"not read here"
SCALED = b"q 50 0 0 40 9 9 cm /Im Do Q"


def picture(pdf: Pdf) -> Stream:
    return pdf.make_stream(
        bytes(300), Type=Name.XObject, Subtype=Name.Image, Width=10, Height=10, BitsPerComponent=8,
        ColorSpace=Name.DeviceRGB,
    )  # fmt: skip


def images(pdf: Pdf) -> dict[ObjGen, FoundImage]:
    return find_images(walk(pdf, Limits())).images


def test_a_name_that_a_form_lacks_may_be_any_around_it() -> None:
    """Some readers look in what draws the form, some in the page's resources."""
    pdf = Pdf.new()
    of_page, of_form = picture(pdf), picture(pdf)
    inner = form(pdf, SCALED, XObject=Dictionary())
    outer = form(pdf, b"/In Do", XObject=Dictionary(Im=of_form, In=inner))
    add_page(pdf, b"/Out Do", XObject=Dictionary(Im=of_page, Out=outer))
    found = images(pdf)
    assert found.keys() == {of_page.objgen, of_form.objgen}
    assert {(image.width_pt, image.height_pt) for image in found.values()} == {(50, 40)}


def test_text_in_one_of_several_fonts_is_not_known() -> None:
    pdf = Pdf.new()
    inner = form(pdf, b"/F 9 Tf (A) Tj", Font=Dictionary())
    outer = form(pdf, b"/In Do", Font=Dictionary(F=simple(pdf, PROGRAM)), XObject=Dictionary(In=inner))
    add_page(pdf, b"/Out Do", Font=Dictionary(F=simple(pdf, PROGRAM, name="Other")), XObject=Dictionary(Out=outer))
    assert not find_usage(pdf, walk(pdf, Limits()), Limits()).complete


def test_a_form_without_resources_is_another_one_wherever_its_names_lead_elsewhere() -> None:
    pdf = Pdf.new()
    shared = form(pdf, SCALED)
    first, second = picture(pdf), picture(pdf)
    for image in (first, second, first):
        add_page(pdf, b"/X Do", XObject=Dictionary(X=shared, Im=image))
    assert {key: image.pages for key, image in images(pdf).items()} == {first.objgen: {0, 2}, second.objgen: {1}}


def test_a_stream_that_cannot_be_read_may_draw_all_it_can_name_at_any_size() -> None:
    pdf = Pdf.new()
    image = picture(pdf)
    damaged = Stream(pdf, b"no zlib data at all", Filter=Name.FlateDecode, Type=Name.XObject, Subtype=Name.Form)
    damaged.BBox, damaged.Resources = Array([0, 0, 9, 9]), Dictionary(XObject=Dictionary(Im=image))
    add_page(pdf, SCALED + b" /X Do", XObject=Dictionary(X=pdf.make_indirect(damaged), Im=image))
    document = walk(pdf, Limits())
    assert not find_images(document).images[image.objgen].resample
    assert not find_usage(pdf, document, Limits()).complete


@pytest.mark.parametrize(
    "content",
    [b"2 0 0 2 0 0 cm Q " + SCALED, b"0 0 1 0 0 1 0 0 cm " + SCALED],
    ids=["a state that ends before it began", "a matrix of seven numbers"],
)
def test_what_readers_may_show_at_different_sizes_keeps_its_pixels(content: bytes) -> None:
    pdf = Pdf.new()
    add_page(pdf, content, XObject=Dictionary(Im=picture(pdf)))
    (image,) = images(pdf).values()
    assert not image.resample
    assert image.pages == {0}


def _appearance(pdf: Pdf, inner: Stream, box: Array) -> None:
    look = form(pdf, b"q 2 0 0 2 0 0 cm /X Do Q", XObject=Dictionary(X=inner))
    look.BBox = box
    page = add_page(pdf, b"")
    page.obj.Annots = Array([Dictionary(Subtype=Name.Stamp, Rect=Array([0, 0, 30, 30]), AP=Dictionary(N=look))])


@pytest.mark.parametrize(("box", "known"), [(Array([0, 0, 10, 10]), True), (Array([0, 0, 0, 10]), False)])
def test_an_appearance_that_cannot_be_fitted_may_have_any_size(box: Array, known: bool) -> None:
    pdf = Pdf.new()
    inner = form(pdf, SCALED, XObject=Dictionary(Im=picture(pdf)))
    _appearance(pdf, inner, box)
    document = walk(pdf, Limits())
    (image,) = find_images(document).images.values()
    assert image.resample == known
    assert find_scales(document)[inner.objgen] == (6.0 if known else float("inf"))


def _glyph(pdf: Pdf, glyph: Stream) -> Dictionary:
    return pdf.make_indirect(
        Dictionary(Type=Name.Font, Subtype=Name.Type3, CharProcs=Dictionary(g=glyph), Resources=Dictionary())
    )


def test_what_a_glyph_draws_may_have_any_size_wherever_its_font_is() -> None:
    pdf = Pdf.new()
    inner = form(pdf, SCALED, XObject=Dictionary(Im=picture(pdf)))
    font = _glyph(pdf, form(pdf, b"9 0 d0 /X Do", XObject=Dictionary(X=inner)))
    text = form(pdf, b"/T 9 Tf (g) Tj", Font=Dictionary(T=font))
    add_page(pdf, b"/X Do", XObject=Dictionary(X=text))
    document = walk(pdf, Limits())
    (image,) = find_images(document).images.values()
    assert not image.resample
    assert image.pages == {0}
    assert find_scales(document)[inner.objgen] == float("inf")


def test_an_image_in_a_glyph_that_nothing_shows_keeps_its_pixels() -> None:
    pdf = Pdf.new()
    image = picture(pdf)
    _glyph(pdf, form(pdf, SCALED, XObject=Dictionary(Im=image)))
    pdf.Root.Fonts = pdf.make_indirect(Dictionary(T=_glyph(pdf, form(pdf, SCALED, XObject=Dictionary(Im=image)))))
    add_page(pdf, SCALED, XObject=Dictionary(Im=image))
    assert not images(pdf)[image.objgen].resample


def test_a_pattern_that_only_outer_resources_have_is_shown_in_the_space_of_the_form() -> None:
    pdf = Pdf.new()
    pattern = form(pdf, SCALED, XObject=Dictionary(Im=picture(pdf)))
    pattern.PatternType = 1
    del pattern.Subtype
    painted = form(pdf, b"/Pattern cs /P scn 0 0 9 9 re f", XObject=Dictionary())
    add_page(pdf, b"2 0 0 2 0 0 cm /X Do", XObject=Dictionary(X=painted), Pattern=Dictionary(P=pattern))
    (image,) = images(pdf).values()
    assert (image.width_pt, image.height_pt) == (100, 80)


def test_codes_of_different_lengths_in_a_font_that_is_handed_on_are_not_known() -> None:
    pdf = Pdf.new()
    cmap = pdf.make_indirect(Stream(pdf, b"2 begincodespacerange <00> <7F> <8000> <FFFF> endcodespacerange"))
    inner = form(pdf, b"<208001> Tj", Font=Dictionary())
    font = composite(pdf, PROGRAM, cmap)
    add_page(pdf, b"/F 9 Tf /X Do", Font=Dictionary(F=font), XObject=Dictionary(X=inner))
    (use,) = find_usage(pdf, walk(pdf, Limits()), Limits()).fonts.values()
    assert use.reason == "codes"


def _too_deep(pdf: Pdf) -> Stream:
    inner = form(pdf, SCALED, XObject=Dictionary(Im=picture(pdf)))
    for _ in range(graph.MAX_DEPTH + 1):
        inner = form(pdf, b"/X Do", XObject=Dictionary(X=inner))
    return inner


def _too_many(pdf: Pdf) -> Stream:
    forms = [form(pdf, b"%d 0 0 1 0 0 cm" % n) for n in range(30)]
    names = {f"/X{n}": one for n, one in enumerate(forms)}
    return form(pdf, b" ".join(f"{name} Do".encode() for name in names), XObject=Dictionary(names))


@pytest.mark.parametrize("make", [_too_deep, _too_many], ids=lambda make: make.__name__.strip("_"))
def test_beyond_the_limits_nothing_is_certain(make: Callable[[Pdf], Stream], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "MAX_VISITS", 25 if make is _too_many else graph.MAX_VISITS)
    pdf = Pdf.new()
    add_page(pdf, SCALED + b" /X Do", XObject=Dictionary(Im=picture(pdf), X=make(pdf)))
    document = walk(pdf, Limits())
    assert not document.complete
    assert not any(image.resample for image in find_images(document).images.values())
    assert not find_usage(pdf, document, Limits()).complete
    assert find_scales(document).keys() == {pdf.pages[0].obj.objgen}


def test_without_time_nothing_is_certain() -> None:
    pdf = Pdf.new()
    add_page(pdf, b"")
    assert not walk(pdf, Limits(), Deadline(0)).complete


def test_streams_without_inline_images_are_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pdf = Pdf.new()
    add_page(pdf, b"/X Do", XObject=Dictionary(X=form(pdf, b"(A) Tj")))
    add_page(pdf, b"BI /W 9 /H 1 /BPC 8 /CS /G ID 123456789 EI")
    document = walk(pdf, Limits())
    read: list[object] = []
    monkeypatch.setattr(graph, "read_events", lambda owner, *_: read.append(owner))
    walk(pdf, Limits(), known=document)
    assert [owner.obj.objgen for owner in read] == [pdf.pages[1].obj.objgen]  # type: ignore[attr-defined]


def test_content_of_a_page_counts_together() -> None:
    pdf = Pdf.new()
    page = add_page(pdf, b"")
    page.obj.Contents = Array([pdf.make_stream(b"0 0 9 9 re f " * 50) for _ in range(2)])
    with pytest.raises(LimitExceeded):
        walk(pdf, Limits(max_stream_bytes=1000))
