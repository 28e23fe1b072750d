"""What every ``Line`` promises (``pdfsmaller.jobs.ports``)."""

from __future__ import annotations

from typing import Any

import pytest

from pdfsmaller.jobs.model import Job, new_id
from pdfsmaller.jobs.ports import Line
from pdfsmaller.jobs.rows import to_row
from pdfsmaller.jobs.states import Status
from tests.contracts.harness import Harness
from tests.contracts.test_queue import CREATED, SLACK_SECONDS, received


@pytest.fixture
def line(harness: Harness) -> Line:
    if harness.line is None:
        pytest.skip("the queue lets askers take turns by itself")
    return harness.line


def jobs(harness: Harness, status: Status, asker: str | None, number: int = 1) -> None:
    for _ in range(number):
        fields: dict[str, Any] = dict.fromkeys(("created_at", "updated_at", "due_at"), harness.store.now())
        assert harness.store.create(to_row(Job(new_id(), status, asker=asker, **fields), ttl=2e9))


class TestLine:
    def test_each_who_waits_is_told_once(self, harness: Harness, line: Line) -> None:
        jobs(harness, Status.QUEUED, "many", 30)
        jobs(harness, Status.QUEUED, "one")
        jobs(harness, Status.QUEUED, None)
        jobs(harness, Status.RUNNING, "runs")
        jobs(harness, Status.SUCCEEDED, "done")
        assert sorted(line.waiting(8)) == ["many", "one"]

    def test_of_many_who_wait_so_many_are_told_wherever_one_begins(self, harness: Harness, line: Line) -> None:
        for asker in "abcde":
            jobs(harness, Status.QUEUED, asker, 2)
        assert line.waiting(3) == ["a", "b", "c"]
        assert line.waiting(3, "b") == ["c", "d", "e"]
        assert line.waiting(3, "d") == ["e", "a", "b"]
        assert line.waiting(8, "c") == ["d", "e", "a", "b", "c"]
        assert line.waiting(8, "zz") == ["a", "b", "c", "d", "e"]

    def test_nobody_waits_nobody_runs(self, line: Line) -> None:
        assert line.waiting(8, "x") == []
        assert line.running() == {}
        assert line.last_turns(["a"]) == {}

    def test_running_jobs_are_counted(self, harness: Harness, line: Line) -> None:
        jobs(harness, Status.RUNNING, "a", 3)
        jobs(harness, Status.RUNNING, "b")
        jobs(harness, Status.RUNNING, None)
        jobs(harness, Status.QUEUED, "c")
        assert line.running() == {"a": 3, "b": 1}

    def test_the_last_turn_is_remembered(self, harness: Harness, line: Line) -> None:
        line.take_turn("a")
        line.take_turn("b")
        harness.pass_store_time(60)
        line.take_turn("a")
        turns = line.last_turns(["a", "b", "c"])
        assert turns.keys() == {"a", "b"}
        assert 59 < turns["a"] - turns["b"] < 70
        assert harness.store.get("turn#a") is None


class TestPuttingBack:
    def test_one_comes_again_after_its_time_as_if_it_had_never_come(self, harness: Harness, line: Line) -> None:
        harness.queue.announce(CREATED)
        first = received(harness)
        line.put_back(first, 1)
        harness.acknowledge(first)
        assert harness.receive() is None
        again = received(harness, 1 + SLACK_SECONDS)
        assert (again.body, again.receive_count) == (first.body, 1)

    def test_however_often_it_never_reaches_the_dead_letters(self, harness: Harness, line: Line) -> None:
        harness.queue.announce(CREATED)
        for _ in range(6):
            message = received(harness)
            line.put_back(message, 0)
            harness.acknowledge(message)
        assert received(harness).receive_count == 1
        assert list(harness.queue.peek_dead_letters()) == []

    def test_without_the_acknowledgement_it_comes_twice(self, harness: Harness, line: Line) -> None:
        harness.queue.announce(CREATED)
        first = received(harness)
        line.put_back(first, 0)
        copy = received(harness)
        harness.acknowledge(copy)
        assert received(harness, 2 + SLACK_SECONDS).message_id == first.message_id

    def test_any_number_of_seconds_will_do(self, harness: Harness, line: Line) -> None:
        harness.queue.announce(CREATED)
        line.put_back(received(harness), 10**9)
