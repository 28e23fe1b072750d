"""Segments of JBIG2: what a page is drawn with."""

from __future__ import annotations

from pdfsmaller.engine.jbig2.segments import (
    LOSSLESS_GENERIC,
    LOSSLESS_TEXT,
    SYMBOL_DICTIONARY,
    is_generic,
    page_information,
    segment,
)

PAGE = page_information(0, 8, 8)
END_OF_PAGE = 49


def test_a_page_without_symbols_is_told_from_one_with() -> None:
    assert is_generic(PAGE + segment(1, LOSSLESS_GENERIC, b"x") + segment(2, END_OF_PAGE, b""))
    assert not is_generic(PAGE + segment(1, SYMBOL_DICTIONARY, b"x"))
    assert not is_generic(PAGE + segment(1, LOSSLESS_GENERIC, b"x") + segment(2, LOSSLESS_TEXT, b"x", refers=1))


def test_what_is_cut_off_is_not_known_to_be_generic() -> None:
    whole = PAGE + segment(1, LOSSLESS_GENERIC, b"xyz")
    assert not is_generic(whole[:-1])
    assert not is_generic(PAGE + b"\0\0\0\1\x26\xe0")
