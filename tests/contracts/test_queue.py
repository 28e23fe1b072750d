"""What every ``Queue`` promises (``pdfsmaller.jobs.ports``)."""

from __future__ import annotations

from itertools import islice

import pytest

from pdfsmaller import events
from pdfsmaller.jobs.messages import Backlog, Message
from tests.contracts.harness import MAX_RECEIVE_COUNT, VISIBILITY_SECONDS, Harness

CREATED = events.ObjectCreated("uploads", "inbox/2024 Q1/Bericht +ü.pdf", "7", "etag")
#: How long after its time a message may come: queues look at their clocks about once a second.
SLACK_SECONDS = 5
_STEP_SECONDS = 0.2


def received(harness: Harness, within: float = 0) -> Message:
    """The next message, which is visible at once, or within so many seconds."""
    for _ in range(1 + round(within / _STEP_SECONDS)):
        if message := harness.receive():
            return message
        harness.pass_queue_time(_STEP_SECONDS)
    raise AssertionError(f"no message within {within} s")


def drained(harness: Harness) -> list[Message]:
    """Every visible message, acknowledged."""
    found = []
    while message := harness.receive():
        harness.acknowledge(message)
        found.append(message)
    return found


def bury(harness: Harness, number: int) -> set[str]:
    bodies = {f"dead {n}" for n in range(number)}
    for body in bodies:
        harness.bury(body)
    return bodies


class TestDelivery:
    def test_what_is_announced_is_the_event_that_a_store_sends(self, harness: Harness) -> None:
        harness.queue.announce(CREATED)
        message = received(harness)
        assert events.parse(message.body) == [CREATED]
        assert message.receive_count == 1
        assert message.sent_at

    def test_nobody_else_gets_a_message_that_is_being_worked_on(self, harness: Harness) -> None:
        harness.queue.announce(CREATED)
        received(harness)
        assert harness.receive() is None

    def test_one_that_is_not_acknowledged_comes_again_counted(self, harness: Harness) -> None:
        harness.queue.announce(CREATED)
        first = received(harness)
        second = received(harness, VISIBILITY_SECONDS + SLACK_SECONDS)
        assert (second.message_id, second.body, second.receive_count) == (first.message_id, first.body, 2)
        assert second.sent_at == first.sent_at

    def test_one_that_is_acknowledged_does_not(self, harness: Harness) -> None:
        harness.queue.announce(CREATED)
        harness.acknowledge(received(harness))
        harness.pass_queue_time(VISIBILITY_SECONDS + 1)
        assert harness.receive() is None
        assert harness.queue.depth() == {"waiting": 0, "in_flight": 0}

    def test_it_comes_again_after_the_back_off_and_not_before(self, harness: Harness) -> None:
        harness.queue.announce(CREATED)
        harness.queue.retry_in(received(harness), 1)
        assert harness.receive() is None
        assert received(harness, 1 + SLACK_SECONDS).receive_count == 2

    def test_a_back_off_may_be_longer_than_the_queues_own(self, harness: Harness) -> None:
        harness.queue.announce(CREATED)
        harness.queue.retry_in(received(harness), 600)
        harness.pass_queue_time(VISIBILITY_SECONDS + 1)
        assert harness.receive() is None
        harness.queue.announce(CREATED)
        harness.queue.retry_in(received(harness), 10**9)  # as long as the queue can: no error

    def test_depth_counts_waiting_and_in_flight(self, harness: Harness) -> None:
        for _ in range(2):
            harness.queue.announce(CREATED)
        received(harness)
        assert harness.queue.depth() == {"waiting": 1, "in_flight": 1}

    def test_each_queue_tells_its_own_depth(self, harness: Harness) -> None:
        harness.queue.announce(CREATED)
        harness.callbacks.send("a callback")
        harness.callbacks.send("another")
        assert harness.queue.depth() == {"waiting": 1, "in_flight": 0}
        assert harness.callbacks.depth() == {"waiting": 2, "in_flight": 0}

    def test_who_waits_for_longest_is_told_where_the_queue_knows(self, harness: Harness) -> None:
        if harness.queue.backlog().oldest_seconds is None:
            pytest.skip("CloudWatch knows")
        assert harness.queue.backlog() == Backlog(0, 0)
        harness.queue.announce(CREATED)
        harness.pass_queue_time(100)
        harness.queue.announce(CREATED)
        assert 99 <= (harness.queue.backlog().oldest_seconds or 0) < 160
        hidden = received(harness)
        assert (harness.queue.backlog().oldest_seconds or 0) < 60  # what is worked on does not wait
        harness.queue.retry_in(hidden, 0)
        assert (harness.queue.backlog().oldest_seconds or 0) < 60  # nor has it waited since it was sent


class TestDeadLetters:
    def test_are_what_was_received_too_often(self, harness: Harness) -> None:
        harness.queue.announce(CREATED)
        for _ in range(MAX_RECEIVE_COUNT):
            message = received(harness)
            harness.queue.retry_in(message, 0)
        assert harness.receive() is None
        [dead] = harness.queue.peek_dead_letters()
        assert (events.parse(dead.body), dead.sent_at) == ([CREATED], message.sent_at)
        assert harness.queue.depth() == {"waiting": 0, "in_flight": 0}

    def test_are_counted(self, harness: Harness) -> None:
        assert harness.queue.backlog().dead_letters == 0
        bury(harness, 3)
        assert harness.queue.backlog().dead_letters == 3

    def test_looking_takes_none(self, harness: Harness) -> None:
        bodies = bury(harness, 25)
        for _ in range(2):
            seen = [message.body for message in harness.queue.peek_dead_letters()]
            assert (len(seen), set(seen)) == (25, bodies)

    def test_nor_does_stopping_half_way(self, harness: Harness) -> None:
        bodies = bury(harness, 3)
        looking = harness.queue.peek_dead_letters()
        assert len(list(islice(looking, 1))) == 1
        looking.close()  # type: ignore[attr-defined]
        assert {message.body for message in harness.queue.peek_dead_letters()} == bodies

    def test_looking_is_bounded_by_number_and_by_time(self, harness: Harness) -> None:
        bury(harness, 25)
        assert sum(1 for _ in harness.queue.peek_dead_letters(max_messages=20)) == 20
        assert sum(1 for _ in harness.queue.peek_dead_letters(max_seconds=0)) == 0
        assert sum(1 for _ in harness.queue.peek_dead_letters()) == 25

    def test_a_redriven_one_is_sent_anew(self, harness: Harness) -> None:
        harness.queue.announce(CREATED)
        first = received(harness)
        harness.queue.retry_in(first, 0)
        harness.queue.retry_in(received(harness), 0)
        assert harness.receive() is None
        harness.pass_queue_time(0.1)
        harness.redrive()
        again = received(harness)
        assert (again.body, again.receive_count) == (first.body, 1)
        assert (again.sent_at or 0) > (first.sent_at or 0)
        assert list(harness.queue.peek_dead_letters()) == []

    def test_those_that_an_operator_redrives_all_come(self, harness: Harness) -> None:
        assert harness.queue.redrive() == 0
        bodies = bury(harness, 12)
        assert harness.queue.redrive() == 12
        assert {message.body for message in drained(harness)} == bodies
        assert list(harness.queue.peek_dead_letters()) == []

    def test_one_is_redriven_and_the_others_stay(self, harness: Harness) -> None:
        bodies = bury(harness, 12)
        one = list(harness.queue.peek_dead_letters())[7]
        assert harness.queue.redrive("0" * 32) == 0
        assert harness.queue.redrive(one.message_id) == 1
        assert received(harness).body == one.body
        assert {letter.body for letter in harness.queue.peek_dead_letters()} == bodies - {one.body}

    def test_they_are_deleted_one_or_all(self, harness: Harness) -> None:
        bodies = bury(harness, 12)
        harness.queue.send("alive")
        one = list(harness.queue.peek_dead_letters())[7]
        assert harness.queue.delete_dead_letters("0" * 32) == 0
        assert harness.queue.delete_dead_letters(one.message_id) == 1
        assert {letter.body for letter in harness.queue.peek_dead_letters()} == bodies - {one.body}
        assert harness.queue.delete_dead_letters() == 11
        assert list(harness.queue.peek_dead_letters()) == []
        assert received(harness).body == "alive"

    def test_many_redriven_ones_all_come(self, harness: Harness) -> None:
        bodies = bury(harness, 12)
        harness.redrive()
        assert {message.body for message in drained(harness)} == bodies


class TestCallbacks:
    def test_have_a_queue_of_their_own(self, harness: Harness) -> None:
        harness.callbacks.send("a callback", "a receiver")
        harness.queue.announce(CREATED)
        assert events.parse(received(harness).body) == [CREATED]
        assert harness.receive() is None
        message = harness.receive_callback()
        assert message
        assert (message.body, message.receive_count) == ("a callback", 1)
        assert harness.receive_callback() is None

    def test_come_again_when_they_are_told_to(self, harness: Harness) -> None:
        harness.callbacks.send("a callback")
        message = harness.receive_callback()
        assert message
        harness.callbacks.retry_in(message, 600)
        harness.pass_queue_time(VISIBILITY_SECONDS + 1)
        assert harness.receive_callback() is None
        harness.callbacks.send("another")
        message = harness.receive_callback()
        assert message
        harness.callbacks.retry_in(message, 0)
        again = harness.receive_callback()
        assert again
        assert (again.body, again.receive_count) == ("another", 2)
