"""Processes of one host wake each other by pipes."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from pdfsmaller.jobs.model import Job, new_id
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.jobs.states import Status
from pdfsmaller.server.database.bells import Bells, PipeBell
from tests.aws_stack import success
from tests.server.database.conftest import Place
from tests.server.database.parts import store
from tests.server.database.processes import ended, said, start

#: Far longer than anything here takes; who is not woken waits for so long.
LONG = 60.0


@pytest.fixture
def bells(tmp_path: Path) -> Bells:
    return Bells(tmp_path / "bells")


def hung(bells: Bells, kind: str = "ends") -> PipeBell:
    """A bell that can be rung."""
    bell = bells.bell(kind)
    bell.wait(0)
    return bell


def waited(bells: Bells, kind: str, seconds: float) -> float:
    """How long that was."""
    begun = time.monotonic()
    bells.wait(kind, seconds)
    return time.monotonic() - begun


def test_a_message_wakes_one_of_those_who_wait_for_its_kind(bells: Bells, tmp_path: Path) -> None:
    other_process = Bells(tmp_path / "bells")
    for one in (bells, other_process):
        assert waited(one, "messages", LONG) < LONG / 2, "the first time"
    bells.ring("messages")
    bells.ring("callbacks")
    assert waited(other_process, "messages", LONG) < LONG / 2
    assert waited(bells, "messages", 0.2) >= 0.2


def test_what_was_received_wakes_nobody_any_more(bells: Bells) -> None:
    bells.wait("messages", 0)
    bells.ring("messages")
    bells.taken("messages")
    assert waited(bells, "messages", 0.2) >= 0.2


def test_everybody_who_has_a_bell_hears_what_was_rung_and_others_hear_nothing(bells: Bells) -> None:
    first, second, other = hung(bells), hung(bells), hung(bells, "messages")
    bells.ring("ends", "a")
    bells.ring("ends", "b")
    assert first.wait(LONG) == second.wait(LONG) == {"a", "b"}
    assert first.wait(0) == other.wait(0) == frozenset()


def test_a_bell_is_rung_by_its_own_process_without_a_word(bells: Bells) -> None:
    bell = hung(bells)
    threading.Timer(0.1, bell.ring).start()
    begun = time.monotonic()
    assert bell.wait(LONG) == frozenset()
    assert time.monotonic() - begun < LONG / 2


def test_a_pipe_goes_with_its_reader_however_that_went(bells: Bells, tmp_path: Path) -> None:
    del (gone := {"bell": hung(bells)})["bell"]
    assert not gone
    assert list((tmp_path / "bells").iterdir()) == []
    os.mkfifo(tmp_path / "bells" / "ends.killed")
    bells.ring("ends", "a")
    assert list((tmp_path / "bells").iterdir()) == []


def test_who_never_reads_stops_nobody(bells: Bells) -> None:
    full = hung(bells)
    bells.wait("messages", 0)
    for _ in range(70_000):
        full.ring()
    bells.ring("ends", "a")
    bells.ring("messages")
    assert waited(bells, "messages", LONG) < LONG / 2
    assert "a" not in full.wait(0)


def test_after_a_fork_each_has_a_pipe_of_its_own(bells: Bells, tmp_path: Path) -> None:
    bell = hung(bells)
    child = os.fork()
    if child == 0:
        bell.ring()  # is not its parent's to hear
        bell.wait(0)
        bells.ring("ends", "child")
        os._exit(0 if bell.wait(LONG) == {"child"} else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert bell.wait(LONG) == {"child"}
    bells.ring("ends", "later")
    assert bell.wait(LONG) == {"later"}
    assert len(list((tmp_path / "bells").iterdir())) == 1


def test_where_there_can_be_no_pipe_who_waits_comes_by_soon(tmp_path: Path) -> None:
    (tmp_path / "bells").write_bytes(b"")
    bells = Bells(tmp_path / "bells")
    bells.ring("ends", "a")
    bell = hung(bells)
    begun = time.monotonic()
    assert bell.wait(LONG) == frozenset()
    bells.wait("messages", 0)
    bells.wait("messages", LONG)
    assert time.monotonic() - begun < LONG / 2


def test_an_end_is_told_to_another_process_once_it_stands(on_sqlite: Place) -> None:
    opened = on_sqlite.open()
    jobs = Jobs(store(opened))
    now = jobs.now()
    job = Job(new_id(), Status.QUEUED, now, now, now + 900)
    process = start(
        on_sqlite.url,
        """
bell = jobs.bell()
bell.wait(0)
say("waiting")
for job_id in bell.wait(60):
    say(f"{job_id} {jobs.get(job_id).status}")
""",
        job.job_id,
    )
    assert said(process) == "waiting"
    assert jobs.create(job)
    started = jobs.start(job.job_id, "message", 60)
    assert started
    with pytest.raises(ZeroDivisionError), opened.together():  # noqa: PT012
        jobs.succeed(started, success(started), kept_seconds=60)
        raise ZeroDivisionError
    jobs.succeed(started, success(started), kept_seconds=60)
    assert ended(process) == [job.job_id, "succeeded"]
