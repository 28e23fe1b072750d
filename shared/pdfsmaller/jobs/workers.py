"""A worker as others see it: those that receive messages in a loop of their own tell of themselves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One worker process.

    Attributes:
        worker_id: random, of this run of it.
        host: its host's name.
        pid: its process id there.
        version: of PDF Smaller.
        started_at: seconds since the epoch, by the host's clock.
        bounds: what binds its engine processes (``engine.confinement``).
        job_id: the job that it is at; None where it waits for one.
        seen_at: its last sign of life, in seconds since the epoch by the store's clock; None before the first.
    """

    worker_id: str
    host: str
    pid: int
    version: str
    started_at: float
    bounds: tuple[str, ...]
    job_id: str | None = None
    seen_at: float | None = None
