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


def announce(queue: WorkQueue, number: int, asker: str = "", first: int = 0) -> None:
    for index in range(first, first + number):
        queue.announce(events.ObjectCreated("uploads", f"inbox/{asker}{index}.pdf", "1"), asker)


def keys(messages: list[Message]) -> list[str]:
    return [event.key for message in messages for event in events.parse(message.body)]


def received(queue: WorkQueue) -> Message:
    message = queue.receive()
    assert message
    return message


def done(queue: WorkQueue, most: int = 1_000) -> list[Message]:
    """What is received and acknowledged, one after the other, until nothing is visible."""
    found: list[Message] = []
    while len(found) < most and (message := queue.receive()):
        queue.acknowledge(message)
        found.append(message)
    return found


def test_of_what_was_never_received_the_oldest_comes_first(harness: Harness, queue: WorkQueue) -> None:
    announce(queue, 3)
    harness.pass_queue_time(1)
    announce(queue, 2, first=3)
    assert keys(done(queue)) == [f"inbox/{name}.pdf" for name in range(5)]


def test_a_failed_one_waits_for_its_back_off_and_keeps_no_other_waiting(harness: Harness, queue: WorkQueue) -> None:
    announce(queue, 5)
    queue.retry_in(received(queue), 1)
    assert keys([received(queue), received(queue)]) == ["inbox/1.pdf", "inbox/2.pdf"]
    harness.pass_queue_time(1.1)
    found = [received(queue) for _ in range(3)]
    assert sorted(keys(found)) == ["inbox/0.pdf", "inbox/3.pdf", "inbox/4.pdf"]
    assert sorted(message.receive_count for message in found) == [1, 1, 2]


class TestTurns:
    def test_one_message_beside_many_of_another_comes_next_but_one_at_the_latest(self, queue: WorkQueue) -> None:
        announce(queue, 50, "many")
        working = [received(queue), received(queue)]
        announce(queue, 1, "one")
        assert "inbox/one0.pdf" in keys([received(queue), received(queue)])
        assert [message.receive_count for message in working] == [1, 1]

    def test_askers_have_one_each_by_turns(self, queue: WorkQueue) -> None:
        announce(queue, 20, "a")
        announce(queue, 3, "b")
        announce(queue, 2, "c")
        found = [key.removeprefix("inbox/")[0] for key in keys(done(queue))]
        assert [sorted(found[:3]), sorted(found[3:6]), sorted(found[6:8])] == [list("abc"), list("abc"), list("ab")]
        assert set(found[8:]) == {"a"}

    def test_who_had_the_queue_alone_owes_nothing_for_it(self, queue: WorkQueue) -> None:
        announce(queue, 40, "a")
        for _ in range(30):
            queue.acknowledge(received(queue))
        announce(queue, 20, "b")
        found = [key.removeprefix("inbox/")[0] for key in keys(done(queue))]
        assert abs(found[:10].count("a") - found[:10].count("b")) <= 2

    def test_nor_has_a_failure_that_shows_again_a_say_in_it(self, harness: Harness, queue: WorkQueue) -> None:
        announce(queue, 40, "a")
        failing = received(queue)
        for _ in range(20):
            queue.acknowledge(received(queue))
        received(queue)  # is being worked on
        queue.retry_in(failing, 0)
        announce(queue, 20, "b")
        found = [key.removeprefix("inbox/")[0] for key in keys(done(queue))]
        assert 4 <= found[:10].count("a") <= 6

    def test_who_left_and_comes_back_waits_no_longer(self, queue: WorkQueue) -> None:
        announce(queue, 1, "b")
        announce(queue, 30, "a")
        for _ in range(21):
            queue.acknowledge(received(queue))
        announce(queue, 1, "b", first=1)
        assert "inbox/b1.pdf" in keys([received(queue), received(queue)])

    def test_a_redriven_message_takes_its_askers_turn(self, harness: Harness, queue: WorkQueue) -> None:
        announce(queue, 1, "b")
        for _ in range(MAX_RECEIVE_COUNT):
            queue.retry_in(received(queue), 0)
        assert queue.receive() is None
        announce(queue, 20, "a")
        assert queue.redrive() == 1
        assert "inbox/b0.pdf" in keys([received(queue), received(queue)])

    def test_many_receivers_at_once_lose_no_turn(self, queue: WorkQueue) -> None:
        announce(queue, 60, "many")
        announce(queue, 5, "few")
        gate = threading.Barrier(8)

        def work(_: int) -> list[str]:
            gate.wait()
            return keys(done(queue, 2))

        with ThreadPoolExecutor(8) as pool:
            found = [key for some in pool.map(work, range(8)) for key in some]
        assert {f"inbox/few{index}.pdf" for index in range(5)} <= set(found)


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
