"""The workers' signs of life."""

from __future__ import annotations

import json

from sqlalchemy import delete, insert, select, update

from pdfsmaller.jobs.workers import WorkerInfo
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.schema import workers

#: A worker that was not seen for so long is forgotten, in seconds.
_KEPT_SECONDS = 86_400


class SqlWorkers:
    """``Workers`` in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seen(self, worker: WorkerInfo) -> None:
        with self._database.writing(lasting=False) as connection:
            now = self._database.present
            told = {"job_id": worker.job_id, "seen_at": now}
            this = workers.c.worker_id == worker.worker_id
            if connection.execute(update(workers).where(this).values(told)).rowcount:
                return
            connection.execute(delete(workers).where(workers.c.seen_at < now - _KEPT_SECONDS))
            made = {
                "worker_id": worker.worker_id,
                "host": worker.host,
                "pid": worker.pid,
                "version": worker.version,
                "started_at": worker.started_at,
                "bounds": json.dumps(worker.bounds),
            }
            connection.execute(insert(workers).values(made | told))

    def gone(self, worker_id: str) -> None:
        with self._database.writing() as connection:
            connection.execute(delete(workers).where(workers.c.worker_id == worker_id))

    def alive(self, within_seconds: float) -> list[WorkerInfo]:
        since = self._database.present - within_seconds
        with self._database.reading() as connection:
            found = connection.execute(
                select(workers).where(workers.c.seen_at >= since).order_by(workers.c.host, workers.c.pid)
            ).all()
        return [WorkerInfo(**row._asdict() | {"bounds": tuple(json.loads(row.bounds))}) for row in found]
