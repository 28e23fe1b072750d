"""Names of parts: safe on every file system, and all different."""

from __future__ import annotations

import pytest

from pdfsmaller.engine.split.names import MAX_BYTES, numbered, titled


def test_numbers_have_as_many_digits_as_the_last_needs() -> None:
    assert numbered("report.pdf", 2) == ["report-1.pdf", "report-2.pdf"]
    assert numbered("report.PDF", 120)[0] == "report-001.pdf"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("../../etc/passwd", "passwd-1.pdf"),
        ("C:\\Users\\me\\a.pdf", "a-1.pdf"),
        ("", "document-1.pdf"),
        (".pdf", "document-1.pdf"),
        ("-rf.pdf", "rf-1.pdf"),
        (".hidden.pdf", "hidden-1.pdf"),
        ("con.pdf", "_con-1.pdf"),
        ("COM1.x.pdf", "_COM1.x-1.pdf"),
        ("a<b>:c|d?e*f.pdf", "a_b_c_d_e_f-1.pdf"),
        ("a\x00\x1b[31m\u202efdp.exe.pdf", "a[31mfdp.exe-1.pdf"),
        ("Rechnung Jänner 2024.pdf", "Rechnung Jänner 2024-1.pdf"),
        ("報告書.pdf", "報告書-1.pdf"),
        ("two  spaces .pdf", "two spaces-1.pdf"),
    ],
)
def test_a_documents_name_is_made_safe(source: str, expected: str) -> None:
    assert numbered(source, 1) == [expected]


def test_titles_are_made_safe_and_numbered() -> None:
    titles = ["", "Intro", "intro", "a/b\\c:d", "...", "\ud800\u200b", "Zeile\neins"]
    names = titled("book.pdf", titles)
    assert names == [
        "1-book.pdf",
        "2-Intro.pdf",
        "3-intro.pdf",
        "4-a_b_c_d.pdf",
        "5-book.pdf",
        "6-book.pdf",
        "7-Zeile eins.pdf",
    ]
    assert len({name.casefold() for name in names}) == len(names)


@pytest.mark.parametrize(
    "text", ["x" * 500, "ü" * 300, "漢" * 200, "e\u0301" * 200, "👩\u200d👩" * 60, "x\u0300\u0301" * 99]
)
def test_long_names_are_cut_at_a_character(text: str) -> None:
    for name in (*numbered(f"{text}.pdf", 1000)[-1:], *titled("a.pdf", [text])):
        assert 80 < len(name.encode()) <= MAX_BYTES
        assert name.endswith(".pdf")
