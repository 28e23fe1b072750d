"""What counts against a caller's limits: jobs that are made, each once, and before anything of them is written."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from pdfsmaller import errors
from pdfsmaller.services.again import AgainService
from pdfsmaller.services.archives import ArchiveService
from pdfsmaller.services.caller import Caller
from pdfsmaller.services.intake import IncomingFile
from tests import documents
from tests.aws_stack import Clock
from tests.memory import MemoryStorage
from tests.services.room import Room

Ask = Callable[[Room[MemoryStorage], Caller], object]

pytestmark = pytest.mark.usefixtures("warm_engine")


@pytest.fixture
def room(clock: Clock) -> Room[MemoryStorage]:
    return Room(clock, MemoryStorage(clock))


def files(count: int) -> list[IncomingFile]:
    return [IncomingFile(f"{n}.pdf", io.BytesIO(documents.text(1))) for n in range(count)]


def submits(count: int, operation: str = "compress") -> Ask:
    return lambda room, caller: room.submitting.submit_files(files(count), {}, operation, caller=caller)


def reserves(room: Room[MemoryStorage], caller: Caller) -> object:
    return room.submitting.reserve_upload({"name": "a.pdf"}, caller=caller)


def reserves_batch(room: Room[MemoryStorage], caller: Caller) -> object:
    wanted = {"files": [{"name": f"{n}.pdf", "size": 9} for n in range(3)]}
    return room.submitting.reserve_batch(wanted, caller=caller)


@pytest.mark.parametrize(
    ("ask", "jobs"),
    [(submits(1), 1), (submits(3), 3), (submits(3, "merge"), 1), (reserves, 1), (reserves_batch, 3)],
    ids=["one", "a batch", "several files of one job", "an upload", "a batch of uploads"],
)
def test_a_request_counts_as_many_jobs_as_it_makes_and_makes_none_that_may_not_be(
    room: Room[MemoryStorage], ask: Ask, jobs: int
) -> None:
    def refuse(_: int) -> None:
        assert room.store.rows() == []
        raise errors.RateLimited("No more.", "1 per hour", 60)

    with pytest.raises(errors.RateLimited):
        ask(room, Caller("me", "", refuse))
    assert room.store.rows() == []
    assert list(room.storage.list(room.storage.uploads, "")) == []
    charged: list[int] = []
    ask(room, Caller("me", "", charged.append))
    assert charged == [jobs]
    assert len(room.store.rows()) == jobs


def test_what_is_made_of_files_that_are_here_counts_and_asking_again_for_the_same_does_not(
    room: Room[MemoryStorage],
) -> None:
    charged: list[int] = []
    me = Caller("me", "", charged.append)
    jobs = room.submitting.submit_files(files(2), {}, caller=me)
    assert room.work() == 0
    charged.clear()
    AgainService(room.world, room.submitting).again(jobs[0].job_id, {}, caller=me)
    assert charged == [1]
    archives = ArchiveService(room.world, room.submitting)
    first = archives.of_jobs([job.job_id for job in jobs], caller=me)
    assert archives.of_jobs([job.job_id for job in jobs], caller=me).job_id == first.job_id
    assert charged == [1, 1]


def test_looking_and_ending_cost_nothing(room: Room[MemoryStorage]) -> None:
    [job] = room.submitting.submit_files(files(1), {}, caller=Caller("me", ""))
    charged: list[int] = []
    me = Caller("me", "", charged.append)
    room.submitting.job(job.job_id, caller=me)
    room.submitting.uploaded(job.job_id, caller=me)
    room.submitting.delete(job.job_id, caller=me)
    assert charged == []
