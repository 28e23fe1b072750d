from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import pytest

from pdfsmaller import errors, passwords
from pdfsmaller.jobs.keys import input_key, result_key
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.caller import ANYBODY, Caller
from pdfsmaller.services.ends import End
from pdfsmaller.services.intake import IncomingFile
from pdfsmaller.services.submit import SubmitService
from pdfsmaller.wire import wire
from tests import documents
from tests.aws_stack import Clock, Stack, made_stack, success
from tests.memory import MemoryStorage
from tests.services.room import Room


@pytest.fixture
def service(stack: Stack) -> SubmitService:
    return SubmitService(stack.world)


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return documents.text(1)


def image(kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    documents.photo(60, 40).save(out, kind)
    return out.getvalue()


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
    assert passwords.unseal(row.password, "a key for tests only") == "s3cret"
    assert row.options == {}


class TestOneBadFileAmongGoodOnes:
    def test_is_a_failed_job_of_the_batch_and_the_others_go_on(self, clock: Clock, pdf: bytes) -> None:
        bad = {3: b"PK\x03\x04", 20: b"", 55: b"\xff\xd8\xff", 99: pdf + b"x" * 100}
        files = [incoming(bad.get(n, pdf), f"{n}.pdf") for n in range(100)]
        with made_stack(clock, max_file_size=len(pdf) + 50) as stack:
            service = SubmitService(stack.world)
            jobs = service.submit_files(files, {"preset": "ebook"})
            assert [n for n, job in enumerate(jobs) if job.status is Status.FAILED] == list(bad)
            assert {job.status for n, job in enumerate(jobs) if n not in bad} == {Status.QUEUED}
            why = [(jobs[n].error or {})["code"] for n in bad]
            assert why == ["not_a_pdf", "empty_file", "not_a_pdf", "file_too_large"]
            assert "3.pdf" in (jobs[3].error or {})["message"]
            assert sorted(stack.upload_keys()) == sorted(
                input_key(j.job_id, 0) for n, j in enumerate(jobs) if n not in bad
            )
            [batch_id] = {job.batch_id for job in jobs}
            assert batch_id
            assert [job.job_id for job in service.batch(batch_id)] == [job.job_id for job in jobs]

    def test_starts_nothing_where_no_file_is_good(self, service: SubmitService, stack: Stack) -> None:
        with pytest.raises(errors.NotAPdf, match=r"letter\.doc"):
            service.submit_files([incoming(b"PK\x03\x04", "letter.doc"), incoming(b"")], {})
        assert stack.upload_keys() == []

    def test_starts_nothing_where_one_job_takes_all(self, service: SubmitService, stack: Stack, pdf: bytes) -> None:
        with pytest.raises(errors.NotAPdf, match=r"letter\.doc"):
            service.submit_files([incoming(pdf), incoming(b"PK\x03\x04", "letter.doc")], {}, "merge")
        assert stack.upload_keys() == []

    def test_is_told_to_who_waits_for_ends(self, clock: Clock, pdf: bytes) -> None:
        room = Room(clock, MemoryStorage(clock))
        [bad, _] = room.submitting.submit_files([incoming(b"x", "a.txt"), incoming(pdf)], {})
        assert [(ended.end, ended.job.job_id) for ended in room.ended] == [(End.FAILED, bad.job_id)]


def test_refuses_empty_big_and_many(clock: Clock, pdf: bytes) -> None:
    with made_stack(clock, max_file_size=len(pdf), max_files=2) as stack:
        service = SubmitService(stack.world)
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


class TestSeveralFilesInOneJob:
    def test_they_keep_their_order_and_names(self, service: SubmitService, stack: Stack) -> None:
        pages = [documents.text(1) + b"%" + bytes(str(n), "ascii") for n in range(12)]
        files = [incoming(data, f"{n} – 文書.pdf") for n, data in enumerate(pages)]
        [job] = service.submit_files(files, {}, "merge")
        row = stack.job(job.job_id)
        assert (row.operation, row.input_count, row.status) == ("merge", 12, Status.QUEUED)
        assert [item.name for item in row.inputs] == [f"{n} – 文書.pdf" for n in range(12)]
        for n, data in enumerate(pages):
            lies = stack.s3.get_object(Bucket=stack.settings.uploads_bucket, Key=input_key(job.job_id, n))
            assert lies["Body"].read() == data

    def test_images_become_one_job(self, service: SubmitService) -> None:
        files = [incoming(image(), "Straße 1.jpeg"), incoming(image("PNG"), "b.png")]
        [job] = service.submit_files(files, {"margin": "10mm"}, "image-to-pdf")
        assert job.input_count == 2
        assert [item.name for item in job.inputs] == ["Straße 1.jpeg", "b.png"]

    @pytest.mark.parametrize(
        ("operation", "good", "wrong", "kind"),
        [
            ("merge", documents.text, lambda: image(), errors.NotAPdf),
            ("image-to-pdf", lambda: image(), documents.text, errors.NotAnImage),
        ],
    )
    def test_a_file_of_the_wrong_kind_is_named(
        self,
        service: SubmitService,
        stack: Stack,
        operation: str,
        good: documents.Make,
        wrong: documents.Make,
        kind: type[Exception],
    ) -> None:
        files = [incoming(good(), "good"), incoming(wrong(), "wrong one")]
        with pytest.raises(kind, match="wrong one"):
            service.submit_files(files, {}, operation)
        assert stack.upload_keys() == []

    def test_what_the_engine_leaves_out_may_come_in_beside_a_good_file(
        self, service: SubmitService, stack: Stack, pdf: bytes
    ) -> None:
        skip = {"on_error": "skip"}
        files = [incoming(b"", "empty.pdf"), incoming(pdf), incoming(b"GIF89a", "wrong.pdf")]
        [job] = service.submit_files(files, skip, "merge")
        assert [item.bytes for item in job.inputs] == [0, len(pdf), 6]
        with pytest.raises(errors.EmptyFile, match=r"empty\.pdf"):
            service.submit_files([incoming(b"", "empty.pdf"), incoming(b"GIF89a")], skip, "merge")
        with pytest.raises(errors.NotAPdf):
            service.submit_files([incoming(b"GIF89a")], skip, "merge")

    def test_there_are_as_many_page_ranges_as_files_or_none(self, service: SubmitService, pdf: bytes) -> None:
        two = [incoming(pdf), incoming(pdf)]
        [job] = service.submit_files(two, {"pages": ["", "1"]}, "merge")
        assert job.options == {"pages": ["", "1"]}
        [job] = service.submit_files(two, {"pages": '["1", null]'}, "merge")
        assert job.options == {"pages": ["1", ""]}
        for pages in ("1", ["1", "1", "1"], '["1"]'):
            with pytest.raises(errors.InvalidOption) as caught:
                service.submit_files(two, {"pages": pages}, "merge")
            assert caught.value.field == "pages"
            assert "2 files" in caught.value.message

    def test_a_row_has_room_for_a_hundred_long_names(self, service: SubmitService, stack: Stack, pdf: bytes) -> None:
        files = [incoming(pdf, f"{n:03}" + "名" * 197) for n in range(100)]
        [job] = service.submit_files(files, {"pages": ["1"] * 100}, "merge")
        assert stack.job(job.job_id).input_count == len(stack.upload_keys()) == 100
        with pytest.raises(errors.TooManyFiles, match="MAX_FILES allows 100"):
            service.submit_files([*files, incoming(pdf)], {}, "merge")

    def test_options_without_end_are_refused(self, service: SubmitService, pdf: bytes) -> None:
        for fields in ({"pages": ",".join(["1-999"] * 20_000)}, {"password": "x" * 60_000}):
            with pytest.raises(errors.InvalidOption, match="bytes"):
                service.submit_files([incoming(pdf)], fields, "merge")

    def test_no_file_says_what_is_wanted(self, service: SubmitService) -> None:
        with pytest.raises(errors.BadRequest, match="at least one image"):
            service.submit_files([], {}, "image-to-pdf")


class TestReserving:
    def test_gives_a_form_for_each_file_in_order(self, service: SubmitService, stack: Stack) -> None:
        files = [{"name": f"{n}.pdf", "size": 1_000 + n} for n in range(3)]
        job, posts = service.reserve_upload({"operation": "merge", "files": files, "options": {"outline": "none"}})
        assert [post.fields["key"] for post in posts] == [input_key(job.job_id, n) for n in range(3)]
        assert {post.fields["Content-Type"] for post in posts} == {"application/pdf"}
        row = stack.job(job.job_id)
        assert [(item.name, item.bytes) for item in row.inputs] == [(f"{n}.pdf", 1_000 + n) for n in range(3)]
        assert (row.operation, row.input_count, row.options) == ("merge", 3, {"outline": "none"})

    def test_takes_a_count_alone(self, service: SubmitService) -> None:
        job, posts = service.reserve_upload({"operation": "image-to-pdf", "count": 2})
        assert [item.name for item in job.inputs] == ["image 1", "image 2"]
        assert {post.fields["Content-Type"] for post in posts} == {"application/octet-stream"}
        job, posts = service.reserve_upload({"operation": "image-to-pdf", "name": "a.png", "size": 10})
        assert ([item.name for item in job.inputs], len(posts)) == (["a.png"], 1)

    @pytest.mark.parametrize(
        ("request_", "field"),
        [
            ({"count": 0}, "count"),
            ({"count": "2"}, "count"),
            ({"files": [{"name": "a"}], "count": 2}, "count"),
            ({"files": [{"name": "a"}], "name": "b"}, "name"),
            ({"count": 2, "size": 10}, "size"),
            ({"files": "a.pdf"}, "files"),
            ({"files": [{"name": "a", "url": "http://x"}]}, "files"),
            ({"files": [{"name": "a", "size": "10"}]}, "size"),
            ({"count": 2, "options": {"pages": ["1"]}}, "pages"),
            ({"count": 2, "options": {"page_size": "A4"}}, "page_size"),
        ],
    )
    def test_refuses_lists_that_make_no_sense(
        self, service: SubmitService, request_: dict[str, object], field: str
    ) -> None:
        with pytest.raises(errors.InvalidOption) as caught:
            service.reserve_upload({"operation": "merge", **request_})
        assert caught.value.field == field

    def test_refuses_too_many_and_too_much(self, service: SubmitService) -> None:
        with pytest.raises(errors.TooManyFiles, match="1000000000"):
            service.reserve_upload({"operation": "merge", "count": 10**9})
        with pytest.raises(errors.BadRequest):
            service.reserve_upload({"operation": "merge", "files": []})
        with pytest.raises(errors.FileTooLarge, match="MAX_REQUEST_SIZE"):
            service.reserve_upload({"operation": "merge", "files": [{"size": 90_000_000}] * 6})
        with pytest.raises(errors.EmptyFile, match=r"b\.pdf"):
            service.reserve_upload({"operation": "merge", "files": [{"size": 1}, {"name": "b.pdf", "size": 0}]})

    def test_gives_a_form_for_exactly_one_key_and_size(self, service: SubmitService, stack: Stack) -> None:
        request = {"operation": "compress", "options": {"dpi": 100}, "name": "b.pdf", "size": 5_000, "count": 1}
        job, [post] = service.reserve_upload(request)
        assert job.status is Status.AWAITING_UPLOAD
        assert post.fields["key"] == input_key(job.job_id, 0)
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
            service.download("0" * 32)
        [job] = service.submit_files([incoming(pdf)], {})
        with pytest.raises(errors.JobNotReady):
            service.download(job.job_id)
        started = stack.jobs.start(job.job_id, "m", 60)
        assert started
        stack.jobs.fail_attempt(started, {"code": "unreadable_pdf", "message": "broken"}, kept_seconds=60)
        with pytest.raises(errors.JobFailed) as caught:
            service.download(job.job_id)
        assert caught.value.code == "unreadable_pdf"

    def test_a_result_past_its_time_is_gone_before_cleanup_comes(
        self, service: SubmitService, stack: Stack, pdf: bytes
    ) -> None:
        [job] = service.submit_files([incoming(pdf)], {})
        started = stack.jobs.start(job.job_id, "m", 60)
        assert started
        stack.jobs.succeed(started, success(started), kept_seconds=60)
        assert service.download(job.job_id).name == "a-smaller.pdf"
        stack.clock.forward(61)
        with pytest.raises(errors.JobExpired):
            service.download(job.job_id)


class TestIds:
    @pytest.mark.parametrize("given", ["x" * 3_000, "", "batch#1", "0" * 31, "0" * 33, "G" * 32, "ä" * 32])
    def test_what_is_no_id_is_not_found_without_looking(self, clock: Clock, stack: Stack, given: str) -> None:
        nowhere = SubmitService(wire(stack.settings.model_copy(update={"jobs_table": "there is none"}), clock=clock))
        for ask in (nowhere.job, nowhere.batch, nowhere.download, nowhere.delete):
            with pytest.raises(errors.JobNotFound):
                ask(given)


class TestCallers:
    ME, OTHER = Caller("a" * 32, "192.0.2.1"), Caller("b" * 32, "192.0.2.1")

    def test_to_others_a_job_is_as_unknown_as_one_that_never_was(
        self, service: SubmitService, stack: Stack, pdf: bytes
    ) -> None:
        [job] = service.submit_files([incoming(pdf)], {}, caller=self.ME)
        reserved, _ = service.reserve_upload({"name": "a.pdf"}, caller=self.ME)
        assert stack.job(job.job_id).owner == stack.job(reserved.job_id).owner == self.ME.owner
        asks: list[Callable[..., object]] = [
            service.job, service.download, partial(service.result, index=0), service.delete, service.uploaded,
        ]  # fmt: skip
        for ask in asks:
            for other in (self.OTHER, ANYBODY):
                said = []
                for job_id in (job.job_id, "0" * 32):
                    with pytest.raises(errors.JobNotFound) as caught:
                        ask(job_id, caller=other)
                    said.append(caught.value.message.replace(job_id, ""))
                assert said[0] == said[1]
        assert service.job(job.job_id, caller=self.ME).status is Status.QUEUED
        assert len(stack.upload_keys()) == 1

    def test_so_is_a_batch(self, service: SubmitService, pdf: bytes) -> None:
        jobs = service.submit_files([incoming(pdf), incoming(pdf)], {}, caller=self.ME)
        assert jobs[0].batch_id
        assert len(service.batch(jobs[0].batch_id, caller=self.ME)) == 2
        for other in (self.OTHER, ANYBODY):
            with pytest.raises(errors.JobNotFound):
                service.batch(jobs[0].batch_id, caller=other)

    def test_what_was_sent_without_a_key_is_for_whoever_knows_its_id(self, service: SubmitService, pdf: bytes) -> None:
        [job] = service.submit_files([incoming(pdf)], {})
        assert service.job(job.job_id, caller=self.ME).owner is None
        service.delete(job.job_id, caller=self.OTHER)


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
        started = stack.jobs.start(job.job_id, "m", 60)
        assert started
        stack.s3.put_object(Bucket=stack.settings.results_bucket, Key=result_key(job.job_id, 1, 0), Body=b"x")
        stack.jobs.succeed(started, success(started), kept_seconds=60)
        service.delete(job.job_id)
        assert stack.result_keys() == []
        with pytest.raises(errors.JobExpired):
            service.download(job.job_id)

    def test_another_jobs_files_stay(self, service: SubmitService, stack: Stack, pdf: bytes) -> None:
        first, second = service.submit_files([incoming(pdf), incoming(pdf)], {})
        service.delete(first.job_id)
        assert stack.upload_keys() == [input_key(second.job_id, 0)]
