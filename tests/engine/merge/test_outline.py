"""Outlines: under an entry for each document, one after the other, or none."""

from __future__ import annotations

import pikepdf
import pytest
from pikepdf import Name, Pdf

from tests import documents
from tests.engine.merge.conftest import Join


def chapters(pages: int = 2) -> bytes:
    """An outline with a chapter for each page, and a section below each."""
    doc = documents.Builder()
    for number in range(pages):
        doc.page(f"BT /F1 12 Tf 72 700 Td (Page {number + 1}) Tj ET")
    with doc.pdf.open_outline() as outline:
        for number in range(pages):
            item = pikepdf.OutlineItem(f"Chapter {number + 1}", number)
            item.children.append(pikepdf.OutlineItem("Section", number))
            outline.root.append(item)
    return doc.bytes()


def test_each_document_gets_an_entry_with_its_own_outline_below(join: Join) -> None:
    merged = join(chapters(), documents.text(1), chapters(1))
    assert merged.outline() == [
        (0, "a", 0),
        (1, "Chapter 1", 0),
        (2, "Section", 0),
        (1, "Chapter 2", 1),
        (2, "Section", 1),
        (0, "b", 2),
        (0, "c", 3),
        (1, "Chapter 1", 3),
        (2, "Section", 3),
    ]
    assert merged.root.Outlines.Count == 3
    assert merged.root.Outlines.First.Count == -4  # closed; opened, it shows two chapters and their open sections


def test_joined_outlines_follow_each_other(join: Join) -> None:
    merged = join(chapters(), documents.text(1), chapters(1), chapters(1), outline="joined")
    assert [entry for entry in merged.outline() if entry[0] == 0] == [
        (0, "Chapter 1", 0),
        (0, "Chapter 2", 1),
        (0, "Chapter 1", 3),
        (0, "Chapter 1", 4),
    ]
    assert merged.root.Outlines.Count == 8  # each chapter is open


def test_outlines_can_be_left_away(join: Join) -> None:
    assert "/Outlines" not in join(chapters(), chapters(), outline="none").root


@pytest.mark.parametrize("outline", ["joined", "per-source"])
def test_without_any_outline_there_are_entries_only_where_asked(join: Join, outline: str) -> None:
    merged = join(documents.text(1), documents.text(1), outline=outline)
    assert merged.outline() == ([] if outline == "joined" else [(0, "a", 0), (0, "b", 1)])


def test_a_single_document_keeps_its_outline_as_it_is(join: Join) -> None:
    assert join(chapters()).outline()[0] == (0, "Chapter 1", 0)


def test_entries_for_pages_left_out_are_gone_unless_something_below_stays(join: Join) -> None:
    def move(pdf: Pdf) -> None:  # the first chapter's section is on the second page
        pdf.Root.Outlines.First.First.Dest = pikepdf.Array([pdf.pages[1].obj, Name.Fit])

    merged = join(documents.edited(chapters(3), move), pages=["2"])
    assert merged.outline() == [(0, "Chapter 1", None), (1, "Section", 0), (0, "Chapter 2", 0), (1, "Section", 0)]


def test_an_outline_that_loops_ends(join: Join) -> None:
    def loop(pdf: Pdf) -> None:
        pdf.Root.Outlines.Last.Next = pdf.Root.Outlines.First

    merged = join(documents.edited(chapters(), loop), chapters(1))
    assert [title for level, title, _ in merged.outline() if level == 1] == ["Chapter 1", "Chapter 2", "Chapter 1"]
