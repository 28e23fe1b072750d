"""Every way in which a document can show text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.fonts.usage import Usage, find_usage
from pdfsmaller.engine.walk.graph import walk
from pdfsmaller.limits import Limits
from tests.engine.fonts.conftest import add_page, composite, form, glyph_codes, simple

PROGRAM = b"not read here"


def usage_of(pdf: Pdf, seconds: float = 60) -> Usage:
    return find_usage(pdf, walk(pdf, Limits(), Deadline(seconds)), Limits())


def shown(pdf: Pdf) -> str:
    """All codes shown with simple fonts, as text in order."""
    usage = usage_of(pdf)
    assert usage.complete
    return bytes(sorted({code for use in usage.fonts.values() for code in use.shown})).decode("latin-1")


@pytest.mark.parametrize(
    "operators", [b"(AB) Tj", b"[(A) -250 (B)] TJ", b"(AB) '", b'1 2 (AB) "', b"<4142> Tj", b"[<41> 3 (\\102)] TJ"]
)
def test_every_operator_that_shows_text(operators: bytes) -> None:
    pdf = Pdf.new()
    add_page(pdf, b"BT /F 12 Tf " + operators + b" ET", Font=Dictionary(F=simple(pdf, PROGRAM)))
    assert shown(pdf) == "AB"


def test_the_font_follows_the_graphics_state() -> None:
    pdf = Pdf.new()
    first, second, third = (simple(pdf, PROGRAM, name=f"Bars{n}") for n in range(3))
    content = b"/F 9 Tf q /G 9 Tf (a) Tj Q (b) Tj q /S gs (c) Tj Q (d) Tj"
    state = Dictionary(Font=Array([third, 12]))
    add_page(pdf, content, Font=Dictionary(F=first, G=second), ExtGState=Dictionary(S=state))
    usage = usage_of(pdf)
    by_font = {key: bytes(sorted(use.shown)) for key, use in usage.fonts.items()}
    assert by_font == {first.objgen: b"bd", second.objgen: b"a", third.objgen: b"c"}


def _nested(pdf: Pdf, font: Dictionary) -> None:
    inner = form(pdf, b"(B) Tj", Font=Dictionary())  # the font is handed on
    outer = form(pdf, b"/F 9 Tf (A) Tj /X Do", Font=Dictionary(F=font), XObject=Dictionary(X=inner))
    add_page(pdf, b"/O Do", XObject=Dictionary(O=outer))


def _resources_of_the_page(pdf: Pdf, font: Dictionary) -> None:
    add_page(pdf, b"/X Do", XObject=Dictionary(X=form(pdf, b"/F 9 Tf (AB) Tj")), Font=Dictionary(F=font))


def _pattern(pdf: Pdf, font: Dictionary) -> None:
    pattern = form(pdf, b"/F 9 Tf (AB) Tj", Font=Dictionary(F=font))
    pattern.Type, pattern.PatternType = Name.Pattern, 1
    del pattern.Subtype
    add_page(pdf, b"/Pattern cs /P scn 0 0 9 9 re f", Pattern=Dictionary(P=pattern))


def _soft_mask(pdf: Pdf, font: Dictionary) -> None:
    group = form(pdf, b"/F 9 Tf (AB) Tj", Font=Dictionary(F=font))
    state = Dictionary(SMask=Dictionary(S=Name.Luminosity, G=group))
    add_page(pdf, b"/S gs", ExtGState=Dictionary(S=state))


def _glyph(pdf: Pdf, font: Dictionary) -> None:
    glyph = pdf.make_indirect(Stream(pdf, b"500 0 d0 /F 9 Tf (AB) Tj"))
    type3 = pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type3,
            CharProcs=Dictionary(g=glyph),
            Resources=Dictionary(Font=Dictionary(F=font)),
        )
    )
    add_page(pdf, b"/T 9 Tf () Tj", Font=Dictionary(T=type3))


def _appearances(pdf: Pdf, font: Dictionary) -> None:
    states = [form(pdf, b"/F 9 Tf (%c) Tj" % letter, Font=Dictionary(F=font)) for letter in b"AB"]
    page = add_page(pdf, b"")
    annot = Dictionary(Subtype=Name.Widget, Rect=Array([0, 0, 9, 9]))
    annot.AP = Dictionary(N=Dictionary(Off=states[0]), D=Dictionary(On=states[1]))
    page.obj.Annots = Array([pdf.make_indirect(annot)])


def _not_reached(pdf: Pdf, font: Dictionary) -> None:
    add_page(pdf, b"")
    pdf.Root.Extra = form(pdf, b"/F 9 Tf (AB) Tj", Font=Dictionary(F=font))


def _direct(pdf: Pdf, font: Dictionary) -> None:
    add_page(pdf, b"/F 9 Tf (AB) Tj", Font=Dictionary(F=Dictionary(dict(font.items()))))


@pytest.mark.parametrize(
    "make",
    [_nested, _resources_of_the_page, _pattern, _soft_mask, _glyph, _appearances, _not_reached, _direct],
    ids=lambda make: make.__name__.strip("_"),
)
def test_text_is_found_wherever_it_is(make: Callable[[Pdf, Dictionary], None]) -> None:
    pdf = Pdf.new()
    make(pdf, simple(pdf, PROGRAM))
    assert shown(pdf) == "AB"


def test_one_form_counts_for_every_font_and_page_that_it_is_drawn_with() -> None:
    pdf = Pdf.new()
    first, second = simple(pdf, PROGRAM), simple(pdf, PROGRAM, name="Other")
    shared = form(pdf, b"(x) Tj")
    for font in (first, second, first):
        add_page(pdf, b"/F 9 Tf /X Do", Font=Dictionary(F=font), XObject=Dictionary(X=shared))
    usage = usage_of(pdf)
    assert {key: (bytes(use.shown), use.pages) for key, use in usage.fonts.items()} == {
        first.objgen: (b"x", {0, 2}),
        second.objgen: (b"x", {1}),
    }


def test_a_form_within_itself_ends() -> None:
    pdf = Pdf.new()
    loop = form(pdf, b"/F 9 Tf (A) Tj /X Do", Font=Dictionary(F=simple(pdf, PROGRAM)))
    loop.Resources.XObject = Dictionary(X=loop)
    add_page(pdf, b"/X Do", XObject=Dictionary(X=loop))
    assert shown(pdf) == "A"


def test_text_in_a_font_that_depends_on_the_reader_makes_it_incomplete() -> None:
    pdf = Pdf.new()
    pattern = form(pdf, b"(A) Tj", Font=Dictionary())
    pattern.PatternType = 1
    del pattern.Subtype
    add_page(pdf, b"", Pattern=Dictionary(P=pattern))
    assert not usage_of(pdf).complete


def test_two_byte_codes_are_cids_with_identity() -> None:
    pdf = Pdf.new()
    font = composite(pdf, PROGRAM)
    add_page(pdf, b"/F 9 Tf <%s> Tj" % glyph_codes("AZ").hex().encode(), Font=Dictionary(F=font))
    (use,) = usage_of(pdf).fonts.values()
    assert use.cids() == {2, 27}


def test_an_embedded_cmap_says_how_codes_are_read() -> None:
    pdf = Pdf.new()
    cmap = pdf.make_indirect(
        Stream(
            pdf,
            b"2 begincodespacerange <00> <7F> <8000> <FFFF> endcodespacerange "
            b"1 begincidrange <20> <7F> 100 endcidrange 1 begincidchar <8001> 7 endcidchar",
        )
    )
    add_page(pdf, b"/F 9 Tf <22800121> Tj", Font=Dictionary(F=composite(pdf, PROGRAM, cmap)))
    (use,) = usage_of(pdf).fonts.values()
    assert use.cids() == {0, 102, 7, 101}


@pytest.mark.parametrize(
    "body",
    [
        b"1 begincodespacerange <0000> <FFFF> endcodespacerange 1 beginbfchar <0001> <0041> endbfchar",
        b"1 begincodespacerange <0000> <FFFF> endcodespacerange 2 begincidrange <00> <09> 0 <03> <04> 7 endcidrange",
        b"1 begincidrange <0000> <0009> 0 endcidrange",
        b"",
    ],
    ids=["text", "twice", "no codespace", "empty"],
)
def test_a_cmap_that_readers_may_take_in_different_ways_is_a_reason(body: bytes) -> None:
    pdf = Pdf.new()
    font = composite(pdf, PROGRAM, pdf.make_indirect(Stream(pdf, body)))
    add_page(pdf, b"/F 9 Tf <0003> Tj", Font=Dictionary(F=font))
    (use,) = usage_of(pdf).fonts.values()
    assert use.reason == "cmap"


def test_a_walk_without_time_is_not_complete() -> None:
    pdf = Pdf.new()
    add_page(pdf, b"/F 9 Tf (A) Tj", Font=Dictionary(F=simple(pdf, PROGRAM)))
    assert not usage_of(pdf, seconds=0).complete


def test_a_predefined_cmap_is_named_as_the_reason() -> None:
    pdf = Pdf.new()
    font = composite(pdf, PROGRAM, Name("/UniGB-UCS2-H"))
    add_page(pdf, b"/F 9 Tf <2280> Tj", Font=Dictionary(F=font))
    (use,) = usage_of(pdf).fonts.values()
    assert use.reason == "predefined_cmap"
