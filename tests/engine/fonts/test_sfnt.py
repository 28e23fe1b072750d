"""TrueType programs cut down: what stays is what it was, and damage is named."""

from __future__ import annotations

import struct

import pytest

from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.engine.fonts.lookup import reach
from pdfsmaller.engine.fonts.sfnt import (
    TrueType,
    read_cmaps,
    same_codes,
    same_glyphs,
    subset_truetype,
    without_idle_instructions,
    write_cmaps,
)
from tests.engine.fonts.conftest import GLYPHS, instructed, opened, truetype


def subset(*glyphs: str, cmap: bool = True, names: bool = False) -> bytes:
    return subset_truetype(TrueType(truetype()), {GLYPHS.index(name) for name in glyphs}, cmap=cmap, names=names)


def test_glyphs_keep_their_index_and_the_others_are_empty() -> None:
    font = opened(subset("C", "a"))
    assert font["maxp"].numGlyphs == GLYPHS.index("a") + 1
    drawn = [GLYPHS[index] for index, name in enumerate(font.getGlyphOrder()) if font["glyf"][name].numberOfContours]
    assert drawn == ["C", "a"]
    assert font["hmtx"][font.getGlyphName(4)] == (400 + 7 * 4, 10)


def test_parts_of_composite_glyphs_stay() -> None:
    font = opened(subset("AE"))
    assert [font["glyf"][font.getGlyphName(GLYPHS.index(name))].numberOfContours for name in ("A", "E")] == [6, 6]


def test_tables_that_pdf_does_not_use_go() -> None:
    assert set(opened(subset("A", cmap=False)).reader.keys()) == {"glyf", "head", "hhea", "hmtx", "loca", "maxp"}


def test_names_stay_where_they_are_wanted() -> None:
    font = TrueType(subset("A", "b", names=True))
    assert {name: index for name, index in font.names.items() if name != ".notdef"} == {"A": 2, "b": 29}


@pytest.mark.parametrize("number", [0, 4, 6, 12])
def test_every_cmap_format_comes_back(number: int) -> None:
    platform = (1, 0) if number in (0, 6) else (3, 1 if number == 4 else 10)
    program = truetype(cmaps=((*platform, number),))
    (table,) = TrueType(program).cmaps
    assert table.glyphs[ord("Q")] == GLYPHS.index("Q")
    kept = {GLYPHS.index(name) for name in "QRSz"}
    (again,) = read_cmaps(write_cmaps([table], kept))
    assert again.glyphs == {ord(name): GLYPHS.index(name) for name in "QRSz"}


def test_the_proof_sees_another_outline_another_advance_another_code() -> None:
    before = TrueType(truetype())
    after = TrueType(subset("A", "B"))
    assert same_glyphs(before, after, {2, 3})
    assert same_codes(before, after, {65, 66})
    assert not same_glyphs(before, after, {4})
    assert not same_codes(before, after, {67})
    hmtx = bytearray(after.tables["hmtx"])
    hmtx[8:10] = b"\x00\x01"
    after.tables["hmtx"] = bytes(hmtx)
    assert not same_glyphs(before, after, {2})


@pytest.mark.parametrize("cut", [0, 3, 11, 40, 200, 800, 2000])
def test_a_program_that_ends_too_soon_is_damaged(cut: int) -> None:
    with pytest.raises(FontError):
        subset_truetype(TrueType(truetype()[:cut]), set(range(len(GLYPHS))), cmap=True, names=True)


def test_segments_that_overlap_without_end_are_refused_at_once() -> None:
    groups = struct.pack(">III", 0, 60_000, 0) * 5_000
    header = struct.pack(">HHIII", 12, 0, 16 + len(groups), 0, 5_000)
    with pytest.raises(FontError):
        read_cmaps(struct.pack(">HHHHI", 0, 1, 3, 10, 12) + header + groups)


def test_codes_reach_glyphs_through_every_subtable() -> None:
    symbol = TrueType(truetype(cmaps=((3, 0, 4),)))
    assert reach(symbol, {65: set()}, {}, symbolic=True).glyphs == {2}
    roman = TrueType(truetype(cmaps=((1, 0, 0),)))
    assert reach(roman, {1: {"B"}}, {}, symbolic=False).glyphs >= {3}
    named = reach(TrueType(truetype(cmaps=((3, 1, 4),))), {200: {"AE"}, 201: {"g7"}}, {7: {0x43}}, symbolic=False)
    assert named.glyphs >= {GLYPHS.index("AE"), 7}


def test_names_are_needed_unless_windows_unicode_leads_to_the_glyph() -> None:
    roman, windows = (TrueType(truetype(cmaps=(cmap,))) for cmap in ((1, 0, 0), (3, 1, 4)))
    assert reach(roman, {1: {"A"}}, {}, symbolic=False).by_name
    assert reach(windows, {1: {"A"}}, {}, symbolic=True).by_name
    assert not reach(windows, {1: {"A"}}, {}, symbolic=False).by_name


def test_instructions_go_where_no_glyph_calls_them() -> None:
    font = TrueType(instructed(".notdef", "B"))
    spaces = TrueType(subset_truetype(font, {1, 2}, cmap=True, names=False))
    lean = without_idle_instructions(spaces)
    assert lean is not None
    after = TrueType(lean)
    assert not {"fpgm", "prep"} & after.tables.keys()
    assert {"fpgm", "prep"} <= spaces.tables.keys()
    assert [after.glyph(index) for index in (1, 2)] == [spaces.glyph(index) for index in (1, 2)]
    assert after.metrics(2) == font.metrics(2)
    assert same_codes(spaces, after, {32, 65})
    assert opened(lean)["glyf"][".notdef"].numberOfContours == font.glyph(0)[1]
    assert without_idle_instructions(after) is None


@pytest.mark.parametrize("glyph", ["B", "AE"])
def test_instructions_stay_where_a_glyph_calls_them(glyph: str) -> None:
    font = TrueType(instructed("B", "AE"))
    kept = subset_truetype(font, {1, GLYPHS.index(glyph)}, cmap=True, names=False)
    assert without_idle_instructions(TrueType(kept)) is None
