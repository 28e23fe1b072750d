"""Whole documents: fonts become subsets, and nothing else changes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.comparison import Comparison, Difference
from pdfsmaller.engine.fonts.shrink import FontCache, shrink_fonts
from pdfsmaller.engine.fonts.to_unicode import read_codes
from pdfsmaller.limits import Limits
from tests.engine.conftest import Run
from tests.engine.fonts.conftest import (
    GLYPHS,
    add_page,
    composite,
    glyph_codes,
    instructed,
    opened,
    saved,
    simple,
    truetype,
)
from tests.engine.fonts.test_to_unicode import chars, cmap

SHOWN = b"BT /F 40 Tf 20 100 Td (AZ) Tj ET"


def shrink(pdf: Pdf, cache: FontCache | None = None, **options: Any) -> FontCache:
    cache = cache or FontCache()
    shrink_fonts(pdf, cache, Limits(), Deadline(60), **options)
    return cache


def program(font: Dictionary) -> bytes:
    if "/DescendantFonts" in font:
        font = font.DescendantFonts[0]
    return bytes(font.FontDescriptor.FontFile2.read_bytes())


def drawn(data: bytes) -> set[str]:
    font = opened(data)
    names = font.getGlyphOrder()
    return {GLYPHS[index] for index, name in enumerate(names) if font["glyf"][name].numberOfContours}


def test_a_simple_font_keeps_what_is_shown(run: Run) -> None:
    pdf = Pdf.new()
    add_page(pdf, SHOWN, Font=Dictionary(F=simple(pdf, truetype())))
    result = run(saved(pdf))
    assert result.same_pixels()
    assert (result.report.fonts.seen, result.report.fonts.changed) == (1, 1)
    with result.open() as after:
        font = after.pages[0].obj.Resources.Font.F
        assert drawn(program(font)) == {"A", "Z"}
        assert str(font.BaseFont)[7:] == "+Bars"
        assert font.FontDescriptor.FontName == font.BaseFont
        assert font.FontDescriptor.FontFile2.Length1 == len(program(font))


def test_a_composite_font_keeps_what_is_shown(run: Run) -> None:
    pdf = Pdf.new()
    font = composite(pdf, truetype())
    add_page(pdf, b"BT /F 40 Tf 20 100 Td <%s> Tj ET" % glyph_codes("Qx").hex().encode(), Font=Dictionary(F=font))
    result = run(saved(pdf))
    assert result.same_pixels()
    with result.open() as after:
        font = after.pages[0].obj.Resources.Font.F
        assert drawn(program(font)) == {"Q", "x"}
        assert font.BaseFont == font.DescendantFonts[0].BaseFont == font.DescendantFonts[0].FontDescriptor.FontName


def test_a_cid_to_gid_map_is_followed() -> None:
    pdf = Pdf.new()
    table = bytearray(2 * 300)
    table[2 * 299 + 1] = GLYPHS.index("K")
    font = composite(pdf, truetype(), CIDToGIDMap=pdf.make_indirect(Stream(pdf, bytes(table))))
    add_page(pdf, b"/F 9 Tf <012b> Tj", Font=Dictionary(F=font))
    shrink(pdf)
    assert drawn(program(font)) == {"K"}


def test_a_cid_to_gid_map_keeps_what_is_shown() -> None:
    pdf = Pdf.new()
    noise = bytes(byte for cid in range(1000) for byte in (0, cid * 7919 % 53))
    font = composite(pdf, truetype(), CIDToGIDMap=pdf.make_indirect(Stream(pdf, noise)))
    add_page(pdf, b"/F 9 Tf <01450007> Tj", Font=Dictionary(F=font))
    shrink(pdf)
    table = font.DescendantFonts[0].CIDToGIDMap.read_bytes()
    assert {cid: table[2 * cid + 1] for cid in range(len(table) // 2) if table[2 * cid + 1]} == {
        cid: noise[2 * cid + 1] for cid in (0x145, 7)
    }


def test_a_program_of_several_fonts_keeps_what_any_shows() -> None:
    pdf = Pdf.new()
    first, second = simple(pdf, truetype()), simple(pdf, b"")
    second.FontDescriptor = first.FontDescriptor
    add_page(pdf, b"/F 9 Tf (A) Tj /G 9 Tf (b) Tj", Font=Dictionary(F=first, G=second))
    assert shrink(pdf).seen == 1
    assert drawn(program(first)) == {"A", "b"}


def test_identical_programs_stay_identical() -> None:
    pdf = Pdf.new()
    first, second = simple(pdf, truetype()), simple(pdf, truetype())
    add_page(pdf, b"/F 9 Tf (A) Tj /G 9 Tf (b) Tj", Font=Dictionary(F=first, G=second))
    assert shrink(pdf).seen == 2
    assert program(first) == program(second)
    assert drawn(program(first)) == {"A", "b"}


def test_a_font_that_shows_nothing_keeps_next_to_nothing() -> None:
    pdf = Pdf.new()
    font = simple(pdf, truetype())
    add_page(pdf, b"", Font=Dictionary(F=font))
    shrink(pdf)
    assert drawn(program(font)) == set()


def test_a_font_of_which_spaces_are_shown_loses_its_instructions(run: Run) -> None:
    """Word writes one for every space at the end of a line that is in another font."""
    pdf = Pdf.new()
    spaces, words = (simple(pdf, instructed("A", ".notdef")) for _ in range(2))
    words.FontDescriptor.FontFile2 = pdf.make_stream(instructed("A", "B"))
    add_page(pdf, b"BT /F 40 Tf 20 100 Td (  ) Tj /G 40 Tf (AB) Tj ET", Font=Dictionary(F=spaces, G=words))
    result = run(saved(pdf))
    assert result.same_pixels()
    with result.open() as after:
        fonts = after.pages[0].obj.Resources.Font
        kept = [{"fpgm", "prep"} & set(opened(program(font)).keys()) for font in (fonts.F, fonts.G)]
    assert kept == [set(), {"fpgm", "prep"}]


@pytest.mark.parametrize("name", ["ABCDEF+Bars", "Helvetica", "TimesNewRoman,Bold"])
def test_names_that_say_subset_or_that_readers_know_stay(name: str) -> None:
    pdf = Pdf.new()
    font = simple(pdf, truetype(), name=name)
    add_page(pdf, SHOWN, Font=Dictionary(F=font))
    assert len(shrink(pdf).changed()) == 1
    assert font.BaseFont == "/" + name


def with_field(*, flags: int = 0, **keys: Any) -> tuple[Pdf, Dictionary, Dictionary]:
    """A text field set in one font of the defaults; and another of these."""
    pdf = Pdf.new()
    typed, other = simple(pdf, truetype(post=False), name="Typed"), simple(pdf, truetype())
    page = add_page(pdf, SHOWN, Font=Dictionary(F=other))
    field = Dictionary(Subtype=Name.Widget, FT=Name.Tx, T=String("t"), Ff=flags, Rect=Array([0, 0, 9, 9]))
    field.DA = String("/Typed 9 Tf 0 g")
    page.obj.Annots = Array([pdf.make_indirect(field)])
    defaults = Dictionary(Font=Dictionary(Typed=typed, Other=other))
    pdf.Root.AcroForm = Dictionary(Fields=Array(list(page.obj.Annots)), DR=defaults, **keys)
    return pdf, typed, other


@pytest.mark.parametrize("written", [b"/#b7#c2#cb#ce", b"/#cb#ce#cc#e5,Bold"])
def test_a_font_whose_name_is_in_another_encoding_becomes_a_subset(written: bytes, run: Run) -> None:
    """Chinese programs write names of fonts in GBK."""
    pdf = Pdf.new()
    fonts = {key: simple(pdf, truetype()) for key in ("F", "G")}
    for font in fonts.values():
        font.BaseFont = font.FontDescriptor.FontName = Object.parse(written)
    add_page(pdf, SHOWN + b" BT /G 40 Tf 20 20 Td (BC) Tj ET", Font=Dictionary(**fonts))
    result = run(saved(pdf))
    assert result.same_pixels()
    assert (result.report.fonts.changed, result.warnings()) == (2, [])
    with result.open() as after:
        for font in after.pages[0].obj.Resources.Font.values():
            name = bytes(font.BaseFont)
            assert name[7:8] == b"+"
            assert b"/" + name[8:] == bytes(Object.parse(written))
            assert font.FontDescriptor.FontName == font.BaseFont


def test_what_cannot_be_planned_costs_the_fonts_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def plan_changes(*_: object) -> None:
        raise ValueError("a name that nobody foresaw")

    monkeypatch.setattr("pdfsmaller.engine.fonts.plan.plan_changes", plan_changes)
    pdf = Pdf.new()
    add_page(pdf, SHOWN, Font=Dictionary(F=simple(pdf, truetype())))
    result = run(saved(pdf))
    assert (result.report.outcome, result.report.fonts.changed, result.warnings()) == ("compressed", 0, [])
    assert result.report.damage == {"font": 1}


def test_a_font_to_type_with_keeps_all_that_its_encoding_reaches() -> None:
    pdf, typed, other = with_field()
    shrink(pdf)
    assert drawn(program(typed)) == {*GLYPHS[2:]}
    assert drawn(program(other)) == {"A", "Z"}


def test_what_text_means_is_kept_of_what_is_shown_and_of_what_may_be_typed() -> None:
    pdf, typed, other = with_field()
    for font in (typed, other):
        font.ToUnicode = pdf.make_stream(cmap(chars({code: chr(97 + code % 7) for code in range(65, 91)})))
    shrink(pdf)
    kept = [read_codes(font.ToUnicode.read_bytes()) for font in (typed, other)]
    assert [len(codes) for _, codes in filter(None, kept)] == [26, 2]
    assert kept[1] == ([b"<00><FF>"], {(1, 65): b"\0c", (1, 90): b"\0g"})


def test_a_composite_font_keeps_what_the_text_shown_means(run: Run) -> None:
    pdf = Pdf.new()
    font = composite(pdf, truetype())
    font.ToUnicode = pdf.make_stream(cmap(chars({gid: chr(64 + gid * 3 % 50) for gid in range(1, 55)}, 2), 2))
    add_page(pdf, b"BT /F 40 Tf 20 100 Td <%s> Tj ET" % glyph_codes("Qx").hex().encode(), Font=Dictionary(F=font))
    add_page(pdf, b"BT /F 40 Tf 20 100 Td <%s> Tj ET" % glyph_codes("z").hex().encode(), Font=Dictionary(F=font))
    result = run(saved(pdf))
    with pypdfium2.PdfDocument(result.source) as before, pypdfium2.PdfDocument(result.target) as after:
        texts = [[page.get_textpage().get_text_range() for page in document] for document in (before, after)]
    assert texts[0] == texts[1]
    assert len(texts[0][0]) == 2
    with result.open() as pdf:
        meant = read_codes(pdf.pages[0].obj.Resources.Font.F.ToUnicode.read_bytes())
    assert meant is not None
    assert len(meant[1]) == 3


def test_a_read_only_field_is_not_typed_in() -> None:
    pdf, typed, _ = with_field(flags=1)
    shrink(pdf)
    assert drawn(program(typed)) == set()


def test_a_read_only_field_may_be_filled_by_a_script() -> None:
    pdf, typed, _ = with_field(flags=1)
    pdf.Root.OpenAction = pdf.make_indirect(Dictionary(S=Name.JavaScript, JS=String("event.value = 1")))
    shrink(pdf)
    assert drawn(program(typed)) == {*GLYPHS[2:]}


def test_default_fonts_of_a_form_with_styles_of_its_own_stay_whole() -> None:
    pdf, typed, other = with_field(XFA=String("<xdp/>"))
    cache = shrink(pdf)
    assert cache.counts().skipped["typable"] == 2
    assert (program(typed), program(other)) == (truetype(post=False), truetype())


def test_nothing_changes_where_a_page_cannot_be_read() -> None:
    pdf = Pdf.new()
    font = simple(pdf, truetype())
    add_page(pdf, SHOWN, Font=Dictionary(F=font))
    add_page(pdf, b"").obj.Contents = Stream(pdf, b"not deflated", Filter=Name.FlateDecode)
    assert shrink(pdf).counts().skipped == {"unseen": 1}
    assert program(font) == truetype()


@pytest.mark.parametrize("damaged", [b"", b"%!PS", truetype()[:500], truetype().replace(b"loca", b"lost")])
def test_a_damaged_program_stays(damaged: bytes) -> None:
    pdf = Pdf.new()
    font = simple(pdf, damaged)
    add_page(pdf, SHOWN, Font=Dictionary(F=font))
    assert sum(shrink(pdf).counts().skipped.values()) == 1
    assert program(font) == damaged


def test_pdfa_1_gets_a_set_of_cids_and_later_parts_none() -> None:
    for part, expected in ((1, b"\x90"), (2, None)):
        pdf = Pdf.new()
        font = composite(pdf, truetype())
        about = font.DescendantFonts[0].FontDescriptor
        about.CIDSet = pdf.make_indirect(Stream(pdf, b"\xff" * 8))
        add_page(pdf, b"/F 9 Tf <0003> Tj", Font=Dictionary(F=font))
        shrink(pdf, pdfa=part)
        assert (about.CIDSet.read_bytes() if "/CIDSet" in about else None) == expected


def test_a_second_build_does_the_same_without_looking_again() -> None:
    pdf = Pdf.new()
    add_page(pdf, SHOWN, Font=Dictionary(F=simple(pdf, truetype())))
    data = saved(pdf)
    cache = FontCache()
    results = []
    for _ in range(2):
        with pikepdf.open(io.BytesIO(data)) as again:
            shrink(again, cache)
            results.append(program(again.pages[0].obj.Resources.Font.F))
    assert results[0] == results[1]
    assert drawn(results[0]) == {"A", "Z"}


def test_only_fonts_of_pages_that_differ_are_taken_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pdf = Pdf.new()
    for _ in range(2):
        add_page(pdf, SHOWN, Font=Dictionary(F=simple(pdf, truetype())))
    rounds = [[Difference("text", 1, "The text of page 2 changed.")], []]

    def compare(_source: Path, _target: Path, **_: Any) -> Comparison:
        return Comparison(2, differences=rounds.pop(0), compared={0, 1})

    monkeypatch.setattr("pdfsmaller.engine.compress.compare", compare)
    result = run(saved(pdf))
    assert result.warnings() == ["font_rolled_back"]
    assert (result.report.fonts.changed, result.report.fonts.skipped) == (1, {"rolled_back": 1})
    with result.open() as after:
        fonts = [page.obj.Resources.Font.F for page in after.pages]
        assert [len(drawn(program(font))) for font in fonts] == [2, len(GLYPHS) - 2]
