"""Runs one job: from an event of S3's form in the queue to a result in the results bucket.

The rules that keep jobs whole (see ``jobs.states`` for the states):

- Nothing is acknowledged before its result stands. ``handle`` returning acknowledges the message; raising leaves it
  to the queue, to come again after a back-off.
- To run, an attempt takes a lease on the row and renews it; every later write is conditional on that attempt.
- What is wrong with the document is recorded on the job and acknowledged. It is never tried again.
- A job has a number of attempts, however many messages announce it. Without one left it is given up, and its message
  goes the way of dead letters, from where an operator may redrive it.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pdfsmaller import errors, events, passwords, sandbox, workspace
from pdfsmaller.jobs import files
from pdfsmaller.jobs.keys import INBOX, job_of_input
from pdfsmaller.jobs.messages import Message, backoff_seconds
from pdfsmaller.jobs.model import Drop, Job, JobInput, new_id
from pdfsmaller.jobs.states import DELETED, Status
from pdfsmaller.operations import ARCHIVE, OF_JOBS, find
from pdfsmaller.services import archives, arrivals, audit, drops, inbox, results, turns
from pdfsmaller.services.fetch import fetch
from pdfsmaller.services.giving_up import give_up, last_attempt, too_many_attempts, was_given_up
from pdfsmaller.services.heartbeat import Heartbeat
from pdfsmaller.services.outcome import error_json, kept_seconds
from pdfsmaller.services.reuse import Reuse, can_be_reused, sha256_of
from pdfsmaller.telemetry import get_logger, install_log_context, log_context

if TYPE_CHECKING:
    from pdfsmaller.engine.inputs import InputFile
    from pdfsmaller.engine.options import Options
    from pdfsmaller.engine.report import BaseReport
    from pdfsmaller.engine.results import Done
    from pdfsmaller.limits import Limits
    from pdfsmaller.services.world import World

logger = get_logger("compress")

#: Kept free at the end of a function's time for writing the result or the failure, in seconds.
_SECONDS_TO_WRITE = 15.0
#: A document on which the engine's process died this often is not tried again.
_MAX_CRASHES = 2


class RunService:
    """Everything between a queue message and a finished job."""

    def __init__(self, world: World) -> None:
        install_log_context()
        self._world = world
        self._settings, self._jobs, self._ends = world.settings, world.jobs, world.ends
        self._queue, self._storage = world.queue, world.storage
        self._turns, self._reuse = turns.Turns(world), Reuse(world)

    def handle(self, message: Message, remaining_seconds: float | None = None) -> None:
        """Do what a message asks for. Returning acknowledges it.

        Args:
            remaining_seconds: how long the function may still run, all of the message's objects together; None where
                nobody counts.

        Raises:
            Exception: the message is to come again; how soon is already arranged with the queue.
        """
        try:
            created = events.parse(message.body)
        except events.MalformedEvent as exc:
            logger.error("malformed message", extra={"message_id": message.message_id, "reason": exc.message})
            self._retry(message, backoff_seconds(message.receive_count, self._settings.retry_delay_seconds))
            raise
        ends_at = None if remaining_seconds is None else time.monotonic() + remaining_seconds
        failures = [failed for item in created if (failed := self._try_object(item, message, ends_at))]
        if failures:
            raise failures[0]

    def _try_object(self, created: events.ObjectCreated, message: Message, ends_at: float | None) -> Exception | None:
        """One object of a message, so that its failure does not keep the message's others from their turn."""
        try:
            if not created.is_folder:
                self._run_for(created, message, ends_at)
        except errors.LeaseHeld as exc:
            self._retry(message, exc.seconds + 1)
            return exc
        except errors.LeaseLost as exc:
            # The queue has given the message to another worker: its visibility is that worker's affair.
            logger.warning("lease lost", extra={"key": created.key})
            return exc
        except errors.TooManyAttempts as exc:
            logger.error("job is given up", extra={"key": created.key, "receive_count": message.receive_count})
            self._retry(message, backoff_seconds(message.receive_count, self._settings.retry_delay_seconds))
            return exc
        except Exception as exc:
            logger.exception("attempt failed", extra={"key": created.key, "receive_count": message.receive_count})
            self._retry(message, backoff_seconds(message.receive_count, self._settings.retry_delay_seconds))
            return exc
        return None

    def _retry(self, message: Message, seconds: float) -> None:
        """Shorten the wait. Where that fails the queue's own visibility timeout brings the message back."""
        if message.receipt_handle:
            with suppress(Exception):
                self._queue.retry_in(message, seconds)

    def _run_for(self, created: events.ObjectCreated, message: Message, ends_at: float | None) -> None:
        job = self._job_for(created)
        if job is None:
            logger.info("object belongs to no job", extra={"key": created.key})
            return
        logger.append_keys(job_id=job.job_id)
        log_context.set({"trace_id": job.trace_id} if job.trace_id else {})
        try:
            if was_given_up(job):
                job = self._revive(job, message)
            if job.status is Status.AWAITING_UPLOAD and not arrivals.are_there(self._storage, job):
                logger.info("upload not complete yet")
                return
            if job.status is not Status.RUNNING and not job.status.is_final and self._turns.sent_back(job, message):
                return
            leased = self._jobs.start(
                job.job_id,
                message.message_id,
                self._settings.lease_seconds,
                last_attempt=last_attempt(job, self._settings),
                sent_at=message.sent_at,
            )
            if leased is None:
                self._meet_other_attempt(job.job_id, message)
                return
            self._attempt(leased, ends_at)
        finally:
            logger.remove_keys(["job_id"])
            log_context.set({})

    # Which job an object belongs to

    def _job_for(self, created: events.ObjectCreated) -> Job | None:
        if created.bucket != self._storage.uploads:
            return None
        if job_id := job_of_input(created.key):
            return self._jobs.get(job_id)
        if created.key.startswith(INBOX):
            return self._adopt(created)
        return None

    def _adopt(self, created: events.ObjectCreated) -> Job | None:
        """The job of a dropped file: made on its first event, found again on every other."""
        drop = Drop(created.bucket, created.key, created.version)
        job_id = self._jobs.claim(drop.identity, new_id())
        if job := self._jobs.get(job_id):
            return job
        info = self._storage.head(drop.bucket, drop.key)
        if info is None or created.etag not in ("", info.etag):
            # Taken away again before anybody looked, or written anew: that writing has an event of its own.
            return None
        now = self._jobs.now()
        operation, options = drops.asked_for(info.metadata)
        job = Job(
            job_id=job_id,
            status=Status.QUEUED,
            stage="queued",
            created_at=now,
            updated_at=now,
            due_at=now + self._settings.requeue_after_seconds,
            operation=operation,
            inputs=(JobInput(Path(drop.key).name, info.bytes),),
            options=options,
            asker=turns.DROPS,
            drop=replace(drop, etag=info.etag),
        )
        if not self._jobs.create(job):
            return self._jobs.get(job_id)
        audit.accepted(job, names=self._settings.audit_file_names)
        return job

    def _meet_other_attempt(self, job_id: str, message: Message) -> None:
        """The lease was not to be had. Acknowledge a duplicate; make a redelivered message wait.

        Raises:
            LeaseHeld: this very message holds the live lease, so the worker that had it has died.
            TooManyAttempts: no attempt is left.
        """
        job = self._jobs.get(job_id)
        if job is None:
            return
        if job.status in DELETED:
            files.delete_job(self._storage, job_id)  # the event may be that of a form which was sent once more
        if was_given_up(job):
            raise too_many_attempts(self._settings)
        if job.status.is_final:
            logger.info("job is final already", extra={"status": job.status})
            return
        seconds = max(0.0, (job.lease_until or 0) - self._jobs.now())
        if seconds and job.lease_message != message.message_id:
            logger.info("duplicate event: another message runs this job")
            return
        if not seconds and job.attempt >= last_attempt(job, self._settings):
            give_up(self._world, job)
            raise too_many_attempts(self._settings)  # and leave the message to the dead-letter queue
        raise errors.LeaseHeld(f"Job {job_id} is leased for another {seconds:.0f} s.", seconds)

    def _revive(self, job: Job, message: Message) -> Job:
        """A given-up job as it stands once its message was redriven: queued again, or expired if its inputs are gone.

        Raises:
            TooManyAttempts: the message is no redriven one, but was in the queue already when the job was given up.
        """
        if message.sent_at is None or message.sent_at <= job.updated_at:
            raise too_many_attempts(self._settings)
        if not job.drop and not arrivals.are_there(self._storage, job):
            self._ends.expire(job)
        else:
            self._jobs.revive(job, due_in=self._settings.requeue_after_seconds)
        return self._jobs.get(job.job_id) or job

    # One attempt

    def _attempt(self, job: Job, ends_at: float | None) -> None:
        """Run once. ``ends_at``, here and below, is when the function's time is over, by ``time.monotonic``."""
        logger.info("attempt begins", extra={"attempt": job.attempt})
        try:
            self._run_or_fail(job, ends_at)
        except errors.LeaseLost:
            self._leave(job)
        except Exception as exc:
            with suppress(Exception):
                self._put_back(job, crashed=isinstance(exc, errors.WorkerCrashed))
            raise

    def _put_back(self, job: Job, *, crashed: bool) -> None:
        """The attempt failed for a passing reason: the next one, if there is one left, begins from the start."""
        if job.attempt < last_attempt(job, self._settings):
            self._jobs.release(job, due_in=self._settings.requeue_after_seconds, crashed=crashed)
        else:
            give_up(self._world, job, holds_lease=True)
        files.delete_attempt(self._storage, job.job_id, job.attempt)

    def _leave(self, job: Job) -> None:
        """The job is no longer this attempt's: nothing of what it stored stays behind.

        Raises:
            LeaseLost: another attempt is at it.
        """
        current = self._jobs.get(job.job_id)
        files.delete_attempt(self._storage, job.job_id, job.attempt)
        if current is None or not current.status.is_final:
            raise errors.LeaseLost(f"Job {job.job_id} is no longer attempt {job.attempt}'s.")
        logger.info("job ended while it ran", extra={"status": current.status})
        if current.status in DELETED:
            files.delete_job(self._storage, job.job_id)
            if job.drop:
                inbox.withdraw(self._storage, job, job.drop)

    def _run_or_fail(self, job: Job, ends_at: float | None) -> None:
        """Record what is wrong with the document or the request; anything else is raised."""
        try:
            try:
                self._run(job, ends_at)
            except errors.WorkerCrashed as exc:
                crashes = job.crashes + 1
                if crashes < _MAX_CRASHES:
                    raise
                raise errors.EngineFailed(
                    f"The engine's process died {crashes} times on this document, so it is not tried again. "
                    "The original is untouched."
                ) from exc
        except (errors.DocumentError, errors.RequestError) as exc:
            self._record_failure(job, exc)

    def _limits(self, ends_at: float | None) -> Limits:
        """The engine's limits for what is left of the function's time."""
        limits = self._settings.limits()
        if ends_at is None:
            return limits
        left = ends_at - time.monotonic()
        hard = min(limits.hard_seconds, left - _SECONDS_TO_WRITE)
        if hard <= 0:
            raise errors.TransientError(f"Only {left:.0f} s are left: too few to begin.")
        return limits.within(hard)

    def _run(self, job: Job, ends_at: float | None) -> None:
        limits = self._limits(ends_at)  # too late is better known before the inputs are fetched
        kept = kept_seconds(self._settings)
        with workspace.job_folder() as folder, Heartbeat(self._jobs, job, self._settings) as heartbeat:
            heartbeat.progress("fetching", 0)
            contents: list[str] = []
            if find(job.operation, OF_JOBS) is ARCHIVE:
                made = archives.make(self._storage, job, folder, limits, heartbeat.progress)
                done, kept = made.done, min(kept, made.kept_until - self._jobs.now())
            else:
                options = self._options(job)
                inputs = fetch(self._storage, job, folder, self._settings, any_kind=options.leaves_out)
                if can_be_reused(job):
                    contents = [sha256_of(item.path) for item in inputs]
                done = self._in_process(job, inputs, options, folder, heartbeat, ends_at)
            heartbeat.progress("storing", 99)
            stored = results.store(self._storage, job, done, folder)
            if job.drop:
                # Its owner sees what is laid there: an attempt that lost its lease stops before.
                self._jobs.renew(job, self._settings.lease_seconds)
                inbox.deliver(self._storage, job, job.drop, stored.results)
        self._ends.succeed(job, stored, kept_seconds=kept)
        if contents:
            self._note(job, contents)

    def _note(self, job: Job, contents: list[str]) -> None:
        """The job has ended: that nobody finds its work again must not bring it back."""
        try:
            self._reuse.note(job, contents)
        except Exception:
            logger.exception("work not noted")

    def _in_process(
        self,
        job: Job,
        inputs: list[InputFile],
        options: Options,
        folder: Path,
        heartbeat: Heartbeat,
        ends_at: float | None,
    ) -> Done[BaseReport]:
        """What the engine makes of the job's inputs, in a process of its own."""
        return sandbox.run(
            find(job.operation),
            inputs,
            folder,
            options,
            self._limits(ends_at),
            progress=heartbeat.progress,
            stop=heartbeat.kill_when_lost,
        )

    def _options(self, job: Job) -> Options:
        if job.drop:
            drops.check(job.options)
        options = find(job.operation).options.parse(job.options)
        if job.drop:
            drops.check_makes_something(options)
        if not job.password:
            return options
        password = passwords.unseal(job.password, self._settings.secret_key)
        return options.with_password(password)

    def _record_failure(self, job: Job, exc: errors.PdfSmallerError) -> None:
        if job.drop:
            self._jobs.renew(job, self._settings.lease_seconds)
            inbox.explain(self._storage, job, job.drop, exc)
        self._ends.fail_attempt(job, error_json(exc), kept_seconds=kept_seconds(self._settings))
