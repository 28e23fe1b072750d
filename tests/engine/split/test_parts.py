"""What a part has: all that belongs to its pages, and nothing of the others."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf

from pdfsmaller import errors
from pdfsmaller.engine.report import ComparisonSummary
from pdfsmaller.limits import Limits
from tests import documents
from tests.engine.merge.test_destinations import book
from tests.engine.split.conftest import Cut, Piece

WAYS: list[dict[str, Any]] = [
    {"every": 1},
    {"pages": "1-2+4,3"},
    {"outline_level": 1},
    {"max_size": 65_000},
]


@pytest.mark.parametrize("way", WAYS)
def test_parts_keep_all_that_belongs_to_their_pages(cut: Cut, way: dict[str, Any]) -> None:
    pieces = cut(documents.structured(4), **way)
    pieces.check()
    for part in pieces.parts:
        assert str(part.root.Lang) == "en-GB"
        assert part.root.ViewerPreferences.DisplayDocTitle
        assert str(part.pdf.docinfo.Author) == "Nobody in particular"
        with part.pdf.open_metadata() as metadata:
            assert metadata["dc:title"] == "A structured document"


@pytest.mark.parametrize("make", documents.STRUCTURES.values(), ids=documents.STRUCTURES)
def test_any_kind_of_document_comes_apart_page_by_page(cut: Cut, make: documents.Make) -> None:
    cut(make(), every=1, allow_signature_invalidation=True).check()


def test_many_parts_are_cut_from_stretches_with_the_same_in_them(cut: Cut) -> None:
    data = documents.structured(30)
    pieces = cut(data, every=1)
    assert len(pieces.parts) == 30
    pieces.check()
    assert pieces.parts[0].report.links_to_parts == 1
    cut(data, max_size=57_500).check()


# --- links ------------------------------------------------------------------------------------------------------------


def remote_links(part: Piece) -> list[tuple[str, int, str]]:
    """(file, page, view) of every link of the first page to another file."""
    found = []
    for link in part.pdf.pages[0].obj.get("/Annots", []):
        action = link.get("/A", Dictionary())
        while action is not None and action.get("/S") != "/GoToR":
            action = action.get("/Next")
        if action is not None:
            assert str(action.F.F) == str(action.F.UF)
            found.append((str(action.F.UF), int(action.D[0]), str(action.D[1])))
    return found


@pytest.mark.parametrize("old_style", [False, True])
@pytest.mark.parametrize("way", [{"every": 1}, {"pages": "1,2"}])
def test_links_into_another_part_lead_to_its_file(cut: Cut, way: dict[str, Any], old_style: bool) -> None:
    pieces = cut(book(old_style=old_style), **way)
    assert remote_links(pieces.parts[0]) == [("report-2.pdf", 0, "/XYZ")] * 4
    assert pieces.parts[0].report.links_to_parts == 4
    assert b"PdfSmaller" not in b"".join(o.unparse(resolved=True) for o in pieces.parts[0].pdf.objects)


def test_a_link_names_the_page_in_the_other_part(cut: Cut) -> None:
    pieces = cut(documents.structured(6), pages="1-2,3-4+6")
    links = [link for link in pieces.parts[0].pdf.pages[0].Annots if link.get("/A", {}).get("/S") == "/GoToR"]
    assert [(str(link.A.F.UF), int(link.A.D[0])) for link in links] == [("report-2.pdf", 2)]


def test_links_to_pages_in_no_part_are_dropped_and_counted(cut: Cut) -> None:
    pieces = cut(book(), pages="1")
    assert pieces.parts[0].report.links_dropped == 3  # the fourth goes somewhere else first
    assert pieces.warnings() == ["links_dropped"]
    assert len(pieces.parts[0].pdf.pages[0].Annots) == 1


def test_links_within_a_part_stay_what_they_are(cut: Cut) -> None:
    pieces = cut(book(), pages="1-2,2")
    assert remote_links(pieces.parts[0]) == []
    assert pieces.parts[0].report.links_to_parts == 0


def test_links_to_the_web_stay(cut: Cut) -> None:
    part = cut(documents.structured(2), every=1).parts[0]
    assert str(part.pdf.pages[0].Annots[0].A.URI) == "https://example.org/"


# --- resources --------------------------------------------------------------------------------------------------------


def sharing(pages: int = 4, *, inherited: bool = False, in_form: bool = False) -> bytes:
    """Pages with a picture each, all in one dictionary of resources that all of them have."""
    doc = documents.Builder()
    pdf = doc.pdf
    images = {f"/Im{n}": doc.image(documents.photo(300, 200, seed=n), encode="jpeg") for n in range(pages)}
    shared = pdf.make_indirect(Dictionary(XObject=Dictionary(images), Font=Dictionary(F1=doc.helvetica)))
    for number in range(pages):
        content = f"q 300 0 0 200 72 400 cm /Im{number} Do Q BT /F1 12 Tf 72 700 Td (Page {number}) Tj ET"
        page = doc.page(content)
        page.obj.Resources = shared
        if in_form:
            form = doc.flate(
                content.encode(), Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 612, 792]), Resources=shared
            )
            page.obj.Resources = Dictionary(XObject=Dictionary(Fm0=form))
            page.obj.Contents = doc.stream(b"/Fm0 Do")
    if inherited:
        for page in pdf.pages:
            del page.obj["/Resources"]
        pdf.Root.Pages.Resources = shared
    return doc.bytes()


@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("document", [sharing(), sharing(inherited=True), sharing(in_form=True)])
def test_images_of_other_pages_are_not_in_a_part(cut: Cut, document: bytes, optimize: bool) -> None:
    pieces = cut(document, every=1, optimize=optimize)
    assert [len(part.images()) for part in pieces.parts] == [1] * 4
    if not optimize:
        pieces.check()


def test_resources_used_by_what_has_none_of_its_own_stay(cut: Cut) -> None:
    def hide_in_forms(pdf: Pdf) -> None:
        pdf.Root.Pages.Resources = pdf.pages[0].Resources
        for number, page in enumerate(pdf.pages):
            inner = pdf.make_stream(f"q 300 0 0 200 72 400 cm /#49m{number} Do Q".encode())
            inner.Type, inner.Subtype, inner.BBox = Name.XObject, Name.Form, Array([0, 0, 612, 792])
            page.Resources.XObject[f"/Inner{number}"] = inner
            page.Contents = pdf.make_stream(f"/Inner{number} Do".encode())

    pieces = cut(documents.edited(sharing(), hide_in_forms), every=1)
    assert [len(part.images()) for part in pieces.parts] == [1] * 4
    pieces.check()


def test_a_page_whose_content_cannot_be_read_keeps_its_resources(cut: Cut) -> None:
    def garble(pdf: Pdf) -> None:
        pdf.pages[0].Contents = pdf.make_stream(b"\x00\xff not deflated", {"/Filter": Name.FlateDecode})

    pieces = cut(documents.edited(sharing(), garble), every=1, verify="off", sound=False)
    assert [len(part.images()) for part in pieces.parts] == [4, 1, 1, 1]


def test_resources_that_were_taken_by_mistake_are_noticed(cut: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    from pdfsmaller.engine.split import resources

    monkeypatch.setattr(resources._Sweep, "_named_in", lambda self, streams: frozenset())
    cut(sharing(), every=1).check()


def test_fonts_that_only_fields_of_other_pages_need_are_not_in_a_part(cut: Cut) -> None:
    with_form = documents.edited(documents.form(), lambda pdf: pdf.add_blank_page())
    pieces = cut(with_form, every=1)
    assert "/AcroForm" in pieces.parts[0].root
    assert "/AcroForm" not in pieces.parts[1].root


# --- form, tags, files, claims ----------------------------------------------------------------------------------------


def test_fields_are_in_the_parts_that_show_them(cut: Cut) -> None:
    def two_pages(pdf: Pdf) -> None:
        page = pdf.add_blank_page()
        moved = pdf.pages[0].Annots[3]
        moved.P = page.obj
        page.Annots = Array([moved])
        pdf.pages[0].Annots = Array(list(pdf.pages[0].Annots)[:3])

    pieces = cut(documents.edited(documents.form(), two_pages), every=1)
    pieces.check()
    names = [[str(field.T) for field in part.root.AcroForm.Fields] for part in pieces.parts]
    assert names == [["name", "agree", "colour"], ["address"]]
    assert str(pieces.parts[1].root.AcroForm.Fields[0].Kids[0].V) == "Utrecht"


def test_tags_are_those_of_the_pages_even_where_some_are_empty(cut: Cut) -> None:
    def empty_cells(pdf: Pdf) -> None:
        tree = pdf.Root.StructTreeRoot
        rows = []
        for paragraph in list(tree.K):
            row = pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.TR, P=tree))
            blank = pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.TD, P=row))
            paragraph.P = row
            row.K = Array([paragraph, blank])
            rows.append(row)
        tree.K = Array(rows)

    pieces = cut(documents.edited(documents.structured(4), empty_cells), every=2)
    pieces.check()
    for part in pieces.parts:
        kinds = [str(o.S) for o in part.pdf.objects if isinstance(o, Dictionary) and "/S" in o and "/P" in o]
        assert sorted(kinds) == ["/P", "/P", "/TD", "/TD", "/TR", "/TR"]


def test_labels_are_as_they_were(cut: Cut) -> None:
    import pypdfium2

    pieces = cut(documents.structured(4), pages="1,3-4")
    labels = []
    for part in pieces.parts:
        with pypdfium2.PdfDocument(part.path) as document:
            labels.append([document.get_page_label(n) for n in range(len(document))])
    assert labels == [["i"], ["2", "3"]]


def test_attached_files_are_in_the_first_part_and_that_is_said(cut: Cut) -> None:
    pieces = cut(documents.structured(3), every=1)
    assert [list(part.pdf.attachments) for part in pieces.parts] == [["data.csv"], [], []]
    assert pieces.warnings() == ["files_in_first_part"]
    assert cut(documents.structured(3), every=3).warnings() == []


@pytest.mark.parametrize("make", [documents.pdfa_1b, documents.pdfa_2b, documents.pdfa_3b])
@pytest.mark.parametrize("optimize", [False, True])
def test_claims_of_pdfa_are_kept(cut: Cut, make: documents.Make, optimize: bool) -> None:
    def twice(pdf: Pdf) -> None:
        pdf.pages.append(pdf.pages[0])

    pieces = cut(documents.edited(make(), twice), every=1, optimize=optimize)
    for part in pieces.parts:
        with part.pdf.open_metadata() as metadata:
            assert metadata.pdfa_status
        assert len(part.root.OutputIntents) == 1
        assert make is not documents.pdfa_1b or b"/ObjStm" not in part.path.read_bytes()


def test_metadata_can_be_left_away(cut: Cut) -> None:
    for part in cut(documents.structured(2), every=1, strip_metadata=True).parts:
        assert "/Metadata" not in part.root
        assert "/Info" not in part.pdf.trailer


def test_parts_can_be_linearized(cut: Cut) -> None:
    assert all(part.pdf.is_linearized for part in cut(documents.structured(2), every=1, linearize=True).parts)


# --- encryption and signatures ----------------------------------------------------------------------------------------


def encrypted(pages: int = 3) -> bytes:
    allow = pikepdf.Permissions(extract=False, modify_other=False)
    protection = pikepdf.Encryption(owner="owner", user=documents.USER_PASSWORD, R=6, allow=allow)
    buffer = io.BytesIO()
    with Pdf.open(io.BytesIO(documents.structured(pages))) as pdf:
        pdf.save(buffer, encryption=protection)
    return buffer.getvalue()


@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("way", [{"every": 1}, {"max_size": 58_000}])
def test_parts_of_an_encrypted_document_are_encrypted_as_it_was(cut: Cut, way: dict[str, Any], optimize: bool) -> None:
    pieces = cut(encrypted(), password=documents.USER_PASSWORD, optimize=optimize, **way)
    for part in pieces.parts:
        assert part.pdf.is_encrypted
        assert not part.pdf.allow.extract
        assert part.pdf.allow.print_lowres
        with pytest.raises(pikepdf.PasswordError):
            pikepdf.open(part.path)
    assert "encrypted" in pieces.warnings()


def test_parts_can_be_open_to_everybody(cut: Cut) -> None:
    pieces = cut(encrypted(), password=documents.USER_PASSWORD, every=2, decrypt=True)
    assert [part.pdf.is_encrypted for part in pieces.parts] == [False, False]
    assert "encrypted" not in pieces.warnings()


@pytest.mark.parametrize(("password", "kind"), [(None, errors.PasswordRequired), ("wrong", errors.WrongPassword)])
def test_without_its_password_an_encrypted_document_is_refused(
    cut: Cut, password: str | None, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        cut(encrypted(), every=1, password=password)


def test_a_signed_document_is_refused_unless_its_signatures_may_end(cut: Cut) -> None:
    with pytest.raises(errors.SignedPdf, match="allow_signature_invalidation"):
        cut(documents.signed(), every=1)
    pieces = cut(documents.signed(), every=1, allow_signature_invalidation=True)
    assert "signature_invalidated" in pieces.warnings()
    assert "/V" not in pieces.parts[0].root.AcroForm.Fields[0]


# --- damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("make", documents.BROKEN.values(), ids=documents.BROKEN)
def test_a_damaged_document_makes_parts_or_a_typed_error(cut: Cut, make: documents.Make, optimize: bool) -> None:
    with contextlib.suppress(errors.EmptyFile, errors.NotAPdf, errors.UnreadablePdf):
        pieces = cut(make(), every=1, optimize=optimize, verify="sample", sound=False)
        assert pieces.report.pages == len(pieces.parts)


def test_a_repaired_document_has_all_its_pages_in_its_parts(cut: Cut) -> None:
    pieces = cut(documents.broken_xref(), every=1)
    assert "repaired" in pieces.warnings()
    with Pdf.open(io.BytesIO(documents.broken_xref())) as pdf:
        assert pieces.report.pages == len(pdf.pages)


@pytest.mark.parametrize("optimize", [True, False])
def test_a_bomb_is_refused_and_nothing_is_left(cut: Cut, optimize: bool, tmp_path: Any) -> None:
    with pytest.raises(errors.LimitExceeded, match="max_stream_bytes"):
        cut(documents.flate_bomb(200), every=1, limits=Limits(max_stream_bytes=50_000_000), optimize=optimize)
    assert [path.name for path in (tmp_path / "0").iterdir()] == ["in"]


def test_two_documents_at_once_are_refused(tmp_path: Any) -> None:
    from pdfsmaller.engine.split.options import SplitOptions
    from pdfsmaller.engine.split.split import run

    with pytest.raises(errors.BadRequest):
        run([], tmp_path, SplitOptions(every=1), limits=Limits(), progress=lambda *_: None)


# --- as a whole -------------------------------------------------------------------------------------------------------


def test_the_document_is_compressed_once_before_it_is_cut(cut: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    from pdfsmaller.engine.split import prepare

    runs = []
    compress = prepare.compress
    monkeypatch.setattr(
        prepare, "compress", lambda *args, **options: (runs.append(args), compress(*args, **options))[1]
    )
    doc = documents.Builder()
    for seed in range(3):
        doc.show(doc.image(documents.photo(900, 700, seed=seed), encode="jpeg"))
    data = doc.bytes()
    smaller, plain = cut(data, every=1, optimize=True, preset="screen"), cut(data, every=1)
    assert len(runs) == 1
    assert smaller.report.images.changed == 3
    assert smaller.report.output_bytes < plain.report.output_bytes / 2


def test_only_the_pages_wanted_are_compressed(cut: Cut) -> None:
    doc = documents.Builder()
    for seed in range(4):
        doc.show(doc.image(documents.photo(600, 400, seed=seed), encode="jpeg"))
    pieces = cut(doc.bytes(), pages="2,4", optimize=True)
    assert pieces.report.images.seen == 2
    assert pieces.pages == ["2", "4"]
    linked = cut(book(), pages="1", optimize=True)
    assert linked.parts[0].report.links_dropped == 3


def test_the_same_document_makes_the_same_parts(cut: Cut) -> None:
    data = documents.structured(4)
    runs = [cut(data, every=2) for _ in range(2)]
    assert [p.path.read_bytes() for p in runs[0].parts] == [p.path.read_bytes() for p in runs[1].parts]


def test_the_report_says_how_many_pages_were_compared(cut: Cut) -> None:
    assert cut(documents.text(5), every=2).report.comparison == ComparisonSummary(mode="full", pages=5)
    assert cut(documents.text(5), every=2, verify="off").report.comparison == ComparisonSummary(mode="off")


def test_a_sample_of_many_parts_looks_at_some(cut: Cut) -> None:
    comparison = cut(documents.many_pages(75), every=1, verify="sample").report.comparison
    assert comparison == ComparisonSummary(mode="sample", pages=52)  # 50 parts of one page, the 60th and the 70th


def test_when_time_is_up_parts_are_written_all_the_same(cut: Cut) -> None:
    pieces = cut(documents.structured(4), every=2, optimize=True, limits=Limits(soft_seconds=0.0))
    assert pieces.pages == ["1-2", "3-4"]
    assert "time_limit" in pieces.warnings()


def test_a_page_that_came_out_otherwise_is_no_result(cut: Cut, monkeypatch: pytest.MonkeyPatch) -> None:
    from pdfsmaller.engine.merge.graft import Graft

    redirected = Graft._redirected
    monkeypatch.setattr(Graft, "_redirected", lambda self, body: redirected(self, body).replace(b"/Contents", b"/Con"))
    with pytest.raises(errors.EngineFailed, match="Splitting went wrong"):
        cut(documents.text(2), every=1)


def test_progress_goes_from_0_to_100(tmp_path: Any) -> None:
    from pdfsmaller.engine.inputs import InputFile
    from pdfsmaller.engine.split.options import SplitOptions
    from pdfsmaller.engine.split.split import run

    source = documents.write(tmp_path / "in.pdf", documents.structured(6))
    said: list[int] = []
    run(
        [InputFile(source, "in.pdf")],
        tmp_path,
        SplitOptions(every=1),
        limits=Limits(),
        progress=lambda _stage, percent, _pages=None: said.append(percent),
    )
    assert said[0] == 0
    assert said[-1] == 100
    assert said == sorted(said)


def test_pages_that_come_in_several_parts_are_whole_in_each(cut: Cut) -> None:
    pieces = cut(documents.structured(3), pages="1-3,2+2,3")
    assert pieces.pages == ["1-3", "2,2", "3"]
    first, twice, last = pieces.texts()
    assert twice == [first[1]] * 2
    assert last == [first[2]]
