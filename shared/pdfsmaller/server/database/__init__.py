"""The ports on one database: SQLite for one host, PostgreSQL for several.

``opened`` gives the database of a URL; ``migrations`` makes its tables and says whether they are this version's;
``job_store`` and ``queue`` are the adapters on it. What these two write within ``Database.together`` stands together.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pdfsmaller.server.database.pool import Pool
from pdfsmaller.server.database.url import parse

if TYPE_CHECKING:
    from pdfsmaller.server.database.base import Database


def opened(
    url: str, pool: Pool | None = None, *, busy_seconds: float = 10.0, clock: Callable[[], float] = time.time
) -> Database:
    """The database behind a URL. Nothing is connected to before it is used.

    Args:
        pool: the connections that this process keeps.
        busy_seconds: how long to wait for a lock that somebody else holds, or for a connection of the pool.
        clock: the host's, in seconds since the epoch, where the database has none (SQLite).

    Raises:
        UnsuitableDatabase: no such database can be used, or not there.
    """
    parsed = parse(url)
    pool = pool or Pool()
    if parsed.drivername.startswith("sqlite"):
        from pdfsmaller.server.database.sqlite import SqliteDatabase

        return SqliteDatabase(parsed, pool, busy_seconds=busy_seconds, clock=clock)
    from pdfsmaller.server.database.postgresql import PostgresqlDatabase

    return PostgresqlDatabase(parsed, pool, busy_seconds=busy_seconds)
