"""Whole documents with Type 1, CFF and OpenType programs."""

from __future__ import annotations

import io
from typing import Any

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.ttLib import TTFont
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pdfsmaller.engine.fonts.cff import cff_info, subset_cff
from tests.engine.conftest import Run
from tests.engine.fonts import programs
from tests.engine.fonts.conftest import LETTERS, add_page, composite, saved, simple
from tests.engine.fonts.test_shrink import SHOWN, shrink

NAMES = [".notdef", "space", *LETTERS]


def square(index: int) -> str:
    return f"{20 + index} {30 + index} hsbw 0 0 rmoveto {400 - index} hlineto 300 vlineto -90 hlineto closepath endchar"


TYPE1 = programs.type1_program({**{name: square(n) for n, name in enumerate(LETTERS)}, ".notdef": programs.NOTDEF})
CFF = programs.cff_program(
    {
        name: f"{400 + n} 10 10 rmoveto {100 + n} {n} rlineto -30 hlineto 20 vlineto endchar"
        for n, name in enumerate(NAMES)
    },
    encoding={ord(name): name for name in LETTERS},
)


def opentype() -> bytes:
    builder = FontBuilder(1000, isTTF=False)
    builder.setupGlyphOrder(NAMES)
    builder.setupCharacterMap({32: "space", **{ord(name): name for name in LETTERS}})
    charstrings = {}
    for index, name in enumerate(NAMES):
        pen = T2CharStringPen(400, None)
        pen.moveTo((10, 0))
        pen.lineTo((10 + 7 * index, 500))
        pen.lineTo((300, 20 + index))
        pen.closePath()
        charstrings[name] = pen.getCharString()
    builder.setupCFF("Bars", {}, charstrings, {})
    builder.setupHorizontalMetrics({name: (400 + index, 10) for index, name in enumerate(NAMES)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Bars"})
    builder.setupOS2()
    builder.setupPost()
    out = io.BytesIO()
    builder.font.save(out)
    return out.getvalue()


def embedded(pdf: Pdf, font: Dictionary, program: bytes, key: str, subtype: str | None = None) -> Dictionary:
    """The font with another program under another key."""
    about = font.FontDescriptor
    del about.FontFile2
    about[key] = pdf.make_indirect(Stream(pdf, program))
    if subtype:
        about[key].Subtype = Name(subtype)
    return font


def type1(pdf: Pdf, program: bytes, key: str = "/FontFile", subtype: str | None = None, **about: Any) -> Dictionary:
    font = embedded(pdf, simple(pdf, b"", **about), program, key, subtype)
    font.Subtype = Name.Type1
    return font


def test_type_1_becomes_cff(run: Run) -> None:
    pdf = Pdf.new()
    add_page(pdf, SHOWN, Font=Dictionary(F=type1(pdf, TYPE1)))
    result = run(saved(pdf))
    assert result.same_pixels()
    with result.open() as after:
        about = after.pages[0].obj.Resources.Font.F.FontDescriptor
        assert "/FontFile" not in about
        assert about.FontFile3.Subtype == "/Type1C"
        assert set(cff_info(about.FontFile3.read_bytes()).names) == {".notdef", "A", "Z"}


def test_type_1_in_a_document_that_cannot_be_read_becomes_cff_with_all_glyphs() -> None:
    pdf = Pdf.new()
    font = type1(pdf, TYPE1)
    add_page(pdf, SHOWN, Font=Dictionary(F=font))
    add_page(pdf, b"").obj.Contents = Stream(pdf, b"not deflated", Filter=Name.FlateDecode)
    assert len(shrink(pdf).changed()) == 1
    assert cff_info(font.FontDescriptor.FontFile3.read_bytes()).glyphs == len(LETTERS) + 1
    assert font.BaseFont == "/Bars"


@pytest.mark.parametrize(("name", "changed"), [("A", True), ("Aogonek", False)])
def test_type_1_stays_where_a_name_leads_nowhere_but_the_code_does(name: str, changed: bool) -> None:
    # pdfium shows the glyph that the program gives the code, of CFF but not of Type 1.
    pdf = Pdf.new()
    encoding = Dictionary(Differences=Array([65, Name("/" + name)]))
    add_page(pdf, b"BT /F 40 Tf 20 100 Td (A) Tj ET", Font=Dictionary(F=type1(pdf, TYPE1, encoding=encoding)))
    assert len(shrink(pdf).changed()) == changed


def test_the_built_in_encoding_names_glyphs(run: Run) -> None:
    pdf = Pdf.new()
    add_page(pdf, SHOWN, Font=Dictionary(F=type1(pdf, CFF, "/FontFile3", "/Type1C", encoding=None, flags=4)))
    result = run(saved(pdf))
    assert result.same_pixels()
    with result.open() as after:
        program = after.pages[0].obj.Resources.Font.F.FontDescriptor.FontFile3.read_bytes()
        assert set(cff_info(program).names) == {".notdef", "A", "Z"}
        assert cff_info(program).encoding == {65: "A", 90: "Z"}


@pytest.mark.parametrize(("part", "expected"), [(1, "/A/Z"), (2, None)])
def test_pdfa_1_gets_a_list_of_names_and_later_parts_none(part: int, expected: str | None) -> None:
    pdf = Pdf.new()
    font = type1(pdf, TYPE1)
    font.FontDescriptor.CharSet = "/A/B/C"
    add_page(pdf, SHOWN, Font=Dictionary(F=font))
    shrink(pdf, pdfa=part)
    names = font.FontDescriptor.get("/CharSet")
    assert (None if names is None else str(names)) == expected


def test_cids_find_their_glyphs_in_a_smaller_program(run: Run) -> None:
    pdf = Pdf.new()
    keyed = subset_cff(CFF, gids=range(len(NAMES)), retain_gids=True)
    font = composite(pdf, b"")
    cid_font = embedded(pdf, font.DescendantFonts[0], keyed, "/FontFile3", "/CIDFontType0C")
    cid_font.Subtype = Name.CIDFontType0
    del cid_font.CIDToGIDMap
    add_page(pdf, b"BT /F 40 Tf 20 100 Td <0002001b> Tj ET", Font=Dictionary(F=font))
    result = run(saved(pdf))
    assert result.same_pixels()
    with result.open() as after:
        about = after.pages[0].obj.Resources.Font.F.DescendantFonts[0].FontDescriptor
        assert cff_info(about.FontFile3.read_bytes()).cids == (0, 2, 27)


@pytest.mark.parametrize(("subtype", "key"), [("/CIDFontType2", "/FontFile2"), ("/CIDFontType0", "/FontFile3")])
def test_opentype_keeps_every_glyph_at_its_index(run: Run, subtype: str, key: str) -> None:
    pdf = Pdf.new()
    font = composite(pdf, b"")
    cid_font = embedded(pdf, font.DescendantFonts[0], opentype(), key, "/OpenType" if key == "/FontFile3" else None)
    cid_font.Subtype = Name(subtype)
    add_page(pdf, b"BT /F 40 Tf 20 100 Td <0002001b> Tj ET", Font=Dictionary(F=font))
    result = run(saved(pdf))
    assert result.report.fonts.changed == 1
    assert result.same_pixels()
    with result.open() as after:
        program = after.pages[0].obj.Resources.Font.F.DescendantFonts[0].FontDescriptor[key].read_bytes()
    assert program[:4] == b"OTTO"
    info = cff_info(program)
    assert {gid: name for gid, name in enumerate(info.names) if name != ".notdef"} == {2: "A", 27: "Z"}
    assert TTFont(io.BytesIO(program))["maxp"].numGlyphs == 28


def test_opentype_of_a_simple_font_keeps_codes_and_names(run: Run) -> None:
    pdf = Pdf.new()
    add_page(pdf, SHOWN, Font=Dictionary(F=type1(pdf, opentype(), "/FontFile3", "/OpenType")))
    result = run(saved(pdf))
    assert result.report.fonts.changed == 1
    assert result.same_pixels()


def test_a_font_unlike_its_key_stays() -> None:
    pdf = Pdf.new()
    font = type1(pdf, CFF, "/FontFile3", "/Type1C", encoding=Array([]))
    font.Subtype = Name.TrueType
    add_page(pdf, SHOWN, Font=Dictionary(F=font))
    assert shrink(pdf).counts().skipped == {"unlike_its_key": 1}


def subsets(pdf: Pdf, *texts: bytes) -> list[Dictionary]:
    """Fonts that are subsets of one, each with its tag, and a page that shows them."""
    found = {}
    for number, text in enumerate(texts):
        program = subset_cff(CFF, names={chr(code) for code in text})
        name = f"ABCDE{chr(65 + number)}+Bars"
        found[f"/F{number}"] = type1(pdf, program, "/FontFile3", "/Type1C", name=name)
    lines = [b"BT /F%d 20 Tf 20 %d Td (%s) Tj ET" % (n, 20 + 20 * n, text) for n, text in enumerate(texts)]
    add_page(pdf, b" ".join(lines), Font=Dictionary(found))
    return list(found.values())


def test_subsets_of_one_font_become_one_program(run: Run) -> None:
    pdf = Pdf.new()
    subsets(pdf, b"ABCDEFGHIJ", b"CDEFGHIJKLMN")
    result = run(saved(pdf))
    assert result.same_pixels()
    with result.open() as after:
        fonts = after.pages[0].obj.Resources.Font
        programs_left = {font.FontDescriptor.FontFile3.objgen for _, font in fonts.items()}
        assert len(programs_left) == 1
        names = cff_info(fonts.F0.FontDescriptor.FontFile3.read_bytes()).names
        assert set(names) == {".notdef", *"ABCDEFGHIJKLMN"}


def test_a_code_without_a_glyph_gets_none_from_another_subset() -> None:
    pdf = Pdf.new()
    fonts = subsets(pdf, b"ABCDEFGHIJ", b"CDEFGHIJKLMN")
    add_page(pdf, b"/F0 20 Tf (N) Tj", Font=Dictionary(F0=fonts[0]))
    shrink(pdf)
    assert fonts[0].FontDescriptor.FontFile3.read_bytes() != fonts[1].FontDescriptor.FontFile3.read_bytes()
