"""Giving a job up: how many attempts it has, and what becomes of one that has had them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pdfsmaller.errors import TooManyAttempts
from pdfsmaller.jobs.states import Status
from pdfsmaller.services import inbox
from pdfsmaller.services.outcome import error_json, kept_seconds

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.services.world import World
    from pdfsmaller.settings import Settings

#: How long a message can be redriven: as long as the dead-letter queue keeps it (template.yaml).
DEAD_LETTERS_KEPT_SECONDS = 14 * 86_400


def last_attempt(job: Job, settings: Settings) -> int:
    """The number of the last attempt that a job may have, however often and by whatever messages it is announced."""
    return job.attempts_before_redrive + settings.max_receive_count


def was_given_up(job: Job) -> bool:
    """Whether a job had all its attempts; a redriven message may give it as many again."""
    return job.status is Status.FAILED and (job.error or {}).get("code") == TooManyAttempts.code


def too_many_attempts(settings: Settings) -> TooManyAttempts:
    """Why a job without any attempt left failed."""
    return TooManyAttempts(
        f"Every one of {settings.max_receive_count} attempts failed. The operator can redrive the job; the original is "
        "untouched."
    )


def give_up(world: World, job: Job, *, holds_lease: bool = False) -> bool:
    """→ failed for a job without any attempt left, of which a drop's owner is told; whether it came to that.

    It does not where the job has moved on since it was read, or a worker is at it: unless the caller is that worker.

    Args:
        holds_lease: the caller is the job's attempt.

    Raises:
        LeaseLost: it was, and is no longer.
    """
    why = too_many_attempts(world.settings)
    kept = _redrivable_seconds(job, world.settings)
    if not world.ends.give_up(job, error_json(why), kept_seconds=kept, holds_lease=holds_lease):
        return False
    if job.drop:
        inbox.explain(world.storage, job, job.drop, why)
    return True


def _redrivable_seconds(job: Job, settings: Settings) -> float:
    """How long a given-up job can be redriven, in seconds.

    As long as its inputs are there: its own as long as any job's files, a dropped file (which its owner keeps) as long
    as there may be a message to redrive.
    """
    kept = kept_seconds(settings)
    return max(kept, DEAD_LETTERS_KEPT_SECONDS) if job.drop else kept
