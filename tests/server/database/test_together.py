"""What is written together stands together."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from pdfsmaller import errors, events
from pdfsmaller.jobs.model import Job, new_id
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.jobs.states import Status
from pdfsmaller.server.database.base import Database
from tests.server.database.conftest import Place
from tests.server.database.parts import queue, store
from tests.server.database.processes import said, start

CREATED = events.ObjectCreated("uploads", "jobs/1/in/0", "1")


@pytest.fixture
def database(place: Place) -> Database:
    return place.open(busy_seconds=2)


def awaiting(database: Database) -> str:
    """A job that awaits its upload."""
    jobs = Jobs(store(database))
    now = jobs.now()
    job = Job(job_id=new_id(), status=Status.AWAITING_UPLOAD, created_at=now, updated_at=now, due_at=now + 900)
    assert jobs.create(job)
    return job.job_id


def status(database: Database, job_id: str) -> Status:
    job = Jobs(store(database)).get(job_id)
    assert job
    return job.status


def queue_and_announce(database: Database, job_id: str) -> None:
    assert Jobs(store(database)).queue(job_id, due_in=900)
    queue(database).announce(CREATED)


def test_both_stand_at_the_end_and_neither_before(place: Place, database: Database) -> None:
    job_id, others = awaiting(database), place.open()
    with database.together():
        queue_and_announce(database, job_id)
        assert status(database, job_id) is Status.QUEUED  # who writes sees it
        assert status(others, job_id) is Status.AWAITING_UPLOAD
        assert queue(others).receive() is None
    assert status(others, job_id) is Status.QUEUED
    assert queue(others).receive()


def test_neither_stands_where_something_is_raised(database: Database) -> None:
    job_id = awaiting(database)
    with pytest.raises(RuntimeError), database.together():  # noqa: PT012
        queue_and_announce(database, job_id)
        raise RuntimeError
    assert status(database, job_id) is Status.AWAITING_UPLOAD
    assert queue(database).receive() is None


def test_what_is_written_within_a_part_is_a_part(database: Database) -> None:
    job_id = awaiting(database)
    with pytest.raises(RuntimeError), database.together():  # noqa: PT012
        with database.together():
            queue_and_announce(database, job_id)
        raise RuntimeError
    assert status(database, job_id) is Status.AWAITING_UPLOAD
    assert queue(database).receive() is None


def test_a_refused_change_spoils_nothing(database: Database) -> None:
    job_id = awaiting(database)
    with database.together():
        queue_and_announce(database, job_id)
        assert Jobs(store(database)).queue(job_id, due_in=900) is None
    assert status(database, job_id) is Status.QUEUED


def test_after_a_step_that_failed_nothing_stands_even_if_its_error_was_borne(database: Database) -> None:
    job_id = awaiting(database)
    with pytest.raises(errors.StoreUnavailable), database.together():  # noqa: PT012
        assert Jobs(store(database)).queue(job_id, due_in=900)
        with pytest.raises(Exception, match="no_such_table"), database.writing() as connection:
            connection.execute(text("INSERT INTO no_such_table VALUES (1)"))
        with pytest.raises(errors.StoreUnavailable):
            queue(database).announce(CREATED)
    assert status(database, job_id) is Status.AWAITING_UPLOAD
    assert queue(database).receive() is None


def test_other_threads_are_no_part_of_it(database: Database) -> None:
    job_id, may_end = awaiting(database), threading.Event()
    begun = threading.Event()

    def together() -> None:
        with database.together():
            queue_and_announce(database, job_id)
            begun.set()
            may_end.wait(30)

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(together)
        assert begun.wait(30)
        assert status(database, job_id) is Status.AWAITING_UPLOAD
        may_end.set()
        writing.result()
    assert status(database, job_id) is Status.QUEUED


def test_a_process_that_is_killed_half_way_leaves_nothing_and_holds_nobody_up(place: Place, database: Database) -> None:
    job_id = awaiting(database)
    process = start(
        place.url,
        """
with opened.together():
    assert jobs.queue(sys.argv[2], due_in=900)
    messages.announce(events.ObjectCreated("uploads", "k", "1"))
    say("within")
    time.sleep(60)
""",
        job_id,
    )
    assert said(process) == "within"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert status(database, job_id) is Status.AWAITING_UPLOAD
    assert queue(database).receive() is None
    with database.together():
        queue_and_announce(database, job_id)
    assert status(database, job_id) is Status.QUEUED


def test_one_that_stops_half_way_is_not_waited_for_for_long(place: Place) -> None:
    database = place.open(busy_seconds=0.3)
    job_id = awaiting(database)
    process = start(
        place.url,
        """
with opened.together():
    assert jobs.queue(sys.argv[2], due_in=900)
    say("within")
    time.sleep(60)
""",
        job_id,
    )
    assert said(process) == "within"
    process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(errors.StoreUnavailable) as caught:
            Jobs(store(database)).queue(job_id, due_in=900)
        assert "jobs" not in caught.value.message
        assert caught.value.http_status == 503
        assert status(database, job_id) is Status.AWAITING_UPLOAD  # readers read
    finally:
        process.kill()
        process.communicate()
    assert Jobs(store(database)).queue(job_id, due_in=900)
