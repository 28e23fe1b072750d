"""One result or several: what they are called, where they lie, and what stands for all of them."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from pdfsmaller import errors
from pdfsmaller.jobs.keys import archive_key, report_key, result_key
from pdfsmaller.jobs.model import Job, JobInput, JobResult
from pdfsmaller.jobs.moves import Success
from pdfsmaller.jobs.rows import plain
from pdfsmaller.jobs.states import Status
from pdfsmaller.media import PDF, ZIP
from pdfsmaller.services.intake import IncomingFile
from pdfsmaller.services.results import names
from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.submit import SubmitService
from tests import documents
from tests.aws_stack import Stack
from tests.services.several import Makes, makes

__all__ = ["makes"]

KEY = "inbox/2024 Q1/Bericht ü.pdf"


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return documents.text(1)


def run(service: RunService, submitting: SubmitService, stack: Stack, pdf: bytes) -> Job:
    [job] = submitting.submit_files([IncomingFile("Bericht.pdf", io.BytesIO(pdf))], {})
    service.handle(stack.message(f"jobs/{job.job_id}/in/0"))
    return stack.job(job.job_id)


class TestNames:
    def test_the_only_one_keeps_its_own(self) -> None:
        assert names(['a: "b"?.pdf']) == ['a: "b"?.pdf']
        assert names(["../../etc/a\x00\n.pdf"]) == ["a.pdf"]
        assert names([""]) == ["result"]

    def test_several_can_lie_in_any_folder(self) -> None:
        given = ["../a.pdf", "C:\\x\\a.pdf", 'a<>:"|?*.pdf', "  ..  ", ".hidden.", "a\u202e\x07.pdf", "Größe 1.pdf"]
        expected = ["a.pdf", "a (2).pdf", "a_______.pdf", "result", "hidden", "a (3).pdf", "Größe 1.pdf"]
        assert names(given) == expected

    def test_no_two_are_alike_on_systems_that_know_no_capitals(self) -> None:
        assert names(["A.pdf", "a.pdf", "a (2).pdf"]) == ["A.pdf", "a (2).pdf", "a (2) (2).pdf"]

    def test_long_ones_are_cut_before_their_ending_and_stay_apart(self) -> None:
        found = names(["名" * 300 + ".pdf"] * 3)
        assert len(set(found)) == 3
        assert all(name.endswith(".pdf") and len(name.encode()) <= 255 for name in found)

    def test_a_thousand_fit_into_a_row(self) -> None:
        found = names(["名" * 300 + f" {n}.pdf" for n in range(1_000)])
        assert len({name.casefold() for name in found}) == 1_000
        assert sum(len(name.encode()) for name in found) <= 110_000


class TestStoring:
    def test_one_is_the_result_and_the_download(
        self, service: RunService, submitting: SubmitService, stack: Stack, pdf: bytes, makes: Makes
    ) -> None:
        makes([("Bericht-smaller.pdf", b"one")])
        done = run(service, submitting, stack, pdf)
        only = JobResult("Bericht-smaller.pdf", 3, PDF, result_key(done.job_id, 1, 0))
        assert (done.results, done.download) == ((only,), only)
        assert stack.result_keys() == [only.key, report_key(done.job_id, 1)]

    def test_several_keep_their_order_and_a_zip_holds_all(
        self, service: RunService, submitting: SubmitService, stack: Stack, pdf: bytes, makes: Makes
    ) -> None:
        files = [(f"Teil {n} ü.pdf", b"%PDF-" + bytes([n]) * n) for n in range(12)]
        makes(files)
        done = run(service, submitting, stack, pdf)
        assert [(result.name, result.bytes) for result in done.results] == [(name, len(data)) for name, data in files]
        for result, (_, data) in zip(done.results, files, strict=True):
            assert stack.result(result.key)["Body"].read() == data
        assert done.download
        assert (done.download.name, done.download.media_type) == ("Bericht.zip", ZIP)
        assert done.download.key == archive_key(done.job_id, 1)
        stored = stack.result(done.download.key)
        assert stored["ContentType"] == ZIP
        body = stored["Body"].read()
        assert len(body) == done.download.bytes
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            assert archive.testzip() is None
            assert [(item.filename, item.compress_type) for item in archive.infolist()] == [
                (name, zipfile.ZIP_STORED) for name, _ in files
            ]
            assert [archive.read(name) for name, _ in files] == [data for _, data in files]

    def test_what_the_engine_left_in_the_folder_is_not_written_through(
        self, service: RunService, submitting: SubmitService, stack: Stack, pdf: bytes, makes: Makes, tmp_path: Path
    ) -> None:
        precious = tmp_path / "precious"
        precious.write_bytes(b"as it was")
        makes([("a.pdf", b"a"), ("b.pdf", b"b")], links={name: precious for name in ("out.zip", "a.pdf", "b.pdf")})
        done = run(service, submitting, stack, pdf)
        assert done.status is Status.SUCCEEDED
        assert precious.read_bytes() == b"as it was"

    def test_each_is_handed_out_by_its_number(
        self, service: RunService, submitting: SubmitService, stack: Stack, pdf: bytes, makes: Makes
    ) -> None:
        makes([("a.pdf", b"a"), ("b.pdf", b"b")])
        job_id = run(service, submitting, stack, pdf).job_id
        assert [submitting.read_result(submitting.result(job_id, n)) for n in range(2)] == [b"a", b"b"]
        for index in (-1, 2):
            with pytest.raises(errors.ResultNotFound):
                submitting.result(job_id, index)

    def test_deleting_the_job_takes_all_of_them(
        self, service: RunService, submitting: SubmitService, stack: Stack, pdf: bytes, makes: Makes
    ) -> None:
        makes([("a.pdf", b"a"), ("b.pdf", b"b")])
        submitting.delete(run(service, submitting, stack, pdf).job_id)
        assert stack.result_keys() == []

    def test_a_thousand_results_beside_all_else_fit_into_a_row(self, stack: Stack) -> None:
        """moto counts an item's bytes as DynamoDB does, and refuses more than 400 KB."""
        now = stack.clock()
        job = Job(
            job_id="0" * 32,
            status=Status.QUEUED,
            created_at=now,
            updated_at=now,
            due_at=now,
            inputs=tuple(JobInput("名" * 200, 10**9) for _ in range(100)),
            input_count=100,
            options={"text": "x" * 50_000},
        )
        assert stack.jobs.create(job)
        started = stack.jobs.start(job.job_id, "m", 60)
        assert started
        wanted = names(["名" * 300 + f" {n}.pdf" for n in range(1_000)])
        results = tuple(JobResult(name, 10**9, PDF, result_key(job.job_id, 1, n)) for n, name in enumerate(wanted))
        report = {"bytes": 1, "ratio": 0.5, "outcome": "split", "report": {"text": "x" * 100_000}}
        archive = JobResult("名" * 80, 10**12, ZIP, archive_key(job.job_id, 1))
        done = Success(report, results, archive, ({"code": "more", "message": "x" * 50_000},))
        assert stack.jobs.succeed(started, done, kept_seconds=60).results == results
        assert stack.job(job.job_id).results == results
        assert plain(stack.job(job.job_id).result) == report


class TestDrops:
    def drop(self, service: RunService, stack: Stack, data: bytes, sequencer: str, key: str = KEY) -> None:
        stack.drop(key, data)
        service.handle(stack.message(key, sequencer=sequencer))

    def laid(self, stack: Stack) -> list[str]:
        return [key for key in stack.result_keys() if key.startswith("inbox/")]

    def test_several_lie_under_the_drops_key(self, service: RunService, stack: Stack, pdf: bytes, makes: Makes) -> None:
        makes([("a.pdf", b"a"), ("b.pdf", b"b")])
        self.drop(service, stack, pdf, "1")
        assert self.laid(stack) == [f"{KEY}/a.pdf", f"{KEY}/b.pdf"]
        shown = stack.result(f"{KEY}/b.pdf")
        assert shown["Body"].read() == b"b"
        assert stack.job(shown["Metadata"]["job-id"]).status is Status.SUCCEEDED

    def test_what_a_former_run_laid_and_this_one_does_not_goes(
        self, service: RunService, stack: Stack, pdf: bytes, makes: Makes
    ) -> None:
        for number, (files, expected) in enumerate(
            [
                ([("a.pdf", b"a"), ("b.pdf", b"b"), ("c.pdf", b"c")], [f"{KEY}/{n}.pdf" for n in "abc"]),
                ([("b.pdf", b"b2"), ("d.pdf", b"d")], [f"{KEY}/b.pdf", f"{KEY}/d.pdf"]),
                ([("only.pdf", b"one")], [KEY]),
                ([("a.pdf", b"a"), ("b.pdf", b"b")], [f"{KEY}/a.pdf", f"{KEY}/b.pdf"]),
            ]
        ):
            makes(files)
            self.drop(service, stack, pdf + str(number).encode(), str(number))
            assert self.laid(stack) == expected

    def test_what_others_laid_there_stays(self, service: RunService, stack: Stack, pdf: bytes, makes: Makes) -> None:
        other = f"{KEY}/of another drop.pdf"
        makes([("x.pdf", b"x")])
        self.drop(service, stack, pdf, "1", key=other)
        stack.s3.put_object(Bucket=stack.settings.results_bucket, Key=f"{KEY}/by hand", Body=b"x")
        makes([("a.pdf", b"a"), ("b.pdf", b"b")])
        self.drop(service, stack, pdf, "2")
        assert self.laid(stack) == sorted([other, f"{KEY}/by hand", f"{KEY}/a.pdf", f"{KEY}/b.pdf"], key=str.encode)

    def test_deleting_the_job_takes_its_own_and_no_others(
        self, service: RunService, submitting: SubmitService, stack: Stack, pdf: bytes, makes: Makes
    ) -> None:
        makes([("a.pdf", b"a"), ("b.pdf", b"b")])
        self.drop(service, stack, pdf, "1")
        job_id = stack.result(f"{KEY}/a.pdf")["Metadata"]["job-id"]
        stack.s3.put_object(Bucket=stack.settings.results_bucket, Key=f"{KEY}/by hand", Body=b"x")
        submitting.delete(job_id)
        assert stack.result_keys() == [f"{KEY}/by hand"]

    def test_the_longest_key_has_room_for_its_parts(
        self, service: RunService, stack: Stack, pdf: bytes, makes: Makes
    ) -> None:
        key = "inbox/" + "x" * 1_018
        makes([("a.pdf", b"a"), ("b.pdf", b"b")])
        self.drop(service, stack, pdf, "1", key=key)
        laid = self.laid(stack)
        assert len(laid) == 2
        assert all(len(name.encode()) <= 1_024 and name.endswith(".pdf") for name in laid)

    def test_an_error_after_several_results_is_told_beside_them(
        self, service: RunService, stack: Stack, pdf: bytes, makes: Makes
    ) -> None:
        makes([("a.pdf", b"a"), ("b.pdf", b"b")])
        self.drop(service, stack, pdf, "1")
        self.drop(service, stack, b"no pdf", "2")
        told = json.loads(stack.result("errors/2024 Q1/Bericht ü.pdf.json")["Body"].read())
        assert told["error"]["code"] == "not_a_pdf"
        assert self.laid(stack) == [f"{KEY}/a.pdf", f"{KEY}/b.pdf"]
