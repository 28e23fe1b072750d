from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from pdfsmaller.errors import CannotServe
from pdfsmaller.processes.data_folder import DataFolder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "a" / "b")
    assert mode(folder.path) == mode(folder.tmp) == 0o700
    assert folder.database_url == f"sqlite:///{folder.path}/jobs.db"


def test_the_secret_key_is_made_once_and_kept(tmp_path: Path) -> None:
    key = DataFolder(tmp_path).secret_key()
    assert len(key) >= 32
    assert DataFolder(tmp_path).secret_key() == key
    assert mode(tmp_path / "secret.key") == 0o600
    assert [path.name for path in tmp_path.glob(".secret*")] == []


def test_many_that_ask_for_it_at_once_get_the_same(tmp_path: Path) -> None:
    DataFolder(tmp_path)
    with multiprocessing.get_context("fork").Pool(8) as pool:
        assert len(set(pool.map(_key, [tmp_path] * 40, chunksize=1))) == 1


def _key(path: Path) -> str:
    return DataFolder(path).secret_key()


def test_a_key_that_others_may_read_is_closed_again(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    folder.secret_key()
    (tmp_path / "secret.key").chmod(0o644)
    folder.secret_key()
    assert mode(tmp_path / "secret.key") == 0o600


def test_a_key_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("short")
    with pytest.raises(CannotServe, match="Bring it back from a backup, or delete it"):
        DataFolder(tmp_path).secret_key()


def test_only_one_has_it_at_a_time(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with folder.held(), pytest.raises(CannotServe, match="Another `pdfsmaller serve`"), DataFolder(tmp_path).held():
        pass
    with folder.held():
        pass


def test_a_child_that_outlives_its_holder_does_not_have_it(tmp_path: Path) -> None:
    began, stopped = os.pipe(), os.pipe()
    with DataFolder(tmp_path).held():
        child = os.fork()
        if child == 0:
            os.write(began[1], b"x")
            os.read(stopped[0], 1)
            os._exit(0)
        os.read(began[0], 1)
    try:
        with DataFolder(tmp_path).held():
            pass
    finally:
        os.write(stopped[1], b"x")
        os.waitpid(child, 0)
        for descriptor in (*began, *stopped):
            os.close(descriptor)


def test_a_file_in_its_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(CannotServe, match="Choose another one with --data"):
        DataFolder(tmp_path / "data")
