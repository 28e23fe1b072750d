"""``pdfsmaller remote`` against the real service: the command's files, words and exit codes."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from pdfsmaller.cli.app import run
from pdfsmaller.client import Client
from tests import documents
from tests.processes.served import Served


def remote(served: Served, *arguments: object) -> int:
    return run(["remote", *map(str, arguments), "--server", served.url])


def test_a_file_is_made_smaller_elsewhere(served: Served, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = documents.write(here / "photo.pdf", documents.photo_jpeg())
    assert remote(served, "compress", source, "-o", here / "out.pdf", "--preset", "screen") == 0
    assert (here / "out.pdf").stat().st_size < source.stat().st_size
    assert "images" in capsys.readouterr().out


def test_several_results_keep_their_names(served: Served, here: Path) -> None:
    source = documents.write(here / "book.pdf", documents.text(pages=3))
    assert remote(served, "split", source, "--output-dir", here / "parts", "--every", "1", "-q") == 0
    assert len(list((here / "parts").iterdir())) == 3


def test_what_is_refused_elsewhere_has_the_exit_code_that_it_has_here(
    served: Served, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = here / "broken.pdf"
    source.write_bytes(b"%PDF-1.7\nnothing else")
    assert remote(served, "compress", source, "-o", here / "out.pdf") == 3
    assert capsys.readouterr().err.count("\n") == 1
    assert not (here / "out.pdf").exists()


def test_a_job_can_be_looked_at_and_fetched_later(
    served: Served, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job_id = served.post(documents.text())["job_id"]
    assert remote(served, "download", job_id, "-o", here / "out.pdf") == 0
    assert (here / "out.pdf").read_bytes().startswith(b"%PDF-")
    assert remote(served, "status", job_id) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "succeeded"
    assert remote(served, "delete", job_id) == 0
    assert remote(served, "download", job_id, "-o", here / "again.pdf") == 1


def test_a_service_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pdfsmaller.cli.remote.Client", partial(Client, patience_seconds=0))
    assert run(["remote", "health", "--server", "http://127.0.0.1:9"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
