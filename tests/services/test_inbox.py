"""What a drop's owner finds beside its file, and to which job it belongs."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from pdfsmaller import errors, sandbox
from pdfsmaller.jobs.keys import error_key, report_key, result_key
from pdfsmaller.jobs.model import Drop
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.submit import SubmitService
from tests import documents
from tests.aws_stack import Stack

KEY = "inbox/a.pdf"


@pytest.fixture(scope="module")
def other() -> bytes:
    return documents.text(2)


def dropped(service: RunService, stack: Stack, data: bytes, version: str, key: str = KEY) -> str:
    """Drop a file and do its job; the job's id."""
    stack.drop(key, data)
    service.handle(stack.message(key, sequencer=version))
    return str(stack.result(key)["Metadata"]["job-id"])


def after_the_engine(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen once between a job's engine and the storing of its result."""
    real = sandbox.run

    def run(*args: object, **kwargs: object) -> object:
        monkeypatch.setattr(sandbox, "run", real)
        try:
            return real(*args, **kwargs)  # type: ignore[arg-type]
        finally:
            happens()

    monkeypatch.setattr(sandbox, "run", run)


class TestTwoFilesUnderOneKey:
    def test_deleting_the_older_ones_job_leaves_the_newer_ones_result(
        self, service: RunService, submitting: SubmitService, stack: Stack, photo: bytes, other: bytes
    ) -> None:
        older = dropped(service, stack, photo, "1")
        newer = dropped(service, stack, other, "2")
        assert newer != older
        submitting.delete(older)
        assert stack.result(KEY)["Metadata"]["job-id"] == newer
        submitting.delete(newer)
        assert stack.result_keys() == []

    def test_each_job_hands_out_its_own_result(
        self, service: RunService, submitting: SubmitService, stack: Stack, photo: bytes, other: bytes
    ) -> None:
        older = dropped(service, stack, photo, "1")
        small = stack.result(KEY)["Body"].read()
        dropped(service, stack, other, "2")
        assert submitting.read_result(submitting.download(older)) == small
        submitting.delete(older)
        with pytest.raises(errors.JobExpired):
            submitting.download(older)

    def test_a_late_event_of_the_older_one_makes_no_job_of_the_newer_one(
        self, service: RunService, stack: Stack, photo: bytes, other: bytes
    ) -> None:
        stack.drop(KEY, photo)
        late = stack.message(KEY, sequencer="1")
        newer = dropped(service, stack, other, "2")
        service.handle(late)
        assert {key.split("/")[1] for key in stack.result_keys() if key.startswith("jobs/")} == {newer}

    def test_an_event_without_an_entity_tag_is_taken_at_its_word(
        self, service: RunService, stack: Stack, photo: bytes
    ) -> None:
        stack.drop(KEY, photo)
        service.handle(stack.message(KEY, etag=""))
        assert KEY in stack.result_keys()

    def test_one_replaced_before_its_job_could_read_it_is_not_read_for_it(
        self, service: RunService, stack: Stack, photo: bytes, other: bytes
    ) -> None:
        stack.drop(KEY, photo)
        message = stack.message(KEY)
        with pytest.raises(errors.TransientError):
            service.handle(message, remaining_seconds=5)  # too few to begin: the job is made and waits
        stack.drop(KEY, other)
        service.handle(message)
        assert stack.result_keys() == []

    def test_the_failure_of_an_older_one_is_not_written_beside_the_newer_ones_result(
        self, service: RunService, stack: Stack, photo: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stack.drop(KEY, documents.header_only())
        message = stack.message(KEY, sequencer="1")
        after_the_engine(monkeypatch, lambda: dropped(service, stack, photo, "2"))
        service.handle(message)
        assert KEY in stack.result_keys()
        assert error_key(KEY) not in stack.result_keys()


class TestNamesThatLookLikeOurs:
    def test_a_drop_called_like_anothers_error_keeps_its_result(
        self, service: RunService, stack: Stack, photo: bytes, other: bytes
    ) -> None:
        for index, key in enumerate(("inbox/x.pdf.error.json", "inbox/errors/x.pdf.json", "inbox/x.pdf.json")):
            mine = dropped(service, stack, other, str(index), key)
            dropped(service, stack, photo, str(index), "inbox/x.pdf")
            assert stack.result(key)["Metadata"]["job-id"] == mine

    def test_the_longest_name_has_room_for_its_error(self, service: RunService, stack: Stack) -> None:
        key = "inbox/" + "x" * 1_018
        stack.drop(key, b"no pdf at all")
        service.handle(stack.message(key))
        [shown] = stack.result_keys()
        assert len(shown) <= 1_024
        reason = json.loads(stack.result(shown)["Body"].read())
        assert (reason["key"], reason["error"]["code"]) == (key, "not_a_pdf")


class TestDeleting:
    def test_takes_a_failed_drops_error_away(
        self, service: RunService, submitting: SubmitService, stack: Stack
    ) -> None:
        stack.drop(KEY, b"no pdf at all")
        service.handle(stack.message(KEY))
        submitting.delete(stack.result(error_key(KEY))["Metadata"]["job-id"])
        assert stack.result_keys() == []
        assert stack.upload_keys() == [KEY]

    def test_while_the_row_is_about_to_be_written_takes_the_result_away(
        self,
        service: RunService,
        submitting: SubmitService,
        stack: Stack,
        photo: bytes,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        stack.drop(KEY, photo)
        real = Jobs.succeed

        def deleted_meanwhile(jobs: Jobs, job, *args, **kwargs):  # type: ignore[no-untyped-def]
            submitting.delete(job.job_id)
            # As an attempt does whose copy arrives late.
            stack.s3.put_object(
                Bucket=stack.settings.results_bucket, Key=KEY, Body=b"x", Metadata={"job-id": job.job_id}
            )
            stack.s3.put_object(Bucket=stack.settings.results_bucket, Key=args[0].download.key, Body=b"x")
            return real(jobs, job, *args, **kwargs)

        monkeypatch.setattr(Jobs, "succeed", deleted_meanwhile)
        service.handle(stack.message(KEY))
        assert stack.result_keys() == []
        assert stack.upload_keys() == [KEY]

    def test_just_after_the_row_was_written_takes_the_result_away(
        self,
        service: RunService,
        submitting: SubmitService,
        stack: Stack,
        photo: bytes,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        stack.drop(KEY, photo)
        message = stack.message(KEY, sequencer="1")
        with pytest.raises(errors.TransientError):
            service.handle(message, remaining_seconds=5)
        job_id = stack.jobs.claimed_by(Drop(stack.settings.uploads_bucket, KEY, "1").identity)
        assert job_id
        real = Jobs.cancel

        def finished_meanwhile(jobs: Jobs, job_id: str, **kwargs: float) -> object:
            service.handle(message)
            return real(jobs, job_id, **kwargs)

        monkeypatch.setattr(Jobs, "cancel", finished_meanwhile)
        submitting.delete(job_id)
        assert stack.job(job_id).status is Status.EXPIRED
        assert stack.result_keys() == []


def test_the_row_names_the_result_and_nobody_outside_hears_where_it_lies(
    service: RunService, stack: Stack, photo: bytes
) -> None:
    from pdfsmaller.jobs.view import view

    job_id = dropped(service, stack, photo, "1")
    job = stack.job(job_id)
    assert job.result
    assert job.results[0].key == result_key(job_id, 1, 0)
    assert stack.result_keys() == [KEY, result_key(job_id, 1, 0), report_key(job_id, 1)]
    assert result_key(job_id, 1, 0) not in view(job, "http://x").model_dump_json()
