"""One caller's many jobs beside another's few, in every world."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest

from pdfsmaller.jobs.keys import input_key
from pdfsmaller.jobs.messages import Message
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.states import Status
from pdfsmaller.services import arrivals, turns
from pdfsmaller.services.caller import ANYBODY, Caller
from pdfsmaller.services.intake import IncomingFile
from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.submit import SubmitService
from pdfsmaller.settings import Settings
from tests import documents
from tests.aws_stack import Clock, Stack
from tests.memory import MemoryStorage
from tests.services.room import Room

MANY, ONE, THIRD = Caller("many", "192.0.2.1"), Caller("one", "192.0.2.2"), Caller("third", "192.0.2.3")


def settings(**given: Any) -> Settings:
    return Settings(secret_key="a key for tests only", **given)


class TestAskers:
    def test_with_a_key_it_is_the_keys_owner(self) -> None:
        assert turns.asker_of(Caller("id-of-key", "192.0.2.1"), settings()) == "id-of-key"

    def test_without_one_it_is_the_address_which_cannot_be_read(self) -> None:
        first, second = (turns.asker_of(Caller(None, f"192.0.2.{n}"), settings()) for n in (1, 2))
        assert first != second
        assert "192" not in first
        other = settings().model_copy(update={"secret_key": "another key for tests"})
        assert turns.asker_of(Caller(None, "192.0.2.1"), other) != first

    def test_a_whole_network_of_one_house_is_one(self) -> None:
        of = [turns.asker_of(Caller(None, ip), settings()) for ip in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")]
        assert of[0] == of[1] != of[2]

    def test_what_is_no_address_is_a_name_like_any_other(self) -> None:
        assert turns.asker_of(Caller(None, "unix:"), settings())

    def test_programs_of_our_own_are_one(self) -> None:
        assert turns.asker_of(ANYBODY, settings()) == turns.OWN


def submit(submitting: SubmitService, caller: Caller, number: int) -> list[Job]:
    pdf = documents.text(1)
    return [
        submitting.submit_files([IncomingFile("a.pdf", io.BytesIO(pdf))], {}, caller=caller)[0] for _ in range(number)
    ]


class TestOnSqs:
    """Lambda receives in any order: who is led to a job asks whose turn it is."""

    @pytest.fixture
    def ran(self, service: RunService, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The askers whose jobs were begun, in their order. No engine: whose turn it is, is all."""
        begun: list[str] = []
        monkeypatch.setattr(service, "_attempt", lambda job, ends_at: begun.append(job.asker or ""))
        return begun

    def hand(self, stack: Stack, service: RunService, jobs: list[Job]) -> None:
        for job in jobs:
            service.handle(self.message(stack, job))

    def message(self, stack: Stack, job: Job) -> Message:
        return Message(job.job_id, "receipt", stack.event(input_key(job.job_id, 0)))

    def test_a_thousand_of_one_do_not_run_before_the_other_has_had_its_turn(
        self, stack: Stack, service: RunService, submitting: SubmitService, ran: list[str]
    ) -> None:
        many, [one] = submit(submitting, MANY, 40), submit(submitting, ONE, 1)
        stack.waiting()
        self.hand(stack, service, [*many, one])
        assert ran == ["many", "one"]

    def test_through_the_queue_itself_none_is_lost_and_none_is_on_its_way_to_the_dead_letters(
        self, stack: Stack, service: RunService, submitting: SubmitService, ran: list[str]
    ) -> None:
        jobs, url = [*submit(submitting, MANY, 30), *submit(submitting, ONE, 1)], stack.settings.compress_queue_url
        stack.waiting()
        for job in jobs:
            arrivals.announce(stack.world, job)
        while got := stack.sqs.receive_message(QueueUrl=url).get("Messages"):
            [item] = got
            service.handle(Message(item["MessageId"], item["ReceiptHandle"], item["Body"]))
            stack.sqs.delete_message(QueueUrl=url, ReceiptHandle=item["ReceiptHandle"])
            if "one" in ran:
                break
        assert ran == ["many", "one"]
        left = stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        there = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed")
        assert sum(int(left[name]) for name in there) == len(jobs) - 2
        assert list(stack.world.queue.peek_dead_letters()) == []

    def test_what_was_put_back_comes_again_uncounted_and_runs(
        self, stack: Stack, service: RunService, submitting: SubmitService, ran: list[str]
    ) -> None:
        [first, second], [one] = submit(submitting, MANY, 2), submit(submitting, ONE, 1)
        stack.waiting()
        self.hand(stack, service, [first, second, one])
        queued = stack.job(second.job_id)
        assert (queued.status, queued.attempt) == (Status.QUEUED, 0)
        delayed = stack.sqs.get_queue_attributes(QueueUrl=stack.settings.compress_queue_url, AttributeNames=["All"])
        assert delayed["Attributes"]["ApproximateNumberOfMessagesDelayed"] == "1"
        stack.clock.forward(2)
        self.hand(stack, service, [second])
        assert ran == ["many", "one", "many"]

    def test_who_is_alone_is_never_sent_back(
        self, stack: Stack, service: RunService, submitting: SubmitService, ran: list[str]
    ) -> None:
        self.hand(stack, service, submit(submitting, MANY, 10))
        assert ran == ["many"] * 10

    def test_who_has_most_running_waits_for_who_has_fewer(
        self, stack: Stack, submitting: SubmitService, ran: list[str], service: RunService
    ) -> None:
        many, one = submit(submitting, MANY, 6), submit(submitting, ONE, 2)
        for job in many[:3]:
            assert stack.jobs.start(job.job_id, "m", 60)
        self.hand(stack, service, [many[3], one[0], one[1], many[4]])
        assert ran == ["one", "one"]

    def test_with_fewer_workers_than_callers_each_has_its_turn(
        self, stack: Stack, service: RunService, submitting: SubmitService, ran: list[str]
    ) -> None:
        """One worker, so that nobody runs when it asks: who was last is last."""
        waiting = [*submit(submitting, MANY, 12), *submit(submitting, THIRD, 12), *submit(submitting, ONE, 1)]
        stack.waiting()
        while waiting and len(ran) < 6:
            for job in list(waiting):
                before = len(ran)
                self.hand(stack, service, [job])
                if len(ran) > before:
                    stack.jobs.cancel(stack.job(job.job_id), kept_seconds=60)
                    waiting.remove(job)
                    stack.clock.forward(1.1)
        assert "one" in ran[:3]
        assert abs(ran.count("many") - ran.count("third")) <= 1

    def test_nobody_is_idle_while_somebody_is_sent_back(
        self, stack: Stack, service: RunService, submitting: SubmitService, ran: list[str]
    ) -> None:
        """Of all that wait one at least is let through, however many are looked at."""
        callers = [Caller(f"{n:02}", "") for n in range(20)]
        jobs = [submit(submitting, caller, 1)[0] for caller in callers]
        for _ in range(20):
            before = len(ran)
            for job in jobs:
                self.hand(stack, service, [job])
                if len(ran) > before:
                    stack.jobs.cancel(stack.job(job.job_id), kept_seconds=60)
                    jobs.remove(job)
                    break
            stack.clock.forward(1.1)
        assert sorted(ran) == [f"{n:02}" for n in range(20)]

    def test_a_sender_that_is_no_queue_cannot_take_back(
        self, stack: Stack, service: RunService, submitting: SubmitService, ran: list[str]
    ) -> None:
        many = submit(submitting, MANY, 3)
        submit(submitting, ONE, 1)
        for job in many:
            service.handle(replace(self.message(stack, job), receipt_handle=""))
        assert ran == ["many"] * 3

    def test_a_job_from_before_there_were_turns_runs(
        self, stack: Stack, service: RunService, submitting: SubmitService, ran: list[str]
    ) -> None:
        [one] = submit(submitting, ONE, 1)
        old = replace(one, job_id="0" * 32, asker=None, status=Status.QUEUED)
        assert stack.jobs.create(old)
        self.hand(stack, service, [old])
        assert ran == [""]

    def test_drops_are_one_caller(self, stack: Stack, service: RunService, submitting: SubmitService) -> None:
        stack.drop("inbox/a.pdf", documents.text(1))
        service.handle(stack.message("inbox/a.pdf"))
        [job_id] = {key.split("/")[1] for key in stack.result_keys() if key.startswith("jobs/")}
        assert stack.job(job_id).asker == turns.DROPS


class TestOnAServer:
    """The queue itself hands out messages by turns."""

    @pytest.fixture
    def room(self, clock: Clock) -> Room[MemoryStorage]:
        return Room(clock, MemoryStorage(clock))

    def test_one_job_beside_many_is_next_but_one(self, room: Room[MemoryStorage]) -> None:
        many, [one] = submit(room.submitting, MANY, 30), submit(room.submitting, ONE, 1)
        order = []
        while message := room.queue.receive():
            order.append(message)
            room.queue.acknowledge(message)
        assert len(order) == len(many) + 1
        assert f"jobs/{one.job_id}" in order[0].body + order[1].body
