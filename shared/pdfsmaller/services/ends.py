"""The one place where jobs end: it makes the move, and then tells everybody who waits for ends.

Each end is told once by the process that made it, and by no other: a move that is refused tells nothing, and one whose
answer was lost is known by its mark (``jobs.moves``). A process that dies between move and telling tells nobody, so
what must not be missed has to look at the rows as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pdfsmaller.telemetry import get_logger

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from pdfsmaller.jobs.model import Job
    from pdfsmaller.jobs.moves import Jobs, Success


class End(StrEnum):
    """How a job can end. ``GIVEN_UP`` is a failure that a redriven message may undo."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True)
class Ended:
    """A job as it stands after its end, and which end that was."""

    end: End
    job: Job


#: Told of an end. What it raises is logged and changes nothing: the job has ended.
Listener = Callable[[Ended], None]


class Ends:
    """Ends jobs, and tells the listeners, in their order."""

    def __init__(self, jobs: Jobs, listeners: Sequence[Listener] = ()) -> None:
        self._jobs = jobs
        self._listeners = tuple(listeners)

    def succeed(self, job: Job, done: Success, *, kept_seconds: float) -> None:
        """An attempt is done.

        Raises:
            LeaseLost: the job is no longer this attempt's.
        """
        self._tell(End.SUCCEEDED, self._jobs.succeed(job, done, kept_seconds=kept_seconds))

    def succeed_at_once(self, job: Job, done: Success, *, kept_seconds: float) -> Job | None:
        """A new job has what it should make already: the job then, or None where it has moved on since it was read."""
        succeeded = self._jobs.succeed_at_once(job, done, kept_seconds=kept_seconds)
        return succeeded if self._told(End.SUCCEEDED, succeeded) else None

    def fail_attempt(self, job: Job, error: dict[str, str], *, kept_seconds: float) -> None:
        """An attempt found out that the job cannot be done. Raises LeaseLost as ``succeed`` does."""
        self._tell(End.FAILED, self._jobs.fail_attempt(job, error, kept_seconds=kept_seconds))

    def fail(self, job: Job, error: dict[str, str], *, kept_seconds: float) -> bool:
        """A job that no worker is at cannot be done; False where it has moved on since it was read."""
        return self._told(End.FAILED, self._jobs.fail(job, error, kept_seconds=kept_seconds))

    def give_up(self, job: Job, error: dict[str, str], *, kept_seconds: float, holds_lease: bool) -> bool:
        """The job has no attempt left; its password stays, for redrive. False where it has moved on since it was read.

        Args:
            holds_lease: the caller is the job's attempt.

        Raises:
            LeaseLost: it was, and is no longer.
        """
        fail = self._jobs.fail_attempt if holds_lease else self._jobs.fail
        return self._told(End.GIVEN_UP, fail(job, error, kept_seconds=kept_seconds, keep_password=True))

    def cancel(self, job: Job, *, kept_seconds: float) -> bool:
        """Its owner wants the job no more; False where it has ended already."""
        return self._told(End.CANCELLED, self._jobs.cancel(job, kept_seconds=kept_seconds))

    def expire(self, job: Job) -> bool:
        """The files of an ended job are gone; False where that was so already."""
        return self._told(End.EXPIRED, self._jobs.expire(job))

    def _told(self, end: End, job: Job | None) -> bool:
        if job is None:
            return False
        self._tell(end, job)
        return True

    def _tell(self, end: End, job: Job) -> None:
        for listener in self._listeners:
            try:
                listener(Ended(end, job))
            except Exception:
                _logger().exception("a listener failed", extra={"job_id": job.job_id, "end": end})


def _logger() -> Logger:
    return get_logger("jobs")


def log(ended: Ended) -> None:
    """The line that the log has for every end."""
    job = ended.job
    extra: dict[str, Any] = {"job_id": job.job_id, "attempt": job.attempt}
    if job.result and ended.end is End.SUCCEEDED:
        report = job.result.get("report", {})
        extra |= {name: job.result.get(name) for name in ("outcome", "ratio")} | {"seconds": report.get("seconds")}
    elif job.error and ended.end in (End.FAILED, End.GIVEN_UP):
        extra |= {"code": job.error["code"], "reason": job.error["message"]}
    _logger().info(f"job {ended.end.replace('_', ' ')}", extra=extra)
