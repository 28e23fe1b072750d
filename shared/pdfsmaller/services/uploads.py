"""Files that their sender brings straight to the store: by a form, or in parts where they are large.

A part that came stays, so a sender whose connection broke asks what has come (``UploadService.upload``) and goes on
from there, for a day. The last part begins nothing: the sender says that all are there (``complete``), the sizes are
looked at, and the object appears, from where everything is as with a form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from pdfsmaller import errors
from pdfsmaller.jobs.keys import input_key
from pdfsmaller.jobs.model import Multipart
from pdfsmaller.jobs.objects import PartLink, UploadParts
from pdfsmaller.jobs.states import Status
from pdfsmaller.operations import OPERATIONS
from pdfsmaller.services import arrivals
from pdfsmaller.services.caller import ANYBODY, Caller

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job, JobInput
    from pdfsmaller.jobs.objects import PartInfo, Upload
    from pdfsmaller.jobs.ports import Storage
    from pdfsmaller.services.submit import SubmitService
    from pdfsmaller.services.world import World
    from pdfsmaller.settings import Settings

#: A larger file comes in parts, if its sender said how large it is.
PARTS_ABOVE_BYTES = 50_000_000
#: Enough for a slow line to lose one and not mind, and enough for S3 (5 MiB) …
_PART_BYTES = 16 * 1_048_576
#: … and larger where a file would have more parts than this: each has a link of about a kilobyte in the answer.
_MAX_PARTS = 100
_PART_STEP = 1_048_576
#: Links in one answer. Those of further parts are asked for when it is their turn.
_MAX_LINKS = 1_000


def part_bytes(size: int) -> int:
    """The size of every part but the last of a file of so many bytes."""
    least = -(-size // _MAX_PARTS)
    return max(_PART_BYTES, -(-least // _PART_STEP) * _PART_STEP)


def begin(
    storage: Storage, job_id: str, inputs: Sequence[JobInput], sized: Iterable[int], media_type: str
) -> tuple[Multipart, ...]:
    """Begin the uploads in parts of a job that is about to be made.

    Args:
        sized: the inputs whose sender said how large they are, counted from 0.
    """
    large = [index for index in sized if inputs[index].bytes > PARTS_ABOVE_BYTES]
    begun: list[Multipart] = []
    try:
        for index in large:
            size, key = part_bytes(inputs[index].bytes), input_key(job_id, index)
            upload_id = storage.begin_multipart(key, part_bytes=size, media_type=media_type)
            begun.append(Multipart(index, upload_id, size))
    except Exception:
        give_up(storage, job_id, begun)
        raise
    return tuple(begun)


def give_up(storage: Storage, job_id: str, begun: Sequence[Multipart]) -> None:
    """Throw away uploads that nobody has heard of. What is left of them cleanup finds."""
    for item in begun:
        with suppress(Exception):
            storage.abort_multipart(input_key(job_id, item.index), item.upload_id)


def hand_out(storage: Storage, jobs: Iterable[Job], settings: Settings) -> list[Upload]:
    """What brings each file of jobs that wait for them to the store, in their order."""
    return [upload for upload in hand_out_some(storage, jobs, settings) if upload]


def hand_out_some(storage: Storage, jobs: Iterable[Job | None], settings: Settings) -> list[Upload | None]:
    """``hand_out``, with nothing for a job that is None."""
    found: list[Upload | None] = []
    left = _MAX_LINKS
    for job in jobs:
        if job is None:
            found.append(None)
            continue
        for index in range(job.input_count):
            upload = _upload(storage, job, index, (), settings, max_links=left)
            left -= sum(bool(part.url) for part in upload.parts) if isinstance(upload, UploadParts) else 0
            found.append(upload)
    return found


def _upload(
    storage: Storage,
    job: Job,
    index: int,
    came: Sequence[PartInfo],
    settings: Settings,
    *,
    max_links: int = _MAX_LINKS,
) -> Upload:
    """What brings one file of a job to the store, or what of it has not come."""
    item, key, expires = job.inputs[index], input_key(job.job_id, index), settings.upload_expires_seconds
    multipart = _multipart(job, index)
    if multipart is None:
        kind = OPERATIONS[job.operation].inputs.media_type
        return storage.upload_form(key, max_bytes=item.bytes, expires_seconds=expires, media_type=kind)
    sizes = dict(_sizes(item.bytes, multipart.part_bytes))
    there = {part.number for part in came if sizes.get(part.number) == part.bytes}
    links = set(islice((number for number in sizes if number not in there), max_links))

    def link(number: int) -> str | None:
        if number not in links:
            return None
        return storage.part_link(key, multipart.upload_id, number, size=sizes[number], expires_seconds=expires)

    return UploadParts(
        index, multipart.part_bytes, [PartLink(n, size, link(n), arrived=n in there) for n, size in sizes.items()]
    )


def _multipart(job: Job, index: int) -> Multipart | None:
    return next((item for item in job.multiparts if item.index == index), None)


def _sizes(size: int, each: int) -> Iterator[tuple[int, int]]:
    """The parts of a file, each with its size."""
    for number, start in enumerate(range(0, size, each), start=1):
        yield number, min(each, size - start)


class UploadService:
    """Answers for files on their way."""

    def __init__(self, world: World, submitting: SubmitService) -> None:
        self._world, self._storage, self._settings = world, world.storage, world.settings
        self._submitting = submitting

    def upload(self, job_id: str, index: int, *, caller: Caller = ANYBODY) -> tuple[Job, Upload]:
        """The job, and what brings the file of this number, counted from 0, to the store: a fresh form; or which of its
        parts have come, and fresh links for the others.

        Raises:
            JobNotFound, InputNotFound.
            UploadClosed: the job does not wait for files (any more), or the file stands.
        """
        job = self._found(job_id, index, caller)
        if job.status is not Status.AWAITING_UPLOAD or job.operation not in OPERATIONS:
            raise errors.UploadClosed(
                f"Job {job_id} is {job.status} and takes no files. Begin a new one (POST /api/uploads)."
            )
        came: Sequence[PartInfo] | None = ()
        if multipart := _multipart(job, index):
            came = self._storage.list_parts(input_key(job_id, index), multipart.upload_id)
        if came is None:
            raise self._closed(job, index)
        return job, _upload(self._storage, job, index, came, self._settings)

    def complete(self, job_id: str, index: int, *, caller: Caller = ANYBODY) -> Job:
        """Make a file of its parts, and begin the job if it was the last one; how the job stands then.

        Doing it again changes nothing.

        Raises:
            JobNotFound, InputNotFound.
            UploadClosed: the file does not come in parts, or its upload was given up.
            PartsMissing: a part has not come, or is no longer what it was.
        """
        job = self._found(job_id, index, caller)
        if job.status is not Status.AWAITING_UPLOAD:
            return job
        multipart, item, key = _multipart(job, index), job.inputs[index], input_key(job_id, index)
        if multipart is None:
            raise errors.UploadClosed(
                f"{item.name} does not come in parts. Once it was sent by its form, say so (POST …/uploaded)."
            )
        came = self._storage.list_parts(key, multipart.upload_id)
        if came is not None:
            self._check(item, multipart, came)
            if not self._storage.complete_multipart(key, multipart.upload_id, came):
                came = None
        if came is None and self._storage.head(self._storage.uploads, key) is None:
            raise self._closed(job, index)
        if not self._storage.announces:
            arrivals.input_arrived(self._world, key)
        return self._submitting.uploaded(job_id, caller=caller)

    def _found(self, job_id: str, index: int, caller: Caller) -> Job:
        job = self._submitting.job(job_id, caller=caller)
        if not 0 <= index < job.input_count:
            raise errors.InputNotFound(f"Job {job_id} has {job.input_count} inputs, counted from 0.")
        return job

    def _check(self, item: JobInput, multipart: Multipart, came: Sequence[PartInfo]) -> None:
        sizes = dict(_sizes(item.bytes, multipart.part_bytes))
        there = {part.number: part.bytes for part in came}
        missing = [number for number, size in sizes.items() if there.get(number) != size]
        missing += sorted(there.keys() - sizes.keys())  # nobody was given a link for these
        if missing:
            named = ", ".join(map(str, missing[:10])) + (" …" if len(missing) > 10 else "")
            raise errors.PartsMissing(
                f"Of the {len(sizes)} parts of {item.name}, {len(missing)} have not come as they should: {named}. Ask "
                "for their links (GET …/uploads/{n}) and send them; the others stay.",
                missing,
            )

    def _closed(self, job: Job, index: int) -> errors.UploadClosed:
        name = job.inputs[index].name
        if self._storage.head(self._storage.uploads, input_key(job.job_id, index)):
            return errors.UploadClosed(f"{name} has come whole. Say that all files have (POST …/uploaded).")
        return errors.UploadClosed(f"The upload of {name} was given up. Begin a new one (POST /api/uploads).")
