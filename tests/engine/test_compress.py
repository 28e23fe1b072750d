"""The promise of ``compress``, on documents of every kind."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Name

from pdfsmaller.engine import CompressOptions
from pdfsmaller.engine.compress import compress
from pdfsmaller.engine.verify import compare
from pdfsmaller.errors import (
    EmptyFile,
    LimitExceeded,
    NotAPdf,
    PasswordRequired,
    UnreadablePdf,
    UnsupportedEncryption,
    WrongPassword,
)
from pdfsmaller.limits import Limits
from tests import documents
from tests.engine.conftest import Run


@pytest.mark.parametrize("name", documents.IMAGES)
def test_ebook_looks_the_same(run: Run, name: str) -> None:
    """Every way to store and use an image, rendered: no colour, place or mask is lost."""
    result = run(documents.IMAGES[name](), preset="ebook", verify="off")
    for page in range(result.report.pages):
        assert result.mean_error(page) < 4
    found = compare(result.source, result.target, mode="full", password=None, min_similarity=0.8)
    assert found.differences == []
    assert found.unproven == set()


@pytest.mark.parametrize("name", documents.IMAGES)
def test_lossless_changes_no_pixel(run: Run, name: str) -> None:
    result = run(documents.IMAGES[name](), preset="lossless", verify="off")
    for page in range(result.report.pages):
        assert result.same_pixels(page, dpi=150)


@pytest.mark.parametrize("preset", ["lossless", "ebook", "screen"])
@pytest.mark.parametrize("name", documents.STRUCTURES)
def test_structure_is_kept(run: Run, name: str, preset: str) -> None:
    result = run(documents.STRUCTURES[name](), preset=preset, verify="off", allow_signature_invalidation=True)
    found = compare(result.source, result.target, mode="full", password=None, min_similarity=0.7)
    assert found.differences == []
    assert found.unproven == set()


@pytest.mark.parametrize("name", documents.ENCRYPTED)
def test_encrypted_stays_encrypted_with_the_same_permissions(run: Run, name: str) -> None:
    password = documents.USER_PASSWORD if "user" in name else None
    result = run(documents.ENCRYPTED[name](), preset="ebook", password=password)
    with pikepdf.open(result.source, password=password or "") as before, result.open() as after:
        assert after.is_encrypted
        assert after.allow == before.allow
        assert after.encryption.R == before.encryption.R
    assert result.report.outcome == "compressed"
    if password:
        with pytest.raises(pikepdf.PasswordError):
            pikepdf.open(result.target)


def test_a_password_that_is_not_needed_does_no_harm(run: Run) -> None:
    assert run(documents.encrypted_owner(), preset="ebook", password="superfluous").report.outcome == "compressed"
    assert run(documents.photo_jpeg(), preset="ebook", password="superfluous").report.outcome == "compressed"


def test_password_missing(run: Run) -> None:
    with pytest.raises(PasswordRequired):
        run(documents.encrypted_user(), preset="ebook")


def test_password_wrong(run: Run) -> None:
    with pytest.raises(WrongPassword):
        run(documents.encrypted_user(), preset="ebook", password="wrong")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param((b"/Adobe.PubSec", b"/Adobe.PubSec"), id="certificates"),
        pytest.param((b"/Adobe.PubSec", b"/Adobe#2EPubSec"), id="an escaped name"),
        pytest.param((b"/Adobe.PubSec", b"/FOPN_foweb"), id="a vendor's handler"),
        pytest.param((b"/Filter /Adobe.PubSec ", b""), id="no handler"),
        pytest.param(
            (b"/Filter /Adobe.PubSec ", b"/Filter /Standard /R 9 /O <00> /U <00> "), id="a version unheard of"
        ),
        pytest.param((b"startxref\n", b"startxref\n9"), id="a damaged cross-reference table"),
    ],
)
@pytest.mark.parametrize("password", [None, "guess"])
def test_encryption_that_no_password_opens_is_named(
    run: Run, change: tuple[bytes, bytes], password: str | None
) -> None:
    with pytest.raises(UnsupportedEncryption, match="certificates"):
        run(documents.encrypted_for_certificates().replace(*change), preset="ebook", password=password)


def test_what_was_encrypted_for_certificates_and_is_cut_off_is_not_taken_for_text(run: Run) -> None:
    data = documents.encrypted_for_certificates()
    with pytest.raises(UnreadablePdf, match="encrypted"):
        run(data[: data.rindex(b"trailer")], preset="ebook")


@pytest.mark.parametrize(
    ("name", "error"), [("empty", EmptyFile), ("not_a_pdf", NotAPdf), ("header_only", UnreadablePdf)]
)
def test_what_is_no_document_is_refused(run: Run, name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        run(documents.BROKEN[name]())


@pytest.mark.parametrize("name", ["broken_xref", "truncated", "junk_before_header", "broken_image", "form_loop"])
def test_damaged_documents_are_repaired(run: Run, name: str) -> None:
    result = run(documents.BROKEN[name](), preset="ebook")
    with result.open() as pdf:
        assert len(pdf.pages) == result.report.pages >= 1


def test_no_pages_is_unreadable(run: Run) -> None:
    buffer = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.save(buffer)
    with pytest.raises(UnreadablePdf):
        run(buffer.getvalue())


def test_too_many_pages_names_the_limit(run: Run) -> None:
    with pytest.raises(LimitExceeded) as caught:
        run(documents.text(pages=4), limits=Limits(max_pages=3))
    assert (caught.value.limit, caught.value.allowed) == ("max_pages", 3)


def test_a_pixel_bomb_stays_as_it_is(run: Run) -> None:
    result = run(documents.pixel_bomb())
    assert result.report.images.skipped == {"too_large": 1}
    with result.open() as pdf:
        assert len(pdf.pages) == 1
        assert pdf.pages[0].Resources.XObject.Im0.Width == 60_000


def test_an_image_over_the_limit_stays_and_the_others_get_smaller(run: Run) -> None:
    """A map of one huge mask and photographs is worth compressing all the same."""
    data = documents.photo_jpeg(600, 450)
    with pikepdf.open(io.BytesIO(data)) as pdf:
        mask = pdf.make_stream(
            b"\0" * (400 * 400 // 8),
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=400,
            Height=400,
            ImageMask=True,
            BitsPerComponent=1,
        )
        large = pdf.make_stream(
            bytes(range(256)) * (900 * 640 * 3 // 256),
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=900,
            Height=640,
            ColorSpace=Name.DeviceRGB,
            BitsPerComponent=8,
        )
        page = pdf.pages[0]
        page.Resources.XObject.Mask, page.Resources.XObject.Large = mask, large
        page.contents_add(b"q 9 0 0 9 0 0 cm /Mask Do /Large Do Q")
        buffer = io.BytesIO()
        pdf.save(buffer)
    result = run(buffer.getvalue(), limits=Limits(max_image_bytes=1_000_000))
    assert result.report.images.skipped["too_large"] == 1
    assert result.report.images.changed >= 1


def test_a_flate_bomb_names_the_limit(run: Run) -> None:
    with pytest.raises(LimitExceeded) as caught:
        run(documents.flate_bomb(megabytes=50), limits=Limits(max_stream_bytes=20_000_000))
    assert caught.value.limit == "max_stream_bytes"


def test_signed_is_left_alone(run: Run) -> None:
    data = documents.signed()
    result = run(data, preset="screen")
    assert result.target.read_bytes() == data
    assert result.report.outcome == "unchanged"
    assert result.warnings() == ["signed"]


def test_signed_is_changed_only_when_allowed(run: Run) -> None:
    result = run(documents.signed(), preset="screen", allow_signature_invalidation=True)
    assert result.report.outcome == "compressed"
    assert result.warnings() == ["signature_invalidated"]


def _granting(*rights: str) -> bytes:
    """A document with such entries in its permissions."""

    def grant(pdf: pikepdf.Pdf) -> None:
        signature = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.Sig))
        pdf.Root.Perms = pikepdf.Dictionary(dict.fromkeys(rights, signature))

    return documents.edited(documents.photo_jpeg(), grant)


@pytest.mark.parametrize("rights", [("/DocMDP",), ("/DocMDP", "/UR3")])
def test_certified_documents_are_left_alone(run: Run, rights: tuple[str, ...]) -> None:
    result = run(_granting(*rights), preset="ebook")
    assert result.report.outcome == "unchanged"
    assert result.warnings() == ["signed"]


@pytest.mark.parametrize("right", ["/UR3", "/UR"])
def test_usage_rights_end_and_are_announced(run: Run, right: str) -> None:
    result = run(_granting(right), preset="ebook")
    assert result.report.outcome == "compressed"
    assert result.warnings() == ["usage_rights_dropped"]
    with result.open() as pdf:
        assert "/Perms" not in pdf.Root
        assert not any(isinstance(obj, pikepdf.Dictionary) and obj.get("/Type") == "/Sig" for obj in pdf.objects)


def test_a_signature_field_that_nobody_has_signed_is_no_signature(run: Run) -> None:
    def unsigned(pdf: pikepdf.Pdf) -> None:
        for field in pdf.Root.AcroForm.Fields:
            if field.get("/FT") == "/Sig":
                del field["/V"]

    result = run(documents.edited(documents.signed(), unsigned), preset="ebook")
    assert result.report.outcome == "compressed"
    assert result.warnings() == []


def test_pdfa_1_gets_no_object_streams(run: Run) -> None:
    result = run(documents.pdfa_1b(), preset="ebook")
    data = result.target.read_bytes()
    assert result.report.outcome == "compressed"
    assert b"/ObjStm" not in data
    assert b"/XRef" not in data


@pytest.mark.parametrize("name", ["pdfa_1b", "pdfa_2b", "pdfa_3b"])
def test_pdfa_keeps_plain_xmp_and_output_intent(run: Run, name: str) -> None:
    result = run(documents.STRUCTURES[name](), preset="ebook")
    with result.open() as pdf:
        assert "/Filter" not in pdf.Root.Metadata
        assert b"pdfaid:part" in pdf.Root.Metadata.read_raw_bytes()
        assert len(pdf.Root.OutputIntents) == 1


def test_nothing_won_returns_the_same_bytes(run: Run) -> None:
    once = run(documents.photo_jpeg(), preset="lossless").target.read_bytes()
    again = run(once, preset="lossless")
    assert again.report.outcome == "unchanged"
    assert again.target.read_bytes() == once


def test_what_comes_back_as_it_was_is_not_said_to_be_repaired(run: Run, tmp_path: Path) -> None:
    bare = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Kids[3 0 R]/Count 1/MediaBox[0 0 9 9]>>endobj"
    )
    bare += b"\n3 0 obj<</Type/Page/Parent 2 0 R>>endobj\ntrailer<</Root 1 0 R>>"
    source = documents.write(tmp_path / "no table.pdf", bare)
    report = compress(source, tmp_path / "out.pdf")
    assert (report.outcome, (tmp_path / "out.pdf").read_bytes()) == ("unchanged", bare)
    assert {warning.code for warning in report.warnings} == set()


def test_a_second_run_loses_no_more(run: Run) -> None:
    once = run(documents.photo_jpeg(), preset="ebook")
    again = run(once.target.read_bytes(), preset="ebook")
    assert again.report.output_bytes > once.report.output_bytes * 0.95


def test_presets_are_ordered(run: Run) -> None:
    data = documents.photo_jpeg(dpi=400, quality=95)
    sizes = [run(data, preset=p).report.output_bytes for p in ("lossless", "printer", "ebook", "screen")]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 4


def test_source_and_target_may_be_one_file(tmp_path: Path) -> None:
    path = documents.write(tmp_path / "one.pdf", documents.photo_jpeg())
    before = path.stat().st_size
    report = compress(path, path, CompressOptions(preset="ebook"))
    assert path.stat().st_size == report.output_bytes < before
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_target_alone(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.header_only())
    target = documents.write(tmp_path / "out.pdf", b"precious")
    with pytest.raises(UnreadablePdf):
        compress(source, target)
    assert target.read_bytes() == b"precious"


def test_the_report_adds_up(run: Run) -> None:
    report = run(documents.structured(), preset="ebook").report
    assert report.before.total == report.input_bytes
    assert report.after.total == report.output_bytes
    assert report.images.seen == report.images.changed + sum(report.images.skipped.values())
    assert report.pages == 4
    assert set(report.seconds) >= {"images", "write", "verify", "total"}


def test_progress_rises_to_100(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.duplicate_images())
    seen: list[tuple[str, int]] = []
    compress(source, tmp_path / "out.pdf", progress=lambda stage, percent, _pages=None: seen.append((stage, percent)))
    percents = [percent for _, percent in seen]
    assert percents == sorted(percents)
    assert seen[0] == ("open", 0)
    assert seen[-1] == ("done", 100)


def test_strip_metadata(run: Run) -> None:
    with run(documents.structured(), preset="ebook", strip_metadata=True).open() as pdf:
        assert "/Metadata" not in pdf.Root
        assert "/Info" not in pdf.trailer
        assert "/Outlines" in pdf.Root


def test_metadata_is_kept_by_default(run: Run) -> None:
    result = run(documents.structured(), preset="ebook")
    with pikepdf.open(result.source) as before, result.open() as after:
        assert dict(after.docinfo) == dict(before.docinfo)
        assert ("/Metadata" in after.Root) == ("/Metadata" in before.Root)


def test_linearize(run: Run) -> None:
    with run(documents.structured(), preset="ebook", linearize=True).open() as pdf:
        assert pdf.is_linearized


def test_the_soft_limit_ends_the_search_with_a_valid_file(run: Run) -> None:
    result = run(documents.photo_jpeg(), preset="ebook", limits=Limits(soft_seconds=0.0))
    assert "time_limit" in result.warnings()
    with result.open() as pdf:
        assert len(pdf.pages) == 1


@pytest.mark.parametrize("claimed", [1, 2, 500])
def test_a_wrong_number_of_pages_is_put_right(run: Run, claimed: int) -> None:
    """Poppler shows nothing of a document that claims more pages than it has objects, and these become fewer."""
    data = documents.text(pages=3)
    right = b"/Count 3"
    assert data.count(right) == 1
    result = run(data.replace(right, b"/Count %d" % claimed), preset="ebook")
    assert result.report.pages == 3
    assert result.open().Root.Pages.Count == 3
