"""The state machine, on the in-memory store: ``tests/contracts`` shows that every store is as good."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pdfsmaller import errors
from pdfsmaller.jobs.callback import ATTEMPTS_KEPT, Callback, CallbackAttempt, is_owed
from pdfsmaller.jobs.keys import archive_key, result_key
from pdfsmaller.jobs.model import Drop, Job, JobInput, JobResult, new_id
from pdfsmaller.jobs.moves import CALLBACK_LOOK_SECONDS, ROW_KEPT_SECONDS, Jobs
from pdfsmaller.jobs.rows import to_job, to_row
from pdfsmaller.jobs.states import FINAL, SOURCES, Status
from pdfsmaller.media import PDF, ZIP
from tests.aws_stack import Clock, success
from tests.memory import MemoryJobStore, away

KEPT = 3_600.0
BROKEN = {"code": "unreadable_pdf", "message": ""}
CALLBACK = Callback("https://a.example/hook")


@pytest.fixture
def store(clock: Clock) -> MemoryJobStore:
    return MemoryJobStore(clock)


@pytest.fixture
def jobs(store: MemoryJobStore) -> Jobs:
    return Jobs(store)


def make(jobs: Jobs, status: Status = Status.QUEUED, **changes: object) -> Job:
    now = jobs.now()
    job = Job(job_id=new_id(), status=status, created_at=now, updated_at=now, due_at=now + 900)
    job = replace(job, **changes)  # type: ignore[arg-type]
    assert jobs.create(job)
    return job


def stands(jobs: Jobs, job: Job) -> Job:
    found = jobs.get(job.job_id)
    assert found
    return found


def test_a_row_is_the_job_again() -> None:
    job = Job(
        job_id=new_id(),
        status=Status.FAILED,
        created_at=1_700_000_000.1234,
        updated_at=1.0,
        due_at=2.5,
        inputs=(JobInput("Zeugnis 2024.pdf", 12_345),),
        options={"preset": "ebook", "dpi": 150},
        drop=Drop("uploads", "inbox/a b.pdf", "7"),
        warnings=({"code": "signed", "message": "signed"},),
        callback=Callback("https://a.example/hook", "https://pdf.example"),
        callback_attempts=(CallbackAttempt(1.5, "job.failed", None, "no answer"),),
    )
    results = tuple(JobResult(f"{n}.pdf", n, PDF, result_key(job.job_id, job.attempt, n)) for n in range(3))
    archive = JobResult("a.zip", 9, ZIP, archive_key(job.job_id, job.attempt))
    job = replace(job, attempt=0, result={"bytes": 3}, results=results, download=archive)
    row = to_row(job, ttl=3.0)
    assert to_job(row) == job
    assert to_job(row | {"a_field_of_a_newer_version": 1}) == job


def test_a_row_from_before_there_were_several_results_is_read_too() -> None:
    job = Job(job_id=new_id(), status=Status.SUCCEEDED, created_at=1.0, updated_at=1.0, due_at=1.0)
    row = to_row(replace(job, attempt=2, inputs=(JobInput("a.b.pdf", 9),)), ttl=3.0)
    del row["results"]
    key = f"jobs/{job.job_id}/2/out.pdf"
    row["result"] = {"key": key, "bytes": 5, "ratio": 0.5, "outcome": "compressed", "report": {"pages": 1}}
    read = to_job(row)
    assert read.results == (JobResult("a.b.pdf", 5, PDF, key),)
    assert read.download == read.results[0]
    assert read.result == {"bytes": 5, "ratio": 0.5, "outcome": "compressed", "report": {"pages": 1}}


def test_no_state_leads_out_of_expired_and_final_states_lead_only_to_expired_or_redrive() -> None:
    for target, sources in SOURCES.items():
        assert Status.EXPIRED not in sources
        for source in sources:
            if source in FINAL:
                assert target in (Status.EXPIRED, Status.QUEUED)
                assert target is Status.EXPIRED or source is Status.FAILED


class TestLease:
    def test_the_first_message_gets_it_and_the_second_does_not(self, jobs: Jobs) -> None:
        job = make(jobs)
        started = jobs.start(job.job_id, "message-1", 60)
        assert started
        assert (started.status, started.attempt, started.lease_message) == (Status.RUNNING, 1, "message-1")
        assert jobs.start(job.job_id, "message-2", 60) is None

    def test_a_dead_lease_can_be_taken_over(self, jobs: Jobs, clock: Clock) -> None:
        job = make(jobs)
        first = jobs.start(job.job_id, "message-1", 60)
        clock.forward(61)
        second = jobs.start(job.job_id, "message-1", 60)
        assert first
        assert second
        assert second.attempt == 2
        with pytest.raises(errors.LeaseLost):
            jobs.renew(first, 60)
        with pytest.raises(errors.LeaseLost):
            jobs.succeed(first, success(first), kept_seconds=KEPT)
        jobs.renew(second, 60)

    def test_renewing_keeps_it_alive(self, jobs: Jobs, clock: Clock) -> None:
        job = make(jobs)
        started = jobs.start(job.job_id, "message-1", 60)
        assert started
        clock.forward(50)
        jobs.renew(started, 60, stage="images", progress=40)
        clock.forward(50)
        assert jobs.start(job.job_id, "message-2", 60) is None
        assert (stands(jobs, job).stage, stands(jobs, job).progress) == ("images", 40)

    def test_a_released_job_starts_again_at_once(self, jobs: Jobs) -> None:
        job = make(jobs)
        started = jobs.start(job.job_id, "m", 60)
        assert started
        jobs.release(started, due_in=900)
        again = jobs.start(job.job_id, "m", 60)
        assert again
        assert again.attempt == 2

    @pytest.mark.parametrize("status", sorted(FINAL))
    def test_a_final_job_is_not_started(self, jobs: Jobs, status: Status) -> None:
        job = make(jobs, status)
        assert jobs.start(job.job_id, "m", 60) is None


class TestEnding:
    def test_success_keeps_the_result_and_forgets_the_password(self, jobs: Jobs, clock: Clock) -> None:
        job = make(jobs, password="sealed")
        started = jobs.start(job.job_id, "m", 60)
        assert started
        done = jobs.succeed(started, success(started, 10), kept_seconds=KEPT)
        assert (done.status, done.progress, done.password) == (Status.SUCCEEDED, 100, None)
        made = success(started, 10)
        assert (done.result, done.results, done.download) == (made.result, made.results, made.download)
        assert done.expires_at == pytest.approx(clock() + KEPT, abs=2)
        assert done.due_at == done.expires_at

    def test_a_running_job_can_be_cancelled_and_its_worker_notices(self, jobs: Jobs) -> None:
        job = make(jobs)
        started = jobs.start(job.job_id, "m", 60)
        assert started
        assert jobs.cancel(job, kept_seconds=KEPT)
        with pytest.raises(errors.LeaseLost):
            jobs.renew(started, 60)

    def test_a_finished_job_cannot_be_cancelled(self, jobs: Jobs) -> None:
        job = make(jobs, Status.SUCCEEDED)
        assert jobs.cancel(job, kept_seconds=KEPT) is None
        assert stands(jobs, job).status is Status.SUCCEEDED

    def test_only_a_given_up_job_is_revived(self, jobs: Jobs) -> None:
        given_up = make(jobs, Status.FAILED, error={"code": "too_many_attempts", "message": ""}, expires_at=1.0)
        revived = jobs.revive(given_up, due_in=5)
        assert revived
        assert (revived.status, revived.error, revived.expires_at) == (Status.QUEUED, None, None)
        assert jobs.revive(given_up, due_in=5) is None

    def test_a_given_up_job_that_has_failed_otherwise_since_is_not_revived(self, jobs: Jobs) -> None:
        given_up = make(jobs, Status.FAILED, error={"code": "too_many_attempts", "message": ""})
        assert jobs.revive(given_up, due_in=5)
        started = jobs.start(given_up.job_id, "m", 60)
        assert started
        jobs.fail_attempt(started, {"code": "unreadable_pdf", "message": ""}, kept_seconds=KEPT)
        assert jobs.revive(given_up, due_in=5) is None
        assert stands(jobs, given_up).status is Status.FAILED

    def test_a_job_that_a_worker_took_since_it_was_read_is_not_failed(self, jobs: Jobs) -> None:
        seen = make(jobs)
        assert jobs.start(seen.job_id, "m", 60)
        assert jobs.fail(seen, {"code": "too_many_attempts", "message": ""}, kept_seconds=KEPT) is None
        assert stands(jobs, seen).status is Status.RUNNING


class TestPostponing:
    def test_of_two_one_succeeds(self, jobs: Jobs) -> None:
        job = make(jobs, due_at=jobs.now() - 5)
        seen = stands(jobs, job)
        assert jobs.postpone(seen, 900)
        assert not jobs.postpone(seen, 900)
        assert stands(jobs, job).due_at == pytest.approx(jobs.now() + 900, abs=2)


class TestExpiring:
    def test_the_row_outlives_the_files(self, jobs: Jobs, store: MemoryJobStore) -> None:
        job = make(jobs, Status.FAILED, error={"code": "unreadable_pdf", "message": ""})
        assert jobs.expire(job)
        row = store.get(job.job_id)
        assert row
        assert row["ttl"] == pytest.approx(jobs.now() + ROW_KEPT_SECONDS, abs=2)
        assert jobs.expire(job) is None


class TestTelling:
    """Of a job with a callback each end is owed until it was told, and is due soon, not when its files go."""

    def ended(self, jobs: Jobs) -> Job:
        job = make(jobs, callback=CALLBACK)
        failed = jobs.fail(job, BROKEN, kept_seconds=KEPT)
        assert failed
        return failed

    def begun(self, jobs: Jobs, job: Job) -> Job:
        begun = jobs.begin_telling(job, seconds=60)
        assert begun
        return begun

    def test_every_end_is_owed_and_looked_at_soon(self, jobs: Jobs) -> None:
        running = jobs.start(make(jobs, callback=CALLBACK).job_id, "m", 60)
        another = jobs.start(make(jobs, callback=CALLBACK).job_id, "m", 60)
        assert running
        assert another
        succeeded = jobs.succeed(running, success(running), kept_seconds=KEPT)
        ends = [
            succeeded,
            jobs.fail_attempt(another, BROKEN, kept_seconds=KEPT),
            self.ended(jobs),
            jobs.cancel(make(jobs, callback=CALLBACK), kept_seconds=KEPT),
            jobs.expire(succeeded),
        ]
        for job in ends:
            assert job
            assert is_owed(job)
            assert job.due_at == pytest.approx(jobs.now() + CALLBACK_LOOK_SECONDS, abs=2)

    def test_one_of_many_takes_it_upon_itself(self, jobs: Jobs) -> None:
        job = self.ended(jobs)
        assert self.begun(jobs, job).callback_tries == 1
        assert jobs.begin_telling(job, seconds=60) is None

    def test_what_was_told_is_owed_no_more_and_due_when_its_files_go(self, jobs: Jobs) -> None:
        job = self.begun(jobs, self.ended(jobs))
        assert jobs.told(job, CallbackAttempt(1.5, "job.failed", 204))
        after = stands(jobs, job)
        assert not is_owed(after)
        assert after.due_at == after.expires_at
        assert after.callback_attempts == (CallbackAttempt(1.5, "job.failed", 204),)

    def test_it_leaves_the_time_of_the_end_alone(self, jobs: Jobs, clock: Clock) -> None:
        ended = self.ended(jobs)
        clock.forward(60)
        job = self.begun(jobs, ended)
        assert jobs.tell_later(job, CallbackAttempt(1.5, "job.failed", 500, "no"), seconds=600)
        assert jobs.look_later(stands(jobs, job), seconds=600)
        assert jobs.told(stands(jobs, job))
        assert stands(jobs, job).updated_at == ended.updated_at

    def test_what_was_not_is_due_again_later(self, jobs: Jobs) -> None:
        job = self.begun(jobs, self.ended(jobs))
        assert jobs.tell_later(job, CallbackAttempt(1.5, "job.failed", 500, "no"), seconds=600)
        after = stands(jobs, job)
        assert is_owed(after)
        assert after.due_at == pytest.approx(jobs.now() + 600, abs=2)

    def test_the_next_end_is_another_one_with_tries_of_its_own(self, jobs: Jobs) -> None:
        job = self.begun(jobs, self.ended(jobs))
        expired = jobs.expire(job)
        assert expired
        assert not jobs.told(job, CallbackAttempt(1.5, "job.failed", 204))
        assert is_owed(expired)
        assert (expired.ended_by != job.ended_by, expired.callback_tries) == (True, 0)

    def test_the_newest_attempts_are_kept(self, jobs: Jobs) -> None:
        job = self.ended(jobs)
        for number in range(ATTEMPTS_KEPT + 3):
            assert jobs.tell_later(job, CallbackAttempt(float(number), "job.failed"), seconds=number)
            job = stands(jobs, job)
        assert [item.at for item in job.callback_attempts] == [float(n) for n in range(3, ATTEMPTS_KEPT + 3)]

    def test_nobody_is_told_of_a_job_without_callback(self, jobs: Jobs) -> None:
        job = jobs.cancel(make(jobs), kept_seconds=KEPT)
        assert job
        assert not is_owed(job)
        assert job.due_at == job.expires_at


class TestLostAnswers:
    """A write is made and its answer lost: whoever made it knows, and who makes another does not think it its own."""

    def test_an_end_whose_answer_was_lost_is_known_by_who_made_it(self, jobs: Jobs, store: MemoryJobStore) -> None:
        job = make(jobs)
        with away(store, "change"):
            assert jobs.cancel(job, kept_seconds=KEPT)
        assert jobs.cancel(job, kept_seconds=KEPT) is None

    def test_an_end_that_cannot_be_looked_at_either_is_an_error(self, jobs: Jobs, store: MemoryJobStore) -> None:
        job = make(jobs)
        started = jobs.start(job.job_id, "m", 60)
        assert started
        with away(store, "change", "get"), pytest.raises(errors.StoreUnavailable):
            jobs.succeed(started, success(started), kept_seconds=KEPT)
        assert stands(jobs, job).status is Status.SUCCEEDED
        with pytest.raises(errors.LeaseLost):
            jobs.release(started, due_in=1)

    def test_another_ones_end_is_not_taken_for_ones_own(self, jobs: Jobs) -> None:
        job = make(jobs)
        started = jobs.start(job.job_id, "m", 60)
        assert started
        error = {"code": "too_many_attempts", "message": ""}
        assert jobs.fail(stands(jobs, job), error, kept_seconds=KEPT)
        with pytest.raises(errors.LeaseLost):
            jobs.fail_attempt(started, error, kept_seconds=KEPT)

    def test_a_lease_whose_answer_was_lost_runs_out(self, jobs: Jobs, store: MemoryJobStore, clock: Clock) -> None:
        job = make(jobs)
        with away(store, "change"), pytest.raises(errors.StoreUnavailable):
            jobs.start(job.job_id, "m", 60)
        assert jobs.start(job.job_id, "m", 60) is None
        clock.forward(61)
        again = jobs.start(job.job_id, "m", 60)
        assert again
        assert again.attempt == 2


def test_a_last_attempt_is_the_last(jobs: Jobs) -> None:
    job = make(jobs, attempt=4)
    started = jobs.start(job.job_id, "m", 60, last_attempt=5)
    assert started
    jobs.release(started, due_in=1)
    assert jobs.start(job.job_id, "m", 60, last_attempt=5) is None
