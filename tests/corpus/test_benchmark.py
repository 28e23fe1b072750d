"""The engine's benchmark runs and counts as it says."""

from __future__ import annotations

import csv
import importlib
import subprocess
import sys
from pathlib import Path

from tests import documents


def test_one_command_measures_a_folder(tmp_path: Path) -> None:
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    corpus.mkdir()
    documents.write(corpus / "photo.pdf", documents.photo_jpeg(600, 450))
    documents.write(corpus / "text.pdf", documents.text())
    documents.write(corpus / "locked-pw_x.pdf", documents.encrypted_user())
    arguments = ["--corpus", str(corpus), "--out", str(out), "--tools", "pdfsmaller ebook"]
    subprocess.run([sys.executable, "-m", "benchmarks.engine", *arguments], check=True, capture_output=True, timeout=60)
    rows = list(csv.DictReader((out / "engine.tsv").read_text().splitlines(), delimiter="\t"))
    assert [row["file"] for row in rows] == ["photo.pdf", "text.pdf"]
    assert all((row["pages_kept"], row["text_kept"]) == ("True", "True") for row in rows)
    assert int(rows[0]["bytes_out"]) < int(rows[0]["bytes_in"])
    assert "| pdfsmaller ebook | 0." in (out / "engine.md").read_text()


def test_a_grown_or_failed_result_counts_as_the_original() -> None:
    make = importlib.import_module("benchmarks.engine.__main__").Row

    def ratio(bytes_out: int, *, pages_kept: bool = True) -> float:
        return float(make("a.pdf", "tool", 100, bytes_out, 1.0, 1, pages_kept, True).ratio)

    assert [ratio(50), ratio(150), ratio(0), ratio(50, pages_kept=False)] == [0.5, 1.0, 1.0, 1.0]
