"""The sweep sees what is worse in a result, and goes on where it was stopped."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pikepdf
import pytest

from benchmarks.sweep.row import read
from benchmarks.sweep.through import differences
from tests import documents

needs_poppler = pytest.mark.skipif(not shutil.which("pdftoppm"), reason="poppler is not installed")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return documents.write(tmp_path / "in.pdf", documents.text())


@needs_poppler
def test_a_folder_is_swept_and_only_new_documents_when_asked_again(tmp_path: Path) -> None:
    suite, table = tmp_path / "corpus" / "suite", tmp_path / "out" / "sweep.tsv"
    suite.mkdir(parents=True)
    documents.write(suite / "text.pdf", documents.text())
    documents.write(suite / "locked.pdf", documents.encrypted_user())
    command = [sys.executable, "-m", "benchmarks.sweep", "--corpus", str(suite.parent), "--out", str(table)]

    first = subprocess.run(command, capture_output=True, text=True, check=True)

    assert first.stdout == "2 documents, 0 findings\n"
    assert {(row.file, row.outcome) for row in read(table)} == {
        ("suite/text.pdf", "compressed"),
        ("suite/locked.pdf", "password_required"),
    }
    assert "| suite | 2 | 1 | 1 | 0 |" in table.with_name("sweep.md").read_text()
    documents.write(suite / "text.pdf", b"no PDF any more")
    documents.write(suite / "new.pdf", b"nor is this")
    subprocess.run(command, capture_output=True, check=True)
    assert [row.outcome for row in read(table)] == ["password_required", "not_a_pdf", "compressed"]


@needs_poppler
def test_an_equal_result_has_no_findings(source: Path) -> None:
    assert differences(source, source) == ([], 1.0)


@needs_poppler
def test_text_that_went_is_found_by_both_readers(source: Path, tmp_path: Path) -> None:
    with pikepdf.open(source) as pdf:
        for page in pdf.pages:
            page.Contents = pdf.make_stream(b"")
        pdf.save(tmp_path / "out.pdf")

    found, ssim = differences(source, tmp_path / "out.pdf")

    assert [finding.partition(":")[0] for finding in found[:2]] == ["text by poppler", "text by PDFium"]
    assert ssim < 1


@needs_poppler
def test_a_page_painted_over_is_found_by_its_looks(source: Path, tmp_path: Path) -> None:
    with pikepdf.open(source) as pdf:
        pdf.pages[0].contents_add(b"0 g 0 0 2000 2000 re f")
        pdf.save(tmp_path / "out.pdf", compress_streams=True)

    assert "looks" in differences(source, tmp_path / "out.pdf")[0]


@needs_poppler
@pytest.mark.filterwarnings("ignore:This document has")
def test_pages_and_structure_that_went_are_found(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.form())
    with pikepdf.open(source) as pdf:
        pdf.add_blank_page()
        del pdf.Root.AcroForm
        pdf.save(tmp_path / "out.pdf")

    found, _ = differences(source, tmp_path / "out.pdf")

    assert {"pages: 1, then 2", "lost: fields"} <= set(found)
