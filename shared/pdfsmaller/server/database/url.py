"""What DATABASE_URL may be."""

from __future__ import annotations

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from pdfsmaller.errors import UnsuitableDatabase

_POSTGRESQL = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
_SQLITE = frozenset({"sqlite", "sqlite+pysqlite"})
_FORMS = "sqlite:////folder/jobs.db or postgresql://user:password@host/name"


def parse(url: str) -> URL:
    """The URL of a database that can be used, with the driver that is used.

    Raises:
        UnsuitableDatabase: it is none. Its text, which may hold a password, is not repeated.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise UnsuitableDatabase(f"DATABASE_URL is no URL of a database. Write {_FORMS}.") from None
    if parsed.drivername in _POSTGRESQL:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in _SQLITE:
        raise UnsuitableDatabase(
            f"DATABASE_URL names {parsed.drivername[:40]}, which is not supported. Write {_FORMS}."
        )
    if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
        raise UnsuitableDatabase(f"DATABASE_URL names no file, and jobs must outlive their process. Write {_FORMS}.")
    return parsed.set(drivername="sqlite+pysqlite")
