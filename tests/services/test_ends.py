"""Every end of a job is told once, by whoever made it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pdfsmaller import errors
from pdfsmaller.jobs.model import Job, new_id
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.ends import End, Ended, Ends
from tests.aws_stack import Clock, success
from tests.memory import MemoryJobStore, away

KEPT = 3_600.0
ERROR = {"code": "unreadable_pdf", "message": "broken"}
GIVEN_UP = {"code": "too_many_attempts", "message": "five times"}


class Told:
    """Ends on an in-memory store, and what was told of them."""

    def __init__(self, clock: Clock) -> None:
        self.store = MemoryJobStore(clock)
        self.jobs = Jobs(self.store)
        self.heard: list[Ended] = []
        self.ends = Ends(self.jobs, [self.heard.append])

    def job(self, status: Status = Status.QUEUED) -> Job:
        now = self.jobs.now()
        job = Job(job_id=new_id(), status=status, created_at=now, updated_at=now, due_at=now + 900)
        assert self.jobs.create(job)
        return job

    def running(self) -> Job:
        started = self.jobs.start(self.job().job_id, "m", 60)
        assert started
        return started


@pytest.fixture
def told(clock: Clock) -> Told:
    return Told(clock)


def succeed(told: Told) -> Callable[[], object]:
    job = told.running()
    return lambda: told.ends.succeed(job, success(job), kept_seconds=KEPT)


def fail_attempt(told: Told) -> Callable[[], object]:
    job = told.running()
    return lambda: told.ends.fail_attempt(job, ERROR, kept_seconds=KEPT)


def fail(told: Told) -> Callable[[], object]:
    job = told.job(Status.AWAITING_UPLOAD)
    return lambda: told.ends.fail(job, ERROR, kept_seconds=KEPT)


def give_up(told: Told) -> Callable[[], object]:
    job = told.job()
    return lambda: told.ends.give_up(job, GIVEN_UP, kept_seconds=KEPT, holds_lease=False)


def give_up_attempt(told: Told) -> Callable[[], object]:
    job = told.running()
    return lambda: told.ends.give_up(job, GIVEN_UP, kept_seconds=KEPT, holds_lease=True)


def cancel(told: Told) -> Callable[[], object]:
    job = told.job()
    return lambda: told.ends.cancel(job, kept_seconds=KEPT)


def expire(told: Told) -> Callable[[], object]:
    job = told.job(Status.SUCCEEDED)
    return lambda: told.ends.expire(job)


ENDS = [
    pytest.param(succeed, End.SUCCEEDED, id="succeeded"),
    pytest.param(fail_attempt, End.FAILED, id="failed"),
    pytest.param(fail, End.FAILED, id="failed without a worker"),
    pytest.param(give_up, End.GIVEN_UP, id="given up"),
    pytest.param(give_up_attempt, End.GIVEN_UP, id="given up by its worker"),
    pytest.param(cancel, End.CANCELLED, id="cancelled"),
    pytest.param(expire, End.EXPIRED, id="expired"),
]


@pytest.mark.parametrize(("made", "end"), ENDS)
class TestEveryEnd:
    def test_is_told_with_the_job_as_it_stands_then(
        self, told: Told, made: Callable[[Told], Callable[[], object]], end: End
    ) -> None:
        made(told)()
        [heard] = told.heard
        assert heard.end is end
        assert heard.job == told.jobs.get(heard.job.job_id)
        assert heard.job.status is (Status.FAILED if end is End.GIVEN_UP else Status(end))

    def test_is_told_once_when_many_race_to_it(
        self, told: Told, made: Callable[[Told], Callable[[], object]], end: End
    ) -> None:
        ending, gate = made(told), threading.Barrier(20)

        def race(_: int) -> None:
            gate.wait()
            with contextlib.suppress(errors.LeaseLost):
                ending()

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(race, range(20)))
        assert [heard.end for heard in told.heard] == [end]

    def test_is_told_once_when_the_answer_to_the_write_was_lost(
        self, told: Told, made: Callable[[Told], Callable[[], object]], end: End
    ) -> None:
        ending = made(told)
        with away(told.store, "change"):
            ending()
        assert [heard.end for heard in told.heard] == [end]

    def test_is_not_told_when_the_write_was_refused(
        self, told: Told, made: Callable[[Told], Callable[[], object]], end: End, clock: Clock
    ) -> None:
        ending = made(told)
        for job in [*told.jobs.get_many(list(told.store._rows))]:
            told.jobs.cancel(job, kept_seconds=KEPT)
            told.jobs.expire(job)
        with contextlib.suppress(errors.LeaseLost):
            assert not ending()
        assert told.heard == []

    def test_stands_though_a_listener_fails(
        self, told: Told, made: Callable[[Told], Callable[[], object]], end: End
    ) -> None:
        def broken(ended: Ended) -> None:
            raise ConnectionError("nobody there")

        heard: list[Ended] = []
        told.ends = Ends(told.jobs, [broken, heard.append])
        made(told)()
        [after] = heard
        assert told.jobs.get(after.job.job_id) == after.job


def test_of_two_different_ends_one_is_told(told: Told) -> None:
    job = told.running()
    assert told.ends.cancel(job, kept_seconds=KEPT)
    with pytest.raises(errors.LeaseLost):
        told.ends.succeed(job, success(job), kept_seconds=KEPT)
    assert [heard.end for heard in told.heard] == [End.CANCELLED]


def test_a_redriven_job_can_be_given_up_again(told: Told) -> None:
    job = told.job()
    for _ in range(2):
        assert told.ends.give_up(job, GIVEN_UP, kept_seconds=KEPT, holds_lease=False)
        failed = told.jobs.get(job.job_id)
        assert failed
        assert told.jobs.revive(failed, due_in=1)
        job = told.jobs.get(job.job_id) or job
    assert [heard.end for heard in told.heard] == [End.GIVEN_UP] * 2
