"""What a drop's owner finds of its job: copies of the results under ``inbox/``, or what went wrong under ``errors/``.

One result lies under the drop's own key (and its operation's suffix), several under ``<key>/<name>``. All carry the
job's id in their metadata, and what drop it was. A key under ``inbox/`` may be written again at any time, and what lies
beside it then belongs to the newer file's job: an older one neither writes there any more nor takes anything away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pdfsmaller import errors, media
from pdfsmaller.jobs.keys import drop_part_key, drop_parts_prefix, drop_result_key, error_key
from pdfsmaller.jobs.model import Drop, Job
from pdfsmaller.operations import find
from pdfsmaller.services.outcome import error_json

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import JobResult
    from pdfsmaller.jobs.ports import Storage

_JOB_ID = "job-id"
_DROP = "drop"
#: Copies made at a time: each costs a round trip.
_AT_ONCE = 8


def result_at(job: Job, drop: Drop) -> str:
    """Where the copy of the result is laid."""
    return drop_result_key(drop.key, find(job.operation).drop_suffix or "")


def is_current(storage: Storage, drop: Drop) -> bool:
    """Whether the dropped file still is what it was when its job began."""
    info = storage.head(drop.bucket, drop.key)
    return info is not None and info.etag == drop.etag


def mark(job: Job) -> dict[str, str]:
    """What the metadata of a job's results says of it: the job, and of which drop it is one."""
    return {_JOB_ID: job.job_id} | ({_DROP: _digest(job.drop)} if job.drop else {})


def deliver(storage: Storage, job: Job, drop: Drop, results: Sequence[JobResult]) -> None:
    """Lay copies of the results where the drop's owner looks for them, and take away what former jobs of the drop laid
    there: their error, and results that have no successor.

    Raises:
        InputChanged: a newer file has taken the drop's place, or it was removed.
    """
    if not is_current(storage, drop):
        raise errors.InputChanged(f"{drop.key} was replaced or removed while its job ran.")
    only = result_at(job, drop)
    laid = {only: results[0]} if len(results) == 1 else {drop_part_key(drop.key, item.name): item for item in results}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        copied = pool.map(lambda at: storage.copy(storage.results, laid[at].key, storage.results, at), laid)
        if not all(copied):
            raise errors.TransientError(f"A result of {drop.key} was deleted before it could be laid out.")
    for key in [only, *_parts(storage, drop)]:
        if key not in laid and _says(storage, key, _DROP, _digest(drop)):
            storage.delete(storage.results, key)
    storage.delete(storage.results, error_key(drop.key))


def explain(storage: Storage, job: Job, drop: Drop, exc: errors.PdfSmallerError) -> None:
    """Write down why the job failed, unless a newer file has taken the drop's place."""
    if not is_current(storage, drop):
        return
    storage.put_file(
        storage.results,
        error_key(drop.key),
        json.dumps({"job_id": job.job_id, "key": drop.key, "error": error_json(exc)}, indent=2).encode(),
        media_type=media.JSON,
        metadata={_JOB_ID: job.job_id, "outcome": "failed"},
    )


def withdraw(storage: Storage, job: Job, drop: Drop) -> None:
    """Take away what the job laid out. What another job laid there since stays."""
    for key in [result_at(job, drop), error_key(drop.key), *_parts(storage, drop)]:
        if _says(storage, key, _JOB_ID, job.job_id):
            storage.delete(storage.results, key)


def _parts(storage: Storage, drop: Drop) -> list[str]:
    """What lies where several results of a drop are laid: other drops' results too, if they are called so."""
    return [item.key for item in storage.list(storage.results, drop_parts_prefix(drop.key))]


def _says(storage: Storage, key: str, name: str, value: str) -> bool:
    """Whether there is an object whose metadata says so."""
    info = storage.head(storage.results, key)
    return info is not None and info.metadata.get(name) == value


def _digest(drop: Drop) -> str:
    """A drop's key as metadata can hold it: in ASCII, and not long."""
    return hashlib.sha256(drop.key.encode()).hexdigest()
