"""What services work with: the settings and the ports. ``wire`` makes it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pdfsmaller.access.keys import Keys
    from pdfsmaller.access.ports import Counters
    from pdfsmaller.jobs.moves import Jobs
    from pdfsmaller.jobs.ports import Figures, Line, Messages, Queue, Storage, Workers
    from pdfsmaller.services.ends import Ends
    from pdfsmaller.settings import Settings


@dataclass(frozen=True, slots=True)
class World:
    """Everything around a service.

    Attributes:
        jobs: the job store, with every move of a job but its ends.
        ends: every end of a job.
        callbacks: the queue of ends that are told to somebody (``webhooks``).
        keys: the API keys.
        counters: what all instances count together.
        together: within it what is written to jobs and queue stands together or not at all, where one database holds
            both. Elsewhere it holds nothing together, so it spares work after a crash and nobody relies on it.
        figures: what is counted of the whole service; None on AWS, where CloudWatch takes it out of the logs.
        line: who waits and who runs, where the queue does not let callers take turns by itself.
        workers: who receives from the queue, where workers do so by themselves; None where it is Lambda's affair.
    """

    settings: Settings
    jobs: Jobs
    ends: Ends
    queue: Queue
    storage: Storage
    callbacks: Messages = field(kw_only=True)
    keys: Keys = field(kw_only=True)
    counters: Counters = field(kw_only=True)
    together: Callable[[], AbstractContextManager[None]] = nullcontext
    workers: Workers | None = None
    line: Line | None = None
    figures: Figures | None = None
