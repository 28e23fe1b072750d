"""Where the database does not answer: the one place that tells it from an answer that we do not like.

Everything that talks to the database does so within ``answering``. What it raises then names neither SQL nor address:
these are for the log.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc as sql

from pdfsmaller.errors import DiskFull, StoreUnavailable, TransientError, UnsuitableDatabase

logger = logging.getLogger(__name__)

#: SQLite's answers to what is wrong with a statement and not with the database: mistakes of ours.
_OUR_MISTAKES = frozenset(
    {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_MISUSE,
        sqlite3.SQLITE_RANGE,
    }
)
#: PostgreSQL's SQLSTATE.
_DISK_FULL = "53100"


@contextmanager
def answering() -> Iterator[None]:
    """Within it the database may be spoken to.

    Raises:
        StoreUnavailable: it is away, too busy for the time that we wait, out of connections, or broken.
        DiskFull: its disk is full; nothing was written.
    """
    try:
        yield
    except (sql.DBAPIError, sql.TimeoutError) as exc:
        failure = _failure(exc)
        if failure is None:
            raise
        logger.warning("store unavailable: %s", getattr(exc, "orig", exc))
        raise failure from exc


def away() -> StoreUnavailable:
    """What callers hear of a database that does not answer."""
    return StoreUnavailable("The store does not answer at the moment. Try again soon.")


def damaged(why: str) -> UnsuitableDatabase:
    """What is said of a database that says itself that something is wrong with it."""
    return UnsuitableDatabase(
        f"The database is damaged ({why[:100]}). Keep its files, put them elsewhere, and bring back the last backup: "
        "pdfsmaller admin restore FILE."
    )


@contextmanager
def telling_damage() -> Iterator[None]:
    """Within it SQLite's file is read for its operator, to whom damage is something else than a database that is away.

    Raises:
        UnsuitableDatabase: it is damaged, or no database at all.
    """
    try:
        yield
    except StoreUnavailable as exc:
        why = getattr(exc.__cause__, "orig", None)
        if getattr(why, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise damaged(str(why)) from exc
        raise


def _failure(exc: sql.DBAPIError | sql.TimeoutError) -> TransientError | None:
    """The error that stands for the database's; None where the mistake is ours."""
    if isinstance(exc, sql.TimeoutError):  # no connection of the pool came free
        return away()
    if isinstance(exc.orig, sqlite3.Error):
        code = getattr(exc.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the rest says more exactly
        if code == sqlite3.SQLITE_FULL:
            return _full()
        return None if code in _OUR_MISTAKES else away()
    if not isinstance(exc, sql.OperationalError | sql.InterfaceError | sql.InternalError):
        return None
    return _full() if getattr(exc.orig, "sqlstate", None) == _DISK_FULL else away()


def _full() -> DiskFull:
    return DiskFull("The store's disk is full. Make room there; nothing is lost, and the same request works then.")
