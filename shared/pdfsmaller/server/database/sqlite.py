"""SQLite, on a local disk: one writer at a time, readers beside it, every commit on the disk before it is answered."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, Insert, Table, bindparam, create_engine, event, text
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError

from pdfsmaller.errors import UnsuitableDatabase
from pdfsmaller.jobs.bells import Bell
from pdfsmaller.server.database import after_boot
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.bells import Bells
from pdfsmaller.server.database.clock import HostClock, boot_id, since_boot
from pdfsmaller.server.database.local_disk import require_local
from pdfsmaller.server.database.pool import Pool
from pdfsmaller.server.database.unavailable import answering, away, damaged

_SYNCED = "PRAGMA synchronous = FULL"
#: The kind of news that ends of jobs are; the others are of messages.
_ENDS = "ends"
_RETRY_SECONDS = 0.05


class SqliteDatabase(Database):
    """``Database`` on one file, in WAL mode."""

    kind = "sqlite"
    _begin = "BEGIN IMMEDIATE"  # what is read in it must still be so when it writes
    _begin_snapshot = "BEGIN"

    def __init__(self, url: URL, pool: Pool, *, busy_seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._path = Path(url.database or "")
        require_local(self._path)
        self._busy_seconds = busy_seconds
        engine = create_engine(
            url,
            pool_size=pool.size,
            max_overflow=pool.max_overflow,
            pool_timeout=busy_seconds,
            connect_args={"timeout": busy_seconds, "isolation_level": None},  # transactions are begun by us alone
        )
        event.listen(engine, "connect", self._on_connect)
        super().__init__(engine)
        self._bells = Bells(self._path.with_name(f"{self._path.name}-bells"))
        self._clock = HostClock(self._remember, self._recall, clock)
        self._begin_anew()

    def _on_connect(self, connection: sqlite3.Connection, _: Any) -> None:
        self._set_wal(connection)
        connection.execute(_SYNCED)
        connection.execute("PRAGMA foreign_keys = ON")

    def _set_wal(self, connection: sqlite3.Connection) -> None:
        """The file itself remembers it. SQLite does not wait for a lock here, so we do."""
        ends_at = time.monotonic() + self._busy_seconds
        while True:
            try:
                [mode] = connection.execute("PRAGMA journal_mode = WAL").fetchone()
                break
            except sqlite3.OperationalError as exc:
                if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= ends_at:
                    raise
                time.sleep(_RETRY_SECONDS)
        if mode != "wal":
            raise UnsuitableDatabase(
                "The SQLite database cannot have a write-ahead log where it lies: put it on another local disk, or use "
                "PostgreSQL (DATABASE_URL=postgresql://…)."
            )

    # Transactions

    @contextmanager
    def _unsynced(self, connection: Connection) -> Iterator[None]:
        # In the write-ahead log alone, in its place: the next lasting one brings it to the disk with its own.
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            try:
                driver.execute(_SYNCED)
            except sqlite3.Error:
                connection.invalidate()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        # SQLite's own waiting is by sleeping, and unfair: it is left to other processes.
        if not self._lock.acquire(timeout=self._busy_seconds):
            raise away()
        try:
            yield
        finally:
            self._lock.release()

    def insert_if_new(self, table: Table) -> Insert:
        return insert(table).on_conflict_do_nothing()

    def insert_or_update(self, table: Table, changed: Callable[[Any], Mapping[str, Any]]) -> Insert:
        made = insert(table)
        return made.on_conflict_do_update(index_elements=[*table.primary_key], set_=changed(made.excluded))

    # The clock

    def _prepare(self) -> None:
        self._clock.prepare()

    def now(self) -> float:
        if self._unit.get() is None:
            self._prepare()
        return self._clock()

    @property
    def present(self) -> ColumnElement[float]:
        return bindparam(None, callable_=self._clock, type_=Double())

    def _remember(self, difference: float) -> float:
        with self._transaction(lasting=True) as connection:
            return after_boot.remember(connection, boot_id(), difference, since_boot())

    def _recall(self) -> float | None:
        with self.connected() as connection:
            return after_boot.recall(connection, boot_id())

    # Waking those who wait

    def wake(self, connection: Connection, kind: str) -> None:
        self._tell(kind)

    def wait(self, kind: str, seconds: float) -> None:
        self._bells.wait(kind, seconds)

    def taken(self, kind: str) -> None:
        self._bells.taken(kind)

    def bell(self) -> Bell:
        return self._bells.bell(_ENDS)

    def tell_end(self, job_id: str) -> None:
        self._tell(_ENDS, job_id)

    def _tell(self, kind: str, what: str = "") -> None:
        unit = self._unit.get()
        assert unit, "what is told stands with a transaction"
        unit.news.append((kind, what))

    def _ring(self, kind: str, what: str) -> None:
        self._bells.ring(kind, what)

    # Upkeep

    def is_there(self) -> bool:
        return self._path.exists()

    def is_in_use(self) -> bool:
        """See ``Database``: only who is alone can take the write-ahead log away. The next connection has it again."""
        self._engine.dispose()
        with answering(), self._engine.connect() as connection:
            try:
                connection.exec_driver_sql("PRAGMA busy_timeout = 1000")
                return str(connection.exec_driver_sql("PRAGMA journal_mode = DELETE").scalar_one()) != "delete"
            except OperationalError as exc:
                if getattr(exc.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                    return True
                raise
            finally:
                connection.invalidate()

    def require_sound(self, connection: Connection) -> None:
        [found] = connection.exec_driver_sql("PRAGMA quick_check(1)").one()
        if found != "ok":
            raise damaged(str(found))

    def tidy(self, tables: Sequence[str]) -> None:
        with self.connected() as connection:
            for statement in ("VACUUM", "ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"):
                connection.exec_driver_sql(statement)

    def size(self) -> int:
        files = (self._path, self._path.with_name(f"{self._path.name}-wal"))
        return sum(path.stat().st_size for path in files if path.exists())

    # Starts and ends

    def require_suitable(self, processes: int) -> None:
        folder = self._path.resolve().parent
        if not os.access(folder, os.W_OK | os.X_OK) or (self._path.exists() and not os.access(self._path, os.W_OK)):
            raise UnsuitableDatabase(
                "The SQLite database or its folder is not there or may not be written: make the folder, give it to the "
                "user that runs this, or name another in DATABASE_URL."
            )
        with self.connected() as connection:  # its first connection looks at the file
            connection.execute(text("SELECT 1"))

    def _forked(self) -> None:
        super()._forked()
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
