"""Merging as a whole: pages, compression, errors, limits."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import zlib
from pathlib import Path

import pikepdf
import pytest

from pdfsmaller import errors
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.merge.merge import merge
from pdfsmaller.engine.merge.options import MergeOptions
from pdfsmaller.engine.report import ComparisonSummary
from pdfsmaller.limits import Limits
from tests import documents
from tests.engine.merge.conftest import Join, texts


def test_pages_come_in_the_order_given(join: Join, tmp_path: Path) -> None:
    first, second = documents.text(3), documents.structured(2)
    merged = join(first, second, first)
    parts = [documents.write(tmp_path / "part.pdf", data) and texts(tmp_path / "part.pdf") for data in (first, second)]
    assert merged.texts() == [*parts[0], *parts[1], *parts[0]]
    assert [source.pages for source in merged.report.sources] == [3, 2, 3]


def test_pages_keep_size_rotation_and_boxes(join: Join) -> None:
    source = documents.boxes()
    merged = join(documents.text(1), source)
    with pikepdf.open(io.BytesIO(source)) as before:
        for old, new in zip(before.pages, merged.pdf.pages[1:], strict=True):
            assert list(old.mediabox) == list(new.mediabox)
            assert list(old.cropbox) == list(new.cropbox)
            assert old.obj.get("/UserUnit") == new.obj.get("/UserUnit")
            assert old.rotation == new.rotation


def test_picked_pages_come_in_the_order_picked(join: Join) -> None:
    source = documents.structured(4)
    merged = join(source, documents.text(1), pages=["4,1-2,4", ""])
    chapters = [text.split(".")[0] for text in merged.texts()[:4]]
    assert chapters == ["Chapter 4", "Chapter 1", "Chapter 2", "Chapter 4"]
    assert merged.report.pages == 5


def test_what_is_the_same_in_several_documents_is_stored_once(join: Join) -> None:
    source = documents.text_embedded() if documents.font_file() else documents.icc_rgb()
    one, many = join(source), join(*[source] * 8)
    assert many.report.output_bytes < one.report.output_bytes * 1.2


def test_a_document_of_thousands_of_pages_has_a_sound_page_tree(join: Join) -> None:
    merged = join(documents.many_pages(5_000), documents.text(1), verify="sample")
    assert len(merged.pdf.pages) == 5_001
    assert merged.root.Pages.Count == 5_001
    assert len(merged.root.Pages.Kids) < 65


def test_the_same_inputs_make_the_same_bytes(join: Join) -> None:
    sources = documents.structured(), documents.form()
    first, second = (join(*sources) for _ in range(2))
    assert first.path.read_bytes() == second.path.read_bytes()


# --- compression ----------------------------------------------------------------------------------------------------


def test_a_merged_document_is_compressed_by_default(join: Join) -> None:
    plain = join(documents.photo_jpeg(), documents.chart_flate())
    smaller = join(documents.photo_jpeg(), documents.chart_flate(), optimize=True)
    assert smaller.report.output_bytes < plain.report.output_bytes / 2
    assert smaller.report.images.changed == 2


def test_only_the_pages_taken_are_compressed(join: Join) -> None:
    source = documents.many_pages(200)
    merged = join(source, documents.photo_jpeg(), pages=["5,1", ""], optimize=True)
    assert merged.report.pages == 3


def test_the_same_file_twice_is_compressed_once(join: Join) -> None:
    merged = join(*[documents.photo_jpeg()] * 3, optimize=True)
    assert merged.report.images.seen == 1
    assert len([o for o in merged.pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]) == 1


def test_a_target_size_is_met_by_the_whole(join: Join) -> None:
    sources = [documents.photo_jpeg(), documents.photo_flate(), documents.text(2)]
    merged = join(*sources, optimize=True, target_size=60_000)
    assert merged.report.output_bytes <= 60_000
    assert merged.report.outcome == "merged"
    assert merged.report.pages == 4


def test_a_target_out_of_reach_is_said(join: Join) -> None:
    merged = join(documents.photo_jpeg(), documents.photo_flate(), optimize=True, target_size=1_000)
    assert merged.report.outcome == "target_not_met"


def test_a_result_can_be_linearized(join: Join) -> None:
    merged = join(documents.structured(), documents.photo_jpeg(), optimize=True, linearize=True)
    assert merged.pdf.is_linearized
    assert merged.outline()[0][1] == "a"


def test_the_report_says_how_many_pages_were_compared(join: Join) -> None:
    assert join(documents.text(3), documents.text(1)).report.comparison == ComparisonSummary(mode="full", pages=4)
    assert join(documents.text(3), verify="off").report.comparison == ComparisonSummary(mode="off")


def test_pages_that_could_not_be_compared_are_named(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pdfsmaller.engine.merge.check.VERIFY_GRACE_SECONDS", -1.0)
    merged = join(documents.text(3), documents.text(1), limits=Limits(soft_seconds=0.0))
    assert merged.report.comparison == ComparisonSummary(mode="full", skipped={"time_limit": 4})
    assert "not_compared" in [warning.code for warning in merged.report.warnings]


# --- bad input ------------------------------------------------------------------------------------------------------

BAD = [
    (documents.empty, errors.EmptyFile),
    (documents.not_a_pdf, errors.NotAPdf),
    (documents.header_only, errors.UnreadablePdf),
    (documents.encrypted_user, errors.PasswordRequired),
    (documents.encrypted_for_certificates, errors.UnsupportedEncryption),
]


@pytest.mark.parametrize(("make", "kind"), BAD)
@pytest.mark.parametrize("optimize", [True, False])
def test_one_broken_file_fails_the_whole_and_is_named(
    join: Join, make: documents.Make, kind: type[errors.PdfSmallerError], optimize: bool
) -> None:
    with pytest.raises(kind, match=r"^b\.pdf: "):
        join(documents.text(1), make(), documents.text(1), optimize=optimize)


@pytest.mark.parametrize(("make", "kind"), BAD)
def test_a_broken_file_can_be_left_out(join: Join, make: documents.Make, kind: type[errors.PdfSmallerError]) -> None:
    merged = join(documents.text(1), make(), documents.text(2), on_error="skip")
    assert merged.report.pages == 3
    assert [source.error.code if source.error else None for source in merged.report.sources] == [None, kind.code, None]
    assert "b.pdf was left out" in merged.report.warnings[0].message


def test_what_breaks_while_it_is_copied_can_be_left_out(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    from pdfsmaller.engine.merge.labels import Labels

    take = Labels.take

    def breaks(self: Labels, source: object, picks: list[int]) -> None:
        if getattr(source, "index", None) == 1:
            raise ValueError("something unforeseen")
        take(self, source, picks)  # type: ignore[arg-type]

    monkeypatch.setattr(Labels, "take", breaks)
    merged = join(documents.text(1), documents.structured(2), documents.text(1), on_error="skip")
    assert merged.report.pages == 2
    assert "/Names" not in merged.root
    with pytest.raises(errors.UnreadablePdf, match=r"^b\.pdf: "):
        join(documents.text(1), documents.structured(2))


def test_when_nothing_is_left_the_first_error_counts(join: Join) -> None:
    with pytest.raises(errors.EmptyFile, match=r"^a\.pdf: "):
        join(documents.empty(), documents.not_a_pdf(), on_error="skip")


@pytest.mark.parametrize("pages", ["4", "1-4", "-5"])
def test_pages_beyond_the_end_are_refused(join: Join, pages: str) -> None:
    with pytest.raises(errors.InvalidPageRange, match=r"^b\.pdf: .*no page"):
        join(documents.text(1), documents.text(3), pages=["", pages])


def test_ranges_go_with_files_one_by_one(join: Join) -> None:
    with pytest.raises(errors.InvalidOption, match="one for each"):
        join(documents.text(1), documents.text(1), pages=["1"])


def test_too_many_pages_are_refused(join: Join) -> None:
    with pytest.raises(errors.LimitExceeded) as caught:
        join(documents.text(3), documents.text(3), limits=Limits(max_pages=5))
    assert caught.value.limit == "max_pages"


@pytest.mark.parametrize("optimize", [True, False])
def test_a_bomb_is_refused_and_can_be_left_out(join: Join, optimize: bool) -> None:
    limits = Limits(max_stream_bytes=50_000_000)
    with pytest.raises(errors.LimitExceeded, match=r"^b\.pdf: .*max_stream_bytes"):
        join(documents.text(1), documents.flate_bomb(200), limits=limits, optimize=optimize)
    merged = join(documents.text(1), documents.flate_bomb(200), limits=limits, optimize=optimize, on_error="skip")
    assert merged.report.pages == 1


def test_nothing_to_merge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.BadRequest):
        merge([], tmp_path / "out.pdf")


def test_pages_that_cannot_be_extracted_fail_as_their_document(join: Join) -> None:
    two_pages = documents.edited(documents.flate_bomb(200), lambda pdf: pdf.add_blank_page())
    with pytest.raises(errors.LimitExceeded, match=r"^b\.pdf: "):
        join(documents.text(1), two_pages, pages=["", "1"], limits=Limits(max_stream_bytes=50_000_000), optimize=True)


def test_a_failed_merge_leaves_the_target_as_it_was(tmp_path: Path) -> None:
    target = documents.write(tmp_path / "out.pdf", b"precious")
    source = InputFile(documents.write(tmp_path / "in.pdf", documents.not_a_pdf()), "in.pdf")
    with pytest.raises(errors.NotAPdf):
        merge([source], target)
    assert target.read_bytes() == b"precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.pdf", "out.pdf"]


def test_the_target_may_be_one_of_the_inputs(tmp_path: Path) -> None:
    path = documents.write(tmp_path / "a.pdf", documents.text(2))
    source = InputFile(path, "a.pdf")
    assert merge([source, source], path, MergeOptions(optimize=False)).pages == 4
    assert len(texts(path)) == 4


def test_a_damaged_document_is_repaired_and_named(join: Join) -> None:
    merged = join(documents.text(1), documents.broken_xref())
    assert "repaired" in merged.warnings()
    assert "b.pdf was damaged" in merged.report.warnings[0].message


_MEASURE = """
import resource, sys
from pathlib import Path
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.merge.merge import merge
from pdfsmaller.engine.merge.options import MergeOptions
from pdfsmaller.engine.report import ComparisonSummary
merge([InputFile(Path(p), p) for p in sys.argv[2:]], Path(sys.argv[1]), MergeOptions(optimize=False))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_inputs(tmp_path: Path) -> None:
    """Each input is some 5 MB that nothing can be left out of."""
    sources = [str(documents.write(tmp_path / f"{n}.pdf", documents.photo_flate(1_300, 1_300 + n))) for n in range(2)]

    def peak(count: int) -> int:
        files = [sources[n % 2] for n in range(count)]
        command = [sys.executable, "-c", _MEASURE, str(tmp_path / "out.pdf"), *files]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert peak(20) < peak(4) * 1.25


# --- what the check must not take for a difference ------------------------------------------------------------------


def test_text_that_runs_the_other_way_is_no_difference(join: Join) -> None:
    def right_to_left(pdf: pikepdf.Pdf) -> None:
        pdf.Root.ViewerPreferences = pikepdf.Dictionary(Direction=pikepdf.Name.R2L)

    hebrew = documents.edited(documents.text(1), right_to_left)
    assert join(hebrew, documents.structured(2)).report.pages == 3
    assert join(documents.structured(2), hebrew).report.pages == 3


def test_annotations_that_a_reader_draws_by_itself_are_no_difference(join: Join) -> None:
    def note(pdf: pikepdf.Pdf) -> None:
        text = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.FreeText,
            Rect=pikepdf.Array([72, 72, 300, 120]),
            DA=pikepdf.String("/Helv 12 Tf 0 g"),
            Contents=pikepdf.String("A note without an appearance"),
        )
        pdf.pages[0].Annots = pikepdf.Array([pdf.make_indirect(text)])

    def drawn_anew(pdf: pikepdf.Pdf) -> None:
        pdf.Root.AcroForm.NeedAppearances = True
        del pdf.Root.AcroForm.Fields[0]["/AP"]

    merged = join(
        documents.edited(documents.text(1), note), documents.form(), documents.edited(documents.form(), drawn_anew)
    )
    assert merged.root.AcroForm.NeedAppearances


def test_fields_are_drawn_anew_only_where_one_needs_it(join: Join) -> None:
    def asks(pdf: pikepdf.Pdf) -> None:
        pdf.Root.AcroForm.NeedAppearances = True

    merged = join(documents.edited(documents.form(), asks), documents.form())
    assert "/NeedAppearances" not in merged.root.AcroForm


def test_a_page_that_came_out_otherwise_is_no_result(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    from pdfsmaller.engine.structure.writer import PdfWriter

    write = PdfWriter.write_stream

    def loses_content(self: PdfWriter, entries: bytes, data: bytes, number: int | None = None) -> int:
        with contextlib.suppress(zlib.error):
            data = zlib.compress(zlib.decompress(data).replace(b"structured page", b"xxxxxxxxxx page"))
        return write(self, entries, data, number)

    def plain(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].Contents = pdf.make_stream(b"BT /F1 20 Tf 72 700 Td (A structured page) Tj ET")

    monkeypatch.setattr(PdfWriter, "write_stream", loses_content)
    data = documents.edited(documents.text(1), plain)
    with pytest.raises(errors.EngineFailed, match=r"^b\.pdf: Merging went wrong"):
        join(documents.text(1), data)
    assert join(documents.text(1), data, on_error="skip").report.pages == 1
