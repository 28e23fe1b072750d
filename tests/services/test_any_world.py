"""The services on the in-memory adapters: they need nothing of a world but what its ports promise."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from pdfsmaller import errors
from pdfsmaller.jobs.keys import error_key, input_key
from pdfsmaller.jobs.states import Status
from pdfsmaller.media import PDF
from pdfsmaller.services.ends import End
from pdfsmaller.services.intake import IncomingFile
from tests import documents
from tests.aws_stack import Clock
from tests.memory import MemoryStorage, away
from tests.services.room import Room


@pytest.fixture
def room(clock: Clock) -> Room[MemoryStorage]:
    return Room(clock, MemoryStorage(clock))


def test_a_job_goes_its_whole_way(room: Room[MemoryStorage], photo: bytes) -> None:
    job_id = room.submit(photo)
    room.announce(input_key(job_id, 0))  # an event that comes twice
    assert room.work() == 0
    result = room.submitting.download(job_id)
    assert len(room.submitting.read_result(result)) == result.bytes < len(photo)
    status, body, headers = room.storage.open_link(room.submitting.result_url(result))
    assert (status, len(body), headers["Content-Type"]) == (200, result.bytes, PDF)
    room.clock.forward(25 * 3_600)
    assert room.cleanup.run()["expired"] == 1
    with pytest.raises(errors.JobExpired):
        room.submitting.download(job_id)
    assert [item.key for bucket in ("uploads", "results") for item in room.storage.list(bucket, "")] == []
    assert [ended.end for ended in room.ended] == [End.SUCCEEDED, End.EXPIRED]


def test_a_form_and_a_drop_do_too(room: Room[MemoryStorage], photo: bytes) -> None:
    job, [form] = room.submitting.reserve_upload({"name": "a.pdf", "size": len(photo)})
    assert room.storage.send_form(form, photo) == 204
    assert room.submitting.uploaded(job.job_id).status is Status.QUEUED
    room.storage.put_file("uploads", "inbox/good.pdf", photo, media_type=PDF)
    room.storage.put_file("uploads", "inbox/bad.pdf", b"no pdf", media_type=PDF)
    for key in ("inbox/good.pdf", "inbox/bad.pdf"):
        room.announce(key)
    assert room.work() == 0
    assert room.submitting.job(job.job_id).status is Status.SUCCEEDED
    assert room.storage.head("results", "inbox/good.pdf")
    told = json.loads(room.storage.read("results", error_key("inbox/bad.pdf")) or b"")
    assert told["error"]["code"] == "not_a_pdf"
    assert sorted(ended.end for ended in room.ended) == [End.FAILED, End.SUCCEEDED, End.SUCCEEDED]


def unanswered(*args: Any) -> None:
    raise errors.StoreUnavailable("nobody answers")


def test_a_row_without_its_message_is_found_by_cleanup(
    room: Room[MemoryStorage], photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row says queued and nobody announced it: the two are not written in one step."""
    with monkeypatch.context() as broken:
        broken.setattr(room.queue, "announce", unanswered)
        with pytest.raises(errors.StoreUnavailable):
            room.submit(photo)
    assert room.work() == 0
    room.clock.forward(901)
    assert room.cleanup.run()["announced"] == 1
    assert room.work() == 0
    assert [ended.end for ended in room.ended] == [End.SUCCEEDED]


def test_files_that_do_not_all_come_in_leave_nothing(
    room: Room[MemoryStorage], monkeypatch: pytest.MonkeyPatch
) -> None:
    put_file = room.storage.put_file

    def full_at_the_last(bucket: str, key: str, *args: Any, **kwargs: Any) -> None:
        if key.endswith("/2"):
            raise errors.DiskFull("The disk is full.")
        put_file(bucket, key, *args, **kwargs)

    monkeypatch.setattr(room.storage, "put_file", full_at_the_last)
    files = [IncomingFile(f"{n}.pdf", io.BytesIO(documents.text(1))) for n in range(3)]
    with pytest.raises(errors.DiskFull):
        room.submitting.submit_files(files, {}, "merge")
    assert list(room.storage.list("uploads", "")) == []
    assert [ended.end for ended in room.ended] == [End.CANCELLED]
    assert room.queue.depth()["waiting"] == 0


def test_a_store_that_loses_answers_costs_no_job_and_doubles_no_end(room: Room[MemoryStorage], photo: bytes) -> None:
    job_id = room.submit(photo)
    with away(room.store, "change"):
        assert room.work() == 1  # the lease was taken, and nobody heard of it
    room.clock.forward(61)
    assert room.work() == 0
    assert room.submitting.job(job_id).status is Status.SUCCEEDED
    assert [ended.end for ended in room.ended] == [End.SUCCEEDED]


def test_a_job_that_never_works_is_given_up_once_and_can_be_redriven(
    room: Room[MemoryStorage], photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pdfsmaller import sandbox

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise errors.TransientError("no engine")

    real = sandbox.run
    monkeypatch.setattr(sandbox, "run", broken)
    job_id = room.submit(photo)
    for _ in range(10):
        room.work()
        room.clock.forward(700)
    assert [ended.end for ended in room.ended] == [End.GIVEN_UP]
    assert len(list(room.queue.peek_dead_letters())) == 1
    monkeypatch.setattr(sandbox, "run", real)
    room.queue.redrive()
    assert room.work() == 0
    assert room.submitting.job(job_id).status is Status.SUCCEEDED
    assert [ended.end for ended in room.ended] == [End.GIVEN_UP, End.SUCCEEDED]
