"""Subsets of one font in a document become one program; whatever would show something else is left alone."""

from __future__ import annotations

import io
import logging
from array import array
from collections.abc import Sequence

import pikepdf
import pytest
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont, newTable
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.fonts.cff import cff_info, subset_cff
from pdfsmaller.engine.fonts.sfnt import TrueType, subset_truetype
from pdfsmaller.engine.fonts.shrink import FontCache, shrink_fonts
from pdfsmaller.limits import Limits
from tests.engine.conftest import Run
from tests.engine.fonts.conftest import GLYPHS, add_page, composite, glyph_codes, saved, simple, truetype
from tests.engine.fonts.test_shrink_cff import CFF, embedded

FIRST, SECOND = "ABCDEFGHIJKLMNOP", "CDEFGHIJKLMNOPQR"


def shrink(pdf: Pdf, **options: int) -> None:
    shrink_fonts(pdf, FontCache(), Limits(), Deadline(60), **options)


def part(text: str, *, whole: bytes | None = None, cmap: bool = True) -> bytes:
    """A subset that keeps the glyphs' indices."""
    return subset_truetype(TrueType(whole or truetype()), [*map(GLYPHS.index, text)], cmap=cmap, names=False)


def renumbered(text: Sequence[str], *, made_at: int = 0) -> tuple[bytes, dict[str, int]]:
    """A subset that numbers its glyphs anew, and the numbers of letters; it has no codes.

    Args:
        made_at: the program's date, in seconds.
    """
    options = Options(notdef_outline=True, glyph_names=True)
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    font = TTFont(io.BytesIO(truetype()), recalcTimestamp=False)
    font["head"].modified = made_at
    subsetter = Subsetter(options)
    subsetter.populate(glyphs=[*text])
    subsetter.subset(font)
    numbers = {name: number for number, name in enumerate(font.getGlyphOrder())}
    for tag in ("cmap", "post", "name", "OS/2"):
        if tag in font:
            del font[tag]
    out = io.BytesIO()
    font.save(out, reorderTables=False)
    return out.getvalue(), numbers


def with_text(pdf: Pdf, font: Dictionary) -> Dictionary:
    font.ToUnicode = pdf.make_indirect(Stream(pdf, b"1 beginbfchar <0001> <0041> endbfchar"))
    return font


def shown(codes: bytes, at: int, name: str) -> bytes:
    return b"BT /%s 15 Tf 5 %d Td <%s> Tj ET " % (name.encode(), at, codes.hex().encode())


def program(font: Dictionary) -> pikepdf.Object:
    if "/DescendantFonts" in font:
        font = font.DescendantFonts[0]
    about = font.FontDescriptor
    return about.get("/FontFile2") or about.FontFile3


def one_program(document: Pdf) -> bool:
    fonts = [font for page in document.pages for _, font in page.obj.Resources.Font.items()]
    return len({program(font).objgen for font in fonts}) == 1


def test_truetype_subsets_with_equal_indices_become_one(run: Run) -> None:
    pdf = Pdf.new()
    texts = {"A": FIRST, "B": SECOND}
    fonts = {f"/F{tag}": simple(pdf, part(text), name=f"{tag * 6}+Bars") for tag, text in texts.items()}
    add_page(pdf, shown(FIRST.encode(), 50, "FA") + shown(SECOND.encode(), 90, "FB"), Font=Dictionary(fonts))
    result = run(saved(pdf))
    assert result.same_pixels()
    with result.open() as after:
        assert one_program(after)


def test_a_simple_font_and_a_composite_one_share_a_program(run: Run) -> None:
    pdf = Pdf.new()
    plain, wide = simple(pdf, part(FIRST)), with_text(pdf, composite(pdf, part(SECOND, cmap=False)))
    lines = shown(FIRST.encode(), 50, "F") + shown(glyph_codes(SECOND), 90, "G")
    add_page(pdf, lines, Font=Dictionary(F=plain, G=wide))
    result = run(saved(pdf))
    assert result.same_pixels()
    with result.open() as after:
        assert one_program(after)


def test_renumbered_subsets_of_composite_fonts_share_a_program(run: Run) -> None:
    pdf = Pdf.new()
    fonts, lines = {}, b""
    for number, text in enumerate((FIRST, SECOND, "ZYXCDEFGHI")):
        data, numbers = renumbered(text)
        fonts[f"/F{number}"] = with_text(pdf, composite(pdf, data))
        codes = b"".join(numbers[letter].to_bytes(2) for letter in text)
        lines += shown(codes, 40 + 40 * number, f"F{number}")
    add_page(pdf, lines, Font=Dictionary(fonts))
    result = run(saved(pdf))
    assert result.same_pixels()
    with result.open() as after:
        assert one_program(after)
        maps = [font.DescendantFonts[0].CIDToGIDMap for _, font in after.pages[0].obj.Resources.Font.items()]
        assert all(isinstance(one, Stream) for one in maps)


def test_a_composite_glyph_keeps_its_parts_under_new_numbers(run: Run) -> None:
    pdf = Pdf.new()
    fonts, lines = {}, b""
    for number, text in enumerate((["AE", *FIRST], ["AE", *SECOND])):
        data, numbers = renumbered(text)
        fonts[f"/F{number}"] = with_text(pdf, composite(pdf, data))
        codes = b"".join(numbers[letter].to_bytes(2) for letter in text)
        lines += shown(codes, 40 + 40 * number, f"F{number}")
    add_page(pdf, lines, Font=Dictionary(fonts))
    result = run(saved(pdf))
    assert result.same_pixels()
    with result.open() as after:
        assert one_program(after)


def test_cid_keyed_cff_subsets_become_one(run: Run) -> None:
    pdf = Pdf.new()
    whole = subset_cff(CFF, gids=range(cff_info(CFF).glyphs), retain_gids=True)
    fonts, lines = {}, b""
    for number, cids in enumerate((range(1, 30), range(5, 40))):
        font = composite(pdf, b"")
        cid_font = embedded(pdf, font.DescendantFonts[0], subset_cff(whole, cids=cids), "/FontFile3", "/CIDFontType0C")
        cid_font.Subtype = Name.CIDFontType0
        del cid_font.CIDToGIDMap
        fonts[f"/F{number}"] = font
        lines += shown(b"".join(cid.to_bytes(2) for cid in cids), 50 + 40 * number, f"F{number}")
    add_page(pdf, lines, Font=Dictionary(fonts))
    result = run(saved(pdf))
    assert result.same_pixels()
    with result.open() as after:
        assert one_program(after)


@pytest.mark.parametrize("more", [b"Q", b"\xc6"])
def test_a_code_without_a_glyph_gets_none_from_another_subset(more: bytes) -> None:
    pdf = Pdf.new()
    first = simple(pdf, part(FIRST))
    second = simple(pdf, subset_truetype(TrueType(truetype()), range(len(GLYPHS)), cmap=True, names=False))
    add_page(pdf, shown(FIRST.encode() + more, 50, "F"), Font=Dictionary(F=first))
    add_page(pdf, shown(bytes(range(65, 91)) + b"\xc6", 50, "F"), Font=Dictionary(F=second))
    shrink(pdf)
    assert program(first).read_bytes() != program(second).read_bytes()


def test_a_cid_without_a_glyph_gets_none_from_another_subset() -> None:
    pdf = Pdf.new()
    first, second = (with_text(pdf, composite(pdf, part(text, cmap=False))) for text in (FIRST, SECOND))
    add_page(pdf, shown(glyph_codes(FIRST + "R"), 50, "F"), Font=Dictionary(F=first))
    add_page(pdf, shown(glyph_codes(SECOND), 50, "F"), Font=Dictionary(F=second))
    shrink(pdf)
    assert program(first).read_bytes() != program(second).read_bytes()


def test_fonts_of_other_outlines_or_instructions_stay_apart() -> None:
    tall = TTFont(io.BytesIO(truetype(post=False)))
    tall["glyf"]["C"].coordinates.scale((1, 2))
    tall["glyf"]["C"].recalcBounds(tall["glyf"])
    out = io.BytesIO()
    tall.save(out)
    hinted = TTFont(io.BytesIO(truetype(post=False)))
    hinted["cvt "] = newTable("cvt ")
    hinted["cvt "].values = array("h", [1, 2, 3])
    more = io.BytesIO()
    hinted.save(more)
    for whole in (out.getvalue(), more.getvalue()):
        pdf = Pdf.new()
        first, second = simple(pdf, part(FIRST)), simple(pdf, part(SECOND, whole=whole))
        lines = shown(FIRST.encode(), 50, "F") + shown(SECOND.encode(), 90, "G")
        add_page(pdf, lines, Font=Dictionary(F=first, G=second))
        shrink(pdf)
        assert program(first).read_bytes() != program(second).read_bytes()


def test_pdfa_1_lists_its_cids_so_that_subsets_stay_apart() -> None:
    for pdfa, together in ((1, False), (2, True)):
        pdf = Pdf.new()
        fonts = [with_text(pdf, composite(pdf, part(text, cmap=False))) for text in (FIRST, SECOND)]
        for font, text in zip(fonts, (FIRST, SECOND), strict=True):
            add_page(pdf, shown(glyph_codes(text), 50, "F"), Font=Dictionary(F=font))
        shrink(pdf, pdfa=pdfa)
        assert (program(fonts[0]).read_bytes() == program(fonts[1]).read_bytes()) == together


def test_a_cidfont_without_text_of_its_own_stays_apart() -> None:
    pdf = Pdf.new()
    fonts = [composite(pdf, part(text)) for text in (FIRST, SECOND)]
    for font, text in zip(fonts, (FIRST, SECOND), strict=True):
        add_page(pdf, shown(glyph_codes(text), 50, "F"), Font=Dictionary(F=font))
    shrink(pdf)
    assert program(fonts[0]).read_bytes() != program(fonts[1]).read_bytes()


def test_a_family_with_one_stranger_still_unites() -> None:
    pdf = Pdf.new()
    stranger = TTFont(io.BytesIO(truetype(post=False)))
    stranger["head"].unitsPerEm = 2048
    out = io.BytesIO()
    stranger.save(out)
    texts = (FIRST, SECOND, "EFGHIJKLMNOPQRST")
    fonts = [simple(pdf, part(text)) for text in texts]
    fonts.insert(1, simple(pdf, part(FIRST, whole=out.getvalue())))
    for font, text in zip(fonts, (FIRST, FIRST, *texts[1:]), strict=True):
        add_page(pdf, shown(text.encode(), 50, "F"), Font=Dictionary(F=font))
    shrink(pdf)
    programs = [program(font).read_bytes() for font in fonts]
    assert len(set(programs)) == 2
    assert programs.count(programs[1]) == 1


def test_hostile_parts_within_themselves_end() -> None:
    pdf = Pdf.new()
    fonts = []
    for text in (["AE", *FIRST], ["AE", *SECOND]):
        font = TTFont(io.BytesIO(truetype(post=False)))
        font["glyf"]["AE"].components[0].glyphName = "AE"
        out = io.BytesIO()
        font.recalcBBoxes = False
        font.save(out)
        fonts.append(with_text(pdf, composite(pdf, out.getvalue())))
        codes = b"".join(GLYPHS.index(name).to_bytes(2) for name in text)
        add_page(pdf, shown(codes, 50, "F"), Font=Dictionary(F=fonts[-1]))
    shrink(pdf)
    assert all(program(font).read_bytes() for font in fonts)


def test_arrays_of_descendants_are_left_in_order() -> None:
    pdf = Pdf.new()
    fonts = []
    for text in (FIRST, SECOND):
        data, numbers = renumbered(text)
        fonts.append(with_text(pdf, composite(pdf, data, W=Array([1, Array([400, 500])]))))
        codes = b"".join(numbers[letter].to_bytes(2) for letter in text)
        add_page(pdf, shown(codes, 50, "F"), Font=Dictionary(F=fonts[-1]))
    shrink(pdf)
    assert program(fonts[0]).read_bytes() == program(fonts[1]).read_bytes()
    assert all(Array([1, Array([400, 500])]) == font.DescendantFonts[0].W for font in fonts)
