"""Followers are told of jobs' changes by one reader, which reads little and holds nothing in between."""

from __future__ import annotations

import threading
import time

import pytest

from pdfsmaller.errors import StoreUnavailable
from pdfsmaller.jobs.model import Job, new_id
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.followers import Followers
from tests.aws_stack import Clock, success
from tests.memory import MemoryJobStore, away

#: Patience of a test on a busy machine: nothing here should come near it.
LONG = 30.0


@pytest.fixture
def store(clock: Clock) -> MemoryJobStore:
    return MemoryJobStore(clock)


@pytest.fixture
def jobs(store: MemoryJobStore) -> Jobs:
    return Jobs(store)


def queued(jobs: Jobs) -> Job:
    now = jobs.now()
    job = Job(new_id(), Status.QUEUED, now, now, now + 900, stage="queued")
    assert jobs.create(job)
    return job


def run(jobs: Jobs, job: Job, *, progress: int | None = None) -> Job:
    started = jobs.start(job.job_id, "message", 60)
    assert started
    if progress is not None:
        jobs.renew(started, 60, stage="images", progress=progress)
    return started


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "followers"]


def test_a_follower_hears_of_each_change_with_the_job_as_it_is_then(jobs: Jobs) -> None:
    job = queued(jobs)
    with Followers(jobs).following([job]) as follower:
        started = run(jobs, job)
        [news] = follower.news(LONG)
        assert (news.status, news.attempt) == (Status.RUNNING, 1)
        jobs.renew(started, 60, stage="images", progress=40)
        [news] = follower.news(LONG)
        assert (news.stage, news.progress) == ("images", 40)
        jobs.succeed(started, success(started), kept_seconds=60)
        [news] = follower.news(LONG)
        assert (news.status, follower.unfinished) == (Status.SUCCEEDED, [])


def test_a_sign_of_life_is_no_change(jobs: Jobs) -> None:
    job = queued(jobs)
    with Followers(jobs).following([job]) as follower:
        started = run(jobs, job)
        assert follower.news(LONG)
        jobs.renew(started, 60)
        assert follower.news(1.2) == []


def test_who_waits_for_several_gets_them_in_their_order_at_the_last_ones_end(jobs: Jobs) -> None:
    first, second = queued(jobs), queued(jobs)

    def work() -> None:
        for job in (second, first):
            started = run(jobs, job)
            time.sleep(0.1)
            jobs.succeed(started, success(started), kept_seconds=60)

    worker = threading.Thread(target=work)
    worker.start()
    ended = Followers(jobs).wait([first, second], LONG)
    worker.join()
    assert [job.job_id for job in ended] == [first.job_id, second.job_id]
    assert {job.status for job in ended} == {Status.SUCCEEDED}


def test_time_up_gives_jobs_as_they_stand(jobs: Jobs) -> None:
    job = queued(jobs)
    run(jobs, job, progress=7)
    [left] = Followers(jobs).wait([job], 0.3)
    assert (left.status, left.progress) == (Status.RUNNING, 7)


def test_who_waits_for_a_job_that_has_ended_waits_for_nothing(jobs: Jobs, store: MemoryJobStore) -> None:
    job = queued(jobs)
    cancelled = jobs.cancel(job, kept_seconds=60)
    assert cancelled
    with away(store, "get_many"):
        assert Followers(jobs).wait([cancelled], LONG) == [cancelled]


def test_a_hundred_followers_cost_the_reads_of_one(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    followed, reads = [queued(jobs) for _ in range(100)], []
    real = jobs.get_many
    monkeypatch.setattr(jobs, "get_many", lambda job_ids: reads.append(1) or real(job_ids))
    followers = Followers(jobs)
    waiting = [threading.Thread(target=followers.wait, args=([job], LONG)) for job in followed]
    for thread in waiting:
        thread.start()
    time.sleep(2)
    assert len(readers()) == 1
    reads.clear()
    time.sleep(2)
    assert 2 <= len(reads) <= 20, "each by itself would have made 400"
    for job in followed:
        assert jobs.cancel(job, kept_seconds=60)
    for thread in waiting:
        thread.join(LONG)
        assert not thread.is_alive()


def test_the_reader_goes_with_the_last_follower_and_comes_with_the_next(jobs: Jobs) -> None:
    followers = Followers(jobs)
    for _ in range(2):
        assert followers.wait([queued(jobs)], 0.1)
        ends_at = time.monotonic() + LONG
        while readers() and time.monotonic() < ends_at:
            time.sleep(0.05)
        assert readers() == []


def test_a_store_that_is_away_is_told(jobs: Jobs, store: MemoryJobStore) -> None:
    job = queued(jobs)
    with away(store, "get_many"), pytest.raises(StoreUnavailable):
        Followers(jobs).wait([job], LONG)


def test_nobody_is_kept_by_a_process_that_ends(jobs: Jobs) -> None:
    ending = threading.Event()
    job = queued(jobs)
    threading.Timer(0.2, ending.set).start()
    assert Followers(jobs, ending.is_set).wait([job], LONG)[0].status is Status.QUEUED
    with Followers(jobs, ending.is_set).following([job]) as follower:
        assert follower.news(LONG) == []
        assert follower.over
