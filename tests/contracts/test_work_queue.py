"""What every ``WorkQueue`` promises beside (``pdfsmaller.jobs.ports``)."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pdfsmaller import events
from pdfsmaller.jobs.messages import Message
from pdfsmaller.jobs.ports import WorkQueue
from tests.contracts.harness import MAX_RECEIVE_COUNT, VISIBILITY_SECONDS, Harness


@pytest.fixture
def queue(harness: Harness) -> WorkQueue:
    if not hasattr(harness.queue, "receive"):
        pytest.skip("Lambda receives from this queue")
    working: WorkQueue = harness.queue  # type: ignore[assignment]
    return working


def announce(queue: WorkQueue, number: int) -> None:
    for index in range(number):
        queue.announce(events.ObjectCreated("uploads", f"inbox/{index}.pdf", "1"))


def keys(messages: list[Message]) -> list[str]:
    return [event.key for message in messages for event in events.parse(message.body)]


def received(queue: WorkQueue) -> Message:
    message = queue.receive()
    assert message
    return message


def test_what_has_been_visible_for_longest_comes_first(harness: Harness, queue: WorkQueue) -> None:
    announce(queue, 5)
    first = received(queue)
    queue.retry_in(first, 1)
    harness.pass_queue_time(1.1)
    announce(queue, 1)
    found = [received(queue) for _ in range(6)]
    assert keys(found) == [f"inbox/{name}.pdf" for name in (1, 2, 3, 4, 0, 0)]
    assert [message.receive_count for message in found] == [1, 1, 1, 1, 2, 1]


def test_an_old_receipt_changes_nothing(harness: Harness, queue: WorkQueue) -> None:
    announce(queue, 1)
    old = received(queue)
    harness.pass_queue_time(VISIBILITY_SECONDS + 1)
    newer = received(queue)
    queue.acknowledge(old)
    queue.retry_in(old, 0)
    assert queue.receive() is None
    assert queue.depth() == {"waiting": 0, "in_flight": 1}
    queue.acknowledge(newer)
    assert queue.depth() == {"waiting": 0, "in_flight": 0}


def test_a_dead_letter_is_not_acknowledged_any_more(harness: Harness, queue: WorkQueue) -> None:
    announce(queue, 1)
    for _ in range(MAX_RECEIVE_COUNT):
        last = received(queue)
        harness.pass_queue_time(VISIBILITY_SECONDS + 1)
    assert queue.receive() is None
    queue.acknowledge(last)
    assert len(list(queue.peek_dead_letters())) == 1


def test_a_back_off_reaches_further_than_the_visibility_and_can_be_renewed(harness: Harness, queue: WorkQueue) -> None:
    announce(queue, 1)
    message = received(queue)
    for _ in range(3):
        queue.retry_in(message, 600)
        harness.pass_queue_time(300)
        assert queue.receive() is None
    queue.acknowledge(message)
    assert queue.depth() == {"waiting": 0, "in_flight": 0}


def test_of_many_receivers_each_message_has_one(queue: WorkQueue) -> None:
    announce(queue, 40)
    gate = threading.Barrier(20)

    def work(_: int) -> list[Message]:
        gate.wait()
        found = []
        while message := queue.receive():
            found.append(message)
            queue.acknowledge(message)
        return found

    with ThreadPoolExecutor(20) as pool:
        found = [message for messages in pool.map(work, range(20)) for message in messages]
    assert sorted(keys(found)) == sorted(f"inbox/{index}.pdf" for index in range(40))
    assert queue.depth() == {"waiting": 0, "in_flight": 0}


def test_redriving_says_how_many_there_were(harness: Harness, queue: WorkQueue) -> None:
    assert queue.redrive() == 0
    for number in range(3):
        harness.bury(f"dead {number}")
    assert queue.redrive() == 3
    assert queue.depth() == {"waiting": 3, "in_flight": 0}


def test_a_redriven_message_is_another_one(harness: Harness, queue: WorkQueue) -> None:
    harness.bury("dead")
    [dead] = queue.peek_dead_letters()
    queue.redrive()
    assert received(queue).message_id != dead.message_id


def test_waiting_ends_by_itself(queue: WorkQueue) -> None:
    queue.wait(0)  # what was written before is no longer news
    begun = time.monotonic()
    queue.wait(0.2)
    assert time.monotonic() - begun < 10


def test_who_waits_is_woken(queue: WorkQueue) -> None:
    queue.wait(0)
    sender = threading.Timer(0.2, announce, (queue, 1))
    sender.start()
    begun = time.monotonic()
    while queue.receive() is None:
        queue.wait(60)
    assert time.monotonic() - begun < 30
    sender.join()
