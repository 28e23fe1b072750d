"""A worker's loop, on the ports in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from pdfsmaller import errors
from pdfsmaller.jobs.states import Status
from pdfsmaller.processes import worker as module
from pdfsmaller.processes.worker import Worker
from tests import documents
from tests.aws_stack import Clock
from tests.memory import MemoryStorage
from tests.services.room import Room

_PATIENCE_SECONDS = 30.0


@pytest.fixture
def room() -> Room[MemoryStorage]:
    clock = Clock()
    return Room(clock, MemoryStorage(clock))


def run_until(worker: Worker, done: Callable[[], object]) -> None:
    """Let it work in a thread until something is so, then stop it."""
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,), daemon=True)
    thread.start()
    ends_at = time.monotonic() + _PATIENCE_SECONDS
    try:
        while not done():
            assert time.monotonic() < ends_at
            time.sleep(0.02)
    finally:
        stop.set()
        thread.join(_PATIENCE_SECONDS)
    assert not thread.is_alive()


def test_jobs_are_done_and_their_messages_gone(room: Room[MemoryStorage]) -> None:
    job_ids = [room.submit(documents.text(1)) for _ in range(2)]
    run_until(Worker(room.world), lambda: all(room.jobs.get(job_id).status.is_final for job_id in job_ids))  # type: ignore[union-attr]
    assert [room.submitting.job(job_id).status for job_id in job_ids] == [Status.SUCCEEDED] * 2
    assert room.queue.depth() == {"waiting": 0, "in_flight": 0}


def test_what_cannot_be_read_is_left_to_the_queue(room: Room[MemoryStorage]) -> None:
    room.queue.send("poison")
    assert Worker(room.world).work_once()
    assert room.queue.depth() == {"waiting": 0, "in_flight": 1}


def test_a_store_that_is_away_is_waited_for(room: Room[MemoryStorage], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_POLL_SECONDS", 0.05)
    job_id = room.submit(documents.text(1))
    receive, asked = room.queue.receive, []

    def away_at_first() -> object:
        asked.append(time.monotonic())
        if len(asked) < 4:
            raise errors.StoreUnavailable("It does not answer.")
        return receive()

    monkeypatch.setattr(room.queue, "receive", away_at_first)
    run_until(Worker(room.world), lambda: room.submitting.job(job_id).status is Status.SUCCEEDED)
    pauses = [later - earlier for earlier, later in pairwise(asked[:4])]
    assert pauses == sorted(pauses), "each longer than the one before"


def test_uploads_that_nobody_told_of_are_begun(room: Room[MemoryStorage]) -> None:
    job, [form] = room.submitting.reserve_upload({"name": "a.pdf"})
    room.storage.send_form(form, documents.text(1))
    room.clock.forward(11)
    run_until(Worker(room.world), lambda: room.submitting.job(job.job_id).status is Status.SUCCEEDED)
