"""The service that runs jobs, on moto's AWS, with the real engine in its real child process."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from pdfsmaller import errors, events, sandbox
from pdfsmaller.aws.queue import SqsQueue
from pdfsmaller.jobs.keys import input_key, report_key, result_key
from pdfsmaller.jobs.messages import Message
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.submit import SubmitService
from tests import documents
from tests.aws_stack import Clock, Stack, made_stack
from tests.services.one_job import message_for, submit


class TestOneJob:
    def test_ends_with_a_smaller_file_and_a_report(self, service: RunService, stack: Stack, photo: bytes) -> None:
        job = submit(stack, photo, preset="ebook")
        service.handle(message_for(stack, job))
        done = stack.job(job.job_id)
        assert (done.status, done.attempt, done.progress) == (Status.SUCCEEDED, 1, 100)
        out = stack.result(result_key(job.job_id, 1, 0))
        assert done.result
        assert out["ContentLength"] == done.result["bytes"] < len(photo)
        assert done.result["outcome"] == "compressed"
        assert out["Metadata"]["job-id"] == job.job_id
        assert out["Body"].read(5) == b"%PDF-"
        report = json.loads(stack.result(report_key(job.job_id, 1))["Body"].read())
        assert report["input_bytes"] == len(photo)

    def test_a_repeated_event_changes_nothing(self, service: RunService, stack: Stack, photo: bytes) -> None:
        job = submit(stack, photo)
        for _ in range(3):
            service.handle(message_for(stack, job))
        assert stack.job(job.job_id).attempt == 1

    def test_an_upload_that_is_not_complete_waits(self, service: RunService, stack: Stack, photo: bytes) -> None:
        job, _ = SubmitService(stack.world).reserve_upload({"name": "a.pdf"})
        service.handle(message_for(stack, job))
        assert stack.job(job.job_id).status is Status.AWAITING_UPLOAD
        stack.drop(input_key(job.job_id, 0), photo)
        service.handle(message_for(stack, job))
        assert stack.job(job.job_id).status is Status.SUCCEEDED

    def test_a_password_opens_the_file_and_is_forgotten(self, service: RunService, stack: Stack) -> None:
        job = submit(stack, documents.encrypted_user(), password=documents.USER_PASSWORD)
        service.handle(message_for(stack, job))
        done = stack.job(job.job_id)
        assert (done.status, done.password) == (Status.SUCCEEDED, None)
        assert documents.USER_PASSWORD not in repr(done)


class TestBadDocuments:
    @pytest.mark.parametrize(
        ("make", "options", "code"),
        [
            (documents.header_only, {}, "unreadable_pdf"),
            (documents.encrypted_user, {}, "password_required"),
            (documents.encrypted_for_certificates, {}, "unsupported_encryption"),
            (documents.encrypted_user, {"password": "wrong"}, "wrong_password"),
            (documents.many_pages, {}, "limit_exceeded"),
            (documents.flate_bomb, {}, "limit_exceeded"),
        ],
    )
    def test_end_failed_with_a_code_and_are_not_tried_again(
        self, service: RunService, stack: Stack, make: Callable[[], bytes], options: dict[str, str], code: str
    ) -> None:
        job = submit(stack, make(), **options)
        service.handle(message_for(stack, job))
        done = stack.job(job.job_id)
        assert done.status is Status.FAILED
        assert done.error
        assert done.error["code"] == code
        assert "Traceback" not in done.error["message"]

    def test_a_signed_file_comes_back_as_it_was(self, service: RunService, stack: Stack) -> None:
        data = documents.signed()
        job = submit(stack, data)
        service.handle(message_for(stack, job))
        done = stack.job(job.job_id)
        assert done.result
        assert done.result["outcome"] == "unchanged"
        assert [warning["code"] for warning in done.warnings] == ["signed"]
        assert stack.result(result_key(job.job_id, 1, 0))["Body"].read() == data

    def test_a_password_sealed_with_a_former_key_ends_the_job_at_once(self, stack: Stack) -> None:
        job = submit(stack, documents.encrypted_user(), password=documents.USER_PASSWORD)
        changed = stack.settings.model_copy(update={"secret_key": "a newer one"})
        RunService(replace(stack.world, settings=changed)).handle(message_for(stack, job))
        done = stack.job(job.job_id)
        assert (done.status, (done.error or {})["code"]) == (Status.FAILED, "password_lost")

    def test_an_absurd_number_in_a_drops_metadata_ends_its_job_at_once(
        self, service: RunService, stack: Stack, photo: bytes
    ) -> None:
        stack.drop("inbox/a.pdf", photo, {"target-size": "9" * 400})
        service.handle(stack.message("inbox/a.pdf"))
        reason = json.loads(stack.result("errors/a.pdf.json")["Body"].read())
        assert reason["error"]["code"] == "invalid_option"

    def test_a_presigned_upload_that_is_no_pdf_is_found_out(self, service: RunService, stack: Stack) -> None:
        job, _ = SubmitService(stack.world).reserve_upload({"name": "a.pdf"})
        stack.drop(input_key(job.job_id, 0), b"<html></html>")
        service.handle(message_for(stack, job))
        assert (stack.job(job.job_id).error or {})["code"] == "not_a_pdf"

    def test_an_upload_over_the_limit_is_not_even_fetched(self, clock: Clock, photo: bytes) -> None:
        with made_stack(clock, max_file_size=1_000) as stack:
            stack.drop("inbox/big.pdf", photo)
            RunService(stack.world).handle(stack.message("inbox/big.pdf"))
            told = json.loads(stack.result("errors/big.pdf.json")["Body"].read())
            assert told["error"]["code"] == "file_too_large"


class TestDrops:
    KEY = "inbox/2024 Q1/Bericht +ü.pdf"

    def test_the_result_lies_under_the_same_key(self, service: RunService, stack: Stack, photo: bytes) -> None:
        stack.drop(self.KEY, photo, {"preset": "screen", "owner": "me", "password": "ignored"})
        service.handle(stack.message(self.KEY))
        out = stack.result(self.KEY)
        job = stack.job(out["Metadata"]["job-id"])
        assert (job.status, job.options, job.password) == (Status.SUCCEEDED, {"preset": "screen"}, None)
        assert out["Metadata"]["outcome"] == "compressed"
        assert int(out["Metadata"]["input-bytes"]) == len(photo)
        assert int(out["Metadata"]["output-bytes"]) == out["ContentLength"] < len(photo)

    def test_one_write_is_one_job_however_often_its_event_comes(
        self, service: RunService, stack: Stack, photo: bytes
    ) -> None:
        stack.drop(self.KEY, photo)
        service.handle(stack.message(self.KEY))
        first = stack.result(self.KEY)["Metadata"]["job-id"]
        service.handle(stack.message(self.KEY))
        assert stack.result(self.KEY)["Metadata"]["job-id"] == first
        service.handle(stack.message(self.KEY, sequencer="0055AED6DCD90281E6"))  # written again
        assert stack.result(self.KEY)["Metadata"]["job-id"] != first

    def test_a_failed_drop_says_so_beside_where_its_result_would_be(self, service: RunService, stack: Stack) -> None:
        stack.drop("inbox/a.pdf", b"no pdf at all")
        service.handle(stack.message("inbox/a.pdf"))
        assert stack.result_keys() == ["errors/a.pdf.json"]
        told = json.loads(stack.result("errors/a.pdf.json")["Body"].read())
        assert told["error"]["code"] == "not_a_pdf"
        assert stack.job(told["job_id"]).status is Status.FAILED

    def test_a_good_file_after_a_bad_one_takes_the_error_away(
        self, service: RunService, stack: Stack, photo: bytes
    ) -> None:
        stack.drop("inbox/a.pdf", b"no pdf at all")
        service.handle(stack.message("inbox/a.pdf"))
        stack.drop("inbox/a.pdf", photo)
        service.handle(stack.message("inbox/a.pdf", sequencer="2"))
        assert "errors/a.pdf.json" not in stack.result_keys()
        assert "inbox/a.pdf" in stack.result_keys()

    def test_a_bad_option_in_the_metadata_fails_the_job_naming_it(
        self, service: RunService, stack: Stack, photo: bytes
    ) -> None:
        stack.drop("inbox/a.pdf", photo, {"image-quality": "excellent"})
        service.handle(stack.message("inbox/a.pdf"))
        told = json.loads(stack.result("errors/a.pdf.json")["Body"].read())
        assert told["error"]["code"] == "invalid_option"
        assert "image_quality" in told["error"]["message"]

    def test_a_folder_is_no_file(self, service: RunService, stack: Stack) -> None:
        stack.drop("inbox/new/", b"")
        service.handle(stack.message("inbox/new/"))
        assert stack.result_keys() == []

    def test_a_drop_taken_away_again_is_nobodys_job(self, service: RunService, stack: Stack) -> None:
        service.handle(stack.message("inbox/gone.pdf"))
        assert stack.result_keys() == []

    def test_an_older_result_never_overwrites_a_newer_files(
        self, service: RunService, stack: Stack, photo: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stack.drop("inbox/a.pdf", photo)
        real = sandbox.run

        def replaced_meanwhile(*args: object, **kwargs: object) -> object:
            report = real(*args, **kwargs)  # type: ignore[arg-type]
            stack.drop("inbox/a.pdf", photo + b"\n")
            return report

        monkeypatch.setattr(sandbox, "run", replaced_meanwhile)
        service.handle(stack.message("inbox/a.pdf"))
        assert "inbox/a.pdf" not in stack.result_keys()


class TestMessages:
    @pytest.mark.parametrize("body", ["not an event", pytest.param("[" * 100_000, id="deep")])
    def test_a_malformed_message_is_left_to_the_queue_for_a_while(
        self, service: RunService, stack: Stack, body: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits: list[float] = []
        monkeypatch.setattr(SqsQueue, "retry_in", lambda queue, message, seconds: waits.append(seconds))
        with pytest.raises(events.MalformedEvent):
            service.handle(Message("m", "handle", body, receive_count=2))
        assert waits == [2 * stack.settings.retry_delay_seconds]

    def test_objects_elsewhere_are_nobodys_job(self, service: RunService, stack: Stack) -> None:
        for key in ("other/a.pdf", f"jobs/{'0' * 32}/in/0"):
            service.handle(stack.message(key))
        assert stack.result_keys() == []

    def test_a_duplicate_is_acknowledged_while_another_message_runs_the_job(
        self, service: RunService, stack: Stack, photo: bytes
    ) -> None:
        job = submit(stack, photo)
        assert stack.jobs.start(job.job_id, "the other message", 60)
        service.handle(message_for(stack, job))
        assert stack.job(job.job_id).attempt == 1

    def test_a_redelivered_message_waits_for_its_dead_workers_lease(
        self, service: RunService, stack: Stack, photo: bytes
    ) -> None:
        job = submit(stack, photo)
        message = message_for(stack, job)
        assert stack.jobs.start(job.job_id, message.message_id, 60)
        with pytest.raises(errors.LeaseHeld):
            service.handle(message)
        stack.clock.forward(61)
        service.handle(message)
        done = stack.job(job.job_id)
        assert (done.status, done.attempt) == (Status.SUCCEEDED, 2)

    def test_a_passing_failure_requeues_the_job_and_raises(
        self, service: RunService, stack: Stack, photo: bytes
    ) -> None:
        job = submit(stack, photo)
        message = message_for(stack, job)
        with pytest.raises(errors.TransientError):
            service.handle(message, remaining_seconds=5)
        assert stack.job(job.job_id).status is Status.QUEUED
        service.handle(message, remaining_seconds=300)
        assert stack.job(job.job_id).status is Status.SUCCEEDED

    def test_a_redriven_message_revives_its_given_up_job(self, service: RunService, stack: Stack, photo: bytes) -> None:
        job = submit(stack, photo)
        stack.jobs.fail(stack.job(job.job_id), {"code": "too_many_attempts", "message": ""}, kept_seconds=60)
        service.handle(message_for(stack, job))
        assert stack.job(job.job_id).status is Status.SUCCEEDED


class TestDyingProcesses:
    def kill_engines(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        """SIGKILL the engine's process as it begins, as the out-of-memory killer would."""
        real = sandbox.EngineProcess.run
        left = [times]

        def run(process: sandbox.EngineProcess, *args: object) -> object:
            if left[0]:
                left[0] -= 1
                os.kill(process.pid, signal.SIGKILL)
            return real(process, *args)  # type: ignore[arg-type]

        monkeypatch.setattr(sandbox.EngineProcess, "run", run)

    def test_one_death_is_tried_again(
        self, service: RunService, stack: Stack, photo: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.kill_engines(monkeypatch, 1)
        job = submit(stack, photo)
        message = message_for(stack, job)
        with pytest.raises(errors.WorkerCrashed):
            service.handle(message)
        assert stack.job(job.job_id).status is Status.QUEUED
        service.handle(message)
        assert (stack.job(job.job_id).status, stack.job(job.job_id).attempt) == (Status.SUCCEEDED, 2)

    def test_a_document_that_kills_twice_is_given_up(
        self, service: RunService, stack: Stack, photo: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.kill_engines(monkeypatch, 2)
        job = submit(stack, photo)
        message = message_for(stack, job)
        with pytest.raises(errors.WorkerCrashed):
            service.handle(message)
        service.handle(message)
        assert (stack.job(job.job_id).error or {})["code"] == "engine_failed"

    @pytest.mark.parametrize("end", [SubmitService.cancel, SubmitService.delete])
    def test_cancelling_ends_the_engine_soon_and_leaves_no_file(
        self, clock: Clock, photo: bytes, monkeypatch: pytest.MonkeyPatch, end: Callable[[SubmitService, str], object]
    ) -> None:
        real = sandbox.EngineProcess.run
        running = threading.Event()

        def run(process: sandbox.EngineProcess, *args: object) -> object:
            os.kill(process.pid, signal.SIGSTOP)  # an engine that takes for ever
            running.set()
            return real(process, *args)  # type: ignore[arg-type]

        monkeypatch.setattr(sandbox.EngineProcess, "run", run)
        with made_stack(clock, heartbeat_seconds=300, lease_seconds=900) as stack:
            job = submit(stack, photo)
            message = message_for(stack, job)
            worker = threading.Thread(target=RunService(stack.world).handle, args=[message])
            worker.start()
            assert running.wait(20)
            end(SubmitService(stack.world), job.job_id)
            worker.join(20)
            assert not worker.is_alive()
            assert stack.job(job.job_id).status is Status.CANCELLED
            assert stack.upload_keys() == stack.result_keys() == []

    def test_a_document_that_takes_too_long_is_over_a_limit(
        self, clock: Clock, photo: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = sandbox.EngineProcess.run

        def run(process: sandbox.EngineProcess, *args: object) -> object:
            os.kill(process.pid, signal.SIGSTOP)
            return real(process, *args)  # type: ignore[arg-type]

        monkeypatch.setattr(sandbox.EngineProcess, "run", run)
        with made_stack(clock, engine_timeout_seconds=0.5) as stack:
            job = submit(stack, photo)
            begun = time.monotonic()
            RunService(stack.world).handle(message_for(stack, job))
            assert time.monotonic() - begun < 20
            error = stack.job(job.job_id).error or {}
            assert error["code"] == "limit_exceeded"
            assert "0.5 seconds" in error["message"]
