"""Who does the jobs, as ``/health`` and ``/metrics`` tell of it."""

from __future__ import annotations

from typing import NamedTuple

from pdfsmaller.jobs.ports import Workers
from pdfsmaller.jobs.workers import WorkerInfo
from pdfsmaller.services.world import World

#: Workers that were seen within a day are looked at: of those that died somebody wants to know when they last lived.
_REMEMBERED_SECONDS = 86_400.0


class Seen(NamedTuple):
    """How many workers gave a sign of life within the time that a lease lasts, and which of all gave the last one."""

    alive: int
    latest: WorkerInfo | None


def look(world: World, workers: Workers) -> Seen:
    """The workers of a service now. Raises StoreUnavailable."""
    known = workers.alive(_REMEMBERED_SECONDS)
    since = world.jobs.now() - world.settings.lease_seconds
    alive = sum((worker.seen_at or 0) >= since for worker in known)
    return Seen(alive, max(known, key=lambda worker: worker.seen_at or 0, default=None))
