"""New jobs from files that are here already: in memory, in a folder, on S3 with events and without."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from pdfsmaller import errors
from pdfsmaller.aws.storage import S3Storage
from pdfsmaller.jobs.keys import input_key
from pdfsmaller.jobs.messages import Message
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.states import Status
from pdfsmaller.media import PDF
from pdfsmaller.services.again import AgainService
from pdfsmaller.services.caller import Caller
from pdfsmaller.services.cleanup import CleanupService
from pdfsmaller.services.intake import IncomingFile
from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.submit import SubmitService
from pdfsmaller.services.world import World
from tests import documents
from tests.aws_stack import Clock, Stack
from tests.folder_world import SECRET_KEY, made_room
from tests.memory import MemoryStorage
from tests.services.room import Room

ONE, OTHER = Caller("one", ""), Caller("other", "")


@dataclass
class There:
    """A world, and its worker."""

    world: World
    work: Callable[[], object]
    clock: Clock

    def __post_init__(self) -> None:
        self.submitting = SubmitService(self.world)
        self.service = AgainService(self.world, self.submitting)

    def submit(self, *files: bytes, operation: str = "compress", caller: Caller = ONE, **options: Any) -> Job:
        incoming = [IncomingFile(f"{n}.pdf", io.BytesIO(data)) for n, data in enumerate(files)]
        return self.submitting.submit_files(incoming, options, operation, caller=caller)[0]

    def done(self, *files: bytes, **given: Any) -> Job:
        job = self.submit(*files, **given)
        self.work()
        return self.job(job)

    def again(self, job: Job, caller: Caller = ONE, **request: Any) -> Job:
        return self.service.again(job.job_id, request, caller=caller)

    def job(self, job: Job) -> Job:
        return self.submitting.job(job.job_id, caller=ONE)

    def result(self, job: Job, index: int = 0) -> bytes:
        self.work()
        stands = self.job(job)
        assert stands.status is Status.SUCCEEDED, stands.error
        return self.submitting.read_result(stands.results[index])

    def pages(self, job: Job) -> int:
        with pikepdf.open(io.BytesIO(self.result(job))) as pdf:
            return len(pdf.pages)

    def inputs(self, job: Job) -> list[bytes | None]:
        storage = self.world.storage
        return [storage.read(storage.uploads, input_key(job.job_id, index)) for index in range(job.input_count)]


@pytest.fixture(params=["memory", "folder", "s3", "s3 without events"])
def there(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> Iterator[There]:
    if request.param == "memory":
        room: Room[Any] = Room(clock, MemoryStorage(clock), secret_key=SECRET_KEY)
    elif request.param == "folder":
        room = made_room(tmp_path / "files", clock)
    elif request.param == "s3 without events":
        settings = request.getfixturevalue("stack").settings
        storage = S3Storage(settings.uploads_bucket, settings.results_bucket, announces=False)
        room = Room(clock, storage, secret_key=SECRET_KEY)
    else:
        yield _announcing(request.getfixturevalue("stack"), clock)
        return
    yield There(room.world, room.work, clock)


@pytest.fixture
def here(clock: Clock) -> There:
    """One world stands for all where no port does anything that the others' tests do not show."""
    room = Room(clock, MemoryStorage(clock), secret_key=SECRET_KEY)
    return There(room.world, room.work, clock)


def _announcing(stack: Stack, clock: Clock) -> There:
    """S3 as on AWS: an event for each object that has come since the last look."""
    running, seen = RunService(stack.world), set[tuple[str, str]]()

    def work() -> None:
        for item in stack.world.storage.list(stack.settings.uploads_bucket, ""):
            if (item.key, item.etag) not in seen:
                seen.add((item.key, item.etag))
                running.handle(Message(f"of {item.key}", "", stack.event(item.key)))

    return There(stack.world, work, clock)


@pytest.fixture(scope="module")
def text() -> bytes:
    return documents.text(4)


def test_the_same_files_with_other_options_are_a_new_job(there: There, photo: bytes) -> None:
    first = there.done(photo, preset="lossless")
    second = there.again(first, options={"preset": "screen"})
    assert second.job_id != first.job_id
    assert (second.operation, second.options, second.owner) == ("compress", {"preset": "screen"}, "one")
    assert [(item.name, item.bytes) for item in second.inputs] == [("0.pdf", len(photo))]
    assert there.inputs(second) == [photo]
    assert len(there.result(second)) < len(there.result(first))


def test_without_a_word_all_inputs_are_done_again_in_their_order_without_options(there: There, text: bytes) -> None:
    first = there.done(text, documents.text(1), operation="merge", pages=["1-2", ""])
    assert there.pages(first) == 3
    second = there.again(first)
    assert (second.operation, second.options) == ("merge", {})
    assert there.inputs(second) == [text, documents.text(1)]
    assert there.pages(second) == 5


def test_results_and_inputs_of_several_jobs_become_one(there: There, text: bytes) -> None:
    parts = there.done(text, operation="split", every=1)
    other = there.done(documents.text(1))
    merged = there.again(
        parts,
        operation="merge",
        options={"pages": ["", "2-3", ""]},
        inputs=[
            {"job_id": parts.job_id, "result": 3},
            {"input": 0},
            {"job_id": other.job_id, "result": 0},
        ],
    )
    assert [item.name for item in merged.inputs] == [parts.results[3].name, "0.pdf", other.results[0].name]
    assert there.pages(merged) == 4


def test_a_job_that_runs_lends_its_inputs_too(there: There, photo: bytes) -> None:
    waiting = there.submit(photo)
    assert there.inputs(there.again(waiting)) == [photo]


def test_the_new_job_outlives_the_old_one(there: There, photo: bytes) -> None:
    first = there.done(photo)
    second = there.again(first)
    there.submitting.delete(first.job_id, caller=ONE)
    assert there.inputs(second) == [photo]
    assert there.result(second)


def test_inputs_are_kept_until_their_job_expires(there: There, photo: bytes) -> None:
    first = there.done(photo)
    there.clock.forward(23 * 3_600)
    CleanupService(there.world).run()
    assert there.inputs(there.again(first)) == [photo]
    there.clock.forward(2 * 3_600)
    with pytest.raises(errors.JobExpired):
        there.again(first)
    CleanupService(there.world).run()
    with pytest.raises(errors.JobExpired):
        there.again(first, inputs=[{"result": 0}])


def test_a_file_that_went_before_its_time_is_410_and_leaves_no_job(there: There, photo: bytes) -> None:
    first = there.done(photo)
    storage = there.world.storage
    storage.delete(storage.uploads, input_key(first.job_id, 0))
    before = [item.key for item in storage.list(storage.uploads, "")]
    with pytest.raises(errors.JobExpired):
        there.again(first)
    assert [item.key for item in storage.list(storage.uploads, "")] == before


def test_one_that_goes_while_others_are_copied_leaves_nothing(
    there: There, photo: bytes, text: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = there.done(photo, text, operation="merge")
    storage = there.world.storage
    copy = storage.copy

    def gone_at_the_last(bucket: str, key: str, *target: str) -> bool:
        return not key.endswith("/1") and copy(bucket, key, *target)

    monkeypatch.setattr(storage, "copy", gone_at_the_last)
    before = [item.key for item in storage.list(storage.uploads, "")]
    with pytest.raises(errors.JobExpired):
        there.again(first)
    assert [item.key for item in storage.list(storage.uploads, "")] == before


def test_what_another_has_is_not_there(here: There, photo: bytes) -> None:
    theirs, mine = here.done(photo), here.done(photo)
    with pytest.raises(errors.JobNotFound):
        here.again(theirs, caller=OTHER)
    own = here.submit(photo, caller=OTHER)
    for reference in ({"input": 0}, {"result": 0}):
        with pytest.raises(errors.JobNotFound):
            here.again(own, caller=OTHER, inputs=[{"job_id": mine.job_id, **reference}])


def test_what_is_no_file_yet_or_any_more_says_why(here: There, photo: bytes, text: bytes) -> None:
    reserved, _ = here.submitting.reserve_upload({"name": "a.pdf"}, caller=ONE)
    with pytest.raises(errors.JobNotReady):
        here.again(reserved)
    waiting = here.submit(photo)
    with pytest.raises(errors.JobNotReady):
        here.again(waiting, inputs=[{"result": 0}])
    with pytest.raises(errors.InputNotFound):
        here.again(waiting, inputs=[{"input": 1}])
    here.submitting.delete(waiting.job_id, caller=ONE)
    with pytest.raises(errors.JobCancelled):
        here.again(waiting)
    failed = here.done(text, operation="split", pages="99")
    with pytest.raises(errors.JobFailed):
        here.again(failed, options={"every": 1}, inputs=[{"result": 0}])
    assert here.result(here.again(failed, options={"pages": "1"}))
    with pytest.raises(errors.ResultNotFound):
        here.again(here.done(photo), inputs=[{"result": 1}])


def test_files_of_another_kind_than_the_operation_takes_are_refused(here: There, photo: bytes) -> None:
    pictures = here.done(documents.text(2), operation="preview")
    with pytest.raises(errors.NotAPdf, match=r"page-001\.webp is not a PDF; it is a WebP image"):
        here.again(pictures, operation="merge", inputs=[{"result": 0}])
    with pytest.raises(errors.NotAnImage):
        here.again(pictures, operation="image-to-pdf")
    album = here.again(pictures, operation="image-to-pdf", inputs=[{"result": 1}, {"result": 0}])
    assert here.pages(album) == 2


def test_one_file_a_job_where_the_operation_takes_one(here: There, text: bytes) -> None:
    merged = here.done(text, text, operation="merge")
    with pytest.raises(errors.InvalidOption, match="compress takes one file a job"):
        here.again(merged, operation="compress")
    assert here.result(here.again(merged, operation="compress", inputs=[{"result": 0}]))


@pytest.mark.parametrize(
    "request_",
    [
        {"operation": "shred"},
        {"options": {"preset": "huge"}},
        {"options": ["preset"]},
        {"inputs": []},
        {"inputs": {"input": 0}},
        {"inputs": [0]},
        {"inputs": [{}]},
        {"inputs": [{"input": 0, "result": 0}]},
        {"inputs": [{"input": "0"}]},
        {"inputs": [{"input": True}]},
        {"inputs": [{"result": 0, "more": 1}]},
        {"inputs": [{"job_id": 7, "input": 0}]},
        {"operation": "merge", "options": {"pages": ["1", "2"]}},
    ],
)
def test_what_makes_no_sense_is_refused_by_its_name(clock: Clock, photo: bytes, request_: dict[str, Any]) -> None:
    room = Room(clock, MemoryStorage(clock))
    there = There(room.world, room.work, clock)
    with pytest.raises(errors.InvalidOption) as refused:
        there.again(there.submit(photo), **request_)
    assert refused.value.field in {*request_, *request_.get("options", ())}
    assert [item.key for item in room.storage.list("uploads", "")] == [
        input_key(row["job_id"], 0) for row in room.store.rows()
    ]


def test_more_files_and_bytes_than_allowed_are_refused(clock: Clock, photo: bytes) -> None:
    sizes = {"max_file_size": len(photo), "max_request_size": 2 * len(photo) - 1}
    room = Room(clock, MemoryStorage(clock), max_files=2)
    there = There(room.world, room.work, clock)
    job = there.submit(photo)
    with pytest.raises(errors.TooManyFiles):
        there.again(job, operation="merge", inputs=[{"input": 0}] * 3)
    room = Room(clock, MemoryStorage(clock), **sizes)
    there = There(room.world, room.work, clock)
    with pytest.raises(errors.FileTooLarge, match="MAX_REQUEST_SIZE"):
        there.again(there.submit(photo), operation="merge", inputs=[{"input": 0}] * 2)


def test_a_full_store_takes_no_copy(here: There, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    job = here.submit(photo)
    monkeypatch.setattr(here.world.storage, "is_full", lambda: True)
    with pytest.raises(errors.StorageFull):
        here.again(job)


class TestPasswords:
    def test_go_along_while_the_job_has_not_ended(self, here: There) -> None:
        waiting = here.submit(documents.encrypted_user(), password=documents.USER_PASSWORD)
        assert here.result(here.again(waiting))

    def test_are_gone_with_the_end_of_the_job(self, here: There) -> None:
        ended = here.done(documents.encrypted_user(), password=documents.USER_PASSWORD)
        without = here.again(ended)
        here.work()
        assert (here.job(without).error or {})["code"] == "password_required"
        assert here.result(here.again(ended, options={"password": documents.USER_PASSWORD}))

    def test_given_anew_count(self, here: There) -> None:
        waiting = here.submit(documents.encrypted_user(), password=documents.USER_PASSWORD)
        wrong = here.again(waiting, options={"password": "another"})
        here.work()
        assert (here.job(wrong).error or {})["code"] == "wrong_password"

    def test_go_nowhere_with_files_of_several_jobs(self, clock: Clock) -> None:
        room = Room(clock, MemoryStorage(clock), secret_key=SECRET_KEY)
        there = There(room.world, room.work, clock)
        one, two = (there.submit(documents.encrypted_user(), password=documents.USER_PASSWORD) for _ in range(2))
        both = there.again(one, operation="merge", inputs=[{"input": 0}, {"job_id": two.job_id, "input": 0}])
        assert both.password is None


class TestDrops:
    def test_are_copied_as_they_were(self, clock: Clock, photo: bytes) -> None:
        room = Room(clock, MemoryStorage(clock))
        there = There(room.world, room.work, clock)
        room.storage.put_file("uploads", "inbox/a.pdf", photo, media_type=PDF)
        room.announce("inbox/a.pdf")
        room.work()
        [row] = room.store.rows()
        second = there.service.again(row["job_id"], {"options": {"preset": "screen"}})
        assert (second.drop, second.inputs[0].name) == (None, "a.pdf")
        assert there.result(second)
        room.storage.put_file("uploads", "inbox/a.pdf", b"%PDF- another", media_type=PDF)
        with pytest.raises(errors.JobExpired):
            there.service.again(row["job_id"], {})
