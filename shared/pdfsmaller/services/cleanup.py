"""Keeps the service tidy and nobody waiting: run on a schedule, safe to run twice or at the same time.

It heals: it fails jobs whose upload never came, announces again those whose event or worker was lost, tells again of
ends whose callback was, and marks those whose message died. And it deletes, unless CLEANUP_ENABLED is off: the files of
expired jobs and stale multipart uploads. What lies in ``inbox/`` belongs to its owner: it goes only after
DROP_MAX_AGE_HOURS, which is never by default.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pdfsmaller import events
from pdfsmaller.jobs import files
from pdfsmaller.jobs.callback import is_owed
from pdfsmaller.jobs.keys import ERRORS, INBOX, job_of_input
from pdfsmaller.jobs.model import Drop, Job
from pdfsmaller.jobs.states import Status
from pdfsmaller.services import arrivals, figures
from pdfsmaller.services.giving_up import give_up, last_attempt
from pdfsmaller.services.outcome import IN_PARTS_SECONDS
from pdfsmaller.services.webhooks import tell
from pdfsmaller.telemetry import get_logger

if TYPE_CHECKING:
    from pdfsmaller.jobs.messages import Message
    from pdfsmaller.services.world import World

logger = get_logger("cleanup")

_UNFINISHED_MAX_AGE_SECONDS = IN_PARTS_SECONDS + 3_600
#: The worker whose lease ran out may still be redelivered its own message: it goes first.
_DEAD_LEASE_GRACE_SECONDS = 5.0
#: A callback's own message comes when it is due.
_CALLBACK_GRACE_SECONDS = 30.0
#: How often cleanup looks at an ended job for which nothing is to be done.
_LOOK_LATER_SECONDS = 3_600


class OutOfTime(Exception):
    """The function's time is nearly over; the next run goes on."""


class CleanupService:
    """One run of cleanup."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._settings, self._jobs, self._ends = world.settings, world.jobs, world.ends
        self._queue, self._storage = world.queue, world.storage

    def run(self, may_go_on: Callable[[], bool] = lambda: True) -> dict[str, int]:
        """Do everything that is due.

        Args:
            may_go_on: asked after each thing looked at; once it says no, the run ends and the next goes on.

        Returns:
            How much of what was done, by name. ``errors`` counts parts that failed; they are logged and tried again
            by the next run, and keep no other part from its turn.
        """
        counts: Counter[str] = Counter(
            expired=0,
            uploads_failed=0,
            announced=0,
            callbacks_sent=0,
            given_up=0,
            dead_lettered=0,
            drops_deleted=0,
            multipart_aborted=0,
            forgotten=0,
            errors=0,
        )
        parts = [self._settle_uploads, self._announce_forgotten, self._settle_ended]
        if self._settings.cleanup_enabled:
            parts += [self._delete_old_drops, self._abort_multipart, self._forget_old]
        else:
            logger.info("nothing is deleted (CLEANUP_ENABLED)")
        parts.append(self._fail_dead_letters)  # last: there may be any number, and they wait for people anyway
        for part in parts:
            try:
                for done in part():
                    if done:
                        counts[done] += 1
                    if not may_go_on():
                        raise OutOfTime
            except OutOfTime:
                counts["out_of_time"] = 1
                break
            except Exception:
                counts["errors"] += 1
                logger.exception("cleanup part failed", extra={"part": part.__name__})
        logger.info("cleanup done", extra={"counts": dict(counts)})
        if self._settings.metrics_enabled:
            self._count(counts)
        return dict(counts)

    def _count(self, done: Counter[str]) -> None:
        try:
            figures.record(self._world.figures, figures.of_cleanup(done, self._jobs.now()))
        except Exception:
            logger.exception("the run was not counted")

    # Each part yields for every thing that it has looked at: what it did (a name in the counts), or None.

    def _fail_dead_letters(self) -> Iterator[str | None]:
        """A job whose message lies in the dead-letter queue is given up. The message stays there for redrive."""
        for message in self._queue.peek_dead_letters():
            try:
                created = events.parse(message.body)
            except events.MalformedEvent:
                created = []  # a poison message: the alarm on the queue's depth is for people to look at it
            for item in created:
                if self._bury(item, message):
                    yield "dead_lettered"
            yield None

    def _bury(self, created: events.ObjectCreated, message: Message) -> bool:
        job = self._job_of(created)
        if job is None or job.status.is_final:
            return False
        if job.revived_at and message.sent_at and message.sent_at <= job.revived_at:
            return False  # it was tried again since, by another message
        if job.status is Status.AWAITING_UPLOAD:
            return False  # its other files may still come, and the last one's event begins it
        if job.status is Status.RUNNING and (job.lease_until or 0) > self._jobs.now():
            return False  # another message of the same job has a worker at it
        return self._give_up(job)

    def _job_of(self, created: events.ObjectCreated) -> Job | None:
        job_id = job_of_input(created.key)
        if job_id is None and created.key.startswith(INBOX):
            job_id = self._jobs.claimed_by(Drop(created.bucket, created.key, created.version).identity)
        return self._jobs.get(job_id) if job_id else None

    def _settle_uploads(self) -> Iterator[str | None]:
        """Uploads past their time: all there means that the event was lost, anything else that they never came."""
        return arrivals.settle(self._world)

    def _announce_forgotten(self) -> Iterator[str | None]:
        """Queued jobs that nobody took and running ones whose worker died get a new event, if an attempt is left."""
        for status in (Status.QUEUED, Status.RUNNING):
            for job in self._jobs.due(status):
                dead_at = job.due_at + (_DEAD_LEASE_GRACE_SECONDS if status is Status.RUNNING else 0)
                if dead_at > self._jobs.now():
                    yield None
                elif job.attempt >= last_attempt(job, self._settings):
                    yield "given_up" if self._give_up(job) else None
                else:
                    yield "announced" if self._announce_again(job) else None

    def _announce_again(self, job: Job) -> bool:
        with self._world.together():
            # The conditional write makes one cleanup of several the one that announces.
            postponed = self._jobs.postpone(job, self._settings.requeue_after_seconds)
            if postponed:
                arrivals.announce(self._world, job)
        return postponed

    def _give_up(self, job: Job) -> bool:
        return give_up(self._world, job)

    def _settle_ended(self) -> Iterator[str | None]:
        """Ended jobs expire in their time. Until then what is due of them is a callback that nobody is at."""
        for status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.EXPIRED):
            for job in self._jobs.due(status):
                over = status is not Status.EXPIRED and (job.expires_at or job.due_at) <= self._jobs.now()
                if over and self._settings.cleanup_enabled:
                    # Files first: should this run die in between, the next finds the row still due.
                    files.delete_job(self._storage, job.job_id)
                    yield "expired" if self._ends.expire(job) else None
                elif is_owed(job):
                    yield self._tell_again(job)
                else:  # nothing is deleted, and nobody need look at it in every run
                    self._jobs.look_later(job, seconds=_LOOK_LATER_SECONDS)
                    yield None

    def _tell_again(self, job: Job) -> str | None:
        if job.due_at + _CALLBACK_GRACE_SECONDS > self._jobs.now():
            return None
        return "callbacks_sent" if tell.send_again(self._world, job) else None

    def _delete_old_drops(self) -> Iterator[str | None]:
        hours = self._settings.drop_max_age_hours
        if hours is None:
            return
        before = self._jobs.now() - hours * 3_600
        uploads, results = self._storage.uploads, self._storage.results
        for bucket, prefix in ((uploads, INBOX), (results, INBOX), (results, ERRORS)):
            for item in self._storage.list(bucket, prefix):
                if item.modified < before:
                    self._storage.delete(bucket, item.key)
                    yield "drops_deleted"
                else:
                    yield None

    def _forget_old(self) -> Iterator[str | None]:
        for _ in range(self._jobs.forget_old()):
            yield "forgotten"

    def _abort_multipart(self) -> Iterator[str | None]:
        before = self._jobs.now() - _UNFINISHED_MAX_AGE_SECONDS
        for bucket in (self._storage.uploads, self._storage.results):
            for aborted in self._storage.abort_unfinished(bucket, before):
                yield "multipart_aborted" if aborted else None
