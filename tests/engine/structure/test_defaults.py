"""Entries that say nothing go; the same entries stay where they say something."""

from __future__ import annotations

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, String

from pdfsmaller.engine.structure.defaults import drop_defaults
from tests import documents
from tests.engine.conftest import Run

BOXES = ("/CropBox", "/BleedBox", "/TrimBox", "/ArtBox")


@pytest.fixture
def pdf() -> Pdf:
    new = pikepdf.new()
    new.add_blank_page(page_size=(300, 400))
    return new


def say(pdf: Pdf, **boxes: list[float]) -> None:
    for name, edges in boxes.items():
        pdf.pages[0].obj[f"/{name}"] = Array(edges)


def said(pdf: Pdf) -> list[str]:
    drop_defaults(pdf)
    return [name for name in BOXES if name in pdf.pages[0].obj]


def test_boxes_that_are_the_page_go(pdf: Pdf) -> None:
    say(pdf, **{name[1:]: [0, 0, 300, 400.0] for name in BOXES})
    assert said(pdf) == []


def test_boxes_that_are_the_visible_part_go(pdf: Pdf) -> None:
    say(pdf, CropBox=[10, 10, 290, 390], TrimBox=[10, 10, 290, 390], ArtBox=[20, 20, 280, 380])
    assert said(pdf) == ["/CropBox", "/ArtBox"]


def test_a_box_that_hides_an_inherited_one_stays(pdf: Pdf) -> None:
    pdf.Root.Pages.CropBox = Array([50, 50, 60, 60])
    say(pdf, CropBox=[0, 0, 300, 400])
    assert said(pdf) == ["/CropBox"]


def test_pdfx_has_its_boxes_said(pdf: Pdf) -> None:
    pdf.Root.OutputIntents = Array([Dictionary(Type=Name.OutputIntent, S=Name.GTS_PDFX)])
    say(pdf, CropBox=[0, 0, 300, 400], TrimBox=[0, 0, 300, 400])
    assert said(pdf) == ["/CropBox", "/TrimBox"]


@pytest.mark.parametrize(("above", "own", "stays"), [(None, 0, False), (90, 0, True), (None, 90, True)])
def test_no_rotation_need_not_be_said(pdf: Pdf, above: int | None, own: int, stays: bool) -> None:
    if above is not None:
        pdf.Root.Pages.Rotate = above
    pdf.pages[0].obj.Rotate = own
    drop_defaults(pdf)
    assert ("/Rotate" in pdf.pages[0].obj) == stays


def test_procedure_sets_and_names_of_fonts_go(pdf: Pdf) -> None:
    font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Name=Name.F1))
    for holder in (pdf.pages[0].obj, pdf.make_stream(b"", Subtype=Name.Form)):
        holder.Resources = Dictionary(ProcSet=Array([Name.PDF]), Font=Dictionary(F1=font))
        drop_defaults(pdf)
        assert holder.Resources.keys() == {"/Font"}
    assert "/Name" not in font


def test_measures_stay_where_a_substitute_is_looked_for(pdf: Pdf) -> None:
    alone = pdf.make_indirect(Dictionary(Type=Name.FontDescriptor, FontName=Name.A, XHeight=500, AvgWidth=400))
    embedded = pdf.make_indirect(Dictionary({**dict(alone), "/FontFile2": pdf.make_stream(b"x")}))
    drop_defaults(pdf)
    assert alone.keys() == {"/Type", "/FontName", "/XHeight", "/AvgWidth"}
    assert embedded.keys() == {"/Type", "/FontName", "/FontFile2"}


def test_what_is_damaged_stays(pdf: Pdf) -> None:
    pdf.pages[0].obj.TrimBox = Array([Name.A, Name.B])
    pdf.pages[0].obj.Resources = Array([])
    drop_defaults(pdf)
    assert pdf.pages[0].obj.TrimBox == Array([Name.A, Name.B])


def test_a_result_of_preset_lossless_is_the_same_document(run: Run) -> None:
    def chatty(pdf: Pdf) -> None:
        for page in pdf.pages:
            for name in BOXES:
                page.obj[name] = Array(page.mediabox)
            page.obj.Rotate, page.obj.Resources.ProcSet = 0, Array([Name.PDF, Name.Text])
        pdf.docinfo["/Title"] = String("Übung 3 – Größen")
        pdf.docinfo["/Author"] = String("Ann Exampleß")

    data = documents.edited(documents.text(6), chatty)
    result = run(data, preset="lossless", verify="full")
    assert result.warnings() == []
    with result.open() as found:
        assert all(name not in page.obj for page in found.pages for name in (*BOXES, "/Rotate"))
        assert str(found.docinfo["/Title"]) == "Übung 3 – Größen"
        assert bytes(found.docinfo["/Author"]) == "Ann Exampleß".encode("latin-1")
