from __future__ import annotations

from dataclasses import replace

import pytest

from pdfsmaller import errors
from pdfsmaller.jobs.model import Drop, Job, JobInput, new_id
from pdfsmaller.jobs.states import FINAL, SOURCES, Status
from tests.aws_stack import Stack

KEPT = 3_600.0


def make(stack: Stack, status: Status = Status.QUEUED, **changes: object) -> Job:
    now = stack.clock()
    job = Job(job_id=new_id(), status=status, created_at=now, updated_at=now, due_at=now + 900)
    job = replace(job, **changes)  # type: ignore[arg-type]
    assert stack.table.create(job)
    return job


def test_a_row_comes_back_as_it_was_written(stack: Stack) -> None:
    job = make(
        stack,
        inputs=(JobInput("Zeugnis 2024.pdf", 12_345),),
        options={"preset": "ebook", "dpi": 150},
        drop=Drop("uploads", "inbox/a b.pdf", "7"),
        warnings=({"code": "signed", "message": "signed"},),
    )
    read = stack.job(job.job_id)
    assert replace(read, created_at=0, updated_at=0, due_at=0) == replace(job, created_at=0, updated_at=0, due_at=0)
    assert read.created_at == pytest.approx(job.created_at, abs=1e-3)


def test_an_id_is_given_once(stack: Stack) -> None:
    job = make(stack)
    assert not stack.table.create(replace(job, operation="compress", stage="other"))
    assert stack.job(job.job_id).stage == ""


def test_no_state_leads_out_of_expired_and_final_states_lead_only_to_expired_or_redrive() -> None:
    for target, sources in SOURCES.items():
        assert Status.EXPIRED not in sources
        for source in sources:
            if source in FINAL:
                assert target in (Status.EXPIRED, Status.QUEUED)
                assert target is Status.EXPIRED or source is Status.FAILED


class TestLease:
    def test_the_first_message_gets_it_and_the_second_does_not(self, stack: Stack) -> None:
        job = make(stack)
        started = stack.table.start(job.job_id, "message-1", 60)
        assert started
        assert (started.status, started.attempt, started.lease_message) == (Status.RUNNING, 1, "message-1")
        assert stack.table.start(job.job_id, "message-2", 60) is None

    def test_a_dead_lease_can_be_taken_over(self, stack: Stack) -> None:
        job = make(stack)
        first = stack.table.start(job.job_id, "message-1", 60)
        stack.clock.forward(61)
        second = stack.table.start(job.job_id, "message-1", 60)
        assert first
        assert second
        assert second.attempt == 2
        with pytest.raises(errors.LeaseLost):
            stack.table.renew(first, 60)
        with pytest.raises(errors.LeaseLost):
            stack.table.succeed(first, {"bytes": 1}, [], kept_seconds=KEPT)
        stack.table.renew(second, 60)

    def test_renewing_keeps_it_alive(self, stack: Stack) -> None:
        job = make(stack)
        started = stack.table.start(job.job_id, "message-1", 60)
        assert started
        stack.clock.forward(50)
        stack.table.renew(started, 60, stage="images", progress=40)
        stack.clock.forward(50)
        assert stack.table.start(job.job_id, "message-2", 60) is None
        assert (stack.job(job.job_id).stage, stack.job(job.job_id).progress) == ("images", 40)

    def test_a_released_job_starts_again_at_once(self, stack: Stack) -> None:
        job = make(stack)
        started = stack.table.start(job.job_id, "m", 60)
        assert started
        stack.table.release(started, due_at=stack.clock() + 900)
        again = stack.table.start(job.job_id, "m", 60)
        assert again
        assert again.attempt == 2

    @pytest.mark.parametrize("status", sorted(FINAL))
    def test_a_final_job_is_not_started(self, stack: Stack, status: Status) -> None:
        job = make(stack, status)
        assert stack.table.start(job.job_id, "m", 60) is None


class TestEnding:
    def test_success_keeps_the_result_and_forgets_the_password(self, stack: Stack) -> None:
        job = make(stack, password="sealed")
        started = stack.table.start(job.job_id, "m", 60)
        assert started
        done = stack.table.succeed(started, {"bytes": 10, "ratio": 0.5}, [], kept_seconds=KEPT)
        assert (done.status, done.progress, done.password) == (Status.SUCCEEDED, 100, None)
        assert done.result == {"bytes": 10, "ratio": 0.5}
        assert done.expires_at == pytest.approx(stack.clock() + KEPT, abs=2)
        assert done.due_at == done.expires_at

    def test_a_running_job_can_be_cancelled_and_its_worker_notices(self, stack: Stack) -> None:
        job = make(stack)
        started = stack.table.start(job.job_id, "m", 60)
        assert started
        assert stack.table.cancel(job.job_id, kept_seconds=KEPT)
        with pytest.raises(errors.LeaseLost):
            stack.table.renew(started, 60)

    def test_a_finished_job_cannot_be_cancelled(self, stack: Stack) -> None:
        job = make(stack, Status.SUCCEEDED)
        assert stack.table.cancel(job.job_id, kept_seconds=KEPT) is None
        assert stack.job(job.job_id).status is Status.SUCCEEDED

    def test_only_a_given_up_job_is_revived(self, stack: Stack) -> None:
        given_up = make(stack, Status.FAILED, error={"code": "too_many_attempts", "message": ""}, expires_at=1.0)
        revived = stack.table.revive(given_up, due_at=5)
        assert revived
        assert (revived.status, revived.error, revived.expires_at) == (Status.QUEUED, None, None)
        assert stack.table.revive(given_up, due_at=5) is None

    def test_a_given_up_job_that_has_failed_otherwise_since_is_not_revived(self, stack: Stack) -> None:
        given_up = make(stack, Status.FAILED, error={"code": "too_many_attempts", "message": ""})
        assert stack.table.revive(given_up, due_at=5)
        started = stack.table.start(given_up.job_id, "m", 60)
        assert started
        stack.table.fail_attempt(started, {"code": "unreadable_pdf", "message": ""}, kept_seconds=KEPT)
        assert stack.table.revive(given_up, due_at=5) is None
        assert stack.job(given_up.job_id).status is Status.FAILED

    def test_a_job_that_a_worker_took_since_it_was_read_is_not_failed(self, stack: Stack) -> None:
        seen = make(stack)
        assert stack.table.start(seen.job_id, "m", 60)
        assert stack.table.fail(seen, {"code": "too_many_attempts", "message": ""}, kept_seconds=KEPT) is None
        assert stack.job(seen.job_id).status is Status.RUNNING


class TestClaims:
    def test_the_first_claim_holds(self, stack: Stack) -> None:
        assert stack.table.claim("bucket\nkey\n1", "job-a") == "job-a"
        assert stack.table.claim("bucket\nkey\n1", "job-b") == "job-a"
        assert stack.table.claim("bucket\nkey\n2", "job-b") == "job-b"
        assert stack.table.claimed_by("bucket\nkey\n3") is None


class TestDue:
    def test_finds_what_is_due_in_a_state_and_nothing_else(self, stack: Stack) -> None:
        now = stack.clock()
        late, later = make(stack, due_at=now - 5), make(stack, due_at=now - 50)
        make(stack, due_at=now + 500)
        make(stack, Status.SUCCEEDED, due_at=now - 5)
        assert [job.job_id for job in stack.table.due(Status.QUEUED)] == [later.job_id, late.job_id]

    def test_leaves_out_what_has_moved_on_since_the_index_was_read(self, stack: Stack) -> None:
        now = stack.clock()
        jobs = [make(stack, due_at=now - seconds) for seconds in (50, 40, 30, 20)]
        found = stack.table.due(Status.QUEUED)
        assert next(found).job_id == jobs[0].job_id
        assert stack.table.start(jobs[1].job_id, "m", 60)
        assert stack.table.postpone(stack.job(jobs[2].job_id), now + 900)
        assert [job.job_id for job in found] == [jobs[3].job_id]

    def test_of_two_who_postpone_one_succeeds(self, stack: Stack) -> None:
        job = make(stack, due_at=stack.clock() - 5)
        seen = stack.job(job.job_id)
        assert stack.table.postpone(seen, stack.clock() + 900)
        assert not stack.table.postpone(seen, stack.clock() + 900)


def test_many_jobs_come_in_the_order_asked_for(stack: Stack) -> None:
    ids = [make(stack).job_id for _ in range(120)]
    asked = [*reversed(ids), "unknown"]
    assert [job.job_id for job in stack.table.get_many(asked)] == list(reversed(ids))
