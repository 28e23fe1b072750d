"""The form of a job's row: what a ``JobStore`` keeps of it.

A row is what JSON can hold: text, whole and broken numbers, truth values, lists and objects of these. A field that is
not set is not there. Times are seconds since the epoch and have four decimal places, here and in every store, so that
one that was read can be compared with one that is stored. Besides the fields of ``Job`` a row has

- ``ttl``: when the store may forget the row, in seconds since the epoch;
- ``ended_by``: what tells the write that ended the job from another's (``moves``).
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from pdfsmaller.jobs.model import Drop, Job, JobInput
from pdfsmaller.jobs.states import Status

Row = dict[str, Any]

_DECIMALS = 4
_JOB_FIELDS = frozenset(field.name for field in fields(Job))


def to_row(job: Job, *, ttl: float) -> Row:
    """The row of a job that the store may forget at ``ttl``."""
    return {name: plain(value) for name, value in (asdict(job) | {"ttl": ttl}).items() if value is not None}


def to_job(row: Row) -> Job:
    """The job of a row; fields of other versions of this service are passed over."""
    known: dict[str, Any] = {name: value for name, value in row.items() if name in _JOB_FIELDS}
    return Job(
        **known
        | {
            "status": Status(row["status"]),
            "inputs": tuple(JobInput(**item) for item in row.get("inputs", ())),
            "warnings": tuple(row.get("warnings", ())),
            "drop": Drop(**row["drop"]) if row.get("drop") else None,
        }
    )


def plain(value: Any) -> Any:
    """``value`` as a row holds it."""
    if isinstance(value, Status):
        return str(value)
    if isinstance(value, float):
        return round(value, _DECIMALS)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
