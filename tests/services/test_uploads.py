"""Files that their sender brings straight to the store, in parts where they are large."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller import errors
from pdfsmaller.jobs.keys import input_key
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.objects import UploadForm, UploadParts
from pdfsmaller.jobs.ports import Storage
from pdfsmaller.jobs.states import Status
from pdfsmaller.services import uploads
from pdfsmaller.services.caller import Caller
from pdfsmaller.services.uploads import UploadService
from tests import documents
from tests.aws_stack import Clock
from tests.folder_world import made_room as folder_room
from tests.memory import MemoryStorage
from tests.services.room import Room

MIB = 1_048_576
AnyRoom = Room[Storage]


@pytest.fixture(params=["memory", "folder"])
def room(
    request: pytest.FixtureRequest, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AnyRoom]:
    """A world where a file of more than a megabyte comes in parts of one."""
    monkeypatch.setattr(uploads, "PARTS_ABOVE_BYTES", MIB)
    monkeypatch.setattr(uploads, "_PART_BYTES", MIB)
    if request.param == "folder":
        yield folder_room(tmp_path / "store", clock)  # type: ignore[misc]
    else:
        yield Room(clock, MemoryStorage(clock))


@pytest.fixture(scope="module")
def pdf() -> bytes:
    """A PDF of a little more than three megabytes."""
    data = documents.text(1)
    return data + b"%" + b"x" * (3 * MIB + 5_000 - len(data) - 1)


def asking(room: AnyRoom) -> UploadService:
    return UploadService(room.world, room.submitting)


def reserve(room: AnyRoom, size: int, **request: Any) -> tuple[Job, UploadParts]:
    job, [upload] = room.submitting.reserve_upload({"name": "a.pdf", "size": size, **request})
    assert isinstance(upload, UploadParts)
    return job, upload


def put(room: AnyRoom, url: str | None, data: bytes) -> int:
    """PUT a part, as its sender does."""
    assert url
    if isinstance(room.storage, MemoryStorage):
        return room.storage.send_part(url, data)[0]
    storage: Any = room.storage
    try:
        storage.put_part(storage.open_part(url.rsplit("/", 1)[1]), io.BytesIO(data))
    except errors.PdfSmallerError as exc:
        return exc.http_status
    return 200


def send(room: AnyRoom, upload: UploadParts, data: bytes, *numbers: int) -> None:
    """Send some parts, or all that have a link."""
    for part in upload.parts:
        start = (part.number - 1) * upload.part_bytes
        if part.url and (not numbers or part.number in numbers):
            assert put(room, part.url, data[start : start + part.bytes]) == 200


class TestALargeFile:
    def test_comes_in_parts_and_its_job_begins(self, room: AnyRoom, pdf: bytes) -> None:
        job, upload = reserve(room, len(pdf))
        assert [(part.number, part.bytes) for part in upload.parts] == [(1, MIB), (2, MIB), (3, MIB), (4, 5_000)]
        send(room, upload, pdf)
        begun = asking(room).complete(job.job_id, 0)
        assert begun.status is Status.QUEUED
        stored = room.storage.read(room.storage.uploads, input_key(job.job_id, 0))
        assert hashlib.md5(stored or b"").digest() == hashlib.md5(pdf).digest()
        assert room.work() == 0
        assert room.submitting.job(job.job_id).status is Status.SUCCEEDED

    def test_may_stand_beside_small_ones_of_one_job(self, room: AnyRoom, pdf: bytes) -> None:
        files = [{"name": "a.pdf", "size": 5_000}, {"name": "b.pdf", "size": len(pdf)}, {"name": "c.pdf"}]
        job, [one, two, three] = room.submitting.reserve_upload({"operation": "merge", "files": files})
        assert isinstance(two, UploadParts)
        send(room, two, pdf)
        assert asking(room).complete(job.job_id, 1).status is Status.AWAITING_UPLOAD
        for index, form in ((0, one), (2, three)):
            assert isinstance(form, UploadForm)
            room.storage.put_file(room.storage.uploads, input_key(job.job_id, index), documents.text(1), media_type="x")
        assert room.submitting.uploaded(job.job_id).status is Status.QUEUED

    def test_is_a_form_where_nobody_said_how_large_it_is(self, room: AnyRoom) -> None:
        _, [upload] = room.submitting.reserve_upload({"name": "a.pdf"})
        assert isinstance(upload, UploadForm)

    def test_that_is_something_else_is_found_out_afterwards(self, room: AnyRoom, pdf: bytes) -> None:
        job, upload = reserve(room, len(pdf))
        send(room, upload, b"MZ" * len(pdf))
        asking(room).complete(job.job_id, 0)
        assert room.work() == 0
        assert (room.submitting.job(job.job_id).error or {})["code"] == "not_a_pdf"

    def test_has_a_name_of_any_kind(self, room: AnyRoom, pdf: bytes) -> None:
        name = "../" + "\U0001f4c4/" * 3 + "x" * 300 + "\U0001f4c4.pdf"
        job, upload = reserve(room, len(pdf), name=name)
        send(room, upload, pdf)
        assert asking(room).complete(job.job_id, 0).status is Status.QUEUED
        assert job.inputs[0].name == ("x" * 300 + "\U0001f4c4.pdf")[-200:]


class TestALostConnection:
    def test_the_sender_learns_what_came_and_goes_on(self, room: AnyRoom, pdf: bytes) -> None:
        job, upload = reserve(room, len(pdf))
        send(room, upload, pdf, 4, 2)
        room.clock.forward(room.world.settings.upload_expires_seconds + 10)
        assert put(room, upload.parts[0].url, pdf[:MIB]) == 403  # the first links' time is over
        _, now = asking(room).upload(job.job_id, 0)
        assert isinstance(now, UploadParts)
        assert [(part.number, part.arrived, bool(part.url)) for part in now.parts] == [
            (1, False, True),
            (2, True, False),
            (3, False, True),
            (4, True, False),
        ]
        send(room, now, pdf)
        assert asking(room).complete(job.job_id, 0).status is Status.QUEUED
        assert room.storage.read(room.storage.uploads, input_key(job.job_id, 0)) == pdf

    def test_a_form_can_be_had_anew(self, room: AnyRoom) -> None:
        job, [form] = room.submitting.reserve_upload({"name": "a.pdf", "size": 5_000})
        _, again = asking(room).upload(job.job_id, 0)
        assert isinstance(form, UploadForm)
        assert isinstance(again, UploadForm)
        assert again.fields["key"] == form.fields["key"]

    def test_parts_may_come_for_a_day(self, room: AnyRoom, pdf: bytes) -> None:
        job, upload = reserve(room, len(pdf))
        send(room, upload, pdf, 1)
        room.clock.forward(23 * 3_600)
        room.cleanup.run()
        assert room.submitting.job(job.job_id).status is Status.AWAITING_UPLOAD
        _, now = asking(room).upload(job.job_id, 0)
        assert isinstance(now, UploadParts)
        send(room, now, pdf)
        assert asking(room).complete(job.job_id, 0).status is Status.QUEUED

    def test_then_the_job_fails_and_what_came_goes(self, room: AnyRoom, pdf: bytes) -> None:
        job, upload = reserve(room, len(pdf))
        send(room, upload, pdf, 1)
        room.clock.forward(25 * 3_600)
        room.cleanup.run()
        job = room.submitting.job(job.job_id)
        assert (job.error or {})["code"] == "upload_incomplete"
        assert room.storage.list_parts(input_key(job.job_id, 0), job.multiparts[0].upload_id) is None


class TestCompleting:
    def test_tells_which_parts_are_missing(self, room: AnyRoom, pdf: bytes) -> None:
        job, upload = reserve(room, len(pdf))
        send(room, upload, pdf, 4, 2)
        with pytest.raises(errors.PartsMissing, match=r"a\.pdf.*1, 3") as caught:
            asking(room).complete(job.job_id, 0)
        assert caught.value.missing == [1, 3]
        assert room.submitting.uploaded(job.job_id).status is Status.AWAITING_UPLOAD
        send(room, upload, pdf, 3, 1)
        assert asking(room).complete(job.job_id, 0).status is Status.QUEUED

    def test_twice_changes_nothing(self, room: AnyRoom, pdf: bytes) -> None:
        job, upload = reserve(room, len(pdf))
        send(room, upload, pdf)
        for _ in range(3):
            assert asking(room).complete(job.job_id, 0).status is Status.QUEUED
        assert room.queue.depth()["waiting"] == 1
        room.work()
        assert asking(room).complete(job.job_id, 0).status is Status.SUCCEEDED

    def test_goes_on_where_one_that_died_has_stopped(
        self, room: AnyRoom, pdf: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        job, upload = reserve(room, len(pdf))
        send(room, upload, pdf)
        parts = room.storage.list_parts(input_key(job.job_id, 0), job.multiparts[0].upload_id) or []
        assert room.storage.complete_multipart(input_key(job.job_id, 0), job.multiparts[0].upload_id, parts)
        with pytest.raises(errors.UploadClosed, match="come whole"):
            asking(room).upload(job.job_id, 0)
        assert asking(room).complete(job.job_id, 0).status is Status.QUEUED

    @pytest.mark.parametrize("size", [0, MIB - 1, MIB + 1])
    def test_a_part_of_another_size_is_refused(self, room: AnyRoom, pdf: bytes, size: int) -> None:
        job, upload = reserve(room, len(pdf))
        assert put(room, upload.parts[1].url, b"x" * size) == 400
        with pytest.raises(errors.PartsMissing):
            asking(room).complete(job.job_id, 0)

    def test_a_file_that_is_no_such_one_is_told_apart(self, room: AnyRoom, pdf: bytes) -> None:
        form, _ = room.submitting.reserve_upload({"name": "a.pdf", "size": 5_000})
        with pytest.raises(errors.UploadClosed, match="does not come in parts"):
            asking(room).complete(form.job_id, 0)
        job, _ = reserve(room, len(pdf))
        room.storage.abort_multipart(input_key(job.job_id, 0), job.multiparts[0].upload_id)
        for ask in (asking(room).complete, asking(room).upload):
            with pytest.raises(errors.UploadClosed, match="given up"):
                ask(job.job_id, 0)
            for index in (-1, 1):
                with pytest.raises(errors.InputNotFound):
                    ask(job.job_id, index)


class TestAnybodys:
    def test_anothers_job_is_not_found(self, room: AnyRoom, pdf: bytes) -> None:
        mine, theirs = Caller("me", ""), Caller("they", "")
        job, _ = room.submitting.reserve_upload({"name": "a.pdf", "size": len(pdf)}, caller=mine)
        asks: list[Callable[..., Any]] = [asking(room).upload, asking(room).complete]
        for ask in asks:
            with pytest.raises(errors.JobNotFound):
                ask(job.job_id, 0, caller=theirs)
        assert asking(room).upload(job.job_id, 0, caller=mine)

    def test_a_job_that_has_ended_takes_nothing(self, room: AnyRoom, pdf: bytes) -> None:
        job, upload = reserve(room, len(pdf))
        send(room, upload, pdf, 1)
        room.submitting.delete(job.job_id)
        assert put(room, upload.parts[1].url, pdf[MIB : 2 * MIB]) in (403, 409)
        with pytest.raises(errors.UploadClosed, match="cancelled"):
            asking(room).upload(job.job_id, 0)
        assert asking(room).complete(job.job_id, 0).status is Status.CANCELLED
        assert room.storage.list_parts(input_key(job.job_id, 0), job.multiparts[0].upload_id) is None

    def test_the_list_of_a_zip_is_nobodys_to_send(self, room: AnyRoom) -> None:
        from pdfsmaller.operations import ARCHIVE

        job = room.submitting.new_job(ARCHIVE, ARCHIVE.options(), [], None, Caller(None, ""))
        with pytest.raises(errors.InputNotFound):
            asking(room).upload(job.job_id, 0)


class TestBatches:
    def test_each_file_gets_a_job_and_what_brings_it(self, room: AnyRoom, pdf: bytes) -> None:
        files = [{"name": "a.pdf", "size": 5_000}, {"name": "b.pdf", "size": len(pdf)}, {"name": "c.pdf"}]
        jobs, [one, two, three] = room.submitting.reserve_batch({"files": files, "options": {"preset": "screen"}})
        assert [job.inputs[0].name for job in jobs] == ["a.pdf", "b.pdf", "c.pdf"]
        assert {str(job.options) for job in jobs} == {"{'preset': 'screen'}"}
        [batch_id] = {job.batch_id for job in jobs}
        assert [job.job_id for job in room.submitting.batch(batch_id or "")] == [job.job_id for job in jobs]
        assert isinstance(one, UploadForm)
        assert isinstance(three, UploadForm)
        assert isinstance(two, UploadParts)
        send(room, two, pdf)
        assert asking(room).complete(jobs[1].job_id, 0).status is Status.QUEUED
        assert room.submitting.job(jobs[0].job_id).status is Status.AWAITING_UPLOAD

    def test_a_file_over_the_limit_fails_alone_before_it_is_sent(self, room: AnyRoom) -> None:
        files = [
            {"name": "a.pdf", "size": 3_000_000_000},
            {"name": "b.pdf", "size": 5_000},
            {"name": "c.pdf", "size": 0},
        ]
        jobs, [one, two, three] = room.submitting.reserve_batch({"files": files})
        assert [job.status for job in jobs] == [Status.FAILED, Status.AWAITING_UPLOAD, Status.FAILED]
        assert [(job.error or {}).get("code") for job in jobs] == ["file_too_large", None, "empty_file"]
        assert (one, three) == (None, None)
        assert isinstance(two, UploadForm)

    def test_nothing_begins_where_no_file_may_come(self, room: AnyRoom) -> None:
        with pytest.raises(errors.FileTooLarge, match=r"a\.pdf.*MAX_FILE_SIZE"):
            room.submitting.reserve_batch({"files": [{"name": "a.pdf", "size": 3_000_000_000}] * 2})

    def test_an_answer_has_so_many_links_and_no_more(self, clock: Clock) -> None:
        room = Room[Storage](clock, MemoryStorage(clock), max_file_size=5_000_000_000, max_request_size=5_000_000_000)
        files = [{"name": f"{n}.pdf", "size": 5_000_000_000} for n in range(15)]
        jobs, brought = room.submitting.reserve_batch({"files": files})
        parts = [part for upload in brought if isinstance(upload, UploadParts) for part in upload.parts]
        assert sum(bool(part.url) for part in parts) == 1_000 < len(parts)
        _, late = asking(room).upload(jobs[14].job_id, 0)
        assert isinstance(late, UploadParts)
        assert all(part.url for part in late.parts)


@pytest.mark.parametrize("size", [50_000_001, 1_000_000_000, 4_999_999_999, 5_000_000_000])
def test_parts_fit_every_store_up_to_five_gigabytes(clock: Clock, size: int) -> None:
    room = Room[Storage](clock, MemoryStorage(clock), max_file_size=5_000_000_000, max_request_size=5_000_000_000)
    _, upload = reserve(room, size)
    assert sum(part.bytes for part in upload.parts) == size
    assert len(upload.parts) <= 100
    assert {part.bytes for part in upload.parts[:-1]} == {upload.part_bytes}
    assert upload.part_bytes >= 5 * MIB
    assert 0 < upload.parts[-1].bytes <= upload.part_bytes


@pytest.mark.slow
def test_five_gigabytes_come_in_parts(clock: Clock, tmp_path: Path) -> None:
    size = 5_000_000_000
    if shutil.disk_usage(tmp_path).free < 2 * size:
        pytest.skip("there is too little room on the disk for a file of 5 GB")
    room = folder_room(tmp_path / "store", clock, max_file_size=size, max_request_size=size)
    job, [upload] = room.submitting.reserve_upload({"name": "a.pdf", "size": size})
    assert isinstance(upload, UploadParts)
    with (tmp_path / "sparse").open("w+b") as sparse:
        sparse.truncate(upload.part_bytes)
        for part in upload.parts:
            assert part.url
            sparse.truncate(part.bytes)
            sparse.seek(0)
            room.storage.put_part(room.storage.open_part(part.url.rsplit("/", 1)[1]), sparse)
    assert UploadService(room.world, room.submitting).complete(job.job_id, 0).status is Status.QUEUED
    stored = room.storage.head(room.storage.uploads, input_key(job.job_id, 0))
    assert stored
    assert stored.bytes == size
    assert room.work() == 0
    assert (room.submitting.job(job.job_id).error or {})["code"] == "not_a_pdf"
