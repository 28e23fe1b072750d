"""A file keeps what its policy says, whichever way it is written."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Encryption, Name, Pdf

from pdfsmaller.engine import save as saving
from pdfsmaller.engine.save import BETWEEN, Policy, finish, laid_open, save, writer
from pdfsmaller.limits import Limits
from tests import documents


@pytest.fixture
def pdf(tmp_path: Path) -> Iterator[Pdf]:
    with pikepdf.open(documents.write(tmp_path / "in.pdf", documents.text(40))) as opened:
        yield opened


@pytest.mark.parametrize("linearize", [False, True])
@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("pdfa", [None, 1, 2])
def test_pdfa_1_has_no_object_streams(
    pdf: Pdf, tmp_path: Path, pdfa: int | None, compact: bool, linearize: bool
) -> None:
    target = tmp_path / "out.pdf"
    save(pdf, target, Policy(pdfa, linearize, compact=compact))
    data = target.read_bytes()
    assert (b"/ObjStm" in data or b"/XRef" in data) == (pdfa != 1)
    with pikepdf.open(target) as written:
        assert len(written.pages) == 40
        assert written.is_linearized == linearize


@pytest.mark.parametrize("policy", [BETWEEN, Policy(compact=True), Policy(linearize=True)])
def test_the_same_document_is_the_same_file(tmp_path: Path, policy: Policy) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.text(3))
    first, second = tmp_path / "a.pdf", tmp_path / "b.pdf"
    for target in (first, second):
        with pikepdf.open(source) as pdf:
            save(pdf, target, policy)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("policy", [BETWEEN, Policy(compact=True)])
def test_what_was_encrypted_stays_so(tmp_path: Path, policy: Policy) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.text(2))
    locked = finish(source, tmp_path / "locked.pdf", Policy(encryption=Encryption(owner="o", user="u")), Limits())
    target = tmp_path / "out.pdf"
    with pikepdf.open(locked, password="u") as pdf:
        save(pdf, target, policy)
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(target)
    with pikepdf.open(target, password="u") as pdf:
        assert pdf.is_encrypted
        with pikepdf.open(io.BytesIO(laid_open(pdf))) as opened:
            assert len(opened.pages) == 2
            assert not opened.is_encrypted


def test_a_compact_file_is_written_anew_and_others_have_what_is_identical_once(
    pdf: Pdf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for page in pdf.pages:
        box = Array([0, 0, 9, 9])
        form = pdf.make_stream(b"0 0 9 9 re f", Type=Name.XObject, Subtype=Name.Form, BBox=box)
        page.obj.Resources.XObject = Dictionary(X=form)
    packed, plain, by_qpdf = (tmp_path / name for name in ("a.pdf", "b.pdf", "c.pdf"))
    save(pdf, plain, Policy())
    save(pdf, packed, Policy(compact=True))
    monkeypatch.setattr(saving, "MAX_PACKED_OBJECTS", 10)
    save(pdf, by_qpdf, Policy(compact=True))
    assert packed.stat().st_size < by_qpdf.stat().st_size < plain.stat().st_size
    with pikepdf.open(by_qpdf) as written:
        assert len({page.obj.Resources.XObject.X.objgen for page in written.pages}) == 1


def test_profiles_are_asked_for_where_they_can_be_left_out_alone(pdf: Pdf, tmp_path: Path) -> None:
    asked: list[int] = []

    def profiles() -> set[tuple[int, int]]:
        asked.append(1)
        return set()

    save(pdf, tmp_path / "a.pdf", Policy(linearize=True, compact=True), device_rgb=profiles)
    assert asked == []
    save(pdf, tmp_path / "a.pdf", Policy(compact=True), device_rgb=profiles)
    assert asked == [1]


def test_a_finished_file_is_the_written_one_where_nothing_is_to_be_done(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.text())
    target = tmp_path / "out.pdf"
    assert finish(source, target, Policy(), Limits()) == source
    assert finish(source, target, Policy(linearize=True), Limits()) == target
    with pikepdf.open(target) as pdf:
        assert pdf.is_linearized


@pytest.mark.parametrize(("policy", "header"), [(Policy(), b"%PDF-1.5"), (Policy(pdfa=1), b"%PDF-1.4")])
def test_a_writer_keeps_to_the_policy(tmp_path: Path, policy: Policy, header: bytes) -> None:
    target = tmp_path / "out.pdf"
    with target.open("wb") as file:
        made = writer(file, policy)
        pages = made.reserve()
        page = made.write(b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 9 9]>>" % pages)
        made.write(b"<</Type/Pages/Count 1/Kids[%d 0 R]>>" % page, pages)
        made.finish(made.write(b"<</Type/Catalog/Pages %d 0 R>>" % pages))
    data = target.read_bytes()
    assert data.startswith(header)
    assert (b"/ObjStm" in data) == policy.object_streams
