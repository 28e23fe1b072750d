"""Who asks: whose jobs one may see, and whose allowance a new one counts against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job


def _free(jobs: int) -> None:
    """What jobs cost those who have no limit."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks.

    Attributes:
        owner: the id of the API key that came along; None where none did.
        address: where the request came from, as far as that is known; empty for one of our own programs.
        charge: counts so many jobs that are about to be made against the caller's limits, all of them or none; raises
            RateLimited. To be called once all else is known to be right, before the first row is written.
        trace_id: of the request at hand (W3C Trace Context), which the log of its jobs names, too.
        program: one of our own that takes turns as a caller of its own; empty for all others.
    """

    owner: str | None
    address: str
    charge: Callable[[int], None] = field(default=_free, compare=False, repr=False)
    trace_id: str | None = field(default=None, compare=False)
    program: str = ""

    def may_have(self, job: Job) -> bool:
        """Whether a job is this caller's. One that was sent without a key belongs to whoever knows its id."""
        return job.owner is None or job.owner == self.owner


#: Who has no key, and no limit: a program of our own.
ANYBODY = Caller(None, "")
