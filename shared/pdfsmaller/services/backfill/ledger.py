"""What became of each document of a backfill: one SQLite file, which survives whoever writes it, however it ends.

A document is in it once for each version that was seen: one that was changed since is another item. Before anything is
done for an item the ledger says so, and it says that the item is over only once its result stands. So whoever comes
next knows where to go on.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import IO, Any

from pdfsmaller.errors import InvalidOption, LedgerInUse, LedgerUnusable
from pdfsmaller.jobs.collections import Original

#: Documents entered in one transaction.
_ENTERED_AT_ONCE = 5_000
#: How long one process waits for another's write, in seconds: ``status`` may look while a backfill runs.
_WAIT_SECONDS = 30.0
_TABLES = """
CREATE TABLE IF NOT EXISTS plan (told TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY,
    name BLOB NOT NULL,
    version TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    state TEXT NOT NULL,
    code TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    job_id TEXT NOT NULL DEFAULT '',
    sha256 TEXT NOT NULL DEFAULT '',
    bytes_after INTEGER NOT NULL DEFAULT 0,
    changed_at REAL NOT NULL,
    UNIQUE (name, version)
);
CREATE INDEX IF NOT EXISTS items_by_state ON items (state, id);
"""
_ITEM = "id, name, version, bytes, state, code, message, job_id, sha256, bytes_after"
#: Of several versions of one document one is under way at a time.
_NEXT = f"""
SELECT {_ITEM} FROM items AS item WHERE state = 'waiting' AND id > ? AND NOT EXISTS (
    SELECT 1 FROM items AS other WHERE other.name = item.name AND other.state = 'taken'
) ORDER BY id LIMIT ?
"""


#: Why a document is left alone that a backfill made itself.
OURS = "already_compressed"
#: Why an item is over whose document was changed, or taken away, before it was done.
CHANGED, GONE = "changed", "gone"
_ENTER = f"""
INSERT INTO items (name, version, bytes, state, changed_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (name, version) DO UPDATE SET state = 'waiting', code = '', message = '', job_id = ''
WHERE (state = 'skipped' AND code IN ('{CHANGED}', '{GONE}')) OR (state = 'done' AND EXISTS (
    SELECT 1 FROM items AS other
    WHERE other.name = items.name AND other.state = 'done' AND other.changed_at > items.changed_at
))
"""


class State(StrEnum):
    """How far an item is: TAKEN for a job that was perhaps not even made yet. DONE: its result is where it should be.
    SKIPPED: there was nothing to do, or nothing is to be done; FAILED: it could not be done. Both have a code.
    """

    WAITING = "waiting"
    TAKEN = "taken"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Item:
    """One version of one document.

    Attributes:
        code, message: why it was skipped or failed; of one that is done what else is to be said of it.
        job_id: its job; empty where it has none (yet).
        sha256: of the result that was last about to be laid; empty before.
        bytes_after: of the result that stands.
    """

    item_id: int
    original: Original
    state: State
    code: str = ""
    message: str = ""
    job_id: str = ""
    sha256: str = ""
    bytes_after: int = 0


@dataclass(frozen=True, slots=True)
class Count:
    """Items in one state with one code: how many, their bytes, and those of what was made of them."""

    state: State
    code: str
    items: int
    bytes: int
    bytes_after: int

    @property
    def is_ours(self) -> bool:
        """Whether these are what a backfill made itself, in their documents' places: no documents of their own."""
        return self.code == OURS


class Ledger:
    """One such file. Threads may share it.

    Args:
        must_exist: it is not made where there is none.

    Raises:
        LedgerUnusable: it is none, or cannot be made.
    """

    def __init__(self, path: Path, *, must_exist: bool = False) -> None:
        if must_exist and not path.is_file():
            raise LedgerUnusable(f"There is no ledger {path}: no backfill was begun with it. --ledger names another.")
        self.path = path
        self._lock = threading.RLock()
        self._held: IO[str] | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_TABLES)
        except (OSError, sqlite3.Error) as exc:
            why = getattr(exc, "strerror", None) or exc
            raise LedgerUnusable(f"The ledger {path} cannot be used ({why}). Name another file with --ledger.") from exc

    def close(self) -> None:
        self._db.close()
        if self._held:
            self._held.close()

    def hold(self) -> None:
        """Have it for this process alone, until ``close``. The system gives it back when the process dies.

        Raises:
            LedgerInUse: another process has it.
        """
        lock = self.path.with_name(self.path.name + ".lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise LedgerInUse(
                f"Another backfill runs with the ledger {self.path}. Let it end, or name another file with --ledger."
            ) from None
        self._held = lock

    # What the backfill is

    def plan(self) -> dict[str, Any] | None:
        """What was to be done; None before ``begin``."""
        row = self._db.execute("SELECT told FROM plan").fetchone()
        told: dict[str, Any] | None = json.loads(row[0]) if row else None
        return told

    def begin(self, plan: Mapping[str, Any]) -> None:
        """Keep what is to be done. A ledger is for one plan: what is done already would else be taken for the other's.

        Raises:
            InvalidOption: it is for another one.
        """
        with self._transaction():
            kept = self.plan()
            if kept is None:
                self._db.execute("INSERT INTO plan VALUES (?)", (json.dumps(plan),))
                return
        for name in {**kept, **plan}:
            before, now = kept.get(name), plan.get(name)
            if before != now:
                raise InvalidOption(
                    name,
                    now,
                    [str(before)],
                    f"The ledger {self.path} is of a backfill with {name} {_said(before)}, not {_said(now)}. Say the "
                    "same again to go on with it, or name another file with --ledger.",
                )

    # Items

    def enter(self, originals: Iterable[Original]) -> int:
        """Have these wait, unless they are known; how many were new.

        A version that had gone, or that another one came after, is new once more when it is there again.
        """
        added, remaining = 0, iter(originals)
        while batch := list(islice(remaining, _ENTERED_AT_ONCE)):
            now = time.time()
            rows = [(_blob(item.name), item.version, item.bytes, State.WAITING, now) for item in batch]
            with self._transaction():
                before = self._db.total_changes
                self._db.executemany(_ENTER, rows)
                added += self._db.total_changes - before
        return added

    def waiting(self, at_most: int, after: int = 0) -> list[Item]:
        """Some that wait, the first entered first, of none of whose documents another version is under way.

        Args:
            after: those behind the item of this id.
        """
        with self._lock:
            return [_item(row) for row in self._db.execute(_NEXT, (after, at_most))]

    def has(self, *states: State) -> bool:
        """Whether an item is in one of these states."""
        marks = ", ".join("?" * len(states))
        with self._lock:
            return (
                self._db.execute(f"SELECT 1 FROM items WHERE state IN ({marks}) LIMIT 1", states).fetchone() is not None
            )

    def items(self, *states: State) -> Iterator[Item]:
        """All items in these states."""
        marks = ", ".join("?" * len(states))
        last = 0
        while True:
            with self._lock:
                rows = self._db.execute(
                    f"SELECT {_ITEM} FROM items WHERE state IN ({marks}) AND id > ? ORDER BY id LIMIT 1000",
                    (*states, last),
                ).fetchall()
            if not rows:
                return
            for row in rows:
                yield _item(row)
            last = rows[-1][0]

    def take(self, item: Item, job_id: str) -> Item:
        """An item's job has this id from now on, and is about to be made."""
        self._change(item, state=State.TAKEN, job_id=job_id, code="", message="")
        return replace(item, state=State.TAKEN, job_id=job_id, code="", message="")

    def about_to_lay(self, item: Item, sha256: str, bytes_after: int) -> None:
        """A file of this content is about to be laid."""
        self._change(item, sha256=sha256, bytes_after=bytes_after)

    def may_have_laid(self, name: str) -> bool:
        """Whether a result was ever about to be laid for a document of this name."""
        query = "SELECT 1 FROM items WHERE name = ? AND sha256 <> '' LIMIT 1"
        with self._lock:
            return self._db.execute(query, (_blob(name),)).fetchone() is not None

    def end(self, item: Item, state: State, code: str = "", message: str = "", *, bytes_after: int = 0) -> None:
        """An item is over.

        Args:
            bytes_after: of its result that stands.
        """
        self._change(item, state=state, code=code, message=message, bytes_after=bytes_after)

    def replaced(self, item: Item, by: Original, code: str = "") -> None:
        """An item is done, and what stands in its document's place is nothing to be done again."""
        with self._transaction():
            self.end(item, State.DONE, code, bytes_after=by.bytes)
            self._write(
                "INSERT INTO items (name, version, bytes, state, code, changed_at) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (name, version) DO UPDATE SET state = excluded.state, code = excluded.code",
                (_blob(by.name), by.version, by.bytes, State.SKIPPED, OURS, time.time()),
            )

    def superseded(self, item: Item, now: Original | None) -> None:
        """An item is over since its document is no longer what it was: as it is now it waits, if it is there."""
        with self._transaction():
            if now is None:
                self.end(item, State.SKIPPED, GONE, "The document was taken away before it was done.")
                return
            self.end(item, State.SKIPPED, CHANGED, "The document was changed before it was done.")
            self.enter([now])

    def retry_failed(self, code: str | None = None) -> int:
        """Have those wait again that failed, all or those with a code; how many there were."""
        query = "UPDATE items SET state = ?, code = '', message = '', job_id = '', changed_at = ? WHERE state = ?"
        given: tuple[Any, ...] = (State.WAITING, time.time(), State.FAILED)
        return self._write(query + " AND code = ?", (*given, code)) if code else self._write(query, given)

    def counts(self) -> list[Count]:
        """How many items there are, by state and code."""
        with self._lock:
            rows = self._db.execute(
                "SELECT state, code, count(*), sum(bytes), sum(bytes_after) FROM items "
                "GROUP BY state, code ORDER BY state, count(*) DESC, code"
            ).fetchall()
        return [Count(State(state), code, items, before, after) for state, code, items, before, after in rows]

    def _change(self, item: Item, **values: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        given = (*values.values(), time.time(), item.item_id)
        self._write(f"UPDATE items SET {names}, changed_at = ? WHERE id = ?", given)

    def _write(self, query: str, values: tuple[Any, ...]) -> int:
        with self._lock:
            return self._db.execute(query, values).rowcount

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All that is written within it stands, or nothing. One within another is part of that."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


def _said(value: Any) -> str:
    return "(not given)" if value in (None, "", [], {}) else str(value)


def _blob(name: str) -> bytes:
    """A name as it is kept: file systems have names that are no UTF-8."""
    return name.encode("utf-8", "surrogateescape")


def _item(row: tuple[Any, ...]) -> Item:
    item_id, name, version, size, state, code, message, job_id, sha256, bytes_after = row
    original = Original(name.decode("utf-8", "surrogateescape"), size, version)
    return Item(item_id, original, State(state), code, message, job_id, sha256, bytes_after)
