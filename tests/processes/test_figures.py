from __future__ import annotations

import os
from pathlib import Path

import pytest

from pdfsmaller.processes import figures

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test sets is gone after it."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    os.environ.pop(VARIABLE, None)


def test_a_folder_that_is_named_is_made_and_emptied_of_what_was_counted_before(tmp_path: Path) -> None:
    os.environ[VARIABLE] = str(tmp_path / "a" / "figures")
    figures.begin(tmp_path)
    folder = tmp_path / "a" / "figures"
    (folder / "counter_7.db").touch()
    (folder / "something of somebody's").touch()
    figures.begin(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["something of somebody's"]
    figures.end()
    assert folder.is_dir()


def test_one_that_is_not_is_made_in_memory_and_removed(tmp_path: Path) -> None:
    figures.begin(tmp_path)
    [folder] = tmp_path.iterdir()
    assert os.environ[VARIABLE] == str(folder)
    figures.end()
    assert not folder.exists()


def test_where_memory_has_no_place_another_is_found(tmp_path: Path) -> None:
    figures.begin(tmp_path / "none")
    folder = Path(os.environ[VARIABLE])
    assert folder.is_dir()
    figures.end()
    assert not folder.exists()


def test_what_a_process_said_of_its_present_goes_with_it_and_what_it_counted_stays(tmp_path: Path) -> None:
    figures.forget(7)  # nobody counts together here
    os.environ[VARIABLE] = str(tmp_path)
    figures.begin(tmp_path)
    for name in ("gauge_livesum_7.db", "gauge_livesum_8.db", "counter_7.db"):
        (tmp_path / name).touch()
    figures.forget(7)
    assert {path.name for path in tmp_path.iterdir()} == {"gauge_livesum_8.db", "counter_7.db"}
