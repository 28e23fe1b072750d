"""What jobs do with the storage: count what has come, and delete what is theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pdfsmaller.jobs.keys import attempt_prefix, input_key, inputs_prefix, job_prefix

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.jobs.ports import Storage


def inputs_arrived(storage: Storage, job_id: str) -> int:
    """How many of a job's input files are there."""
    return sum(1 for _ in storage.list(storage.uploads, inputs_prefix(job_id)))


def abort_multiparts(storage: Storage, job: Job) -> None:
    """Throw away what has come of a job's inputs in parts; those that were completed stay."""
    for item in job.multiparts:
        storage.abort_multipart(input_key(job.job_id, item.index), item.upload_id)


def delete_job(storage: Storage, job_id: str) -> int:
    """Delete everything under one job's prefix in both buckets; how many objects that was."""
    prefix = job_prefix(job_id)
    return _delete_all(storage, storage.uploads, prefix) + _delete_all(storage, storage.results, prefix)


def delete_attempt(storage: Storage, job_id: str, attempt: int) -> int:
    """Delete what one attempt of a job stored; how many objects that was."""
    return _delete_all(storage, storage.results, attempt_prefix(job_id, attempt))


def _delete_all(storage: Storage, bucket: str, prefix: str) -> int:
    deleted = 0
    for item in storage.list(bucket, prefix):
        storage.delete(bucket, item.key)
        deleted += 1
    return deleted
