"""A failed job once more."""

from __future__ import annotations

from typing import Any

import pytest

from pdfsmaller import errors, sandbox
from pdfsmaller.jobs.keys import error_key, input_key
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.states import Status
from pdfsmaller.media import PDF
from pdfsmaller.services.caller import ANYBODY, Caller
from pdfsmaller.services.ends import End
from pdfsmaller.services.retry import retry
from tests.aws_stack import Clock
from tests.memory import MemoryStorage
from tests.services.room import Room

MemoryRoom = Room[MemoryStorage]


@pytest.fixture
def room(clock: Clock) -> MemoryRoom:
    return Room(clock, MemoryStorage(clock))


def again(room: MemoryRoom, job_id: str, caller: Caller = ANYBODY) -> Job:
    return retry(room.world, room.submitting, job_id, caller=caller)


def failing(room: MemoryRoom, photo: bytes, error: Exception, monkeypatch: pytest.MonkeyPatch) -> str:
    """A job that failed, through no fault of its document."""

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise error

    with monkeypatch.context() as engine:
        engine.setattr(sandbox, "run", broken)
        job_id = room.submit(photo)
        for _ in range(10):
            room.work()
            room.clock.forward(700)
    assert room.submitting.job(job_id).status is Status.FAILED
    return job_id


def test_it_is_the_same_job_and_may_succeed(room: MemoryRoom, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = failing(room, photo, errors.EngineFailed("met something"), monkeypatch)
    queued = again(room, job_id)
    assert (queued.job_id, queued.status, queued.error, queued.expires_at) == (job_id, Status.QUEUED, None, None)
    assert room.work() == 0
    assert room.submitting.job(job_id).status is Status.SUCCEEDED
    assert [ended.end for ended in room.ended] == [End.FAILED, End.SUCCEEDED]


def test_it_has_all_its_attempts_and_no_dead_letter_of_before_ends_it(
    room: MemoryRoom, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = failing(room, photo, errors.TransientError("no engine"), monkeypatch)
    assert len(list(room.queue.peek_dead_letters())) == 1
    again(room, job_id)
    assert room.cleanup.run()["dead_lettered"] == 0
    assert room.work() == 0
    assert room.submitting.job(job_id).status is Status.SUCCEEDED


def test_it_can_be_given_up_again(room: MemoryRoom, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = failing(room, photo, errors.TransientError("no engine"), monkeypatch)

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise errors.TransientError("still none")

    monkeypatch.setattr(sandbox, "run", broken)
    again(room, job_id)
    for _ in range(10):
        room.work()
        room.clock.forward(700)
    job = room.submitting.job(job_id)
    assert (job.status, job.attempt) == (Status.FAILED, 2 * room.world.settings.max_receive_count)
    assert [ended.end for ended in room.ended] == [End.GIVEN_UP, End.GIVEN_UP]


def test_one_that_has_not_failed_is_left_alone(room: MemoryRoom, photo: bytes) -> None:
    job_id = room.submit(photo)
    for _ in range(2):
        with pytest.raises(errors.JobNotFailed, match=r"is (queued|succeeded)"):
            again(room, job_id)
        room.work()
    room.submitting.delete(job_id)
    with pytest.raises(errors.JobExpired):
        again(room, job_id)
    cancelled = room.submit(photo)
    room.submitting.delete(cancelled)
    with pytest.raises(errors.JobCancelled):
        again(room, cancelled)


def test_twice_at_once_is_once(room: MemoryRoom, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = failing(room, photo, errors.EngineFailed("met something"), monkeypatch)
    before = room.submitting.job(job_id)
    again(room, job_id)
    monkeypatch.setattr(room.submitting, "job", lambda *args, **kwargs: before)  # as another has read it meanwhile
    with pytest.raises(errors.JobNotFailed):
        again(room, job_id)
    assert room.queue.depth()["waiting"] == 1


def test_without_its_files_it_is_410(room: MemoryRoom, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = failing(room, photo, errors.EngineFailed("met something"), monkeypatch)
    room.storage.delete("uploads", input_key(job_id, 0))
    with pytest.raises(errors.JobExpired):
        again(room, job_id)
    assert room.submitting.job(job_id).status is Status.FAILED


def test_anothers_is_not_there(room: MemoryRoom) -> None:
    [job] = [room.submitting.reserve_upload({"name": "a.pdf"}, caller=Caller("one", ""))[0]]
    with pytest.raises(errors.JobNotFound):
        again(room, job.job_id, Caller("other", ""))


def test_a_drops_result_takes_the_place_of_its_error(
    room: MemoryRoom, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise errors.EngineFailed("met something")

    room.storage.put_file("uploads", "inbox/a.pdf", photo, media_type=PDF)
    room.announce("inbox/a.pdf")
    with monkeypatch.context() as engine:
        engine.setattr(sandbox, "run", broken)
        room.work()
    assert room.storage.head("results", error_key("inbox/a.pdf"))
    [row] = room.store.rows()
    again(room, row["job_id"])
    assert room.work() == 0
    assert room.storage.head("results", "inbox/a.pdf")
    assert room.storage.head("results", error_key("inbox/a.pdf")) is None
