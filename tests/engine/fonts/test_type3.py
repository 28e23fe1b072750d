"""Glyphs of Type 3 fonts: those that are shown stay, and pages look as they did."""

from __future__ import annotations

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.fonts.shrink import FontCache, shrink_fonts
from pdfsmaller.limits import Limits
from tests.engine.conftest import Run
from tests.engine.fonts.conftest import add_page, saved

LETTERS = "ABCDEFGH"


def procedures(pdf: Pdf) -> Dictionary:
    bars = {
        f"/{c}": Stream(pdf, b"500 0 0 0 400 %d d1 0 0 400 %d re f" % (90 * n, 90 * n)) for n, c in enumerate(LETTERS)
    }
    return pdf.make_indirect(Dictionary(bars))


def type3(pdf: Pdf, glyphs: Dictionary, encoding: pikepdf.Object | None = None) -> Dictionary:
    if encoding is None:
        encoding = Dictionary(Differences=Array([65, *(Name("/" + letter) for letter in LETTERS)]))
    return pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type3,
            FontBBox=Array([0, 0, 500, 800]),
            FontMatrix=Array([0.001, 0, 0, 0.001, 0, 0]),
            CharProcs=glyphs,
            Encoding=encoding,
            FirstChar=65,
            LastChar=72,
            Widths=Array([500] * 8),
            Resources=Dictionary(),
        )
    )


def shrink(pdf: Pdf) -> None:
    shrink_fonts(pdf, FontCache(), Limits(), Deadline(60))


def test_glyphs_that_are_not_shown_go(run: Run) -> None:
    pdf = Pdf.new()
    font = type3(pdf, procedures(pdf))
    add_page(pdf, b"BT /F 40 Tf 20 100 Td (BAG) Tj ET", Font=Dictionary(F=font))
    result = run(saved(pdf))
    assert result.same_pixels()
    with result.open() as after:
        assert set(after.pages[0].obj.Resources.Font.F.CharProcs.keys()) == {"/A", "/B", "/G"}


def test_what_fonts_share_stays_for_each() -> None:
    pdf = Pdf.new()
    glyphs = procedures(pdf)
    other = Dictionary(Differences=Array([1, Name("/H")]))
    fonts = Dictionary(F=type3(pdf, glyphs), G=type3(pdf, glyphs, other))
    add_page(pdf, b"BT /F 40 Tf 20 100 Td (B) Tj /G 40 Tf <01> Tj ET", Font=fonts)
    shrink(pdf)
    assert set(glyphs.keys()) == {"/B", "/H"}


@pytest.mark.parametrize("content", [b"", b"BT /F 40 Tf (B) Tj ET"])
def test_nothing_goes_where_something_cannot_be_read_or_nothing_is_shown(content: bytes) -> None:
    pdf = Pdf.new()
    glyphs = procedures(pdf)
    add_page(pdf, content, Font=Dictionary(F=type3(pdf, glyphs)))
    if content:
        add_page(pdf, b"").obj.Contents = Stream(pdf, b"not deflated", Filter=Name.FlateDecode)
    shrink(pdf)
    assert len(glyphs.keys()) == 8


@pytest.mark.parametrize("damaged", [Array([]), Dictionary(Differences=Array([Dictionary()]))])
def test_an_encoding_that_is_not_understood_keeps_all(damaged: pikepdf.Object) -> None:
    pdf = Pdf.new()
    glyphs = procedures(pdf)
    add_page(pdf, b"BT /F 40 Tf (B) Tj ET", Font=Dictionary(F=type3(pdf, glyphs, damaged)))
    shrink(pdf)
    assert len(glyphs.keys()) == 8
