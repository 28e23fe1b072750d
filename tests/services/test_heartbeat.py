"""A heartbeat keeps a lease alive, and looks often enough whether there still is one."""

from __future__ import annotations

import threading
import time

import pytest

from pdfsmaller.errors import LeaseLost
from pdfsmaller.jobs.model import Job, new_id
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.jobs.states import Status
from pdfsmaller.jobs.view import view
from pdfsmaller.services import heartbeat
from pdfsmaller.services.heartbeat import Heartbeat
from pdfsmaller.settings import Settings
from tests.aws_stack import Clock
from tests.memory import MemoryJobStore, away

LONG = 30.0


class Process:
    """An engine process, as far as a heartbeat knows it."""

    def __init__(self) -> None:
        self.killed = threading.Event()
        self.why: Exception | None = None

    def kill(self, why: Exception) -> None:
        self.why = why
        self.killed.set()


@pytest.fixture
def store(clock: Clock) -> MemoryJobStore:
    return MemoryJobStore(clock)


@pytest.fixture
def jobs(store: MemoryJobStore) -> Jobs:
    return Jobs(store)


@pytest.fixture
def job(jobs: Jobs) -> Job:
    """A job that runs."""
    now = jobs.now()
    job = Job(new_id(), Status.QUEUED, now, now, now + 900)
    assert jobs.create(job)
    started = jobs.start(job.job_id, "message", 900)
    assert started
    return started


def test_a_job_that_was_ended_is_noticed_long_before_its_next_renewal(jobs: Jobs, job: Job) -> None:
    process = Process()
    with Heartbeat(jobs, job, Settings(lease_seconds=900, heartbeat_seconds=300)) as beat:
        beat.kill_when_lost(process)  # type: ignore[arg-type]
        assert jobs.cancel(job, kept_seconds=60)
        assert process.killed.wait(LONG)
        assert isinstance(process.why, LeaseLost)
        with pytest.raises(LeaseLost):
            beat.progress("images", 50)


def test_looking_writes_nothing(jobs: Jobs, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, renewals = threading.Semaphore(0), []
    real = jobs.check_held
    monkeypatch.setattr(heartbeat, "_LOOK_EVERY_SECONDS", 0.02)
    monkeypatch.setattr(jobs, "check_held", lambda job: (looks.release(), real(job)))
    monkeypatch.setattr(jobs, "renew", lambda *args, **kwargs: renewals.append(args))
    with Heartbeat(jobs, job, Settings(lease_seconds=900, heartbeat_seconds=300)):
        for _ in range(5):
            assert looks.acquire(timeout=LONG)
    assert renewals == []


def test_a_store_that_is_away_costs_no_lease(jobs: Jobs, job: Job, store: MemoryJobStore) -> None:
    process = Process()
    with Heartbeat(jobs, job, Settings(lease_seconds=900, heartbeat_seconds=0.05)) as beat:
        beat.kill_when_lost(process)  # type: ignore[arg-type]
        with away(store, "get", "change"):
            assert not process.killed.wait(0.3)
        assert jobs.cancel(job, kept_seconds=60)
        assert process.killed.wait(LONG)


def test_the_last_news_is_shown_though_no_more_comes(jobs: Jobs, job: Job) -> None:
    with Heartbeat(jobs, job, Settings(lease_seconds=900, heartbeat_seconds=300)) as beat:
        beat.progress("fetching", 0)
        beat.progress("images", 40, (3, 8))
        beat.progress("verify", 80, (8, 8))
        ends_at = time.monotonic() + LONG
        while (shown := jobs.get(job.job_id)) and shown.stage != "verify" and time.monotonic() < ends_at:
            time.sleep(0.02)
        assert shown
        assert (shown.stage, shown.progress, shown.pages_done, shown.pages) == ("verify", 80, 8, 8)


def test_an_estimate_is_shown_and_a_new_attempt_begins_without_one(
    jobs: Jobs, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "_PROGRESS_EVERY_SECONDS", 0.0)
    with Heartbeat(jobs, job, Settings(lease_seconds=900, heartbeat_seconds=300)) as beat:
        beat.progress("open", 0)
        time.sleep(0.6)
        beat.progress("images", 10, (1, 8))
        shown = jobs.get(job.job_id)
    assert shown
    assert shown.ready_at
    assert 3 < shown.ready_at - jobs.now() < LONG
    assert 3 < (view(shown, "").eta_seconds or 0) < LONG
    jobs.release(shown, due_in=60)
    waiting = jobs.get(job.job_id)
    assert waiting
    assert view(waiting, "").eta_seconds is None
    again = jobs.start(job.job_id, "message", 60)
    assert again
    assert (again.ready_at, again.pages, again.pages_done) == (None, None, None)
