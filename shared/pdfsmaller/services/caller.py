"""Who asks: whose jobs one may see, and whose allowance a new one counts against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks.

    Attributes:
        owner: the id of the API key that came along; None where none did.
        address: where the request came from, as far as that is known; empty for one of our own programs.
    """

    owner: str | None
    address: str

    def may_have(self, job: Job) -> bool:
        """Whether a job is this caller's. One that was sent without a key belongs to whoever knows its id."""
        return job.owner is None or job.owner == self.owner


#: Who has no key: all that a program of our own needs, and the least that there is.
ANYBODY = Caller(None, "")
