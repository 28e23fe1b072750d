from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller.media import PDF
from pdfsmaller.server.folder import usage
from pdfsmaller.server.folder.storage import FolderStorage
from pdfsmaller.server.folder.usage import Usage
from tests.folder_world import SECRET_KEY


def put(root: Path, key: str, size: int) -> FolderStorage:
    storage = FolderStorage(root, SECRET_KEY)
    storage.put_file(storage.results, key, bytes(size), media_type=PDF)
    return storage


def full(root: Path, max_bytes: int | None, percent: float = 90) -> bool:
    return Usage(root, max_bytes, percent).is_full()


def test_is_full_at_a_share_of_the_limit(root: Path) -> None:
    put(root, "a", 89_000)
    assert not full(root, 100_000)
    put(root, "b", 1_000)
    assert full(root, 100_000)
    assert not full(root, 100_000, 95)
    assert not full(root, None)


def test_or_of_the_disk(root: Path) -> None:
    put(root, "a", 10)
    assert full(root, None, 1e-9)
    assert full(root, 10**18, 1e-9)


def test_what_has_two_names_is_there_once(root: Path) -> None:
    put(root, "a", 60_000).copy("results", "a", "results", "b")
    assert not full(root, 100_000)


def test_what_is_unfinished_counts_too(root: Path) -> None:
    put(root, "a", 10)
    (root / "results" / f"b.{'0' * 32}").write_bytes(bytes(100_000))
    assert full(root, 100_000)


def test_is_looked_at_again_after_some_seconds_only(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, looks = 1_000.0, 0
    sizes = usage._sizes

    def counted(folder: Path) -> Any:
        nonlocal looks
        looks += 1
        return sizes(folder)

    monkeypatch.setattr(usage, "_sizes", counted)
    monkeypatch.setattr(usage.time, "monotonic", lambda: now)
    put(root, "a", 10)
    watched = Usage(root, 100_000, 90)
    for _ in range(10):
        assert not watched.is_full()
    put(root, "b", 100_000)
    assert not watched.is_full()
    assert looks == 1
    now += 5
    assert watched.is_full()
    assert looks == 2


def test_nobody_waits_while_another_looks(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, "a", 10)
    watched = Usage(root, 100_000, 90)
    assert not watched.is_full()
    looking, go_on = threading.Event(), threading.Event()

    def slow(folder: Path) -> list[int]:
        looking.set()
        go_on.wait()
        return [100_000]

    monkeypatch.setattr(usage, "_sizes", slow)
    monkeypatch.setattr(watched, "_stale_at", 0.0)
    first = threading.Thread(target=watched.is_full)
    first.start()
    looking.wait()
    assert not watched.is_full()
    go_on.set()
    first.join()
    assert watched.is_full()
