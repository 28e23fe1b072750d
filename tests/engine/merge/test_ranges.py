"""Page ranges as people write them."""

from __future__ import annotations

import pytest

from pdfsmaller import errors
from pdfsmaller.engine.merge.ranges import is_range, select


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("  ", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("1", [0]),
        ("1-3,7,-1", [0, 1, 2, 6, 9]),
        ("8-", [7, 8, 9]),
        ("-3-", [7, 8, 9]),
        ("-3--1", [7, 8, 9]),
        ("3-1", [2, 1, 0]),
        ("1,1,2", [0, 0, 1]),
        (" 2 - 3 , 10 ", [1, 2, 9]),
    ],
)
def test_ranges_pick_pages_in_the_order_given(text: str, expected: list[int]) -> None:
    assert select(text, 10, "a.pdf", 100) == expected


@pytest.mark.parametrize("text", ["0", "a", "1-2-3", "1,,2", "1;2", "--1", "1.5", ",", "1-0", "-"])
def test_what_is_no_range_is_known_without_the_document(text: str) -> None:
    assert not is_range(text)


@pytest.mark.parametrize(("text", "page"), [("11", "11"), ("1-11", "11"), ("-11", "-11"), ("5,99", "99")])
def test_a_page_beyond_the_end_is_refused_by_name(text: str, page: str) -> None:
    with pytest.raises(errors.InvalidPageRange, match=rf"a\.pdf has 10 pages; there is no page {page}\."):
        select(text, 10, "a.pdf", 100)


def test_more_pages_than_allowed_are_refused_early() -> None:
    with pytest.raises(errors.InvalidPageRange, match="more than 100 pages"):
        select(",".join(["1-10"] * 1_000), 10, "a.pdf", 100)
