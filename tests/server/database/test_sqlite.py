"""SQLite: what is set in every connection, and what may happen to a file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from pdfsmaller import errors, events
from pdfsmaller.server import database
from pdfsmaller.server.database import migrations
from tests.server.database.conftest import Place
from tests.server.database.parts import queue, store
from tests.server.database.processes import ROOT

CREATED = events.ObjectCreated("uploads", "inbox/a", "1")


def test_every_connection_writes_ahead_and_to_the_disk(on_sqlite: Place) -> None:
    opened = on_sqlite.open()
    for context in (opened.reading, opened.writing):
        with context() as connection:
            found = {
                name: connection.execute(text(f"PRAGMA {name}")).scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
        assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def synchronous(connection: Connection) -> object:
    return connection.execute(text("PRAGMA synchronous")).scalar()


def test_only_what_must_last_waits_for_the_disk(on_sqlite: Place) -> None:
    opened = on_sqlite.open()
    with opened.writing(lasting=False) as connection:
        assert synchronous(connection) == 1
    with pytest.raises(ZeroDivisionError), opened.writing(lasting=False):
        raise ZeroDivisionError
    for context in (opened.reading, opened.writing):
        with context() as connection:
            assert synchronous(connection) == 2
    with opened.together(), opened.writing(lasting=False) as connection:
        assert synchronous(connection) == 2, "it is a part of one that must"


def test_a_lock_that_is_held_for_too_long_is_503_for_writers_and_nothing_to_readers(on_sqlite: Place) -> None:
    opened = on_sqlite.open(busy_seconds=0.2)
    queue(opened).announce(CREATED)
    other = sqlite3.connect(on_sqlite.url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert queue(opened).depth() == {"waiting": 1, "in_flight": 0}
    with pytest.raises(errors.StoreUnavailable) as caught:
        queue(opened).announce(CREATED)
    assert (caught.value.http_status, caught.value.retry_after) == (503, 5.0)
    assert "locked" not in caught.value.message
    other.execute("ROLLBACK")
    queue(opened).announce(CREATED)
    other.close()


def test_waiting_for_a_lock_goes_on_for_as_long_as_was_said(on_sqlite: Place) -> None:
    opened = on_sqlite.open(busy_seconds=0.5)
    opened.now()
    other = sqlite3.connect(on_sqlite.url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    with pytest.raises(errors.StoreUnavailable):
        queue(opened).announce(CREATED)
    assert 0.5 <= time.monotonic() - begun < 20
    other.close()


def test_a_fork_within_a_transaction_leaves_it_to_the_parent(on_sqlite: Place) -> None:
    opened = on_sqlite.open()
    with opened.together():
        queue(opened).announce(CREATED)
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        queue(opened).announce(CREATED)
    assert queue(opened).depth() == {"waiting": 2, "in_flight": 0}


def test_a_file_that_is_no_database_is_away(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    opened = database.opened(f"sqlite:///{tmp_path}/jobs.db")
    with pytest.raises(errors.StoreUnavailable):
        migrations.upgrade(opened)
    assert (tmp_path / "jobs.db").read_bytes().startswith(b"no database")


def test_a_folder_that_is_not_there_is_said_at_the_start(tmp_path: Path) -> None:
    opened = database.opened(f"sqlite:///{tmp_path}/absent/jobs.db")
    with pytest.raises(errors.UnsuitableDatabase, match="DATABASE_URL"):
        opened.require_suitable(1)


def test_a_good_one_is_found_suitable(on_sqlite: Place) -> None:
    on_sqlite.open().require_suitable(8)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("nothing can be mounted here (root can)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_said_so_and_loses_nothing(small_disk: Path, empty_sqlite: Path) -> None:
    shutil.copy(empty_sqlite, small_disk / "jobs.db")
    opened = database.opened(f"sqlite:///{small_disk}/jobs.db")
    messages = queue(opened)
    written = 0
    with pytest.raises(errors.DiskFull) as caught:  # noqa: PT012
        while written < 10_000:
            messages.send("x" * 5_000)
            written += 1
    assert written > 10
    assert caught.value.http_status in (503, 507)
    assert "disk is full" in caught.value.message
    with pytest.raises(errors.DiskFull), opened.together():  # noqa: PT012
        store(opened).claim("what", "job", kept_seconds=60)
        for _ in range(100):
            messages.send("x" * 5_000)
    assert store(opened).claimed_by("what") is None
    assert messages.depth() == {"waiting": written, "in_flight": 0}
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    messages.send("again")
    assert messages.depth() == {"waiting": written + 1, "in_flight": 0}
    opened.close()


def test_a_file_that_may_not_grow_is_away_and_loses_nothing(on_sqlite: Place) -> None:
    code = """
import resource, sys
from pdfsmaller import errors
from pdfsmaller.server import database
from tests.server.database.parts import queue
messages = queue(database.opened(sys.argv[1]))
messages.send("first")
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
written = 1
try:
    while written < 1_000:
        messages.send("x" * 5_000)
        written += 1
except (errors.StoreUnavailable, errors.DiskFull):
    print(written)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, on_sqlite.url],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}"},
        check=True,
    )
    assert queue(on_sqlite.open()).depth() == {"waiting": int(done.stdout), "in_flight": 0}
