from __future__ import annotations

import io

import pytest

from pdfsmaller import events
from pdfsmaller.jobs.keys import input_key, report_key, result_key
from pdfsmaller.jobs.model import Drop, Job, new_id
from pdfsmaller.jobs.states import Status
from pdfsmaller.services.cleanup import CleanupService
from pdfsmaller.services.intake import IncomingFile
from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.submit import SubmitService
from tests import documents
from tests.aws_stack import Clock, Stack, made_stack, success

HOUR = 3_600


@pytest.fixture
def cleanup(stack: Stack) -> CleanupService:
    return CleanupService(stack.world)


def submit(stack: Stack) -> Job:
    files = [IncomingFile("a.pdf", io.BytesIO(documents.text(1)))]
    [job] = SubmitService(stack.world).submit_files(files, {})
    return job


def run(stack: Stack, job: Job) -> Job:
    started = stack.jobs.start(job.job_id, "m", 60)
    assert started
    return started


def finish(stack: Stack, job: Job) -> Job:
    for key in (result_key(job.job_id, 1, 0), report_key(job.job_id, 1)):
        stack.s3.put_object(Bucket=stack.settings.results_bucket, Key=key, Body=b"x")
    return stack.jobs.succeed(run(stack, job), success(job), kept_seconds=24 * HOUR)


def announced(stack: Stack) -> list[str]:
    return [created.key for message in stack.waiting() for created in events.parse(message["Body"])]


def test_nothing_due_means_nothing_done(cleanup: CleanupService, stack: Stack) -> None:
    finish(stack, submit(stack))
    submit(stack)
    assert set(cleanup.run().values()) == {0}


class TestExpiry:
    def test_files_go_and_the_row_says_so(self, cleanup: CleanupService, stack: Stack) -> None:
        job, other = submit(stack), submit(stack)
        finish(stack, job)
        stack.clock.forward(24 * HOUR + 1)
        kept = finish(stack, submit(stack))
        assert cleanup.run()["expired"] == 1
        assert stack.job(job.job_id).status is Status.EXPIRED
        assert not [key for key in stack.upload_keys() + stack.result_keys() if job.job_id in key]
        assert stack.job(kept.job_id).status is Status.SUCCEEDED
        assert [key for key in stack.upload_keys() if other.job_id in key]  # still queued: does not expire

    def test_running_it_again_changes_nothing(self, cleanup: CleanupService, stack: Stack) -> None:
        finish(stack, submit(stack))
        stack.clock.forward(25 * HOUR)
        assert [cleanup.run()["expired"] for _ in range(2)] == [1, 0]

    @pytest.mark.slow
    def test_many_jobs_are_done_page_by_page(self, cleanup: CleanupService, stack: Stack) -> None:
        now = stack.clock()
        for _ in range(1_100):
            stack.jobs.create(
                Job(
                    job_id=new_id(),
                    status=Status.FAILED,
                    created_at=now,
                    updated_at=now,
                    due_at=now - 1,
                    expires_at=now - 1,
                )
            )
        assert cleanup.run()["expired"] == 1_100

    def test_it_stops_when_time_is_up_and_the_next_run_goes_on(self, cleanup: CleanupService, stack: Stack) -> None:
        for _ in range(3):
            finish(stack, submit(stack))
        stack.clock.forward(25 * HOUR)
        counts = cleanup.run(may_go_on=lambda: False)
        assert (counts["expired"], counts["out_of_time"]) == (1, 1)
        assert cleanup.run()["expired"] == 2

    def test_a_drop_and_its_result_stay_with_their_owner(self, cleanup: CleanupService, stack: Stack) -> None:
        stack.drop("inbox/a.pdf", b"x")
        stack.s3.put_object(Bucket=stack.settings.results_bucket, Key="inbox/a.pdf", Body=b"x")
        stack.clock.forward(1_000 * HOUR)
        assert cleanup.run()["drops_deleted"] == 0
        assert (stack.upload_keys(), stack.result_keys()) == (["inbox/a.pdf"], ["inbox/a.pdf"])

    def test_unless_the_operator_gave_drops_an_age(self, clock: Clock) -> None:
        with made_stack(clock, drop_max_age_hours=2) as stack:
            stack.drop("inbox/a.pdf", b"x")
            service = CleanupService(stack.world)
            assert service.run()["drops_deleted"] == 0
            clock.forward(2 * HOUR + 5)
            assert service.run()["drops_deleted"] == 1


class TestUploadsThatNeverCame:
    def test_fail_their_job(self, cleanup: CleanupService, stack: Stack) -> None:
        job, _ = SubmitService(stack.world).reserve_upload({"name": "a.pdf"})
        stack.clock.forward(HOUR + 1)
        assert cleanup.run()["uploads_failed"] == 0  # one begun in the form's last second may be on its way
        stack.clock.forward(900)
        assert cleanup.run()["uploads_failed"] == 1
        failed = stack.job(job.job_id)
        assert failed.status is Status.FAILED
        assert (failed.error or {})["code"] == "upload_incomplete"

    def test_start_it_when_only_the_event_was_lost(self, cleanup: CleanupService, stack: Stack) -> None:
        job, _ = SubmitService(stack.world).reserve_upload({"name": "a.pdf"})
        stack.drop(input_key(job.job_id, 0), b"%PDF-")
        stack.clock.forward(HOUR + 901)
        assert cleanup.run()["announced"] == 1
        assert stack.job(job.job_id).status is Status.QUEUED
        assert announced(stack) == [input_key(job.job_id, 0)]


class TestForgottenJobs:
    def test_a_queued_job_nobody_took_is_announced_again(self, cleanup: CleanupService, stack: Stack) -> None:
        job = submit(stack)
        stack.clock.forward(901)
        assert [cleanup.run()["announced"] for _ in range(2)] == [1, 0]
        assert announced(stack) == [input_key(job.job_id, 0)]

    def test_so_is_a_running_one_whose_worker_died(self, cleanup: CleanupService, stack: Stack) -> None:
        job = submit(stack)
        run(stack, job)
        assert cleanup.run()["announced"] == 0
        stack.clock.forward(70)
        assert cleanup.run()["announced"] == 1
        assert announced(stack) == [input_key(job.job_id, 0)]

    def test_a_drop_is_announced_as_what_it_was(self, cleanup: CleanupService, stack: Stack) -> None:
        now = stack.clock()
        drop = Drop(stack.settings.uploads_bucket, "inbox/a b.pdf", "7")
        stack.jobs.create(
            Job(job_id=new_id(), status=Status.QUEUED, created_at=now, updated_at=now, due_at=now - 1, drop=drop)
        )
        cleanup.run()
        [message] = stack.waiting()
        assert events.parse(message["Body"]) == [events.ObjectCreated(drop.bucket, drop.key, drop.version)]


class TestDeadLetters:
    def bury(self, stack: Stack, body: str) -> None:
        stack.sqs.send_message(QueueUrl=stack.settings.dead_letter_queue_url, MessageBody=body)

    def test_fail_their_job_and_stay_for_redrive(self, cleanup: CleanupService, stack: Stack) -> None:
        job = submit(stack)
        self.bury(stack, stack.event(input_key(job.job_id, 0)))
        assert [cleanup.run()["dead_lettered"] for _ in range(2)] == [1, 0]
        assert (stack.job(job.job_id).error or {})["code"] == "too_many_attempts"
        assert len(stack.waiting(stack.settings.dead_letter_queue_url)) == 1

    def test_fail_a_dropped_files_job_too(self, cleanup: CleanupService, stack: Stack) -> None:
        now = stack.clock()
        drop = Drop(stack.settings.uploads_bucket, "inbox/a.pdf", "7")
        job_id = stack.jobs.claim(drop.identity, new_id())
        stack.jobs.create(
            Job(job_id=job_id, status=Status.QUEUED, created_at=now, updated_at=now, due_at=now + 900, drop=drop)
        )
        self.bury(stack, stack.event(drop.key, sequencer="7"))
        assert cleanup.run()["dead_lettered"] == 1
        assert stack.job(job_id).status is Status.FAILED

    def test_leave_finished_and_running_jobs_alone(self, cleanup: CleanupService, stack: Stack) -> None:
        done, running = submit(stack), submit(stack)
        finish(stack, done)
        run(stack, running)
        for job in (done, running):
            self.bury(stack, stack.event(input_key(job.job_id, 0)))
        assert cleanup.run()["dead_lettered"] == 0

    def test_poison_among_them_keeps_none_from_its_turn(self, cleanup: CleanupService, stack: Stack) -> None:
        job = submit(stack)
        self.bury(stack, "poison")
        self.bury(stack, stack.event(input_key(job.job_id, 0)))
        counts = cleanup.run()
        assert (counts["dead_lettered"], counts["errors"]) == (1, 0)

    def test_do_not_fail_a_job_whose_other_files_may_still_come(self, cleanup: CleanupService, stack: Stack) -> None:
        request = {"operation": "merge", "count": 2}
        job, _ = SubmitService(stack.world).reserve_upload(request)
        stack.drop(input_key(job.job_id, 0), documents.text(1))
        self.bury(stack, stack.event(input_key(job.job_id, 0)))
        assert cleanup.run()["dead_lettered"] == 0
        assert stack.job(job.job_id).status is Status.AWAITING_UPLOAD
        stack.drop(input_key(job.job_id, 1), documents.text(2))
        RunService(stack.world).handle(stack.message(input_key(job.job_id, 1)))
        done = stack.job(job.job_id)
        assert (done.status, (done.result or {})["report"]["pages"]) == (Status.SUCCEEDED, 3)

    def test_come_last_and_end_when_time_is_up_though_nothing_is_to_be_done(
        self, cleanup: CleanupService, stack: Stack
    ) -> None:
        finish(stack, submit(stack))
        for n in range(25):
            self.bury(stack, f"poison {n}")
        stack.clock.forward(25 * HOUR)
        asked = []

        def may_go_on() -> bool:
            asked.append(stack.result_keys())
            return len(asked) < 10

        counts = cleanup.run(may_go_on)
        assert (counts["out_of_time"], len(asked)) == (1, 10)
        assert counts["expired"] == 1
        assert len(stack.waiting(stack.settings.dead_letter_queue_url)) == 25

    def test_any_number_of_them_is_looked_at_once(self, cleanup: CleanupService, stack: Stack) -> None:
        done = submit(stack)
        finish(stack, done)
        for n in range(30):
            self.bury(stack, stack.event(input_key(done.job_id, 0)) if n % 2 else "poison")
        asked = []
        cleanup.run(lambda: not asked.append(None) and len(asked) < 200)
        assert len(asked) == 30


def test_a_part_that_fails_keeps_no_other_from_its_turn(cleanup: CleanupService, stack: Stack) -> None:
    finish(stack, submit(stack))
    stack.clock.forward(25 * HOUR)
    stack.sqs.delete_queue(QueueUrl=stack.settings.dead_letter_queue_url)
    counts = cleanup.run()
    assert (counts["errors"], counts["expired"]) == (1, 1)


class TestSwitchedOff:
    def test_it_deletes_nothing(self, clock: Clock) -> None:
        with made_stack(clock, cleanup_enabled=False, drop_max_age_hours=1) as stack:
            stack.drop("inbox/a.pdf", b"x")
            stack.s3.create_multipart_upload(Bucket=stack.settings.uploads_bucket, Key="inbox/big.pdf")
            finish(stack, submit(stack))
            kept = stack.upload_keys() + stack.result_keys()
            clock.forward(25 * HOUR)
            counts = CleanupService(stack.world).run()
            assert (counts["expired"], counts["drops_deleted"], counts["multipart_aborted"]) == (0, 0, 0)
            assert stack.upload_keys() + stack.result_keys() == kept

    def test_it_still_heals(self, clock: Clock) -> None:
        with made_stack(clock, cleanup_enabled=False) as stack:
            dead, queued, given_up = submit(stack), submit(stack), submit(stack)
            awaiting, _ = SubmitService(stack.world).reserve_upload({"name": "a.pdf"})
            run(stack, dead)
            message = stack.event(input_key(given_up.job_id, 0))
            stack.sqs.send_message(QueueUrl=stack.settings.dead_letter_queue_url, MessageBody=message)
            clock.forward(2 * HOUR)
            counts = CleanupService(stack.world).run()
            assert (counts["announced"], counts["uploads_failed"], counts["dead_lettered"]) == (3, 1, 1)
            assert {input_key(job.job_id, 0) for job in (dead, queued)} < set(announced(stack))
            assert stack.job(awaiting.job_id).status is Status.FAILED
