"""Merging and images through the job machine, on moto's AWS, with the real engine in its real child process."""

from __future__ import annotations

import io
import json
import random
from dataclasses import replace
from typing import Any

import pikepdf
import pytest

from pdfsmaller import errors
from pdfsmaller.aws.storage import S3Storage
from pdfsmaller.engine.report import CombinedReport, ReportWarning, SourceReport
from pdfsmaller.jobs.keys import input_key, report_key, result_key
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.objects import ObjectInfo
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.cleanup import CleanupService
from pdfsmaller.services.intake import IncomingFile
from pdfsmaller.services.outcome import result_json, warnings_json
from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.submit import SubmitService
from tests import documents
from tests.aws_stack import Clock, Stack, made_stack


@pytest.fixture(scope="module")
def photo() -> bytes:
    return documents.jpeg(documents.photo(300, 200))


def submit(stack: Stack, operation: str, files: dict[str, bytes], **fields: Any) -> Job:
    incoming = [IncomingFile(name, io.BytesIO(data)) for name, data in files.items()]
    [job] = SubmitService(stack.world).submit_files(incoming, fields, operation)
    return job


def run(service: RunService, stack: Stack, job: Job, index: int = 0) -> Job:
    service.handle(stack.message(input_key(job.job_id, index)))
    return stack.job(job.job_id)


def pages(stack: Stack, key: str, password: str = "") -> int:
    with pikepdf.open(io.BytesIO(stack.result(key)["Body"].read()), password=password) as pdf:
        return len(pdf.pages)


class TestMerging:
    def test_makes_one_pdf_and_a_report_of_each_source(self, service: RunService, stack: Stack) -> None:
        files = {"a.pdf": documents.text(3), "b.pdf": documents.text(2), "ü.pdf": documents.text(1)}
        job = submit(stack, "merge", files, pages=["1-2", "", "-1"])
        done = run(service, stack, job, 2)
        assert (done.status, done.error) == (Status.SUCCEEDED, None)
        assert done.result
        assert done.result["outcome"] == "merged"
        assert pages(stack, result_key(job.job_id, 1, 0)) == done.result["report"]["pages"] == 5
        report = json.loads(stack.result(report_key(job.job_id, 1))["Body"].read())
        assert [(source["name"], source["pages"]) for source in report["sources"]] == [
            ("a.pdf", 2),
            ("b.pdf", 2),
            ("ü.pdf", 1),
        ]
        assert report["input_bytes"] == sum(map(len, files.values()))

    def test_events_of_every_input_doubled_and_in_any_order_are_one_run(
        self, service: RunService, stack: Stack
    ) -> None:
        job = submit(stack, "merge", {f"{n}.pdf": documents.text(1) for n in range(5)})
        events = [*range(5)] * 2
        random.Random(1).shuffle(events)
        for index in events:
            run(service, stack, job, index)
        done = stack.job(job.job_id)
        assert (done.status, done.attempt) == (Status.SUCCEEDED, 1)

    def test_one_file_twice_is_two_inputs(self, service: RunService, stack: Stack) -> None:
        data = documents.text(2)
        [job] = SubmitService(stack.world).submit_files(
            [IncomingFile("a.pdf", io.BytesIO(data)), IncomingFile("a.pdf", io.BytesIO(data))], {}, "merge"
        )
        run(service, stack, job)
        assert pages(stack, result_key(job.job_id, 1, 0)) == 4

    def test_a_hundred_files(self, service: RunService, stack: Stack) -> None:
        job = submit(stack, "merge", {f"{n}.pdf": documents.text(1) for n in range(100)})
        assert run(service, stack, job, 99).status is Status.SUCCEEDED
        assert pages(stack, result_key(job.job_id, 1, 0)) == 100

    def test_one_broken_file_fails_the_job_and_is_named(self, service: RunService, stack: Stack) -> None:
        files = {"good.pdf": documents.text(1), "broken.pdf": documents.header_only()}
        done = run(service, stack, submit(stack, "merge", files))
        assert done.status is Status.FAILED
        assert done.error
        assert done.error["code"] == "unreadable_pdf"
        assert "broken.pdf" in done.error["message"]

    def test_or_is_left_out_with_a_warning(self, service: RunService, stack: Stack) -> None:
        files = {
            "empty.pdf": b"",
            "good.pdf": documents.text(2),
            "broken.pdf": documents.header_only(),
            "image.pdf": b"GIF89a",
        }
        done = run(service, stack, submit(stack, "merge", files, on_error="skip"))
        assert done.status is Status.SUCCEEDED
        assert pages(stack, result_key(done.job_id, 1, 0)) == 2
        for name in ("empty.pdf", "broken.pdf", "image.pdf"):
            assert any(name in warning["message"] for warning in done.warnings)
        assert done.result
        found = [source["error"] for source in done.result["report"]["sources"]]
        assert [error and error["code"] for error in found] == ["empty_file", None, "unreadable_pdf", "not_a_pdf"]

    def test_every_password_is_tried_and_none_is_kept(self, service: RunService, stack: Stack) -> None:
        files = {"open.pdf": documents.text(1), "locked.pdf": documents.encrypted_user()}
        job = submit(stack, "merge", files, password=f"wrong\n{documents.USER_PASSWORD}")
        done = run(service, stack, job)
        assert (done.status, done.password) == (Status.SUCCEEDED, None)
        assert documents.USER_PASSWORD not in repr(done)
        assert pages(stack, result_key(job.job_id, 1, 0), documents.USER_PASSWORD) > 1

    def test_pages_that_are_not_there_are_an_error_naming_the_file(self, service: RunService, stack: Stack) -> None:
        files = {"a.pdf": documents.text(1), "b.pdf": documents.text(1)}
        done = run(service, stack, submit(stack, "merge", files, pages=["", "1-5"]))
        assert done.error
        assert done.error["code"] == "invalid_page_range"
        assert "b.pdf" in done.error["message"]


class TestPresigned:
    def reserve(self, stack: Stack, **request: Any) -> Job:
        job, _ = SubmitService(stack.world).reserve_upload({"operation": "merge", **request})
        return job

    def test_the_last_to_come_starts_the_job(self, service: RunService, stack: Stack) -> None:
        job = self.reserve(stack, count=3)
        for index in (2, 0, 1):
            assert run(service, stack, job, index).status is Status.AWAITING_UPLOAD
            stack.drop(input_key(job.job_id, index), documents.text(index + 1))
        assert run(service, stack, job, 0).status is Status.SUCCEEDED
        assert pages(stack, result_key(job.job_id, 1, 0)) == 6

    def test_one_that_never_comes_fails_the_job_in_time(self, service: RunService, stack: Stack) -> None:
        job = self.reserve(stack, count=3)
        for index in (0, 1):
            stack.drop(input_key(job.job_id, index), documents.text(1))
            run(service, stack, job, index)
        stack.clock.forward(stack.settings.upload_expires_seconds + 901)
        CleanupService(stack.world).run()
        assert (stack.job(job.job_id).error or {})["code"] == "upload_incomplete"
        stack.clock.forward(stack.settings.max_file_age_hours * 3_600 + 1)
        CleanupService(stack.world).run()
        assert stack.upload_keys() == []

    def test_uploads_whose_events_were_lost_are_announced(self, service: RunService, stack: Stack) -> None:
        job = self.reserve(stack, count=2)
        for index in (0, 1):
            stack.drop(input_key(job.job_id, index), documents.text(1))
        stack.clock.forward(stack.settings.upload_expires_seconds + 901)
        CleanupService(stack.world).run()
        [event] = stack.waiting()
        assert stack.job(job.job_id).status is Status.QUEUED
        assert input_key(job.job_id, 0) in event["Body"]
        assert run(service, stack, job).status is Status.SUCCEEDED

    def test_a_wrong_kind_is_found_out_and_named(self, service: RunService, stack: Stack, photo: bytes) -> None:
        job = self.reserve(stack, files=[{"name": "a.pdf"}, {"name": "photo.pdf"}])
        stack.drop(input_key(job.job_id, 0), documents.text(1))
        stack.drop(input_key(job.job_id, 1), photo)
        error = run(service, stack, job).error
        assert error
        assert error["code"] == "not_a_pdf"
        assert "photo.pdf" in error["message"]

    def test_all_together_must_fit_into_a_request(self, clock: Clock) -> None:
        data = documents.text(1)
        with made_stack(clock, max_file_size=2 * len(data), max_request_size=2 * len(data)) as stack:
            job = self.reserve(stack, count=3)
            for index in range(3):
                stack.drop(input_key(job.job_id, index), data)
            error = run(RunService(stack.world), stack, job).error
            assert error
            assert error["code"] == "file_too_large"
            assert "MAX_REQUEST_SIZE" in error["message"]

    def test_one_sent_again_while_it_was_fetched_is_taken_by_the_next_attempt(
        self, service: RunService, stack: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = self.reserve(stack, count=2)
        for index in (0, 1):
            stack.drop(input_key(job.job_id, index), documents.text(1))
        real = S3Storage.list

        def sent_again(storage: S3Storage, bucket: str, prefix: str) -> list[ObjectInfo]:
            found = list(real(storage, bucket, prefix))
            if stack.job(job.job_id).status is Status.RUNNING:
                stack.drop(input_key(job.job_id, 1), documents.text(2))
                monkeypatch.setattr(S3Storage, "list", real)
            return found

        monkeypatch.setattr(S3Storage, "list", sent_again)
        message = stack.message(input_key(job.job_id, 1))
        with pytest.raises(errors.TransientError):
            service.handle(message)
        assert stack.job(job.job_id).status is Status.QUEUED
        service.handle(message)
        assert pages(stack, result_key(job.job_id, 2, 0)) == 3

    def test_cancelled_while_it_was_fetched_it_ends_quietly(
        self, service: RunService, stack: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job = submit(stack, "merge", {"a.pdf": documents.text(1), "b.pdf": documents.text(1)})
        real = S3Storage.list

        def cancelled(storage: S3Storage, bucket: str, prefix: str) -> list[ObjectInfo]:
            monkeypatch.setattr(S3Storage, "list", real)
            SubmitService(stack.world).delete(job.job_id)
            return list(real(storage, bucket, prefix))

        monkeypatch.setattr(S3Storage, "list", cancelled)
        service.handle(stack.message(input_key(job.job_id, 0)))
        assert stack.job(job.job_id).status is Status.CANCELLED
        assert stack.upload_keys() == stack.result_keys() == []

    def test_an_input_that_went_away_is_named(self, service: RunService, stack: Stack) -> None:
        job = submit(stack, "merge", {"a.pdf": documents.text(1), "gone.pdf": documents.text(1)})
        stack.s3.delete_object(Bucket=stack.settings.uploads_bucket, Key=input_key(job.job_id, 1))
        error = run(service, stack, job).error
        assert error
        assert error["code"] == "upload_incomplete"
        assert "gone.pdf" in error["message"]


class TestImages:
    def test_become_a_page_each(self, service: RunService, stack: Stack, photo: bytes) -> None:
        png = io.BytesIO()
        documents.chart(80, 60).save(png, "PNG")
        done = run(service, stack, submit(stack, "image-to-pdf", {"a.jpg": photo, "b": png.getvalue()}))
        assert (done.status, done.error) == (Status.SUCCEEDED, None)
        assert done.result
        assert done.result["outcome"] == "converted"
        assert pages(stack, result_key(done.job_id, 1, 0)) == 2

    def test_a_broken_one_fails_the_job_or_is_left_out(self, service: RunService, stack: Stack, photo: bytes) -> None:
        files = {"a.jpg": photo, "broken.jpg": photo[:40]}
        done = run(service, stack, submit(stack, "image-to-pdf", files))
        assert done.error
        assert done.error["code"] == "unreadable_image"
        assert "broken.jpg" in done.error["message"]
        done = run(service, stack, submit(stack, "image-to-pdf", files, on_error="skip"))
        assert done.status is Status.SUCCEEDED
        assert any("broken.jpg" in warning["message"] for warning in done.warnings)

    def test_pixel_bombs_are_over_a_limit(self, clock: Clock, photo: bytes) -> None:
        with made_stack(clock, max_image_bytes=1_000) as stack:
            done = run(RunService(stack.world), stack, submit(stack, "image-to-pdf", {"a.jpg": photo}))
            assert (done.error or {})["code"] == "limit_exceeded"


class TestDrops:
    def test_an_image_becomes_a_pdf_beside_its_name(self, service: RunService, stack: Stack, photo: bytes) -> None:
        asked = {"operation": "image-to-pdf", "page-size": "A4", "password": "ignored", "pages": "ignored"}
        stack.drop("inbox/a b.jpg", photo, asked)
        service.handle(stack.message("inbox/a b.jpg"))
        out = stack.result("inbox/a b.jpg.pdf")
        job = stack.job(out["Metadata"]["job-id"])
        assert (job.operation, job.options, job.password) == ("image-to-pdf", {"page_size": "A4"}, None)
        assert out["Metadata"]["outcome"] == "converted"
        submitting = SubmitService(stack.world)
        assert submitting.download(job.job_id).key == result_key(job.job_id, 1, 0)
        submitting.delete(job.job_id)
        assert stack.result_keys() == []
        assert stack.upload_keys() == ["inbox/a b.jpg"]

    @pytest.mark.parametrize("operation", ["merge", "shred", "Image to PDF"])
    def test_an_operation_that_a_drop_cannot_have_fails_saying_what_can(
        self, service: RunService, stack: Stack, operation: str
    ) -> None:
        stack.drop("inbox/a.pdf", documents.text(1), {"operation": operation})
        service.handle(stack.message("inbox/a.pdf"))
        assert stack.result_keys() == ["errors/a.pdf.json"]
        told = json.loads(stack.result("errors/a.pdf.json")["Body"].read())
        assert told["error"]["code"] == "invalid_option"
        for part in ("operation", operation, "compress", "image-to-pdf"):
            assert part in told["error"]["message"]

    def test_the_wrong_kind_says_so(self, service: RunService, stack: Stack, photo: bytes) -> None:
        stack.drop("inbox/a.jpg", photo)
        service.handle(stack.message("inbox/a.jpg"))
        told = json.loads(stack.result("errors/a.jpg.json")["Body"].read())
        assert told["error"]["code"] == "not_a_pdf"


def test_a_row_keeps_no_more_of_a_report_than_it_has_room_for() -> None:
    why = ReportWarning(code="unreadable_pdf", message="名" * 1_500)
    sources = [SourceReport(name="名" * 200, input_bytes=1, error=why) for _ in range(100)]
    report = CombinedReport(
        input_bytes=100, output_bytes=50, outcome="merged", pages=1, sources=sources, warnings=[why] * 99
    )
    result, warnings = result_json(report, report.to_json()), warnings_json(report)
    assert "sources" not in result["report"]
    assert (result["ratio"], result["report"]["pages"]) == (0.5, 1)
    assert warnings[0] == {"code": why.code, "message": why.message}
    assert warnings[-1]["code"] == "more_warnings"
    assert f"{99 - len(warnings) + 1} " in warnings[-1]["message"]
    assert len(json.dumps([result, warnings], ensure_ascii=False).encode()) < 60_000
    short = replace(report, sources=sources[:2], warnings=[why])
    assert len(result_json(short, short.to_json())["report"]["sources"]) == 2
    assert len(warnings_json(short)) == 1
