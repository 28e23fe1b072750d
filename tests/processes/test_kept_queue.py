from __future__ import annotations

import time

import pytest

from pdfsmaller.events import ObjectCreated
from pdfsmaller.jobs.messages import Message
from pdfsmaller.processes.kept_queue import KeptQueue
from tests.memory import MemoryQueue

VISIBILITY_SECONDS = 0.3


@pytest.fixture
def queue() -> MemoryQueue:
    queue = MemoryQueue(visibility_seconds=VISIBILITY_SECONDS)
    queue.announce(ObjectCreated("uploads", "jobs/a"))
    return queue


def receive(queue: KeptQueue) -> Message:
    message = queue.receive()
    assert message
    return message


def test_nobody_else_gets_a_message_that_is_worked_on(queue: MemoryQueue) -> None:
    kept = KeptQueue(queue, VISIBILITY_SECONDS)
    with kept.kept(receive(kept)):
        time.sleep(3 * VISIBILITY_SECONDS)
        assert queue.receive() is None


def test_a_worker_that_is_gone_is_missed_after_the_visibility_timeout(queue: MemoryQueue) -> None:
    kept = KeptQueue(queue, VISIBILITY_SECONDS)
    with kept.kept(receive(kept)):
        pass
    time.sleep(1.5 * VISIBILITY_SECONDS)
    again = queue.receive()
    assert again
    assert again.receive_count == 2


def test_when_it_is_to_come_again_is_kept_too(queue: MemoryQueue) -> None:
    kept = KeptQueue(queue, VISIBILITY_SECONDS)
    message = receive(kept)
    with kept.kept(message):
        kept.retry_in(message, 0)
        time.sleep(VISIBILITY_SECONDS / 2)
        assert queue.receive() is not None
