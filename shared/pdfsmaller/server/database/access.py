"""API keys and counters in a database."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

from sqlalchemy import Integer, bindparam, select, update

from pdfsmaller.access.keys import ApiKey
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.schema import api_keys, counters

# Statements are made once: making one takes longer than SQLite does to run it.
_THIS_KEY = api_keys.c.key_id == bindparam("this")
_GET = select(api_keys).where(_THIS_KEY)
_ALL = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.key_id)
_REVOKE = update(api_keys).where(_THIS_KEY, api_keys.c.revoked_at.is_(None)).values(revoked_at=bindparam("at"))
_USED = update(api_keys).where(_THIS_KEY).values(last_used_at=bindparam("at"))
_COUNT = (
    update(counters)
    .where(counters.c.name == bindparam("this"), counters.c.value <= bindparam("room", type_=Integer))
    .values(value=counters.c.value + bindparam("number", type_=Integer))
    .returning(counters.c.value)
)


class SqlKeyStore:
    """``KeyStore`` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = database.insert_if_new(api_keys).execution_options(preserve_rowcount=True)

    def add(self, key: ApiKey) -> bool:
        with self._database.writing() as connection:
            return connection.execute(self._insert, asdict(key)).rowcount == 1

    def get(self, key_id: str) -> ApiKey | None:
        with self._database.reading() as connection:
            found = connection.execute(_GET, {"this": key_id}).one_or_none()
        return ApiKey(*found) if found else None

    def all(self) -> list[ApiKey]:
        with self._database.reading() as connection:
            return [ApiKey(*row) for row in connection.execute(_ALL)]

    def revoke(self, key_id: str, at: float) -> None:
        self._write(_REVOKE, key_id, at)

    def used(self, key_id: str, at: float) -> None:
        self._write(_USED, key_id, at)

    def _write(self, statement: Any, key_id: str, at: float) -> None:
        with self._database.writing() as connection:
            connection.execute(statement, {"this": key_id, "at": at})


class SqlCounters:
    """``Counters`` in a database. ``SqlJobStore.forget_old`` forgets them, with all else."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = database.insert_if_new(counters)
        self.now = database.now

    def add(self, name: str, number: int, *, most: int, kept_seconds: float) -> int | None:
        digest = hashlib.sha256(name.encode()).hexdigest()
        new = {"name": digest, "value": 0, "kept_until": self.now() + kept_seconds}
        given = {"this": digest, "number": number, "room": most - number}
        with self._database.writing() as connection:
            count = connection.execute(_COUNT, given).scalar()
            if count is None:  # there is no room, or no row yet
                connection.execute(self._insert, new)
                count = connection.execute(_COUNT, given).scalar()
        return int(count) if count is not None else None
