"""Attempts that come to their end after their job has gone on without them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pdfsmaller import errors, sandbox
from pdfsmaller.aws.job_store import DynamoJobStore
from pdfsmaller.aws.storage import S3Storage
from pdfsmaller.jobs.change import Change
from pdfsmaller.jobs.keys import input_key, report_key, result_key
from pdfsmaller.jobs.messages import Message
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.jobs.rows import Row
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.submit import SubmitService
from tests.aws_stack import Stack
from tests.services.one_job import submit


class TestPausedPastItsLease:
    """The first attempt's machine sleeps while it stores its result; another attempt does the job."""

    @pytest.fixture
    def paused(self, service: RunService, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> list[Message]:
        """The messages with which the second attempt is made while the first sleeps."""
        messages: list[Message] = []
        real, real_renew = S3Storage.put_file, Jobs.renew

        def renew(jobs: Jobs, attempt: Job, *args: Any, **kwargs: Any) -> None:
            if attempt.attempt > 1:  # the heart of the first sleeps, too
                real_renew(jobs, attempt, *args, **kwargs)

        def put_file(storage: S3Storage, bucket: str, key: str, body: Any, **kwargs: Any) -> None:
            if key.endswith("/out/0"):
                monkeypatch.setattr(S3Storage, "put_file", real)
                monkeypatch.setattr(Jobs, "renew", renew)
                stack.clock.forward(stack.settings.lease_seconds + 1)
                for message in messages:
                    service.handle(message)
                monkeypatch.setattr(Jobs, "renew", real_renew)
                body = b"%PDF- of the first attempt"
            real(storage, bucket, key, body, **kwargs)

        monkeypatch.setattr(S3Storage, "put_file", put_file)
        return messages

    def test_it_leaves_the_others_result_alone_and_nothing_of_its_own(
        self, service: RunService, stack: Stack, photo: bytes, paused: list[Message]
    ) -> None:
        job = submit(stack, photo)
        message = stack.message(input_key(job.job_id, 0))
        paused.append(message)
        service.handle(message)
        done = stack.job(job.job_id)
        assert (done.status, done.attempt) == (Status.SUCCEEDED, 2)
        assert done.result
        assert done.results[0].key == result_key(job.job_id, 2, 0)
        assert stack.result(done.results[0].key)["ContentLength"] == done.result["bytes"]
        assert stack.result_keys() == [result_key(job.job_id, 2, 0), report_key(job.job_id, 2)]

    def test_a_drops_owner_never_sees_what_it_made(
        self, service: RunService, stack: Stack, photo: bytes, paused: list[Message]
    ) -> None:
        stack.drop("inbox/a.pdf", photo)
        message = stack.message("inbox/a.pdf")
        paused.append(message)
        service.handle(message)
        shown = stack.result("inbox/a.pdf")
        done = stack.job(shown["Metadata"]["job-id"])
        assert done.result
        assert done.results[0].key == result_key(done.job_id, 2, 0)
        assert shown["Body"].read() == stack.result(done.results[0].key)["Body"].read()

    def test_it_leaves_the_message_to_the_attempt_that_is_at_it(
        self,
        service: RunService,
        stack: Stack,
        photo: bytes,
        paused: list[Message],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        job = submit(stack, photo)
        message = stack.message(input_key(job.job_id, 0))
        real = Jobs.succeed

        def taken_over(jobs: Jobs, attempt: Job, *args: Any, **kwargs: Any) -> Job:
            assert jobs.start(job.job_id, message.message_id, 60)
            return real(jobs, attempt, *args, **kwargs)

        monkeypatch.setattr(Jobs, "succeed", taken_over)
        with pytest.raises(errors.LeaseLost):
            service.handle(message)
        assert (stack.job(job.job_id).status, stack.job(job.job_id).attempt) == (Status.RUNNING, 2)
        assert stack.result_keys() == []


def test_a_success_whose_answer_got_lost_keeps_its_result(
    service: RunService, stack: Stack, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's own retry of a write that was done meets a row that has moved on already."""
    job = submit(stack, photo)
    real = DynamoJobStore.change

    def written_twice(store: DynamoJobStore, job_id: str, change: Change) -> Row | None:
        if change.sets["status"] is Status.SUCCEEDED:
            real(store, job_id, change)
        return real(store, job_id, change)

    monkeypatch.setattr(DynamoJobStore, "change", written_twice)
    service.handle(stack.message(input_key(job.job_id, 0)))
    assert stack.job(job.job_id).status is Status.SUCCEEDED
    assert result_key(job.job_id, 1, 0) in stack.result_keys()


def test_cancelled_while_its_result_was_stored_a_job_leaves_nothing(
    service: RunService, stack: Stack, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(stack, photo)
    real = Jobs.succeed

    def cancelled(jobs: Jobs, attempt: Job, *args: Any, **kwargs: Any) -> Job:
        jobs.cancel(job, kept_seconds=60)  # before who cancels has deleted anything
        return real(jobs, attempt, *args, **kwargs)

    monkeypatch.setattr(Jobs, "succeed", cancelled)
    service.handle(stack.message(input_key(job.job_id, 0)))
    assert stack.job(job.job_id).status is Status.CANCELLED
    assert stack.upload_keys() == stack.result_keys() == []


def test_a_form_used_again_after_its_job_was_deleted_leaves_no_file(
    service: RunService, stack: Stack, photo: bytes
) -> None:
    submitting = SubmitService(stack.world)
    job, _ = submitting.reserve_upload({"name": "a.pdf"})
    stack.drop(input_key(job.job_id, 0), photo)
    service.handle(stack.message(input_key(job.job_id, 0)))
    submitting.delete(job.job_id)
    stack.drop(input_key(job.job_id, 0), photo)
    service.handle(stack.message(input_key(job.job_id, 0)))
    assert stack.upload_keys() == []


def test_the_objects_of_one_message_share_its_functions_time(
    service: RunService, stack: Stack, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = []
    for name in ("a", "b"):
        stack.drop(f"inbox/{name}.pdf", photo)
        bodies.append(json.loads(stack.event(f"inbox/{name}.pdf")))
    both = json.dumps({"Records": [body["Records"][0] for body in bodies]})
    seconds = []
    real = sandbox.run

    def run(*args: Any, **kwargs: Any) -> Any:
        seconds.append(args[4].hard_seconds)
        return real(*args, **kwargs)

    monkeypatch.setattr(sandbox, "run", run)
    service.handle(replace(stack.message("inbox/a.pdf"), body=both), remaining_seconds=100)
    first, second = seconds
    assert second < first < 100
