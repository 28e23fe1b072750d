"""Every page keeps its label."""

from __future__ import annotations

from pikepdf import Array, Dictionary, Name, Pdf, String

from tests import documents
from tests.engine.merge.conftest import Join


def labelled(*ranges: object, pages: int = 4) -> bytes:
    def label(pdf: Pdf) -> None:
        pdf.Root.PageLabels = Dictionary(Nums=Array(list(ranges)))

    return documents.edited(documents.text(pages), label)


def roman() -> bytes:
    """i, ii, 1, 2"""
    return labelled(0, Dictionary(S=Name.r), 2, Dictionary(S=Name.D))


def labels(merged: object) -> list[str]:
    return [page.label for page in merged.pdf.pages]  # type: ignore[attr-defined]


def test_labels_follow_their_pages(join: Join) -> None:
    appendix = labelled(0, Dictionary(S=Name.D, P=String("A-"), St=7), pages=2)
    assert labels(join(roman(), appendix)) == ["i", "ii", "1", "2", "A-7", "A-8"]


def test_a_document_without_labels_counts_from_one(join: Join) -> None:
    assert labels(join(roman(), documents.text(2), roman())) == [
        *["i", "ii", "1", "2"],
        "1",
        "2",
        *["i", "ii", "1", "2"],
    ]


def test_without_any_labels_pages_count_through(join: Join) -> None:
    merged = join(documents.text(2), documents.text(2))
    assert "/PageLabels" not in merged.root


def test_picked_pages_keep_the_labels_that_they_had(join: Join) -> None:
    assert labels(join(roman(), pages=["4,2-3,1,1"])) == ["2", "ii", "1", "i", "i"]


def test_pages_of_one_style_need_one_entry(join: Join) -> None:
    merged = join(labelled(0, Dictionary(S=Name.r), pages=100))
    assert len(merged.root.PageLabels.Nums) == 2


def test_labels_that_are_nonsense_do_no_harm(join: Join) -> None:
    strange = labelled(0, Dictionary(S=String("r"), St=String("x")), -3, Dictionary(), 1, 17, pages=2)
    assert len(labels(join(strange, roman()))) == 6
