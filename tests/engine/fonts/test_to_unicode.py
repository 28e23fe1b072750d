"""CMaps that say what text means are shorter, and mean the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pikepdf import Pdf

from pdfsmaller.engine.fonts.to_unicode import compact, read_codes
from tests import documents
from tests.engine.conftest import Run

HEAD = b"""%!PS-Adobe-3.0 Resource-CMap
/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (TeX) /Ordering (T1-0) /Supplement 0 >> def
/CMapName /TeX-T1-0 def
/CMapType 2 def
"""
TAIL = b"""endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


def cmap(body: bytes, size: int = 1) -> bytes:
    space = b"1 begincodespacerange\n<%s> <%s>\nendcodespacerange\n" % (b"00" * size, b"FF" * size)
    return HEAD + space + body + TAIL


def chars(codes: dict[int, str], size: int = 1) -> bytes:
    lines = [
        b"<%0*x> <%s>\n" % (2 * size, code, text.encode("utf-16-be").hex().encode()) for code, text in codes.items()
    ]
    return b"%d beginbfchar\n%sendbfchar\n" % (len(lines), b"".join(lines))


def test_neighbours_become_ranges() -> None:
    letters = cmap(chars({code: chr(code) for code in range(0x41, 0x5B)} | {0x80: "ffi", 0x90: "\U0001d400"}))
    short = compact(letters)
    assert b"<41><5A><0041>" in short
    assert b"<80><006600660069>" in short
    assert len(short) < 0.6 * len(letters)
    assert read_codes(short) == read_codes(letters)


def test_codes_in_a_row_with_any_text_need_one_range() -> None:
    subset = cmap(chars({0x100 + step: text for step, text in enumerate("Thequickbrown")}, size=2), size=2)
    assert b"<0100><010C>[<0054><0068><0065>" in compact(subset)
    assert read_codes(compact(subset)) == read_codes(subset)


def test_a_range_ends_with_its_last_byte() -> None:
    high = cmap(chars({code: chr(code) for code in range(0x01F0, 0x0210)}, size=2), size=2)
    short = compact(high)
    assert b"<01F0><01FF><01F0>" in short
    assert b"<0200><020F><0200>" in short


@pytest.mark.parametrize(
    "body",
    [
        b"1 beginbfchar <41> /A endbfchar ",
        b"1 beginbfrange <00> <20> <00F0> endbfrange ",
        b"1 beginbfrange <0000> <FFFF> <0000> endbfrange ",
        b"1 beginbfrange <00> <02> [<0041> <0042>] endbfrange ",
        b"2 beginbfchar <41> <0041> <41> <0042> endbfchar ",
        b"2 beginbfchar <0041> <0041> <41> <0042> endbfchar ",
        b"1 beginbfchar <41> <41> endbfchar ",
        b"1 beginbfchar <4> <0041> endbfchar ",
        b"2 beginbfchar <41> <0041> endbfchar ",
        b"1 beginbfrange <41> <42> <0041> <50> <51> <0050> endbfrange ",
        b"9999999999999 beginbfchar <41> <0041> endbfchar ",
        b"/Other usecmap 1 beginbfchar <41> <0041> endbfchar ",
        b"",
    ],
)
def test_what_readers_may_read_differently_stays(body: bytes) -> None:
    unclear = cmap(body + b" " * 500)
    assert compact(unclear) == unclear


@given(
    st.dictionaries(st.integers(0, 0xFFFF), st.text(st.characters(codec="utf-16"), min_size=1, max_size=3), max_size=80)
)
def test_every_code_keeps_its_text(codes: dict[int, str]) -> None:
    data = cmap(chars(codes, size=2), size=2)
    assert read_codes(compact(data)) == read_codes(data)


@given(st.binary(max_size=300))
def test_noise_is_no_error(noise: bytes) -> None:
    compact(cmap(noise))


def test_a_document_keeps_its_text(run: Run) -> None:
    def long_winded(pdf: Pdf) -> None:
        for page in pdf.pages:
            for font in page.obj.Resources.Font.values():
                font.ToUnicode = pdf.make_stream(cmap(chars({code: chr(code + 1) for code in range(0x20, 0x7E)})))

    result = run(documents.edited(documents.text(), long_winded), preset="lossless")
    with Pdf.open(result.target) as pdf:
        (found,) = {font.ToUnicode.read_bytes() for font in pdf.pages[0].obj.Resources.Font.values()}
    assert b"<20><7D><0021>" in found


def test_a_document_whose_sections_are_miscounted_keeps_them_and_becomes_smaller(run: Run) -> None:
    miscounted = cmap(chars({code: chr(code + 1) for code in range(0x20, 0x7E)})).replace(b"94 begin", b"95 begin")

    def give(pdf: Pdf) -> None:
        for page in pdf.pages:
            for font in page.obj.Resources.Font.values():
                font.ToUnicode = pdf.make_stream(miscounted)

    result = run(documents.edited(documents.text(), give), preset="lossless")
    assert result.warnings() == []
    with Pdf.open(result.target) as pdf:
        assert {font.ToUnicode.read_bytes() for font in pdf.pages[0].obj.Resources.Font.values()} == {miscounted}


def test_codes_that_nothing_shows_go() -> None:
    letters = cmap(chars({code: chr(code + step % 2) for step, code in enumerate(range(0x41, 0x7B))}))
    short = compact(letters, {0x41, 0x61, 0x90})
    assert read_codes(short) == ([b"<00><FF>"], {(1, 0x41): b"\0A", (1, 0x61): b"\0a"})
    assert len(short) < len(compact(letters)) - 100


def test_a_cmap_never_becomes_empty() -> None:
    assert read_codes(compact(cmap(chars({0x41: "A", 0x42: "x"})), set())) == ([b"<00><FF>"], {(1, 0x41): b"\0A"})
