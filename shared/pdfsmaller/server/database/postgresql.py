"""PostgreSQL, for several hosts: behind pgbouncer too, in transaction mode, so nothing is left in a session."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Insert,
    Table,
    cast,
    create_engine,
    extract,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import URL

from pdfsmaller.errors import UnsuitableDatabase
from pdfsmaller.jobs.bells import Bell, HandBell
from pdfsmaller.server.database.base import Database, inherited
from pdfsmaller.server.database.listener import CHANNEL, Listener, is_pooled
from pdfsmaller.server.database.pool import Pool

logger = logging.getLogger(__name__)

#: How libpq finds out that nobody is there any more. The URL may say otherwise.
_CONNECTS = {
    "connect_timeout": "5",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "application_name": "pdfsmaller",
}
_CLOCK = cast(extract("epoch", func.statement_timestamp()), Double)
#: How many connections there may be, and how many others have.
_CONNECTIONS = """
    SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
        (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())
"""
#: How many others of ours there are, as ``_CONNECTS`` names them.
_OTHERS = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pdfsmaller'
        AND pid <> pg_backend_pid()
"""
#: How many times as long as others wait for a lock a client may do nothing with it.
_IDLE = 3
#: How far the server's clock may be set back before somebody is told.
_TOLD_SECONDS = 30.0
#: Held by who changes the schema. Any number that other programs on the same database do not use.
_SCHEMA_LOCK = 7_326_480_117


class PostgresqlDatabase(Database):
    """``Database`` on a server, by psycopg."""

    kind = "postgresql"
    _begin_snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def __init__(self, url: URL, pool: Pool, *, busy_seconds: float) -> None:
        patience = round(busy_seconds * 1_000)
        # With the BEGIN, so that it costs no round trip. A client that stops within a transaction is not waited for.
        self._begin = (
            f"BEGIN; SET LOCAL lock_timeout = {patience}; "
            f"SET LOCAL idle_in_transaction_session_timeout = {_IDLE * patience}"
        )
        prepare: dict[str, Any] = {"prepare_threshold": None}  # statements are prepared in a session
        super().__init__(
            create_engine(
                url.set(query=_CONNECTS | dict(url.query)),
                isolation_level="AUTOCOMMIT",  # transactions are begun by us alone
                pool_size=pool.size,
                max_overflow=pool.max_overflow,
                pool_timeout=busy_seconds,
                pool_recycle=round(pool.recycle_seconds),
                pool_pre_ping=pool.pre_ping,
                connect_args=prepare,
                use_native_hstore=False,  # it would look for the type in every new connection
            )
        )
        self._pool = pool
        self._difference = -math.inf  # of the server's clock and this process's
        self._listener = Listener(self._engine)

    @contextmanager
    def changing_schema(self) -> Iterator[Connection]:
        with super().changing_schema() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(_SCHEMA_LOCK)))
            yield connection

    def require_suitable(self, processes: int) -> None:
        with self.connected() as connection:
            if is_pooled(connection.connection.driver_connection):
                return  # pgbouncer has connections of its own number, and clients as many as they like
            room, others = connection.execute(text(_CONNECTIONS)).one()
        needed = processes * (self._pool.size + self._pool.max_overflow + 1)
        if needed > room:
            raise UnsuitableDatabase(
                f"{processes} processes may need {needed} connections to PostgreSQL, which takes {room}: lower "
                "DATABASE_POOL_SIZE or DATABASE_MAX_OVERFLOW, raise max_connections, or put pgbouncer before it."
            )
        if needed + others > room:
            logger.warning(
                "%s connections to PostgreSQL may be needed here and %s are in use elsewhere, of %s: some may wait",
                needed,
                others,
                room,
            )

    def insert_if_new(self, table: Table) -> Insert:
        return insert(table).on_conflict_do_nothing()

    def insert_or_update(self, table: Table, changed: Callable[[Any], Mapping[str, Any]]) -> Insert:
        made = insert(table)
        return made.on_conflict_do_update(index_elements=[*table.primary_key], set_=changed(made.excluded))

    # The clock

    def _prepare(self) -> None:
        """Nothing: the server has a clock."""

    def now(self) -> float:
        with self.reading() as connection:
            now = float(connection.execute(select(_CLOCK)).scalar_one())
        difference = now - time.monotonic()
        if self._difference - difference > _TOLD_SECONDS:
            logger.warning(
                "PostgreSQL's clock was set back by %.0f s: leases and hidden messages last as much longer; nothing is "
                "lost",
                self._difference - difference,
            )
        self._difference = difference
        return now

    @property
    def present(self) -> ColumnElement[float]:
        return _CLOCK

    # Waking those who wait

    def wake(self, connection: Connection, kind: str) -> None:
        connection.execute(select(func.pg_notify(CHANNEL, "")))

    def wait(self, kind: str, seconds: float) -> None:
        self._listener.wait(seconds)

    def taken(self, kind: str) -> None:
        """Nothing: everybody was told at once."""

    def bell(self) -> Bell:
        return HandBell()

    def tell_end(self, job_id: str) -> None:
        """Nothing: each end would cost something for everybody who listens, and followers look a few times a second."""

    def _ring(self, kind: str, what: str) -> None:
        """Nothing: the server has told it."""

    # Upkeep

    def is_there(self) -> bool:
        return True  # connecting makes none

    def is_in_use(self) -> bool | None:
        self._engine.dispose()
        with self.connected() as connection:
            if is_pooled(connection.connection.driver_connection):
                return None  # pgbouncer keeps connections of those who have gone
            return bool(connection.execute(text(_OTHERS)).scalar_one())

    def require_sound(self, connection: Connection) -> None:
        """Nothing: the server says so when what it reads is damaged."""

    def tidy(self, tables: Sequence[str]) -> None:
        with self.connected() as connection:  # outside any transaction, as VACUUM must be
            for table in tables:
                connection.exec_driver_sql(f"VACUUM (ANALYZE) {table}")

    def size(self) -> int:
        with self.connected() as connection:
            return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())

    # Ends

    def close(self) -> None:
        self._listener.close()
        super().close()

    def _forked(self) -> None:
        super()._forked()
        inherited.append(self._listener)
        self._listener = Listener(self._engine)
