"""Files come without a message: whoever learns of the last one begins the job, and only one of all who do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from pdfsmaller import errors
from pdfsmaller.jobs.keys import input_key
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.states import Status
from pdfsmaller.media import PDF
from pdfsmaller.services import arrivals
from pdfsmaller.services.submit import SubmitService
from tests.aws_stack import Clock, Stack
from tests.memory import MemoryStorage
from tests.services.room import Room

HOUR = 3_600
MemoryRoom = Room[MemoryStorage]


@pytest.fixture
def room(clock: Clock) -> MemoryRoom:
    return Room(clock, MemoryStorage(clock))


def reserve(room: MemoryRoom, count: int = 1) -> Job:
    return room.submitting.reserve_upload({"operation": "merge", "count": count})[0]


def put(room: MemoryRoom, job: Job, index: int = 0) -> str:
    key = input_key(job.job_id, index)
    room.storage.put_file(room.storage.uploads, key, b"%PDF-", media_type=PDF)
    return key


def stands(room: MemoryRoom, job: Job) -> Status:
    return room.submitting.job(job.job_id).status


class TestSubmittedFiles:
    def test_are_announced_once(self, room: MemoryRoom, photo: bytes) -> None:
        job_id = room.submit(photo)
        assert room.submitting.job(job_id).status is Status.QUEUED
        assert room.queue.depth() == {"waiting": 1, "in_flight": 0}


class TestTakenInByAForm:
    def test_the_last_of_several_begins_the_job(self, room: MemoryRoom) -> None:
        job = reserve(room, 3)
        for index in (2, 0, 2):
            arrivals.input_arrived(room.world, put(room, job, index))
        assert stands(room, job) is Status.AWAITING_UPLOAD
        arrivals.input_arrived(room.world, put(room, job, 1))
        assert stands(room, job) is Status.QUEUED
        arrivals.input_arrived(room.world, put(room, job, 1))  # a form may be sent again
        assert room.queue.depth()["waiting"] == 1

    def test_of_many_at_once_too(self, room: MemoryRoom) -> None:
        job = reserve(room, 40)
        keys = [put(room, job, index) for index in range(40)]
        with ThreadPoolExecutor(40) as pool:
            list(pool.map(lambda key: arrivals.input_arrived(room.world, key), keys))
        assert stands(room, job) is Status.QUEUED
        assert room.queue.depth()["waiting"] == 1

    def test_one_that_comes_after_its_job_was_deleted_goes_too(self, room: MemoryRoom) -> None:
        job = reserve(room)
        room.submitting.delete(job.job_id)
        arrivals.input_arrived(room.world, put(room, job))
        assert list(room.storage.list(room.storage.uploads, "")) == []

    def test_what_is_no_jobs_input_is_nobodys_business(self, room: MemoryRoom) -> None:
        arrivals.input_arrived(room.world, "inbox/a.pdf")
        arrivals.input_arrived(room.world, input_key("0" * 32, 0))
        assert room.queue.depth()["waiting"] == 0


class TestSaidByTheCaller:
    def test_begins_the_job_once_all_is_there(self, room: MemoryRoom) -> None:
        job = reserve(room, 2)
        put(room, job, 0)
        assert room.submitting.uploaded(job.job_id).status is Status.AWAITING_UPLOAD
        put(room, job, 1)
        for _ in range(2):
            assert room.submitting.uploaded(job.job_id).status is Status.QUEUED
        assert room.queue.depth()["waiting"] == 1

    def test_of_a_job_that_has_ended_shows_it(self, room: MemoryRoom) -> None:
        job = reserve(room)
        room.submitting.delete(job.job_id)
        put(room, job)
        assert room.submitting.uploaded(job.job_id).status is Status.CANCELLED
        with pytest.raises(errors.JobNotFound):
            room.submitting.uploaded("0" * 32)

    def test_sends_no_second_message_where_the_bucket_sends_its_own(self, stack: Stack) -> None:
        service = SubmitService(stack.world)
        job, _ = service.reserve_upload({"name": "a.pdf"})
        assert service.uploaded(job.job_id).status is Status.AWAITING_UPLOAD
        stack.drop(input_key(job.job_id, 0), b"%PDF-")
        assert service.uploaded(job.job_id).status is Status.QUEUED
        assert stack.waiting() == []


class TestLooking:
    def test_finds_what_came_without_a_word(self, room: MemoryRoom) -> None:
        silent, slow = reserve(room), reserve(room, 2)
        put(room, silent)
        put(room, slow)
        assert arrivals.look_for_uploads(room.world) == 0  # nobody is late yet
        room.clock.forward(arrivals.LOOK_EVERY_SECONDS + 1)
        assert [arrivals.look_for_uploads(room.world) for _ in range(2)] == [1, 0]
        assert (stands(room, silent), stands(room, slow)) == (Status.QUEUED, Status.AWAITING_UPLOAD)
        put(room, slow, 1)
        room.clock.forward(arrivals.LOOK_EVERY_SECONDS + 1)
        assert arrivals.look_for_uploads(room.world) == 1
        assert room.queue.depth()["waiting"] == 2

    def test_ever_more_seldom_and_not_after_the_upload_is_over(self, room: MemoryRoom) -> None:
        job, looks = reserve(room), 0
        listing = room.storage.list
        counted: list[str] = []
        room.storage.list = lambda bucket, prefix: (counted.append(prefix), listing(bucket, prefix))[1]  # type: ignore[method-assign]
        while stands(room, job) is Status.AWAITING_UPLOAD:
            arrivals.look_for_uploads(room.world)
            room.clock.forward(arrivals.LOOK_EVERY_SECONDS)
            looks += 1
        assert stands(room, job) is Status.FAILED
        assert 450 <= looks <= 453  # 75 minutes
        assert len(counted) < 60

    def test_looks_at_a_bounded_number_in_one_go(self, room: MemoryRoom) -> None:
        for _ in range(150):
            put(room, reserve(room))
        room.clock.forward(arrivals.LOOK_EVERY_SECONDS + 1)
        assert [arrivals.look_for_uploads(room.world) for _ in range(3)] == [100, 50, 0]

    def test_of_many_who_look_one_begins_each_job(self, room: MemoryRoom) -> None:
        for _ in range(10):
            put(room, reserve(room))
        room.clock.forward(arrivals.LOOK_EVERY_SECONDS + 1)
        with ThreadPoolExecutor(20) as pool:
            found = list(pool.map(lambda _: arrivals.look_for_uploads(room.world), range(20)))
        assert sum(found) == 10
        assert room.queue.depth()["waiting"] == 10

    def test_cleanup_fails_only_what_is_over(self, room: MemoryRoom) -> None:
        job = reserve(room)
        room.clock.forward(HOUR)
        assert room.cleanup.run()["uploads_failed"] == 0
        room.clock.forward(901)
        assert room.cleanup.run()["uploads_failed"] == 1
        assert stands(room, job) is Status.FAILED

    def test_nothing_is_looked_for_where_messages_come_by_themselves(self, stack: Stack) -> None:
        job, _ = SubmitService(stack.world).reserve_upload({"name": "a.pdf"})
        stack.drop(input_key(job.job_id, 0), b"%PDF-")
        stack.clock.forward(HOUR)
        assert arrivals.look_for_uploads(stack.world) == 0
        assert stack.job(job.job_id).status is Status.AWAITING_UPLOAD
