"""A store that speaks S3 and sends no messages, on a server of one's own: uploads that say so, and that do not."""

from __future__ import annotations

import pytest
import requests

from pdfsmaller.aws.storage import S3Storage
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.objects import UploadForm
from pdfsmaller.jobs.states import Status
from pdfsmaller.services import arrivals
from tests.aws_stack import Clock, Stack
from tests.services.room import Room

StoreRoom = Room[S3Storage]


@pytest.fixture
def room(stack: Stack, clock: Clock) -> StoreRoom:
    settings = stack.settings
    return Room(clock, S3Storage(settings.uploads_bucket, settings.results_bucket, announces=False))


def send(form: UploadForm, data: bytes) -> None:
    assert requests.post(form.url, data=form.fields, files={"file": data}, timeout=30).ok


def stands(room: StoreRoom, job: Job) -> Status:
    return room.submitting.job(job.job_id).status


def test_files_that_come_through_the_api_are_announced(room: StoreRoom, photo: bytes) -> None:
    job_id = room.submit(photo)
    assert room.work() == 0
    result = room.submitting.download(job_id)
    assert len(requests.get(room.submitting.result_url(result), timeout=30).content) == result.bytes < len(photo)


def test_an_upload_begins_when_its_sender_says_so(room: StoreRoom, photo: bytes) -> None:
    job, [form] = room.submitting.reserve_upload({"name": "a.pdf"})
    send(form, photo)
    assert stands(room, job) is Status.AWAITING_UPLOAD
    for _ in range(2):
        assert room.submitting.uploaded(job.job_id).status is Status.QUEUED
    assert room.queue.depth()["waiting"] == 1
    assert room.work() == 0
    assert stands(room, job) is Status.SUCCEEDED


def test_and_is_found_when_nobody_says_anything(room: StoreRoom, photo: bytes) -> None:
    job, forms = room.submitting.reserve_upload({"operation": "merge", "count": 2})
    for form in forms:
        send(form, photo)
    room.clock.forward(arrivals.LOOK_EVERY_SECONDS + 1)
    assert arrivals.look_for_uploads(room.world) == 1
    assert room.work() == 0
    assert stands(room, job) is Status.SUCCEEDED


def test_one_that_never_comes_fails_in_its_time(room: StoreRoom) -> None:
    job, _ = room.submitting.reserve_upload({"name": "a.pdf"})
    room.clock.forward(3_600)
    assert arrivals.look_for_uploads(room.world) == 0
    assert stands(room, job) is Status.AWAITING_UPLOAD
    room.clock.forward(901)
    assert arrivals.look_for_uploads(room.world) == 0
    assert stands(room, job) is Status.FAILED
