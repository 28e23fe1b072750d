"""What is counted of the whole service: which series there are, and what an end of a job or a run of cleanup adds.

On a server of one's own the counts are kept where the jobs are (``Figures``), so that all processes of all hosts show
the same; on Lambda CloudWatch takes them out of the logs, under the same names. Of a histogram the store keeps each
bucket by itself (its name and ``_bucket``, with the bound as ``le``) and the sum of all (``_sum``): an observation then
adds to two figures, and whoever shows them adds up.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pdfsmaller import telemetry
from pdfsmaller.jobs.figures import Figure
from pdfsmaller.operations import COMPRESS, OF_JOBS
from pdfsmaller.services.ends import End

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.jobs.ports import Figures
    from pdfsmaller.services.ends import Ended, Listener


class Kind(StrEnum):
    """What is done to a series: a counter is added to, a gauge set, and a histogram observes values."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Series:
    """One name, with the labels that its figures have.

    Attributes:
        meaning: in words, with its unit.
        unit: as CloudWatch calls it.
        bounds: of a histogram's buckets, but for the last, which has none.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    unit: str = "Count"
    bounds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """A value for one series, with the values of its labels."""

    series: Series
    value: float
    labels: tuple[str, ...] = ()


JOBS_ENDED = Series("jobs_ended_total", Kind.COUNTER, "Ends of jobs, by what they were.", ("operation", "outcome"))
JOBS_FAILED = Series("jobs_failed_total", Kind.COUNTER, "Jobs that failed, by their error.", ("operation", "code"))
JOB_SECONDS = Series(
    "job_duration_seconds",
    Kind.HISTOGRAM,
    "How long a job waited for the attempt that ended it, and how long that worked, in seconds.",
    ("stage", "outcome"),
    "Seconds",
    (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800),
)
FILE_BYTES = Series(
    "file_size_processed_bytes_total",
    Kind.COUNTER,
    "Bytes of the files that jobs which succeeded read (in) and made (out).",
    ("direction",),
    "Bytes",
)
RATIO = Series(
    "compression_ratio",
    Kind.HISTOGRAM,
    "What became of compressed files: bytes out by bytes in.",
    unit="None",
    bounds=(0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1),
)
CLEANUP_RUN = Series("cleanup_last_run_timestamp_seconds", Kind.GAUGE, "When cleanup last ran.", unit="Seconds")
CLEANUP_DONE = Series("cleanup_done_total", Kind.COUNTER, "What cleanup did, by its name in cleanup's log.", ("what",))
BACKUP = Series("backup_last_success_timestamp_seconds", Kind.GAUGE, "When a backup last succeeded.", unit="Seconds")

#: All that there are, as they are shown.
SERIES = (JOBS_ENDED, JOBS_FAILED, JOB_SECONDS, FILE_BYTES, RATIO, CLEANUP_RUN, CLEANUP_DONE, BACKUP)
#: What an operation is called that is none: a drop's owner may name any.
_UNKNOWN = "unknown"


def listener(figures: Figures | None) -> Listener:
    """What ``Ends`` tells of every end, so that each is counted once. ``figures`` as ``World`` has them."""

    def note(ended: Ended) -> None:
        record(figures, of_end(ended))

    return note


def record(figures: Figures | None, measured: Iterable[Measured]) -> None:
    """Keep what was measured, or have CloudWatch take it where nobody keeps it.

    Raises:
        StoreUnavailable.
    """
    if figures is None:
        _emit(measured)
        return
    added: list[Figure] = []
    for one in measured:
        if one.series.kind is Kind.GAUGE:
            figures.set(Figure(one.series.name, one.value, _named(one)))
        else:
            added += _added(one)
    figures.add(added)


def _emit(measured: Iterable[Measured]) -> None:
    for one in measured:
        if one.value or one.series.kind is not Kind.COUNTER:
            telemetry.emit(one.series.name, one.value, one.series.unit, _named(one))


def _added(one: Measured) -> list[Figure]:
    series, labels = one.series, _named(one)
    if series.kind is Kind.COUNTER:
        return [Figure(series.name, one.value, labels)]
    bounds = (*series.bounds, math.inf)
    bucket = labels | {"le": str(float(bounds[bisect_left(bounds, one.value)]))}
    return [Figure(f"{series.name}_bucket", 1, bucket), Figure(f"{series.name}_sum", one.value, labels)]


def _named(one: Measured) -> dict[str, str]:
    return dict(zip(one.series.labels, one.labels, strict=True))


# What is measured


def of_end(ended: Ended) -> list[Measured]:
    """What a job's end adds: to the counts of ends in any case, to bytes and seconds where an attempt did something."""
    job, end = ended.job, ended.end
    operation = job.operation if job.operation in OF_JOBS else _UNKNOWN
    measured = [Measured(JOBS_ENDED, 1, (operation, end))]
    if end in (End.FAILED, End.GIVEN_UP) and job.error:
        measured.append(Measured(JOBS_FAILED, 1, (operation, job.error["code"])))
    if end is End.EXPIRED or job.reused:
        return measured
    measured += _seconds(job, end)
    if end is End.SUCCEEDED and job.result:
        measured += _bytes(job)
    return measured


def _seconds(job: Job, end: End) -> list[Measured]:
    """By the clocks of store and queue, which may differ a little."""
    if job.started_at is None:
        return []
    found = [Measured(JOB_SECONDS, max(0.0, job.updated_at - job.started_at), ("working", end))]
    if job.sent_at is not None:
        found.append(Measured(JOB_SECONDS, max(0.0, job.started_at - job.sent_at), ("waiting", end)))
    return found


def _bytes(job: Job) -> list[Measured]:
    result = job.result or {}
    given = result.get("report", {}).get("input_bytes")
    if given is None:
        return []
    found = [Measured(FILE_BYTES, given, ("in",)), Measured(FILE_BYTES, result["bytes"], ("out",))]
    if OF_JOBS.get(job.operation) is COMPRESS:
        found.append(Measured(RATIO, result["ratio"]))
    return found


def of_cleanup(counts: Mapping[str, int], now: float) -> list[Measured]:
    """What a run of cleanup adds, which ended ``now``."""
    return [Measured(CLEANUP_RUN, now), *(Measured(CLEANUP_DONE, number, (what,)) for what, number in counts.items())]
