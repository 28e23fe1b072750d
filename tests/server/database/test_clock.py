"""The clock of a database that has none: it never goes back while the host is up."""

from __future__ import annotations

import json
import logging

import pytest
from sqlalchemy import select

from pdfsmaller import events
from pdfsmaller.jobs.model import Job, new_id
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.jobs.states import Status
from pdfsmaller.server.database import clock as clocks
from pdfsmaller.server.database import sqlite
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.schema import jobs as jobs_table
from tests.aws_stack import Clock
from tests.server.database.conftest import Place
from tests.server.database.parts import VISIBILITY_SECONDS, queue, store

HOUR = 3_600.0


class Host:
    """A host whose time passes when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
        self._clock, self._up, self._boot = clock, 1_000.0, "first"
        for module in (clocks, sqlite):
            monkeypatch.setattr(module, "since_boot", lambda: self._up)
        monkeypatch.setattr(sqlite, "boot_id", lambda: self._boot)
        monkeypatch.setattr(Clock, "__call__", lambda clock: 1_800_000_000.0 + clock.ahead)

    def pass_time(self, seconds: float) -> None:
        self._up += seconds
        self._clock.forward(seconds)

    def set_clock(self, by: float) -> None:
        self._clock.forward(by)

    def restart(self) -> None:
        self._boot, self._up = "second", 5.0


@pytest.fixture
def host(on_sqlite: Place, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(monkeypatch, on_sqlite.clock)


@pytest.fixture
def database(on_sqlite: Place, host: Host) -> Database:
    return on_sqlite.open()


def started(database: Database) -> Job:
    jobs = Jobs(store(database))
    now = jobs.now()
    made = Job(job_id=new_id(), status=Status.QUEUED, created_at=now, updated_at=now, due_at=now + 900)
    assert jobs.create(made)
    job = jobs.start(made.job_id, "m", 60)
    assert job
    return job


def announce(database: Database) -> None:
    queue(database).announce(events.ObjectCreated("uploads", "k", "1"))


def test_set_back_by_an_hour_it_lets_leases_and_messages_end_in_their_time(
    host: Host, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    job = started(database)
    announce(database)
    assert queue(database).receive()
    before = database.now()
    with caplog.at_level(logging.WARNING):
        host.set_clock(-HOUR)
        assert database.now() == before
        assert database.now() == before
    assert len([record for record in caplog.records if "set back by 3600 s" in record.getMessage()]) == 1
    assert queue(database).receive() is None
    assert Jobs(store(database)).start(job.job_id, "other", 60) is None
    host.pass_time(61)
    assert queue(database).receive()
    assert Jobs(store(database)).start(job.job_id, "other", 60)


def test_every_process_has_the_same(host: Host, on_sqlite: Place, database: Database) -> None:
    announce(database)
    host.set_clock(-HOUR)
    late = on_sqlite.open()  # one that starts only now
    assert late.now() == database.now()
    assert queue(late).receive()


def test_set_forward_it_follows(host: Host, database: Database) -> None:
    before = database.now()
    host.set_clock(HOUR)
    assert database.now() == before + HOUR


def test_who_did_not_notice_hears_of_it(host: Host, on_sqlite: Place, database: Database) -> None:
    other = on_sqlite.open()
    before = other.now()
    host.set_clock(HOUR)
    assert database.now() == before + HOUR
    host.set_clock(-HOUR)
    host.pass_time(11)
    assert other.now() == database.now() == before + HOUR + 11


def test_after_a_restart_it_begins_anew_and_what_was_held_is_free(
    host: Host, on_sqlite: Place, database: Database
) -> None:
    job = started(database)
    announce(database)
    message = queue(database).receive()
    assert message
    host.set_clock(-HOUR)
    host.restart()
    anew = on_sqlite.open()
    assert anew.now() == on_sqlite.clock()
    again = queue(anew).receive()
    assert again
    assert (again.message_id, again.receive_count) == (message.message_id, 2)
    host.pass_time(0.01)
    assert [item.job_id for item in Jobs(store(anew)).due(Status.RUNNING)] == [job.job_id]
    assert Jobs(store(anew)).start(job.job_id, "other", 60)


def test_a_restart_frees_only_once(host: Host, on_sqlite: Place, database: Database) -> None:
    announce(database)
    host.restart()
    assert queue(on_sqlite.open()).receive()
    assert queue(on_sqlite.open()).receive() is None
    host.pass_time(VISIBILITY_SECONDS + 1)
    assert queue(on_sqlite.open()).receive()


def test_the_row_and_its_columns_agree_after_a_restart(host: Host, on_sqlite: Place, database: Database) -> None:
    started(database)
    host.restart()
    anew = on_sqlite.open()
    with anew.reading() as connection:
        [(due_at, content)] = connection.execute(select(jobs_table.c.due_at, jobs_table.c.content)).all()
    row = json.loads(content)
    assert due_at == row["due_at"] == row["lease_until"]


def test_a_system_that_counts_from_no_start_goes_by_the_clock_of_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(clocks.time, "CLOCK_BOOTTIME", raising=False)
    assert clocks.since_boot() == pytest.approx(clocks.time.time(), abs=5)
