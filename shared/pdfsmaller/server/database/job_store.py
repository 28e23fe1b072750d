"""Rows of jobs in a database's table, each changed under its lock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Column, Table, delete, select, tuple_, update

from pdfsmaller.jobs.change import Change
from pdfsmaller.jobs.rows import Row, plain
from pdfsmaller.jobs.states import Status
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.schema import batches, claims, jobs

#: Rows read, or forgotten, at a time.
_PAGE = 200


class SqlJobStore:
    """``JobStore`` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.now = database.now

    # Reading

    def get(self, job_id: str) -> Row | None:
        with self._database.reading() as connection:
            return _row(connection.execute(select(jobs.c.content).where(jobs.c.job_id == job_id)).scalar())

    def get_many(self, job_ids: Iterable[str]) -> list[Row]:
        ids = list(dict.fromkeys(job_ids))
        found: dict[str, Row] = {}
        with self._database.reading() as connection:
            for start in range(0, len(ids), _PAGE):
                page = select(jobs.c.content).where(jobs.c.job_id.in_(ids[start : start + _PAGE]))
                found |= {row["job_id"]: row for row in map(json.loads, connection.execute(page).scalars())}
        return [found[job_id] for job_id in ids if job_id in found]

    def due(self, status: Status) -> Iterator[Row]:
        place = jobs.c.due_at, jobs.c.job_id
        last = (0.0, "")
        while True:
            page = select(*place).where(
                jobs.c.status == str(status), jobs.c.due_at <= self._database.present(), tuple_(*place) > last
            )
            with self._database.reading() as connection:
                found = connection.execute(page.order_by(*place).limit(_PAGE)).all()
            for due_at, job_id in found:
                row = self.get(job_id)
                if row and row["status"] == status and row["due_at"] <= self.now():
                    yield row
                last = (due_at, job_id)
            if len(found) < _PAGE:
                return

    # Writing

    def create(self, row: Row) -> bool:
        return self._put(jobs, _columns(plain(row)))

    def change(self, job_id: str, change: Change) -> Row | None:
        this = jobs.c.job_id == job_id
        with self._database.writing() as connection:
            locked = select(jobs.c.content, self._database.present()).where(this).with_for_update()
            found = connection.execute(locked).one_or_none()
            changed = change.applied_to(json.loads(found[0]), found[1]) if found else None
            if changed is not None:
                connection.execute(update(jobs).where(this).values(_columns(changed)))
        return changed

    def forget_old(self) -> int:
        return (
            self._forget(jobs, jobs.c.job_id, jobs.c.ttl)
            + self._forget(claims, claims.c.what, claims.c.kept_until)
            + self._forget(batches, batches.c.batch_id, batches.c.kept_until)
        )

    def _forget(self, table: Table, key: Column[str], until: Column[float]) -> int:
        """A page at a time, so that nobody waits for long."""
        forgotten = 0
        while True:
            with self._database.writing() as connection:
                old = select(key).where(until < self._database.present()).limit(_PAGE)
                number = connection.execute(delete(table).where(key.in_(old))).rowcount
            forgotten += number
            if number < _PAGE:
                return forgotten

    # Claims and batches

    def claim(self, what: str, job_id: str, *, kept_seconds: float) -> str:
        kept_until = self.now() + kept_seconds
        if self._put(claims, {"what": _digest(what), "job_id": job_id, "kept_until": kept_until}):
            return job_id
        return self.claimed_by(what) or job_id

    def claimed_by(self, what: str) -> str | None:
        with self._database.reading() as connection:
            found = connection.execute(select(claims.c.job_id).where(claims.c.what == _digest(what))).scalar()
        return str(found) if found is not None else None

    def create_batch(self, batch_id: str, job_ids: list[str], *, kept_seconds: float) -> None:
        kept_until = self.now() + kept_seconds
        self._put(batches, {"batch_id": batch_id, "job_ids": json.dumps(job_ids), "kept_until": kept_until})

    def batch(self, batch_id: str) -> list[str] | None:
        with self._database.reading() as connection:
            found = connection.execute(select(batches.c.job_ids).where(batches.c.batch_id == batch_id)).scalar()
        return [str(job_id) for job_id in json.loads(found)] if found is not None else None

    def _put(self, table: Table, values: dict[str, Any]) -> bool:
        """Write a new row; False where its key is taken."""
        new = self._database.insert_if_new(table).values(values).execution_options(preserve_rowcount=True)
        with self._database.writing() as connection:
            return connection.execute(new).rowcount == 1


def _columns(row: Row) -> dict[str, Any]:
    """A row as its table holds it."""
    searched = {name: row[name] for name in ("job_id", "status", "due_at", "ttl")}
    return searched | {"content": json.dumps(row, separators=(",", ":"))}


def _row(content: str | None) -> Row | None:
    return dict(json.loads(content)) if content is not None else None


def _digest(what: str) -> str:
    return hashlib.sha256(what.encode()).hexdigest()
