"""All results of several jobs as one ZIP."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from pdfsmaller import errors
from pdfsmaller.jobs.keys import input_key
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.ports import Storage
from pdfsmaller.jobs.states import Status
from pdfsmaller.media import ZIP
from pdfsmaller.services import archives
from pdfsmaller.services.archives import ArchiveService
from pdfsmaller.services.caller import Caller
from pdfsmaller.services.intake import IncomingFile
from tests import documents
from tests.aws_stack import Clock
from tests.folder_world import made_room as folder_room
from tests.memory import MemoryStorage
from tests.services.room import Room
from tests.services.several import Makes, makes

__all__ = ["makes"]

AnyRoom = Room[Storage]


@pytest.fixture(params=["memory", "folder"])
def room(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> AnyRoom:
    if request.param == "folder":
        return folder_room(tmp_path / "store", clock)  # type: ignore[return-value]
    return Room(clock, MemoryStorage(clock))


@pytest.fixture(scope="module")
def pdf() -> bytes:
    return documents.text(1)


def asking(room: AnyRoom) -> ArchiveService:
    return ArchiveService(room.world, room.submitting)


def batch(room: AnyRoom, *names: str, data: bytes, caller: Caller | None = None) -> str:
    """A batch of files by these names, its id."""
    files = [IncomingFile(name, io.BytesIO(data)) for name in names]
    jobs = room.submitting.submit_files(files, {}, **({"caller": caller} if caller else {}))
    assert jobs[0].batch_id
    return jobs[0].batch_id


def finished(room: AnyRoom, job: Job) -> Job:
    """The ZIP's job, done."""
    assert room.work() == 0
    job = room.submitting.job(job.job_id, caller=Caller(job.owner, ""))
    assert job.status is Status.SUCCEEDED, job.error
    return job


def held(room: AnyRoom, job: Job) -> dict[str, bytes]:
    """What the ZIP holds."""
    assert job.download
    assert (job.download.name, job.download.media_type) == ("results.zip", ZIP)
    with zipfile.ZipFile(io.BytesIO(room.submitting.read_result(job.download))) as archive:
        assert archive.testzip() is None
        assert {item.compress_type for item in archive.infolist()} == {zipfile.ZIP_STORED}
        return {item.filename: archive.read(item) for item in archive.infolist()}


class TestABatch:
    def test_comes_as_one_zip_made_by_a_worker(self, room: AnyRoom, pdf: bytes) -> None:
        batch_id = batch(room, "a.pdf", "b.pdf", "a.pdf", data=pdf)
        room.work()
        job = finished(room, asking(room).of_batch(batch_id))
        results = [
            room.submitting.read_result(room.submitting.download(one.job_id)) for one in room.submitting.batch(batch_id)
        ]
        assert held(room, job) == dict(
            zip(["a-smaller.pdf", "b-smaller.pdf", "a-smaller (2).pdf"], results, strict=True)
        )
        assert job.result
        assert (job.result["outcome"], job.result["report"]["pages"]) == ("archived", 3)
        assert job.result["report"]["input_bytes"] == sum(map(len, results))
        assert (job.operation, job.warnings) == ("archive", ())

    def test_needs_no_engine(self, room: AnyRoom, pdf: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        batch_id = batch(room, "a.pdf", "b.pdf", data=pdf)
        room.work()
        monkeypatch.setattr("pdfsmaller.sandbox.run", None)
        finished(room, asking(room).of_batch(batch_id))

    def test_leaves_out_what_is_not_done_and_names_it(self, room: AnyRoom, pdf: bytes) -> None:
        files = [IncomingFile("a.pdf", io.BytesIO(pdf)), IncomingFile("letter.doc", io.BytesIO(b"PK"))]
        jobs = room.submitting.submit_files([*files, IncomingFile("c.pdf", io.BytesIO(pdf))], {})
        room.work()
        room.submitting.delete(jobs[2].job_id)
        job = finished(room, asking(room).of_batch(jobs[0].batch_id or ""))
        assert list(held(room, job)) == ["a-smaller.pdf"]
        assert [warning["code"] for warning in job.warnings] == ["left_out"] * 2
        assert "letter.doc is left out: its job failed (not_a_pdf)." in job.warnings[0]["message"]
        assert "c.pdf" in job.warnings[1]["message"]

    def test_has_nothing_where_no_job_is_done(self, room: AnyRoom, pdf: bytes) -> None:
        batch_id = batch(room, "a.pdf", "b.pdf", data=pdf)
        with pytest.raises(errors.NothingToArchive, match=r"a\.pdf.*queued"):
            asking(room).of_batch(batch_id)
        with pytest.raises(errors.JobNotFound):
            asking(room).of_batch("0" * 32)


class TestAskingAgain:
    def test_gives_the_same_job_while_it_is_there(self, room: AnyRoom, pdf: bytes) -> None:
        batch_id = batch(room, "a.pdf", "b.pdf", data=pdf)
        room.work()
        first = asking(room).of_batch(batch_id)
        assert asking(room).of_batch(batch_id).job_id == first.job_id
        finished(room, first)
        assert asking(room).of_batch(batch_id).job_id == first.job_id
        ids = [job.job_id for job in room.submitting.batch(batch_id)]
        assert asking(room).of_jobs([*ids, ids[0]]).job_id == first.job_id
        assert asking(room).of_jobs(ids[:1]).job_id != first.job_id

    @pytest.mark.parametrize("how", ["deleted", "cancelled"])
    def test_gives_another_once_that_is_gone(self, room: AnyRoom, pdf: bytes, how: str) -> None:
        batch_id = batch(room, "a.pdf", "b.pdf", data=pdf)
        room.work()
        first = asking(room).of_batch(batch_id)
        if how == "deleted":
            finished(room, first)
        room.submitting.delete(first.job_id)
        second = finished(room, asking(room).of_batch(batch_id))
        assert second.job_id != first.job_id
        assert len(held(room, second)) == 2

    def test_goes_on_where_one_that_died_has_stopped(
        self, room: AnyRoom, pdf: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batch_id = batch(room, "a.pdf", "b.pdf", data=pdf)
        room.work()
        with monkeypatch.context() as patch:
            patch.setattr(room.submitting, "_send", lambda *args: (_ for _ in ()).throw(ConnectionError))
            with pytest.raises(ConnectionError):
                asking(room).of_batch(batch_id)
        assert len(held(room, finished(room, asking(room).of_batch(batch_id)))) == 2


class TestAnybodys:
    def test_jobs_of_others_are_not_found(self, room: AnyRoom, pdf: bytes) -> None:
        mine, theirs = Caller("me", ""), Caller("they", "")
        batch_id = batch(room, "a.pdf", "b.pdf", data=pdf, caller=mine)
        room.work()
        ids = [job.job_id for job in room.submitting.batch(batch_id, caller=mine)]
        for ask in (
            lambda: asking(room).of_batch(batch_id, caller=theirs),
            lambda: asking(room).of_jobs(ids, caller=theirs),
        ):
            with pytest.raises(errors.JobNotFound):
                ask()
        job = finished(room, asking(room).of_jobs(ids, caller=mine))
        assert job.owner == "me"
        with pytest.raises(errors.JobNotFound):
            room.submitting.job(job.job_id, caller=theirs)

    @pytest.mark.parametrize("given", [None, [], "0" * 32, [7], {"a": 1}, ["0" * 32] * 1_001])
    def test_lists_that_make_no_sense_are_refused(self, room: AnyRoom, given: object) -> None:
        with pytest.raises(errors.InvalidOption) as caught:
            asking(room).of_jobs(given)
        assert caught.value.field == "jobs"


class TestNames:
    def test_are_fit_for_any_disk_and_no_two_alike(self, room: AnyRoom, pdf: bytes, makes: Makes) -> None:
        wild = "../" + "\U0001f4c4/" + "x" * 300 + ": *?.pdf"
        makes([(wild, b"one"), ("CON:.pdf", b"two"), ("A.PDF", b"three")])
        batch_id = batch(room, "a.pdf", "b.pdf", data=pdf)
        room.work()
        found = held(room, finished(room, asking(room).of_batch(batch_id)))
        assert len({name.casefold() for name in found}) == len(found) == 6
        for name in found:
            assert not set(name) & set('/\\:*?"<>|')
            assert len(name.encode()) <= 255
        assert [found[name] for name in found] == [b"one", b"two", b"three"] * 2


class TestBounds:
    def test_are_those_of_the_parts_of_one_document(self, room: AnyRoom, pdf: bytes, makes: Makes) -> None:
        makes([(f"{n}.pdf", b"x") for n in range(501)])
        batch_id = batch(room, "a.pdf", "b.pdf", data=pdf)
        room.work()
        with pytest.raises(errors.LimitExceeded, match="1,002 files") as caught:
            asking(room).of_batch(batch_id)
        assert caught.value.limit == "max_parts"

    def test_hold_for_bytes(self, clock: Clock, pdf: bytes) -> None:
        room = Room[Storage](clock, MemoryStorage(clock), max_file_size=2_000, max_request_size=2_000)
        results = {n: documents.text(n) for n in (8, 9)}
        assert sum(map(len, results.values())) > 4_000
        files = [IncomingFile(f"{n}.pdf", io.BytesIO(pdf)) for n in results]
        jobs = room.submitting.submit_files(files, {})
        room.work()
        row = room.store.get(jobs[0].job_id)
        assert row
        row["results"][0][1] = 4_000  # as large as a result may be there
        room.store._rows[jobs[0].job_id] = row
        with pytest.raises(errors.LimitExceeded, match="4,000") as caught:
            asking(room).of_batch(jobs[0].batch_id or "")
        assert caught.value.limit == "max_results_bytes"


class TestMeanwhile:
    def test_a_result_that_was_deleted_is_left_out(self, room: AnyRoom, pdf: bytes) -> None:
        batch_id = batch(room, "a.pdf", "b.pdf", data=pdf)
        room.work()
        job = asking(room).of_batch(batch_id)
        room.submitting.delete(room.submitting.batch(batch_id)[0].job_id)
        job = finished(room, job)
        assert list(held(room, job)) == ["b-smaller.pdf"]
        assert "deleted meanwhile" in job.warnings[0]["message"]

    def test_it_fails_where_all_were(self, room: AnyRoom, pdf: bytes) -> None:
        batch_id = batch(room, "a.pdf", "b.pdf", data=pdf)
        room.work()
        job = asking(room).of_batch(batch_id)
        for one in room.submitting.batch(batch_id):
            room.submitting.delete(one.job_id)
        assert room.work() == 0
        assert (room.submitting.job(job.job_id).error or {})["code"] == "nothing_to_archive"

    def test_it_goes_when_the_first_of_its_files_does(self, room: AnyRoom, pdf: bytes) -> None:
        batch_id = batch(room, "a.pdf", "b.pdf", data=pdf)
        room.work()
        first = min(job.expires_at or 0 for job in room.submitting.batch(batch_id))
        room.clock.forward(3_600)
        job = finished(room, asking(room).of_batch(batch_id))
        assert job.expires_at == pytest.approx(first, abs=2)

    def test_what_is_told_ends_the_work(self, room: AnyRoom, pdf: bytes, tmp_path: Path) -> None:
        batch_id = batch(room, "a.pdf", "b.pdf", data=pdf)
        room.work()
        job = asking(room).of_batch(batch_id)

        def lost(stage: str, percent: int) -> None:
            raise errors.LeaseLost("cancelled")

        with pytest.raises(errors.LeaseLost):
            archives.make(room.storage, job, tmp_path, room.world.settings.limits(), lost)
        limits = replace(room.world.settings.limits(), hard_seconds=0)
        with pytest.raises(errors.LimitExceeded, match="0 seconds"):
            archives.make(room.storage, job, tmp_path, limits, lambda stage, percent: None)

    def test_the_list_is_no_form_that_others_could_send(self, room: AnyRoom, pdf: bytes) -> None:
        batch_id = batch(room, "a.pdf", "b.pdf", data=pdf)
        room.work()
        job = asking(room).of_batch(batch_id)
        assert room.storage.head(room.storage.uploads, input_key(job.job_id, 0))
        with pytest.raises(errors.InvalidOption):
            room.submitting.reserve_upload({"operation": "archive"})
