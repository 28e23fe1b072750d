"""Whom a job's end is told to, by a request to an address of theirs (a webhook), and how far that has come.

An end is known by the mark that its write left on the row (``Job.ended_by``). It is owed until it was told or given up
(``Job.callback_told``); while it is, ``Job.due_at`` says when somebody should look at it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job

#: Attempts that a row keeps, the newest: enough for two ends, each told as often as can be.
ATTEMPTS_KEPT = 20


@dataclass(frozen=True, slots=True)
class Callback:
    """Where a job's ends are told: ``url``, as the caller wrote it, and what begins the links in what is sent there."""

    url: str
    base_url: str = ""


@dataclass(frozen=True, slots=True)
class CallbackAttempt:
    """One request that told an end, or should have.

    Attributes:
        at: when it was over, in seconds since the epoch.
        type: what was told, such as ``job.succeeded``.
        status: the answer's HTTP status; None where none came.
        error: why it does not count as told, in a sentence; None where it does.
    """

    at: float
    type: str
    status: int | None = None
    error: str | None = None


def is_owed(job: Job) -> bool:
    """Whether the job has ended and somebody is still to be told."""
    return job.callback is not None and job.status.is_final and job.callback_told != job.ended_by
