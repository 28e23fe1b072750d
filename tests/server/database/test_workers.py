from __future__ import annotations

from dataclasses import replace

import pytest

from pdfsmaller.jobs.workers import WorkerInfo
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.workers import SqlWorkers
from tests.aws_stack import Clock

ONE = WorkerInfo("1" * 32, "host-a", 11, "1.0", 1_000.5, ("rlimit_as", "seccomp"))
OTHER = WorkerInfo("2" * 32, "host-b", 7, "1.0", 1_000.5, ())


@pytest.fixture
def workers(sqlite: Database) -> SqlWorkers:
    return SqlWorkers(sqlite)


def test_those_that_were_seen_lately_are_alive(workers: SqlWorkers, clock: Clock) -> None:
    workers.seen(OTHER)
    clock.forward(40)
    workers.seen(ONE)
    alive = workers.alive(60)
    assert [replace(worker, seen_at=None) for worker in alive] == [ONE, OTHER]
    assert alive[0].seen_at
    clock.forward(30)
    assert [worker.worker_id for worker in workers.alive(60)] == [ONE.worker_id]


def test_what_it_works_on_is_told_with_each_sign(workers: SqlWorkers) -> None:
    for job_id in ("a" * 32, None):
        workers.seen(replace(ONE, job_id=job_id))
        assert [worker.job_id for worker in workers.alive(60)] == [job_id]


def test_one_that_has_ended_is_gone(workers: SqlWorkers) -> None:
    workers.seen(ONE)
    workers.seen(OTHER)
    workers.gone(ONE.worker_id)
    assert [worker.worker_id for worker in workers.alive(60)] == [OTHER.worker_id]


def test_one_that_died_is_forgotten_after_a_day(workers: SqlWorkers, clock: Clock) -> None:
    workers.seen(ONE)
    clock.forward(86_500)
    workers.seen(OTHER)
    assert [worker.worker_id for worker in workers.alive(1_000_000)] == [OTHER.worker_id]
