from __future__ import annotations

import io

import pytest

from pdfsmaller import errors, passwords
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.submit import IncomingFile, SubmitService
from pdfsmaller.storage import input_key, result_key
from tests import documents
from tests.aws_stack import Clock, Stack, made_stack


@pytest.fixture
def service(stack: Stack) -> SubmitService:
    return SubmitService(stack.settings, stack.clock)


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return documents.text(1)


def incoming(data: bytes, name: str = "a.pdf") -> IncomingFile:
    return IncomingFile(name, io.BytesIO(data))


def test_one_file_becomes_one_queued_job_with_its_object(service: SubmitService, stack: Stack, pdf: bytes) -> None:
    [job] = service.submit_files([incoming(pdf, "Straße.pdf")], {"preset": "ebook"})
    assert job.status is Status.QUEUED
    assert job.batch_id is None
    assert stack.job(job.job_id).options == {"preset": "ebook"}
    assert [(i.name, i.bytes) for i in job.inputs] == [("Straße.pdf", len(pdf))]
    assert stack.upload_keys() == [input_key(job.job_id, 0)]


def test_several_files_become_a_batch_in_their_order(service: SubmitService, pdf: bytes) -> None:
    jobs = service.submit_files([incoming(pdf, f"{n}.pdf") for n in range(3)], {})
    [batch_id] = {job.batch_id for job in jobs}
    assert batch_id
    assert [job.inputs[0].name for job in service.batch(batch_id)] == ["0.pdf", "1.pdf", "2.pdf"]


def test_a_password_is_sealed_on_the_row_and_nowhere_else(service: SubmitService, stack: Stack, pdf: bytes) -> None:
    [job] = service.submit_files([incoming(pdf)], {"password": "s3cret"})
    row = stack.job(job.job_id)
    assert row.password
    assert "s3cret" not in repr(row)
    assert passwords.unseal(row.password, "test-only") == "s3cret"
    assert row.options == {}


def test_one_bad_file_among_good_ones_starts_nothing(service: SubmitService, stack: Stack, pdf: bytes) -> None:
    with pytest.raises(errors.NotAPdf, match=r"letter\.doc"):
        service.submit_files([incoming(pdf), incoming(b"PK\x03\x04", "letter.doc")], {})
    assert stack.upload_keys() == []


def test_refuses_empty_big_and_many(clock: Clock, pdf: bytes) -> None:
    with made_stack(clock, max_file_size=len(pdf), max_files=2) as stack:
        service = SubmitService(stack.settings, clock)
        with pytest.raises(errors.BadRequest):
            service.submit_files([], {})
        with pytest.raises(errors.EmptyFile, match="empty"):
            service.submit_files([incoming(b"")], {})
        with pytest.raises(errors.FileTooLarge, match="MAX_FILE_SIZE"):
            service.submit_files([incoming(pdf + b" ")], {})
        with pytest.raises(errors.TooManyFiles, match="MAX_FILES allows 2"):
            service.submit_files([incoming(pdf)] * 3, {})
        assert stack.upload_keys() == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("C:\\Users\\me\\a.pdf", "a.pdf"),
        ("../../etc/passwd", "passwd"),
        ("a\r\nb.pdf", "ab.pdf"),
        ("", "document.pdf"),
        ("x" * 500 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_a_file_name_is_only_ever_shown(service: SubmitService, pdf: bytes, given: str, shown: str) -> None:
    [job] = service.submit_files([incoming(pdf, given)], {})
    assert job.inputs[0].name == shown


class TestReserving:
    def test_gives_a_form_for_exactly_one_key_and_size(self, service: SubmitService, stack: Stack) -> None:
        request = {"operation": "compress", "options": {"dpi": 100}, "name": "b.pdf", "size": 5_000, "count": 1}
        job, [post] = service.reserve_upload(request)
        assert job.status is Status.AWAITING_UPLOAD
        assert post["fields"]["key"] == input_key(job.job_id, 0)
        assert stack.job(job.job_id).options == {"dpi": 100}

    @pytest.mark.parametrize(
        ("request_", "field"),
        [
            ({"operation": "shred"}, "operation"),
            ({"count": 2}, "count"),
            ({"count": True}, "count"),
            ({"options": {"dpi": 5}}, "dpi"),
            ({"options": ["dpi"]}, "options"),
            ({"size": "big"}, "size"),
            ({"size": -1}, "size"),
        ],
    )
    def test_refuses_bad_requests_naming_the_field(
        self, service: SubmitService, request_: dict[str, object], field: str
    ) -> None:
        with pytest.raises(errors.InvalidOption) as caught:
            service.reserve_upload(request_)
        assert caught.value.field == field
        assert caught.value.allowed

    def test_refuses_a_size_over_the_limit(self, service: SubmitService) -> None:
        with pytest.raises(errors.FileTooLarge):
            service.reserve_upload({"size": 100_000_001})


class TestResults:
    def test_each_state_has_its_answer(self, service: SubmitService, stack: Stack, pdf: bytes) -> None:
        with pytest.raises(errors.JobNotFound):
            service.result("0" * 32)
        [job] = service.submit_files([incoming(pdf)], {})
        with pytest.raises(errors.JobNotReady):
            service.result(job.job_id)
        started = stack.table.start(job.job_id, "m", 60)
        assert started
        stack.table.fail_attempt(started, {"code": "unreadable_pdf", "message": "broken"}, kept_seconds=60)
        with pytest.raises(errors.JobFailed) as caught:
            service.result(job.job_id)
        assert caught.value.code == "unreadable_pdf"

    def test_a_result_past_its_time_is_gone_before_cleanup_comes(
        self, service: SubmitService, stack: Stack, pdf: bytes
    ) -> None:
        [job] = service.submit_files([incoming(pdf)], {})
        started = stack.table.start(job.job_id, "m", 60)
        assert started
        stack.table.succeed(started, {"bytes": 1, "ratio": 1.0}, [], kept_seconds=60)
        assert service.result(job.job_id).name == "a-smaller.pdf"
        stack.clock.forward(61)
        with pytest.raises(errors.JobExpired):
            service.result(job.job_id)


class TestDeleting:
    def test_a_queued_job_is_cancelled_and_its_files_go(self, service: SubmitService, stack: Stack, pdf: bytes) -> None:
        [job] = service.submit_files([incoming(pdf)], {})
        service.delete(job.job_id)
        assert stack.job(job.job_id).status is Status.CANCELLED
        assert stack.upload_keys() == []
        service.delete(job.job_id)
        assert stack.job(job.job_id).status is Status.CANCELLED

    def test_a_finished_job_loses_its_files_and_is_expired(
        self, service: SubmitService, stack: Stack, pdf: bytes
    ) -> None:
        [job] = service.submit_files([incoming(pdf)], {})
        started = stack.table.start(job.job_id, "m", 60)
        assert started
        stack.s3.put_object(Bucket=stack.settings.results_bucket, Key=result_key(job.job_id), Body=b"x")
        stack.table.succeed(started, {"bytes": 1, "ratio": 1.0}, [], kept_seconds=60)
        service.delete(job.job_id)
        assert stack.result_keys() == []
        with pytest.raises(errors.JobExpired):
            service.result(job.job_id)

    def test_another_jobs_files_stay(self, service: SubmitService, stack: Stack, pdf: bytes) -> None:
        first, second = service.submit_files([incoming(pdf), incoming(pdf)], {})
        service.delete(first.job_id)
        assert stack.upload_keys() == [input_key(second.job_id, 0)]
