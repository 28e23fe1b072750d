"""What a drop's owner finds of its job: a copy of the result under ``inbox/``, or what went wrong under ``errors/``.

Both carry the job's id in their metadata. A key under ``inbox/`` may be written again at any time, and what lies beside
it then belongs to the newer file's job: an older one neither writes there any more nor takes anything away.
"""

from __future__ import annotations

import json

from pdfsmaller import errors
from pdfsmaller.jobs.model import Drop, Job
from pdfsmaller.operations import find
from pdfsmaller.services.outcome import error_json
from pdfsmaller.storage import Storage, drop_result_key, error_key

_JOB_ID = "job-id"


def result_at(job: Job, drop: Drop) -> str:
    """Where the copy of the result is laid."""
    return drop_result_key(drop.key, find(job.operation).drop_suffix or "")


def is_current(storage: Storage, drop: Drop) -> bool:
    """Whether the dropped file still is what it was when its job began."""
    info = storage.head(drop.bucket, drop.key)
    return info is not None and info.etag == drop.etag


def deliver(storage: Storage, job: Job, drop: Drop, key: str) -> None:
    """Lay a copy of the result under ``key`` where the drop's owner looks for it, and take a former error away.

    Raises:
        InputChanged: a newer file has taken the drop's place, or it was removed.
    """
    if not is_current(storage, drop):
        raise errors.InputChanged(f"{drop.key} was replaced or removed while its job ran.")
    storage.copy_result(key, result_at(job, drop))
    storage.delete(storage.results, error_key(drop.key))


def explain(storage: Storage, job: Job, drop: Drop, exc: errors.PdfSmallerError) -> None:
    """Write down why the job failed, unless a newer file has taken the drop's place."""
    if not is_current(storage, drop):
        return
    storage.put_file(
        storage.results,
        error_key(drop.key),
        json.dumps({"job_id": job.job_id, "key": drop.key, "error": error_json(exc)}, indent=2).encode(),
        content_type="application/json",
        metadata={_JOB_ID: job.job_id, "outcome": "failed"},
    )


def withdraw(storage: Storage, job: Job, drop: Drop) -> None:
    """Take away what the job laid out. What another job laid there since stays."""
    for key in (result_at(job, drop), error_key(drop.key)):
        info = storage.head(storage.results, key)
        if info and info.metadata.get(_JOB_ID) == job.job_id:
            storage.delete(storage.results, key)
