"""The form of a job's row: what a ``JobStore`` keeps of it.

A row is what JSON can hold: text, whole and broken numbers, truth values, lists and objects of these. A field that is
not set is not there. Times are seconds since the epoch and have four decimal places, here and in every store, so that
one that was read can be compared with one that is stored. Besides the fields of ``Job`` a row has

- ``arrived_{n}``: true once input ``n`` came by a form that this service itself takes (``moves``);
- ``ttl``: when the store may forget the row, in seconds since the epoch.

There may be a thousand results, so each is a list of name, bytes and media type: its key follows from its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import PurePosixPath
from types import NoneType
from typing import Any

from pdfsmaller.jobs.callback import Callback, CallbackAttempt
from pdfsmaller.jobs.keys import result_key
from pdfsmaller.jobs.model import Drop, Job, JobInput, JobResult, Multipart
from pdfsmaller.jobs.states import Status
from pdfsmaller.media import PDF

Row = dict[str, Any]
#: Where a row stands among its owner's: ``created_at`` and ``job_id``.
Place = tuple[float, str]

_DECIMALS = 4
#: What most values of a row are.
_AS_THEY_ARE = frozenset({str, int, bool, NoneType})
_JOB_FIELDS = tuple(field.name for field in fields(Job))


def to_row(job: Job, *, ttl: float) -> Row:
    """The row of a job that the store may forget at ``ttl``."""
    row = {name: getattr(job, name) for name in _JOB_FIELDS} | {"results": results_row(job.results), "ttl": ttl}
    return {name: plain(value) for name, value in row.items() if value is not None}


def results_row(results: Sequence[JobResult]) -> list[list[Any]]:
    """A row's ``results``."""
    return [[result.name, result.bytes, result.media_type] for result in results]


def to_job(row: Row) -> Job:
    """The job of a row; fields of other versions of this service are passed over."""
    known: dict[str, Any] = {name: row[name] for name in _JOB_FIELDS if name in row}
    return Job(
        **known
        | {
            "status": Status(row["status"]),
            "inputs": tuple(JobInput(**item) for item in row.get("inputs", ())),
            "multiparts": tuple(Multipart(**item) for item in row.get("multiparts", ())),
            "warnings": tuple(row.get("warnings", ())),
            "drop": Drop(**row["drop"]) if row.get("drop") else None,
            "callback": Callback(**row["callback"]) if row.get("callback") else None,
            "callback_attempts": tuple(CallbackAttempt(**item) for item in row.get("callback_attempts", ())),
        }
        | _files(row)
    )


def _files(row: Row) -> dict[str, Any]:
    """The fields of ``Job`` that name files of the results bucket."""
    if "key" in row.get("result", {}):
        return _former_files(row)
    results = tuple(
        JobResult(name, size, media_type, result_key(row["job_id"], row["attempt"], index))
        for index, (name, size, media_type) in enumerate(row.get("results", ()))
    )
    return {"results": results, "download": JobResult(**row["download"]) if row.get("download") else None}


def _former_files(row: Row) -> dict[str, Any]:
    """Those of a row from before there could be several results: ``result`` has the only one's ``key``, and no name."""
    result = dict(row["result"])
    stem = PurePosixPath(row["inputs"][0]["name"]).stem if row.get("inputs") else "document"
    only = JobResult(f"{stem}.pdf", result["bytes"], PDF, result.pop("key"))
    return {"result": result, "results": (only,), "download": only}


def plain(value: Any) -> Any:
    """``value`` as a row holds it."""
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, Status):
        return str(value)
    if isinstance(value, float):
        return round(value, _DECIMALS)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return plain(asdict(value)) if is_dataclass(value) and not isinstance(value, type) else value
