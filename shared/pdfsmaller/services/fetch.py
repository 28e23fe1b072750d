"""Brings a job's inputs from the bucket to the disk, and looks at them again: a presigned POST or a drop was checked
by nobody yet.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from pdfsmaller import errors, sniff
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.jobs.keys import input_key, inputs_prefix
from pdfsmaller.operations import find

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.jobs.objects import ObjectInfo
    from pdfsmaller.jobs.ports import Storage
    from pdfsmaller.settings import Settings

#: Downloads at a time: small files cost a round trip each, big ones the network's whole width.
_AT_ONCE = 4


def fetch(storage: Storage, job: Job, folder: Path, settings: Settings, *, any_kind: bool) -> list[InputFile]:
    """Download a job's inputs into ``folder``, in their order.

    Args:
        any_kind: leave it to the engine to look at what each file is.

    Raises:
        UploadIncomplete, InputChanged: an input is not there, or no longer.
        TransientError: an input was sent again meanwhile.
        FileTooLarge, EmptyFile, NotAPdf, NotAnImage: naming the file.
    """
    kind = find(job.operation).inputs
    found = _look(storage, job)
    names = [named.name for named in job.inputs]
    for name, info in zip(names, found, strict=True):
        sniff.check_size(name, info.bytes, settings.max_file_size, kind.too_large)
    total = sum(info.bytes for info in found)
    if total > settings.max_request_size:
        raise errors.FileTooLarge(
            f"The files have {total:,} bytes together; MAX_REQUEST_SIZE allows {settings.max_request_size:,}."
        )

    def bring(index: int) -> InputFile:
        name, info, path = names[index], found[index], folder / f"in-{index}"
        if not storage.download(storage.uploads, info.key, path, etag=info.etag):
            if job.drop:
                raise _missing(job, name)
            # Sent once more by its owner, who may: the next attempt takes it as it is then.
            raise errors.TransientError(f"{name} was replaced or deleted while it was fetched.")
        if not any_kind:
            with path.open("rb") as file:
                head = file.read(sniff.HEAD_BYTES)
            kind.check(name, info.bytes, head, settings.max_file_size)
        return InputFile(path, name)

    if len(found) == 1:  # the usual case: no thread for it
        return [bring(0)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(bring, range(len(found))))


def _look(storage: Storage, job: Job) -> list[ObjectInfo]:
    """The inputs as they lie in the bucket, in their order."""
    if job.drop:
        keys = [job.drop.key]
        dropped = storage.head(storage.uploads, job.drop.key)
        there = {dropped.key: dropped} if dropped and dropped.etag == job.drop.etag else {}
    else:
        keys = [input_key(job.job_id, index) for index in range(job.input_count)]
        there = {info.key: info for info in storage.list(storage.uploads, inputs_prefix(job.job_id))}
    for key, named in zip(keys, job.inputs, strict=True):
        if key not in there:
            raise _missing(job, named.name)
    return [there[key] for key in keys]


def _missing(job: Job, name: str) -> errors.DocumentError:
    if job.drop:
        return errors.InputChanged(f"{name} was replaced or removed before its job could read it.")
    return errors.UploadIncomplete(f"{name} was never uploaded, or was deleted.")
