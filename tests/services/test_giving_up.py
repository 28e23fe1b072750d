"""How often a job is tried, and what becomes of it afterwards."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pdfsmaller import errors, sandbox
from pdfsmaller.jobs import files
from pdfsmaller.jobs.keys import error_key, input_key
from pdfsmaller.jobs.messages import Message
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.cleanup import CleanupService
from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.submit import SubmitService
from tests import documents
from tests.aws_stack import Stack
from tests.services.one_job import message_for, submit

DAY = 86_400


@pytest.fixture
def cleanup(stack: Stack) -> CleanupService:
    return CleanupService(stack.world)


class WorkerKilled(BaseException):
    """Ends a worker as SIGKILL does: nothing that it would do in the end is done."""


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[type[BaseException] | None]:
    """How the engine's next runs end, None for as they do by themselves; what is left over was not run."""
    ends: list[type[BaseException] | None] = []
    real = sandbox.run

    def run(*args: Any, **kwargs: Any) -> Any:
        end = ends.pop(0) if ends else None
        if end:
            raise end("as the test wants")
        return real(*args, **kwargs)

    monkeypatch.setattr(sandbox, "run", run)
    return ends


def deliver(service: RunService, message: Message) -> bool:
    """Whether a delivery of the message was acknowledged."""
    try:
        service.handle(message)
    except (Exception, WorkerKilled):
        return False
    return True


def give_up(service: RunService, stack: Stack, message: Message, runs: list[type[BaseException] | None]) -> None:
    runs += [errors.TransientError] * stack.settings.max_receive_count
    for count in range(stack.settings.max_receive_count):
        assert not deliver(service, replace(message, receive_count=count + 1))
    assert runs == []


class TestAttempts:
    def test_are_bounded_over_all_messages_and_announcements(
        self,
        service: RunService,
        cleanup: CleanupService,
        stack: Stack,
        photo: bytes,
        runs: list[type[BaseException] | None],
    ) -> None:
        allowed = stack.settings.max_receive_count
        runs += [WorkerKilled] * 100
        job = submit(stack, photo)
        messages = [message_for(stack, job)]
        for _ in range(3 * allowed):
            for message in list(messages):
                deliver(service, message)
                stack.clock.forward(stack.settings.lease_seconds + 10)
                cleanup.run()
                messages += stack.announced()
        assert 100 - len(runs) == allowed
        done = stack.job(job.job_id)
        assert (done.status, done.attempt) == (Status.FAILED, allowed)
        assert (done.error or {})["code"] == "too_many_attempts"
        assert stack.upload_keys() == [input_key(job.job_id, 0)]

    def test_a_job_without_one_left_is_given_up_by_whoever_meets_it_first(
        self,
        service: RunService,
        cleanup: CleanupService,
        stack: Stack,
        photo: bytes,
        runs: list[type[BaseException] | None],
    ) -> None:
        for first in (lambda message: deliver(service, message), lambda message: cleanup.run()["given_up"]):
            job = submit(stack, photo)
            message = message_for(stack, job)
            for _ in range(stack.settings.max_receive_count):
                assert stack.jobs.start(job.job_id, message.message_id, 60)
                stack.clock.forward(70)
            first(message)
            assert (stack.job(job.job_id).error or {})["code"] == "too_many_attempts"
            assert not deliver(service, message), "it is left to the dead-letter queue"
            assert stack.job(job.job_id).attempt == stack.settings.max_receive_count

    def test_the_last_one_that_fails_gives_the_job_up_at_once(
        self, service: RunService, stack: Stack, photo: bytes, runs: list[type[BaseException] | None]
    ) -> None:
        stack.drop("inbox/a.pdf", photo)
        give_up(service, stack, stack.message("inbox/a.pdf"), runs)
        assert stack.result_keys() == [error_key("inbox/a.pdf")]
        given_up = stack.job(stack.result(error_key("inbox/a.pdf"))["Metadata"]["job-id"])
        assert (given_up.error or {})["code"] == "too_many_attempts"

    @pytest.mark.parametrize("by", ["its lease", "its dead letter"])
    def test_a_drops_owner_is_told_by_cleanup_too(
        self, service: RunService, cleanup: CleanupService, stack: Stack, photo: bytes, runs: Any, by: str
    ) -> None:
        stack.drop("inbox/a.pdf", photo)
        message = stack.message("inbox/a.pdf")
        deaths = stack.settings.max_receive_count if by == "its lease" else 1
        runs += [WorkerKilled] * deaths
        for _ in range(deaths):
            assert not deliver(service, message)
            stack.clock.forward(stack.settings.lease_seconds + 10)
        if by == "its dead letter":
            stack.sqs.send_message(QueueUrl=stack.settings.dead_letter_queue_url, MessageBody=message.body)
        cleanup.run()
        told = json.loads(stack.result(error_key("inbox/a.pdf"))["Body"].read())
        assert told["error"]["code"] == "too_many_attempts"
        assert (stack.job(told["job_id"]).error or {})["code"] == "too_many_attempts"

    def test_a_crash_after_another_failure_is_the_first_crash(
        self,
        service: RunService,
        stack: Stack,
        photo: bytes,
        runs: list[type[BaseException] | None],
    ) -> None:
        runs += [errors.TransientError, errors.WorkerCrashed, errors.TransientError, errors.WorkerCrashed]
        job = submit(stack, photo)
        message = message_for(stack, job)
        assert [deliver(service, message) for _ in range(4)] == [False, False, False, True]
        error = stack.job(job.job_id).error or {}
        assert error["code"] == "engine_failed"
        assert "died 2 times" in error["message"]
        assert runs == []


class TestRedriving:
    def test_gives_the_job_as_many_attempts_again(
        self, service: RunService, stack: Stack, photo: bytes, runs: list[type[BaseException] | None]
    ) -> None:
        job = submit(stack, documents.encrypted_user(), password=documents.USER_PASSWORD)
        give_up(service, stack, message_for(stack, job), runs)
        give_up(service, stack, message_for(stack, job), runs)
        service.handle(message_for(stack, job))
        done = stack.job(job.job_id)
        assert (done.status, done.password) == (Status.SUCCEEDED, None)
        assert done.attempt == 2 * stack.settings.max_receive_count + 1

    def test_is_not_what_a_message_left_over_from_before_does(
        self, service: RunService, stack: Stack, photo: bytes, runs: list[type[BaseException] | None]
    ) -> None:
        job = submit(stack, photo)
        left_over = message_for(stack, job)
        give_up(service, stack, message_for(stack, job), runs)
        for message in (left_over, replace(left_over, sent_at=None)):
            with pytest.raises(errors.TooManyAttempts):
                service.handle(message)
        assert stack.job(job.job_id).status is Status.FAILED

    def test_a_job_whose_inputs_are_gone_makes_it_expired(
        self, service: RunService, stack: Stack, photo: bytes, runs: list[type[BaseException] | None]
    ) -> None:
        job = submit(stack, photo)
        give_up(service, stack, message_for(stack, job), runs)
        files.delete_job(stack.world.storage, job.job_id)  # as the bucket's lifecycle rule does
        service.handle(message_for(stack, job))
        assert stack.job(job.job_id).status is Status.EXPIRED
        with pytest.raises(errors.JobExpired):
            SubmitService(stack.world).download(job.job_id)

    def test_a_drop_works_as_long_as_there_may_be_a_message_to_redrive(
        self,
        service: RunService,
        cleanup: CleanupService,
        stack: Stack,
        photo: bytes,
        runs: list[type[BaseException] | None],
    ) -> None:
        stack.drop("inbox/a.pdf", photo)
        give_up(service, stack, stack.message("inbox/a.pdf"), runs)
        stack.clock.forward(13 * DAY)
        assert cleanup.run()["expired"] == 0
        service.handle(stack.message("inbox/a.pdf"))
        assert "inbox/a.pdf" in stack.result_keys()
        assert error_key("inbox/a.pdf") not in stack.result_keys()


def test_the_late_worker_of_a_given_up_job_leaves_its_inputs_for_redrive(
    service: RunService, cleanup: CleanupService, stack: Stack, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(stack, photo)
    message = message_for(stack, job)
    real = sandbox.run

    def given_up_meanwhile(*args: Any, **kwargs: Any) -> Any:
        report = real(*args, **kwargs)
        monkeypatch.setattr(sandbox, "run", real)
        stack.sqs.send_message(QueueUrl=stack.settings.dead_letter_queue_url, MessageBody=message.body)
        assert buried() or buried()  # news of the job's progress, still to be written, renews its lease once
        return report

    def buried() -> bool:
        stack.clock.forward(stack.settings.lease_seconds + 1)
        return cleanup.run()["dead_lettered"] == 1

    monkeypatch.setattr(sandbox, "run", given_up_meanwhile)
    service.handle(message)
    assert stack.job(job.job_id).status is Status.FAILED
    assert stack.upload_keys() == [input_key(job.job_id, 0)]
    assert stack.result_keys() == []
    service.handle(message_for(stack, job))  # redriven
    assert stack.job(job.job_id).status is Status.SUCCEEDED


def test_a_job_is_not_tried_again_because_its_progress_could_not_be_shown(
    service: RunService, stack: Stack, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pdfsmaller.jobs.moves import Jobs

    def throttled(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("the table does not answer")

    monkeypatch.setattr(Jobs, "renew", throttled)
    job = submit(stack, photo)
    service.handle(message_for(stack, job))
    assert (stack.job(job.job_id).status, stack.job(job.job_id).attempt) == (Status.SUCCEEDED, 1)
