"""What is found in a watched folder, whatever somebody puts there."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from pdfsmaller.services.watch.folder import MAX_DEPTH, WatchedFolder, Writing

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs files of every kind")


@pytest.fixture
def folder(tmp_path: Path) -> WatchedFolder:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.pdf").write_bytes(b"secret")
    return WatchedFolder(tmp_path / "inbox")


def test_only_regular_files_are_found(folder: WatchedFolder) -> None:
    (folder.path / "a.pdf").write_bytes(b"a")
    (folder.path / "link.pdf").symlink_to(folder.path.parent / "secret" / "key.pdf")
    (folder.path / "folder").symlink_to(folder.path.parent / "secret")
    (folder.path / "loop").symlink_to(folder.path)
    os.mkfifo(folder.path / "pipe.pdf")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(folder.path / "socket.pdf"))
        listing = folder.list()
    assert list(listing.files) == ["a.pdf"]
    assert listing.complete


def test_no_link_is_followed_that_took_a_files_place(folder: WatchedFolder) -> None:
    (folder.path / "x").mkdir()
    (folder.path / "x" / "key.pdf").write_bytes(b"harmless")
    writing = folder.list().files["x/key.pdf"]
    (folder.path / "x").rename(folder.path / "y")
    (folder.path / "x").symlink_to(folder.path.parent / "secret")
    secret = (folder.path.parent / "secret" / "key.pdf").stat()
    assert folder.writing("x/key.pdf") is None
    assert folder.open("x/key.pdf", writing) is None
    assert folder.open("x/key.pdf", Writing(secret.st_size, secret.st_mtime_ns)) is None
    (folder.path / "key.pdf").symlink_to(folder.path.parent / "secret" / "key.pdf")
    assert folder.writing("key.pdf") is None
    assert folder.open("key.pdf", Writing(secret.st_size, secret.st_mtime_ns)) is None


def test_a_pipe_that_took_a_files_place_is_not_waited_for(folder: WatchedFolder) -> None:
    os.mkfifo(folder.path / "a.pdf")
    facts = (folder.path / "a.pdf").stat()
    assert folder.open("a.pdf", Writing(facts.st_size, facts.st_mtime_ns)) is None


def test_a_file_is_opened_as_it_was_seen_or_not_at_all(folder: WatchedFolder) -> None:
    (folder.path / "a.pdf").write_bytes(b"a")
    writing = folder.list().files["a.pdf"]
    file = folder.open("a.pdf", writing)
    assert file
    with file:
        assert file.read() == b"a"
    (folder.path / "a.pdf").write_bytes(b"longer")
    assert folder.open("a.pdf", writing) is None


def test_folders_have_an_end(folder: WatchedFolder) -> None:
    deep = folder.path
    for depth in range(MAX_DEPTH + 5):
        (deep / f"{depth}.pdf").write_bytes(b"x")
        deep = deep / "d"
        deep.mkdir()
    assert len(folder.list().files) == MAX_DEPTH + 1


def test_nothing_is_left_open(folder: WatchedFolder) -> None:
    (folder.path / "x").mkdir()
    (folder.path / "x" / "a.pdf").write_bytes(b"a")
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(20):
        [(name, writing)] = folder.list().files.items()
        folder.writing(name)
        folder.open("x/none.pdf", writing)
        folder.open(name, Writing(0, 0))
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_a_folder_that_is_not_there_is_an_error(folder: WatchedFolder) -> None:
    with pytest.raises(FileNotFoundError):
        WatchedFolder(folder.path / "none").list()
