"""The judges are asked, or named where they are missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.judge import pdfjs, preflight, signatures
from benchmarks.judge.__main__ import Judged, markdown, read
from benchmarks.measure import write_table
from tests import documents

needs_preflight = pytest.mark.skipif(bool(preflight.missing()), reason="PDFBox preflight is not installed")


@pytest.mark.skipif(not (pdfjs.missing() or signatures.missing()), reason="the judges are installed here")
def test_what_is_missing_is_named_at_once(tmp_path: Path) -> None:
    documents.write(tmp_path / "text.pdf", documents.text())
    command = [sys.executable, "-m", "benchmarks.judge", "--corpus", str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert told.stderr.startswith("error: missing: ")
    assert "make judge" in told.stderr


def test_only_documents_that_say_they_are_pdfa_1_are_validated(tmp_path: Path) -> None:
    one = documents.write(tmp_path / "one.pdf", documents.pdfa_1b())
    two = documents.write(tmp_path / "two.pdf", documents.pdfa_2b())
    assert preflight.claims(one)
    assert not preflight.claims(two)
    assert not preflight.claims(documents.write(tmp_path / "none.pdf", b"no PDF"))
    assert preflight.differences(two, two) == []


@needs_preflight
def test_preflight_says_which_rules_are_broken(tmp_path: Path) -> None:
    broken = preflight.errors(documents.write(tmp_path / "text.pdf", documents.text()))
    assert "7.1" in broken  # no metadata
    assert preflight.differences(tmp_path / "text.pdf", tmp_path / "text.pdf") == []


def test_the_page_counts_by_folder_what_each_judge_was_asked_and_explains_what_differs(tmp_path: Path) -> None:
    rows = [
        Judged("signed/a.pdf", "unchanged", "pyHanko", ""),
        Judged("signed/b.pdf", "0.500", "pdf.js,pyHanko", "signatures: intact; then none"),
        Judged("other/c.pdf", "refused", "", ""),
    ]
    page = markdown(rows, ["3 documents"])
    assert "| signed | 2 | 1 | 1 | 0 | 1 | 0 | 2 | 1 |" in page
    assert "| other | 1 | 0 | 0 | 1 | 0 | 0 | 0 | 0 |" in page
    assert "| signed/b.pdf | 0.500 | signatures: intact; then none |  |" in page
    write_table(tmp_path / "judge.tsv", rows)
    assert read(tmp_path / "judge.tsv") == rows
    assert read(tmp_path / "none.tsv") == []
