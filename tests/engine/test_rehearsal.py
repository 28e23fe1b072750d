"""The page that the fork server compresses ahead of all jobs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pikepdf
import pytest

from pdfsmaller.engine import compress, rehearsal
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.report import Report
from pdfsmaller.engine.results import Done

_NEEDED_ONCE = """
from pdfsmaller.engine import ahead, libraries, memory, values
from pdfsmaller.engine.report import Report
libraries.load()
for step in ahead.steps([]):
    step()
assert Report in values._types
assert memory._memcmp.cache_info().currsize
"""


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Done[Report]]:
    """What compressing the page has given."""
    run, made = compress.run, []

    def kept(sources: list[InputFile], *arguments: object, **named: object) -> Done[Report]:
        with pikepdf.open(sources[0].path) as pdf:
            assert len(pdf.pages) == 1
        done = run(sources, *arguments, **named)  # type: ignore[arg-type]
        made.append(done)
        return done

    monkeypatch.setattr(compress, "run", kept)
    return made


def test_the_page_goes_through_all_that_a_document_of_text_does(made: list[Done[Report]]) -> None:
    rehearsal.rehearse()
    (done,) = made
    assert done.report.outcome == "compressed"
    assert done.report.comparison.pages == 1
    assert not done.report.comparison.skipped
    assert not done.report.warnings


def test_it_starts_no_thread_whose_memory_would_count_for_every_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: started.append(thread.name))
    rehearsal.rehearse()
    assert not started


def test_nothing_of_it_is_left_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    rehearsal.rehearse()
    assert not list(tmp_path.iterdir())


def test_without_a_folder_to_write_to_it_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: list[Done[Report]]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    rehearsal.rehearse()
    assert not made


@pytest.mark.skipif(sys.platform != "linux", reason="the fork server is Linux's")
def test_what_a_document_asks_for_once_is_there_before_the_first() -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    subprocess.run([sys.executable, "-c", _NEEDED_ONCE], env=env, check=True)
