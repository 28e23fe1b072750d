"""What holds for the document as a whole: the first one's settings, and claims that are still true."""

from __future__ import annotations

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String

from tests import documents
from tests.engine.merge.conftest import Join


def opening(**settings: object) -> bytes:
    def change(pdf: Pdf) -> None:
        for key, value in settings.items():
            pdf.Root["/" + key] = value

    return documents.edited(documents.text(2), change)


def test_viewer_settings_are_the_first_documents(join: Join) -> None:
    first = opening(
        PageLayout=Name.TwoColumnLeft, PageMode=Name.UseOutlines, ViewerPreferences=Dictionary(HideMenubar=True)
    )
    merged = join(first, opening(PageLayout=Name.OneColumn, Lang=String("nl")))
    assert merged.root.PageLayout == "/TwoColumnLeft"
    assert merged.root.PageMode == "/UseOutlines"
    assert merged.root.ViewerPreferences.HideMenubar
    assert "/Lang" not in merged.root


def test_document_information_and_xmp_are_the_first_documents(join: Join) -> None:
    merged = join(documents.structured(2), documents.pdfa_2b())
    assert str(merged.pdf.docinfo.Author) == "Nobody in particular"
    with merged.pdf.open_metadata() as metadata:
        assert metadata["dc:title"] == "A structured document"


def test_metadata_can_be_left_away(join: Join) -> None:
    merged = join(documents.structured(2), documents.text(1), strip_metadata=True)
    assert "/Metadata" not in merged.root
    assert "/Info" not in merged.pdf.trailer


def test_the_page_shown_first_is_still_there_or_not_named(join: Join) -> None:
    def open_second(pdf: Pdf) -> None:
        pdf.Root.OpenAction = Array([pdf.pages[1].obj, Name.Fit])

    data = documents.edited(documents.text(2), open_second)
    merged = join(data, documents.text(1))
    assert merged.page_of(merged.root.OpenAction[0]) == 1
    assert "/OpenAction" not in join(data, pages=["1"]).root


@pytest.mark.parametrize("make", [documents.pdfa_1b, documents.pdfa_2b, documents.pdfa_3b])
def test_documents_that_are_pdfa_alike_make_one_that_is(join: Join, make: documents.Make) -> None:
    data = make()  # once: profiles are made with the time in them
    merged = join(data, data)
    with merged.pdf.open_metadata() as metadata:
        assert metadata.pdfa_status
    assert len(merged.root.OutputIntents) == 1
    assert "conformance_dropped" not in merged.warnings()


def test_pdfa_1_gets_no_object_streams(join: Join) -> None:
    assert b"/ObjStm" not in join(documents.pdfa_1b(), documents.pdfa_1b()).path.read_bytes()


@pytest.mark.parametrize("others", [(documents.text,), (documents.pdfa_2b,), (documents.pdfa_3b, documents.text)])
def test_a_claim_that_does_not_hold_for_all_is_dropped(join: Join, others: tuple[documents.Make, ...]) -> None:
    merged = join(documents.pdfa_1b(), *(make() for make in others))
    with merged.pdf.open_metadata() as metadata:
        assert not metadata.pdfa_status
    assert "conformance_dropped" in merged.warnings()
    assert "/OutputIntents" not in merged.root or len({*map(str, others)}) == 1


def test_the_highest_version_counts(join: Join) -> None:
    newest = documents.edited(documents.text(1), lambda pdf: setattr(pdf.Root, "Version", Name("/2.0")))
    assert join(documents.text(1), newest).root.Version == "/2.0"


def test_a_portfolios_files_are_kept_and_its_list_is_announced(join: Join) -> None:
    def portfolio(pdf: Pdf) -> None:
        pdf.attachments["a.txt"] = b"a"
        pdf.Root.Collection = Dictionary(View=Name.T)

    merged = join(documents.edited(documents.text(1), portfolio), documents.text(1))
    assert list(merged.pdf.attachments) == ["a.txt"]
    assert "/Collection" not in merged.root
    assert "portfolio" in merged.warnings()


def test_articles_of_whole_documents_are_kept(join: Join) -> None:
    def article(pdf: Pdf) -> None:
        bead = pdf.make_indirect(Dictionary(P=pdf.pages[0].obj, R=Array([0, 0, 9, 9])))
        bead.N = bead.V = bead
        thread = pdf.make_indirect(Dictionary(F=bead))
        bead.T = thread
        pdf.pages[0].B = Array([bead])
        pdf.Root.Threads = Array([thread])

    data = documents.edited(documents.text(2), article)
    merged = join(documents.text(1), data)
    assert merged.page_of(merged.root.Threads[0].F.P) == 1
    assert "/B" not in join(data, pages=["1"]).pdf.pages[0].obj


def test_the_title_survives_in_any_encoding(join: Join) -> None:
    merged = join(documents.edited(documents.text(1), lambda pdf: setattr(pdf.docinfo, "Title", String("Ünï 漢"))))
    assert str(merged.pdf.docinfo.Title) == "Ünï 漢"
    assert isinstance(merged.pdf, pikepdf.Pdf)
