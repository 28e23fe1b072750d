"""Rows of jobs in a database's table, each changed under its lock."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Double, Integer, String, Table, bindparam, delete, func, select, tuple_, update

from pdfsmaller.jobs.change import Change
from pdfsmaller.jobs.rows import Place, Row, plain
from pdfsmaller.jobs.states import FINAL, Status
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.schema import batches, claims, counters, jobs

#: Rows read, or forgotten, at a time.
_PAGE = 200

# Statements are made once: making one takes longer than SQLite does to run it.
_GET = select(jobs.c.content).where(jobs.c.job_id == bindparam("this"))
_GET_MANY = select(jobs.c.content).where(jobs.c.job_id.in_(bindparam("these", expanding=True)))
_UPDATE = update(jobs).where(jobs.c.job_id == bindparam("this"))
_UNCLAIM = delete(claims).where(claims.c.what == bindparam("this"), claims.c.job_id == bindparam("of"))
_CLAIMED = select(claims.c.job_id).where(claims.c.what == bindparam("this"))
_BATCH = select(batches.c.job_ids).where(batches.c.batch_id == bindparam("this"))
_PLACE = jobs.c.due_at, jobs.c.job_id
_AGE = jobs.c.created_at, jobs.c.job_id
_OWNED = (
    select(jobs.c.content)
    .where(jobs.c.owner == bindparam("owner"))
    .where(tuple_(*_AGE) < tuple_(bindparam("created_at", type_=Double), bindparam("job_id", type_=String)))
    .order_by(*(column.desc() for column in _AGE))
    .limit(bindparam("number", type_=Integer))
)
_COUNT = select(func.count()).select_from(jobs).where(jobs.c.status == bindparam("status"))
#: Behind which every row stands.
_NEWEST: Place = (math.inf, "")


class SqlJobStore:
    """``JobStore`` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.now, self.bell = database.now, database.bell
        present = database.present
        self._locked = select(jobs.c.content, present).where(jobs.c.job_id == bindparam("this")).with_for_update()
        self._due = (
            select(*_PLACE)
            .where(jobs.c.status == bindparam("status"), jobs.c.due_at <= present)
            .where(tuple_(*_PLACE) > tuple_(bindparam("due_at", type_=Double), bindparam("job_id", type_=String)))
            .order_by(*_PLACE)
            .limit(_PAGE)
        )
        self._forget = [
            delete(table).where(key.in_(select(key).where(until < present).limit(_PAGE)))
            for table, key, until in (
                (jobs, jobs.c.job_id, jobs.c.ttl),
                (claims, claims.c.what, claims.c.kept_until),
                (batches, batches.c.batch_id, batches.c.kept_until),
                (counters, counters.c.name, counters.c.kept_until),
            )
        ]
        self._insert = {
            table: database.insert_if_new(table).execution_options(preserve_rowcount=True)
            for table in (jobs, claims, batches)
        }

    # Reading

    def get(self, job_id: str) -> Row | None:
        with self._database.reading() as connection:
            found = connection.execute(_GET, {"this": job_id}).scalar()
        return dict(json.loads(found)) if found is not None else None

    def get_many(self, job_ids: Iterable[str]) -> list[Row]:
        ids = list(dict.fromkeys(job_ids))
        found: dict[str, Row] = {}
        with self._database.reading() as connection:
            for start in range(0, len(ids), _PAGE):
                page = connection.execute(_GET_MANY, {"these": ids[start : start + _PAGE]}).scalars()
                found |= {row["job_id"]: row for row in map(json.loads, page)}
        return [found[job_id] for job_id in ids if job_id in found]

    def due(self, status: Status) -> Iterator[Row]:
        place = {"due_at": 0.0, "job_id": ""}
        while True:
            with self._database.reading() as connection:
                found = connection.execute(self._due, place | {"status": str(status)}).all()
            for due_at, job_id in found:
                row = self.get(job_id)
                if row and row["status"] == status and row["due_at"] <= self.now():
                    yield row
                place = {"due_at": due_at, "job_id": job_id}
            if len(found) < _PAGE:
                return

    def every(self, status: Status | None = None) -> Iterator[Row]:
        page = select(jobs.c.job_id, jobs.c.content).order_by(jobs.c.job_id).limit(_PAGE)
        if status:
            page = page.where(jobs.c.status == str(status))
        last = ""
        while True:
            with self._database.reading() as connection:
                found = connection.execute(page.where(jobs.c.job_id > last)).all()
            for row in found:
                yield dict(json.loads(row.content))
            if len(found) < _PAGE:
                return
            last = found[-1].job_id

    def count(self, status: Status) -> int:
        with self._database.reading() as connection:
            return int(connection.execute(_COUNT, {"status": str(status)}).scalar_one())

    def owned(self, owner: str, before: Place | None, limit: int) -> list[Row]:
        created_at, job_id = before or _NEWEST
        given = {"owner": owner, "created_at": created_at, "job_id": job_id, "number": limit}
        with self._database.reading() as connection:
            return [dict(json.loads(found)) for found in connection.execute(_OWNED, given).scalars()]

    # Writing

    def create(self, row: Row) -> bool:
        return self._put(jobs, _columns(plain(row)))

    def change(self, job_id: str, change: Change) -> Row | None:
        with self._database.writing(lasting=change.lasting) as connection:
            found = connection.execute(self._locked, {"this": job_id}).one_or_none()
            changed = change.applied_to(json.loads(found[0]), found[1]) if found else None
            if changed is not None:
                connection.execute(_UPDATE, _columns(changed) | {"this": job_id})
                if change.sets.get("status") in FINAL:
                    self._database.tell_end(job_id)
        return changed

    def forget_old(self) -> int:
        forgotten = 0
        for page in self._forget:
            number = _PAGE
            while number == _PAGE:  # a page at a time, so that nobody waits for long
                with self._database.writing() as connection:
                    number = connection.execute(page).rowcount
                forgotten += number
        return forgotten

    # Claims and batches

    def claim(self, what: str, job_id: str, *, kept_seconds: float) -> str:
        kept_until = self.now() + kept_seconds
        if self._put(claims, {"what": _digest(what), "job_id": job_id, "kept_until": kept_until}):
            return job_id
        return self.claimed_by(what) or job_id

    def unclaim(self, what: str, job_id: str) -> None:
        with self._database.writing() as connection:
            connection.execute(_UNCLAIM, {"this": _digest(what), "of": job_id})

    def claimed_by(self, what: str) -> str | None:
        with self._database.reading() as connection:
            found = connection.execute(_CLAIMED, {"this": _digest(what)}).scalar()
        return str(found) if found is not None else None

    def create_batch(self, batch_id: str, job_ids: list[str], *, kept_seconds: float) -> None:
        kept_until = self.now() + kept_seconds
        self._put(batches, {"batch_id": batch_id, "job_ids": json.dumps(job_ids), "kept_until": kept_until})

    def batch(self, batch_id: str) -> list[str] | None:
        with self._database.reading() as connection:
            found = connection.execute(_BATCH, {"this": batch_id}).scalar()
        return [str(job_id) for job_id in json.loads(found)] if found is not None else None

    def _put(self, table: Table, values: dict[str, Any]) -> bool:
        """Write a new row; False where its key is taken."""
        with self._database.writing() as connection:
            return connection.execute(self._insert[table], values).rowcount == 1


def _columns(row: Row) -> dict[str, Any]:
    """A row as its table holds it."""
    searched = {name: row[name] for name in ("job_id", "status", "due_at", "ttl")}
    owner = row.get("owner")
    searched |= {"owner": owner, "created_at": row["created_at"] if owner else None}
    return searched | {"content": json.dumps(row, separators=(",", ":"))}


def _digest(what: str) -> str:
    return hashlib.sha256(what.encode()).hexdigest()
