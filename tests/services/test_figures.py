"""What a job's end and a run of cleanup add to the figures of the whole service: once, and of what was done alone."""

from __future__ import annotations

import pytest

from pdfsmaller.jobs.figures import Figure
from pdfsmaller.jobs.model import Drop, Job, new_id
from pdfsmaller.jobs.states import Status
from pdfsmaller.services import figures
from pdfsmaller.services.ends import End, Ended
from pdfsmaller.services.figures import SERIES, Kind
from tests import documents
from tests.aws_stack import Clock, success
from tests.memory import MemoryFigures, MemoryStorage
from tests.services.room import Room

pytestmark = pytest.mark.usefixtures("warm_engine")
ERROR = {"code": "unreadable_pdf", "message": "broken"}
GIVEN_UP = {"code": "too_many_attempts", "message": "five times"}


@pytest.fixture
def room(clock: Clock) -> Room[MemoryStorage]:
    return Room(clock, MemoryStorage(clock))


def value(room: Room[MemoryStorage], name: str, **labels: str) -> float:
    """A figure's value; 0 where there is none."""
    return next((each.value for each in room.figures.all() if (each.name, each.labels) == (name, labels)), 0)


def total(room: Room[MemoryStorage], name: str, **labels: str) -> float:
    """All of a name with these labels, and any others."""
    return sum(each.value for each in room.figures.all() if each.name == name and labels.items() <= each.labels.items())


def queued(room: Room[MemoryStorage], **changes: object) -> Job:
    now = room.jobs.now()
    given = {"status": Status.QUEUED, "created_at": now, "updated_at": now, "due_at": now + 900} | changes
    job = Job(job_id=new_id(), **given)  # type: ignore[arg-type]
    assert room.jobs.create(job)
    return job


def running(room: Room[MemoryStorage], **changes: object) -> Job:
    started = room.jobs.start(queued(room, **changes).job_id, "m", 60, sent_at=room.jobs.now())
    assert started
    return started


def test_a_job_that_was_done_counts_with_its_bytes_its_ratio_and_its_seconds(room: Room[MemoryStorage]) -> None:
    pdf = documents.photo_jpeg()
    job_id = room.submit(pdf)
    room.clock.forward(3)
    assert room.work() == 0
    job = room.jobs.get(job_id)
    assert job
    assert job.result
    assert value(room, "jobs_ended_total", operation="compress", outcome="succeeded") == 1
    assert value(room, "file_size_processed_bytes_total", direction="in") == len(pdf)
    assert value(room, "file_size_processed_bytes_total", direction="out") == job.result["bytes"]
    assert value(room, "compression_ratio_sum") == pytest.approx(job.result["ratio"])
    assert total(room, "compression_ratio_bucket") == 1
    assert value(room, "job_duration_seconds_bucket", stage="waiting", outcome="succeeded", le="5.0") == 1
    assert 3 <= value(room, "job_duration_seconds_sum", stage="waiting", outcome="succeeded") < 4
    assert total(room, "job_duration_seconds_bucket", stage="working", outcome="succeeded") == 1
    assert total(room, "jobs_failed_total") == 0


def test_a_job_that_cannot_be_done_counts_by_its_error(room: Room[MemoryStorage]) -> None:
    room.submit(b"%PDF-1.4 broken")
    assert room.work() == 0
    assert value(room, "jobs_ended_total", operation="compress", outcome="failed") == 1
    assert value(room, "jobs_failed_total", operation="compress", code="unreadable_pdf") == 1
    assert total(room, "job_duration_seconds_bucket", stage="working", outcome="failed") == 1
    assert total(room, "file_size_processed_bytes_total") == 0


def test_what_ended_before_a_worker_was_at_it_has_no_seconds(room: Room[MemoryStorage]) -> None:
    room.world.ends.cancel(queued(room), kept_seconds=60)
    room.world.ends.fail(queued(room, status=Status.AWAITING_UPLOAD), ERROR, kept_seconds=60)
    assert value(room, "jobs_ended_total", operation="compress", outcome="cancelled") == 1
    assert value(room, "jobs_failed_total", operation="compress", code="unreadable_pdf") == 1
    assert total(room, "job_duration_seconds_bucket") == 0


def test_nor_has_one_that_was_put_back_and_cancelled_then(room: Room[MemoryStorage]) -> None:
    released = room.jobs.release(running(room), due_in=60)
    room.world.ends.cancel(released, kept_seconds=60)
    assert total(room, "job_duration_seconds_bucket") == 0


def test_the_attempt_that_ended_a_job_counts_and_what_was_before_it_was_waiting(room: Room[MemoryStorage]) -> None:
    first, sent_at = running(room), room.jobs.now()
    room.clock.forward(10)
    room.jobs.release(first, due_in=60)
    second = room.jobs.start(first.job_id, "m", 60, sent_at=sent_at)
    assert second
    room.clock.forward(2)
    room.world.ends.succeed(second, success(second), kept_seconds=60)
    assert 10 <= value(room, "job_duration_seconds_sum", stage="waiting", outcome="succeeded") < 11
    assert 2 <= value(room, "job_duration_seconds_sum", stage="working", outcome="succeeded") < 3
    assert total(room, "job_duration_seconds_bucket", stage="working") == 1


def test_an_expired_job_adds_nothing_but_its_end(room: Room[MemoryStorage]) -> None:
    job = running(room)
    room.world.ends.succeed(job, success(job), kept_seconds=60)
    before = room.figures.all()
    room.world.ends.expire(job)
    added = [figure for figure in room.figures.all() if figure not in before]
    assert added == [Figure("jobs_ended_total", 1, {"operation": "compress", "outcome": "expired"})]


def test_what_was_done_before_is_not_done_again(room: Room[MemoryStorage]) -> None:
    job = queued(room, status=Status.AWAITING_UPLOAD)
    assert room.world.ends.succeed_at_once(job, success(job), kept_seconds=60)
    assert room.figures.all() == [Figure("jobs_ended_total", 1, {"operation": "compress", "outcome": "succeeded"})]


def test_a_job_that_was_given_up_is_a_failure_of_its_own(room: Room[MemoryStorage]) -> None:
    room.world.ends.give_up(running(room), GIVEN_UP, kept_seconds=60, holds_lease=True)
    assert value(room, "jobs_ended_total", operation="compress", outcome="given_up") == 1
    assert value(room, "jobs_failed_total", operation="compress", code="too_many_attempts") == 1


def test_whatever_a_drops_owner_asks_for_makes_no_series(room: Room[MemoryStorage]) -> None:
    job = running(room, operation="<anything>", drop=Drop("uploads", "inbox/a", "1"))
    room.world.ends.fail_attempt(job, ERROR, kept_seconds=60)
    assert value(room, "jobs_failed_total", operation="unknown", code="unreadable_pdf") == 1


def test_only_what_makes_files_smaller_has_a_ratio(room: Room[MemoryStorage]) -> None:
    job = running(room, operation="merge")
    done = success(job)
    done.result["report"] = {"input_bytes": 7}
    room.world.ends.succeed(job, done, kept_seconds=60)
    assert value(room, "file_size_processed_bytes_total", direction="in") == 7
    assert total(room, "compression_ratio_bucket") == 0


@pytest.mark.parametrize(
    ("ratio", "bucket"), [(0, "0.05"), (0.05, "0.05"), (0.0501, "0.1"), (1, "1.0"), (1.0001, "inf")]
)
def test_a_value_lies_in_the_bucket_whose_bound_it_does_not_exceed(ratio: float, bucket: str) -> None:
    kept = MemoryFigures()
    figures.record(kept, [figures.Measured(figures.RATIO, ratio)])
    assert kept.all()[0] == Figure("compression_ratio_bucket", 1, {"le": bucket})


def test_every_end_is_counted_by_its_name(room: Room[MemoryStorage]) -> None:
    for end in End:
        assert figures.of_end(Ended(end, queued(room)))[0].labels == ("compress", str(end))


def test_cleanup_says_that_it_ran_and_what_it_did(room: Room[MemoryStorage]) -> None:
    queued(room, due_at=room.jobs.now() - 1)
    done = room.cleanup.run()
    assert done["announced"] == 1
    assert value(room, "cleanup_done_total", what="announced") == 1
    assert {each.labels["what"] for each in room.figures.all() if each.name == "cleanup_done_total"} == set(done)
    first = value(room, "cleanup_last_run_timestamp_seconds")
    assert first == pytest.approx(room.jobs.now(), abs=60)
    room.clock.forward(100)
    room.cleanup.run()
    assert value(room, "cleanup_last_run_timestamp_seconds") - first >= 100
    assert value(room, "cleanup_done_total", what="announced") == 1


def test_a_run_that_cannot_be_counted_has_still_run(room: Room[MemoryStorage], monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: Figure) -> None:
        raise ConnectionError

    monkeypatch.setattr(room.figures, "set", away)
    assert room.cleanup.run()["errors"] == 0


def test_names_have_the_form_that_prometheus_wants() -> None:
    for series in SERIES:
        assert series.name.endswith("_total") is (series.kind is Kind.COUNTER)
        assert bool(series.bounds) is (series.kind is Kind.HISTOGRAM)
        assert list(series.bounds) == sorted(series.bounds)
        assert len(f"{series.name}_bucket") <= 64
