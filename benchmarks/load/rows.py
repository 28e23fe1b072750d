"""What one side did in one round: a line of the tables in ``results``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import driver, sides


@dataclass(frozen=True, slots=True)
class Row:
    """One side's jobs in one round."""

    round: int
    side: str
    at_a_time: int
    jobs: int
    failed: int
    jobs_per_second: float
    median_seconds: float
    p95_seconds: float
    cpu_seconds: float


def measured(
    number: int,
    side: sides.Side,
    files: Sequence[Path],
    jobs: int,
    at_a_time: int,
    *,
    poll_seconds: float = driver.POLL_SECONDS,
) -> Row:
    """Have a side do so many jobs of these files in round ``number``."""
    cpu = side.cpu_seconds()
    run = driver.drive(side.url, files, jobs, at_a_time, poll_seconds=poll_seconds)
    return Row(
        round=number,
        side=side.name,
        at_a_time=at_a_time,
        jobs=len(run.jobs),
        failed=run.failed,
        jobs_per_second=round(run.per_second, 2),
        median_seconds=round(run.median, 3),
        p95_seconds=round(run.p95, 2),
        cpu_seconds=round(side.cpu_seconds() - cpu, 2),
    )
