"""The same work of the same owner: done once, and copies of what it made for the rest."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest

from pdfsmaller import errors
from pdfsmaller.jobs.callback import Callback, is_owed
from pdfsmaller.jobs.keys import input_key, report_key
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.states import Status
from pdfsmaller.services import reuse
from pdfsmaller.services.caller import ANYBODY, Caller
from pdfsmaller.services.ends import End
from pdfsmaller.services.intake import IncomingFile
from tests import documents
from tests.aws_stack import Clock
from tests.memory import MemoryStorage
from tests.services.room import Room

ME, SOMEBODY = Caller("me", "192.0.2.1"), Caller("somebody", "192.0.2.1")
PDF = documents.photo_jpeg(60, 40)


@pytest.fixture
def room(clock: Clock) -> Room[MemoryStorage]:
    return Room(clock, MemoryStorage(clock))


def incoming(data: bytes, name: str = "a.pdf", *, hashed: bool = True) -> IncomingFile:
    return IncomingFile(name, io.BytesIO(data), hashlib.sha256(data).hexdigest() if hashed else None)


def submit(room: Room[MemoryStorage], *files: IncomingFile, caller: Caller = ME, **given: Any) -> list[Job]:
    operation, fields = given.pop("operation", "compress"), given.pop("fields", {"effort": "fast"})
    files = files or (incoming(PDF),)
    return room.submitting.submit_files(files, fields, operation, caller=caller, **given)


def done(room: Room[MemoryStorage], *files: IncomingFile, **given: Any) -> Job:
    """A job that really ran."""
    [job] = submit(room, *files, **given)
    assert job.status is Status.QUEUED
    room.work()
    finished = room.submitting.job(job.job_id, caller=given.get("caller", ME))
    assert (finished.status, finished.reused) == (Status.SUCCEEDED, False)
    return finished


def bytes_of(room: Room[MemoryStorage], job: Job) -> bytes:
    return room.submitting.read_result(room.submitting.download(job.job_id, caller=ME))


def test_it_has_succeeded_at_once_with_copies_of_its_own(room: Room[MemoryStorage]) -> None:
    first = done(room)
    [second] = submit(room)
    assert (second.status, second.reused, second.attempt) == (Status.SUCCEEDED, True, 0)
    assert second.job_id != first.job_id
    assert bytes_of(room, second) == bytes_of(room, first)
    assert second.result == first.result
    assert [item.name for item in second.results] == [item.name for item in first.results]
    assert not {item.key for item in second.results} & {item.key for item in first.results}
    assert room.storage.read("results", report_key(second.job_id, 0))
    assert room.storage.read("uploads", input_key(second.job_id, 0)) == PDF
    assert room.queue.depth() == {"waiting": 0, "in_flight": 0}
    assert [ended.end for ended in room.ended] == [End.SUCCEEDED, End.SUCCEEDED]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_deleting_one_does_not_touch_the_other(room: Room[MemoryStorage], order: tuple[int, int]) -> None:
    jobs = [done(room), *submit(room)]
    gone, kept = (jobs[index] for index in order)
    room.submitting.delete(gone.job_id, caller=ME)
    assert bytes_of(room, kept)
    with pytest.raises(errors.JobExpired):
        bytes_of(room, gone)


def test_it_has_a_time_of_its_own(room: Room[MemoryStorage], clock: Clock) -> None:
    first = done(room)
    clock.forward(12 * 3_600)
    [second] = submit(room)
    assert second.reused
    assert (second.expires_at or 0) - (first.expires_at or 0) == pytest.approx(12 * 3_600, abs=5)
    clock.forward(12 * 3_600 + 60)
    room.cleanup.run()
    assert bytes_of(room, second)


def test_after_the_firsts_time_the_work_is_done_again_and_found_again(room: Room[MemoryStorage], clock: Clock) -> None:
    done(room)
    clock.forward(24 * 3_600 + 60)
    done(room)
    assert submit(room)[0].reused


def test_it_is_done_again_where_the_first_was_deleted(room: Room[MemoryStorage]) -> None:
    room.submitting.delete(done(room).job_id, caller=ME)
    done(room)


def test_and_where_its_files_have_gone_behind_its_back(room: Room[MemoryStorage]) -> None:
    first = done(room)
    room.storage.delete("results", first.results[0].key)
    [second] = submit(room)
    assert second.status is Status.QUEUED
    room.work()
    assert bytes_of(room, second)
    assert len(list(room.storage.list("results", f"jobs/{second.job_id}/"))) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"fields": {"effort": "fast", "dpi": "100"}},
        {"fields": {}},
        {"operation": "split", "fields": {"every": "1"}},
        {"caller": SOMEBODY},
        {"reuse": False},
    ],
)
def test_anything_else_is_another_work(room: Room[MemoryStorage], other: dict[str, Any]) -> None:
    done(room)
    [job] = submit(room, **other)
    assert (job.status, job.reused) == (Status.QUEUED, False)


def test_so_are_another_content_another_name_and_one_that_nobody_hashed(room: Room[MemoryStorage]) -> None:
    done(room)
    for file in (incoming(PDF + b"\n"), incoming(PDF, "b.pdf"), incoming(PDF, hashed=False)):
        assert submit(room, file)[0].status is Status.QUEUED


def test_another_version_makes_another_result(room: Room[MemoryStorage], monkeypatch: pytest.MonkeyPatch) -> None:
    done(room)
    monkeypatch.setattr(reuse, "__version__", "99.0")
    assert submit(room)[0].status is Status.QUEUED


def test_without_a_key_nothing_is_reused(room: Room[MemoryStorage]) -> None:
    for caller in (ANYBODY, Caller(None, "192.0.2.1")):
        done(room, caller=caller)
        assert submit(room, caller=caller)[0].status is Status.QUEUED


def test_work_that_a_password_took_part_in_is_not(clock: Clock) -> None:
    room = Room(clock, MemoryStorage(clock), secret_key="a key for tests only")
    data, fields = documents.encrypted_user(), {"password": documents.USER_PASSWORD}
    for _ in range(2):
        done(room, incoming(data), fields=fields)


def test_what_failed_is_tried_again(room: Room[MemoryStorage]) -> None:
    broken = incoming(documents.encrypted_user())
    for _ in range(2):
        [job] = submit(room, broken)
        assert job.status is Status.QUEUED
        room.work()
        broken.stream.seek(0)


def test_of_a_batch_each_that_was_done_before_is_there_at_once(room: Room[MemoryStorage]) -> None:
    done(room)
    known, new = submit(room, incoming(PDF), incoming(documents.text(1), "b.pdf"))
    assert (known.reused, known.status) == (True, Status.SUCCEEDED)
    assert (new.reused, new.status) == (False, Status.QUEUED)
    assert known.batch_id == new.batch_id
    room.work()
    assert bytes_of(room, new)


def test_several_results_and_their_zip_are_copied(room: Room[MemoryStorage]) -> None:
    given: dict[str, Any] = {"operation": "split", "fields": {"every": "1"}}
    first = done(room, incoming(documents.text(3)), **given)
    [second] = submit(room, incoming(documents.text(3)), **given)
    assert second.reused
    room.submitting.delete(first.job_id, caller=ME)
    assert len(second.results) == 3
    assert bytes_of(room, second).startswith(b"PK")
    for index in range(3):
        result = room.submitting.result(second.job_id, index, caller=ME)
        assert room.submitting.read_result(result).startswith(b"%PDF-")


def test_files_that_came_straight_to_the_store_are_known_once_a_worker_has_seen_them(room: Room[MemoryStorage]) -> None:
    asked = {"name": "a.pdf", "options": {"effort": "fast"}}
    job, [form] = room.submitting.reserve_upload(asked, caller=ME)
    assert room.storage.send_form(form, PDF) == 204
    room.submitting.uploaded(job.job_id, caller=ME)
    room.work()
    assert submit(room)[0].reused


def test_who_is_to_be_told_of_its_end_is(room: Room[MemoryStorage]) -> None:
    done(room)
    [job] = submit(room, callback=Callback("https://a.example/hook"))
    assert job.reused
    assert is_owed(job)
    assert room.ended[-1].job.job_id == job.job_id


def test_a_job_under_its_id_done_again_is_the_same(room: Room[MemoryStorage]) -> None:
    done(room)
    first, second = (submit(room, under="d" * 32)[0] for _ in range(2))
    assert first == second
    assert first.reused


def test_one_that_moved_on_while_copies_were_made_is_left_alone(
    room: Room[MemoryStorage], monkeypatch: pytest.MonkeyPatch
) -> None:
    done(room)
    copy = MemoryStorage.copy

    def cancelled(storage: MemoryStorage, bucket: str, key: str, target_bucket: str, target_key: str) -> bool:
        if job := room.jobs.get("e" * 32):
            room.jobs.cancel(job, kept_seconds=60)
        return copy(storage, bucket, key, target_bucket, target_key)

    monkeypatch.setattr(MemoryStorage, "copy", cancelled)
    [job] = submit(room, under="e" * 32)
    assert job.status is Status.CANCELLED
    assert room.queue.depth()["waiting"] == 0


def test_a_store_that_cannot_note_it_fails_no_job(room: Room[MemoryStorage], monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise errors.StoreUnavailable("away")

    monkeypatch.setattr(type(room.jobs), "claimed_by", away)
    [job] = submit(room, reuse=False)
    assert room.work() == 0
    assert room.submitting.job(job.job_id, caller=ME).status is Status.SUCCEEDED
