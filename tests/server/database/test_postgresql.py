"""PostgreSQL: restarted, too small, behind pgbouncer."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from pdfsmaller import errors, events
from pdfsmaller.jobs.model import Job, new_id
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.jobs.states import Status
from pdfsmaller.server import database
from pdfsmaller.server.database.pool import Pool
from pdfsmaller.server.database.schema import VERSIONS
from pdfsmaller.server.database.upkeep import SqlUpkeep
from tests import postgres
from tests.server.database.conftest import Place
from tests.server.database.parts import queue, store

CREATED = events.ObjectCreated("uploads", "inbox/a", "1")
PGBOUNCER = Path("/usr/sbin/pgbouncer")


def test_restarted_in_the_middle_it_is_used_again_by_all(on_postgres: Place, postgres_server: postgres.Server) -> None:
    opened = on_postgres.open(busy_seconds=2)
    messages = queue(opened)
    messages.announce(CREATED)
    messages.wait(0)
    assert messages.receive()
    postgres_server.stop("immediate")
    try:
        for call in (messages.receive, opened.now, lambda: messages.announce(CREATED), messages.depth):
            with pytest.raises(errors.StoreUnavailable) as caught:
                call()
            assert caught.value.http_status == 503
            assert str(postgres_server.folder) not in caught.value.message
        messages.wait(0.1)  # who waits hears nothing, and sees no error
    finally:
        postgres_server.start()
    messages.announce(CREATED)
    assert messages.depth() == {"waiting": 1, "in_flight": 1}
    messages.wait(0.1)
    assert messages.receive()


def test_restarted_within_a_transaction_nothing_of_it_stands(
    on_postgres: Place, postgres_server: postgres.Server
) -> None:
    opened = on_postgres.open()
    with pytest.raises(errors.StoreUnavailable), opened.together():  # noqa: PT012
        queue(opened).announce(CREATED)
        postgres_server.stop("immediate")
        postgres_server.start()
        queue(opened).announce(CREATED)
    assert queue(opened).depth() == {"waiting": 0, "in_flight": 0}


def test_more_connections_than_it_takes_are_refused_with_the_remedy(
    on_postgres: Place, caplog: pytest.LogCaptureFixture
) -> None:
    opened = database.opened(on_postgres.url, Pool(size=10, max_overflow=9))
    opened.require_suitable(4)
    with pytest.raises(errors.UnsuitableDatabase) as caught:
        opened.require_suitable(5)
    assert "100 connections" in caught.value.message
    assert "DATABASE_POOL_SIZE" in caught.value.message
    assert "\n" not in caught.value.message
    with caplog.at_level(logging.WARNING):
        database.opened(on_postgres.url, Pool(size=96, max_overflow=0)).require_suitable(1)
    assert "in use elsewhere" in caplog.text
    opened.close()


def test_no_connection_free_in_time_is_503(on_postgres: Place) -> None:
    opened = on_postgres.open(pool=Pool(size=1, max_overflow=0), busy_seconds=0.2)
    with (
        opened.reading(),
        ThreadPoolExecutor() as pool,
        pytest.raises(errors.StoreUnavailable),
    ):
        pool.submit(opened.now).result()
    opened.now()


def test_a_clock_set_back_is_told_of_and_loses_nothing(on_postgres: Place, caplog: pytest.LogCaptureFixture) -> None:
    opened = on_postgres.open()
    opened.now()
    queue(opened).announce(CREATED)
    with caplog.at_level(logging.WARNING):
        on_postgres.forward(-3_600)
        opened.now()
        opened.now()
    assert caplog.text.count("set back by 3600 s") == 1
    on_postgres.forward(3_600)
    assert queue(opened).receive()


def test_of_many_workers_some_listen_and_all_are_served(on_postgres: Place) -> None:
    queues = [queue(on_postgres.open(pool=Pool(size=1, max_overflow=1))) for _ in range(20)]
    for messages in queues:
        messages.wait(0)
    looking = on_postgres.open()
    with looking.reading() as connection:
        number = connection.execute(text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'")).scalar()
    assert number == 16
    for messages in queues:
        messages.announce(CREATED)
        messages.wait(0.01)
        assert messages.receive()


# --- pgbouncer ------------------------------------------------------------------------------------------------------


@pytest.fixture
def bounced(on_postgres: Place, postgres_server: postgres.Server) -> Iterator[Place]:
    """The same database through pgbouncer in transaction mode, which has two connections for everybody."""
    if not PGBOUNCER.exists():
        pytest.skip("there is no pgbouncer here (Debian: pgbouncer)")
    folder, port = postgres_server.folder, 6432
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"""
[databases]
* = host={folder}
[pgbouncer]
listen_port = {port}
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder / "users"}
pool_mode = transaction
default_pool_size = 2
logfile = {folder / "pgbouncer.log"}
pidfile = {folder / "pgbouncer.pid"}
"""
    )
    (folder / "users").write_text('"postgres" ""\n')
    process = postgres.popen(PGBOUNCER, "-q", settings)
    try:
        ends_at = time.monotonic() + 30
        while not (folder / f".s.PGSQL.{port}").exists():
            assert process.poll() is None, (folder / "pgbouncer.log").read_text()
            assert time.monotonic() < ends_at
            time.sleep(0.05)
        yield Place(f"{on_postgres.url}&port={port}", on_postgres.forward, ends=on_postgres.ends)
    finally:
        on_postgres.ends.close()
        process.terminate()
        process.wait()


def test_behind_pgbouncer_everything_works_for_more_clients_than_it_has_connections(bounced: Place) -> None:
    opened = bounced.open(pool=Pool(size=20, max_overflow=0))
    opened.require_suitable(1_000)  # connections are pgbouncer's affair
    jobs, messages = Jobs(store(opened)), queue(opened)
    now = jobs.now()

    def work(index: int) -> str:
        job_id = new_id()
        with opened.together():
            jobs.create(Job(job_id=job_id, status=Status.QUEUED, created_at=now, updated_at=now, due_at=now + 900))
            messages.announce(CREATED)
        message = messages.receive()
        assert message
        job = jobs.start(job_id, message.message_id, 60)
        assert job
        jobs.renew(job, 60)
        messages.acknowledge(message)
        return job_id

    with ThreadPoolExecutor(20) as pool:
        ids = list(pool.map(work, range(60)))
    assert len(jobs.get_many(ids)) == 60
    assert messages.depth() == {"waiting": 0, "in_flight": 0}


def test_behind_pgbouncer_all_is_read_of_one_moment_and_put_back(bounced: Place) -> None:
    opened = bounced.open()
    jobs, upkeep, now = Jobs(store(opened)), SqlUpkeep(bounced.open()), opened.now()

    def make() -> bool:
        return jobs.create(Job(job_id=new_id(), status=Status.QUEUED, created_at=now, updated_at=now, due_at=now + 900))

    for _ in range(250):  # two pages
        make()
    with upkeep.snapshot() as snapshot:
        rows = {}
        for name, found in snapshot.tables():
            rows[name] = [(row, make())[0] for row in found]
    assert len(rows["jobs"]) == 250
    assert upkeep.counts()["jobs"] == 500
    assert upkeep.is_in_use() is None, "pgbouncer's connections say nothing of who is there"
    upkeep.replace(VERSIONS[-1], rows.items(), taken_at=now)
    upkeep.tidy()
    assert upkeep.counts()["jobs"] == 250


def test_behind_pgbouncer_nobody_listens_and_nothing_is_left_in_a_session(bounced: Place, on_postgres: Place) -> None:
    messages = queue(bounced.open())
    begun = time.monotonic()
    for _ in range(3):
        messages.wait(0.1)
    assert time.monotonic() - begun >= 0.3
    messages.announce(CREATED)
    with on_postgres.open().reading() as connection:
        found = connection.execute(text("SELECT query FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")).all()
        assert found == []
    with bounced.open().reading() as connection:
        assert connection.execute(text("SHOW lock_timeout")).scalar() == "0"
