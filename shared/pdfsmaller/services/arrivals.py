"""How a job begins once its files have come, in every world.

A storage may send a message for each object by itself (``Storage.announces``): that begins the job. Where it sends none
whoever learns that the last file stands does so: who stored it, who took it in by a form, the caller who sent it
(``SubmitService.uploaded``); and should all of them die or keep silent, a look at the storage from time to time.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from pdfsmaller import errors, events
from pdfsmaller.jobs import files
from pdfsmaller.jobs.keys import index_of_input, input_key, job_of_input
from pdfsmaller.jobs.states import DELETED, Status
from pdfsmaller.services.outcome import error_json, kept_seconds, upload_due_at, upload_lasts

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.jobs.ports import Storage
    from pdfsmaller.services.world import World

#: How often workers look for files that came without a word, in seconds.
LOOK_EVERY_SECONDS = 10.0
#: Jobs looked at in one go: each costs a listing and a write.
_LOOKED_AT_ONCE = 100
#: A job is looked at again after so much of the time that it has waited already: what takes long is looked at seldom.
_SHARE_OF_AGE = 0.1


def are_there(storage: Storage, job: Job) -> bool:
    """Whether all input files of a job stand."""
    return files.inputs_arrived(storage, job.job_id) >= job.input_count


def begin(world: World, job_id: str) -> Job | None:
    """awaiting_upload → queued for a job whose files all stand, and the message that leads a worker to it; None where
    it has moved on already.
    """
    with world.together():
        return _begin(world, job_id)


def announce(world: World, job: Job) -> None:
    """Send the message that leads a worker to a job, in the form of the storage's own."""
    if job.drop:
        created = events.ObjectCreated(job.drop.bucket, job.drop.key, job.drop.version, job.drop.etag)
    else:
        created = events.ObjectCreated(world.storage.uploads, input_key(job.job_id, 0))
    world.queue.announce(created, job.asker or "")


def input_arrived(world: World, key: str) -> None:
    """A file stands that was taken in under ``key`` by a form of ours; the last one of a job begins it.

    Counted in the row: of several that end at the same time one is the last. One that came too late, when its job had
    been deleted, is deleted as well.
    """
    job_id, index = job_of_input(key), index_of_input(key)
    if job_id is None or index is None:
        return
    with world.together():
        missing = world.jobs.input_arrived(job_id, index)
        if missing == 0:
            _begin(world, job_id)
    if missing is None and (job := world.jobs.get(job_id)) and job.status in DELETED:
        files.delete_job(world.storage, job_id)


def first_look_at(world: World, created_at: float, *, in_parts: bool = False) -> float:
    """When a job that was made at a time, and awaits its files, is to be looked at; seconds since the epoch."""
    over_at = upload_due_at(created_at, world.settings, in_parts=in_parts)
    return over_at if world.storage.announces else min(over_at, created_at + LOOK_EVERY_SECONDS)


def look_for_uploads(world: World) -> int:
    """Begin the jobs whose files came without a word; how many there were.

    For workers, every ``LOOK_EVERY_SECONDS``. Any number may look at once: one of them looks at each job.
    """
    if world.storage.announces:
        return 0
    return sum(done == "announced" for done in islice(settle(world), _LOOKED_AT_ONCE))


def settle(world: World) -> Iterator[str | None]:
    """Look at every job that awaits files and is due.

    Where all files stand nobody has said so, and the job begins; where they do not and their time is over, it fails.

    Yields:
        Of each, what was done: ``announced``, ``uploads_failed``, or None.
    """
    for job in world.jobs.due(Status.AWAITING_UPLOAD):
        yield _settle(world, job)


def _settle(world: World, job: Job) -> str | None:
    settings, now = world.settings, world.jobs.now()
    in_parts = bool(job.multiparts)
    left = upload_due_at(job.created_at, settings, in_parts=in_parts) - now
    if left > 0:
        again_in = min(left, max(LOOK_EVERY_SECONDS, (now - job.created_at) * _SHARE_OF_AGE))
        if not world.jobs.postpone(job, again_in):
            return None  # somebody else is looking at it
    if are_there(world.storage, job):
        return "announced" if begin(world, job.job_id) else None
    if left > 0:
        return None
    error = errors.UploadIncomplete(
        f"The upload did not come within {upload_lasts(settings, in_parts=in_parts):,} seconds. Start a new one."
    )
    failed = world.ends.fail(job, error_json(error), kept_seconds=kept_seconds(settings))
    if failed:
        files.abort_multiparts(world.storage, job)
    return "uploads_failed" if failed else None


def _begin(world: World, job_id: str) -> Job | None:
    queued = world.jobs.queue(job_id, due_in=world.settings.requeue_after_seconds)
    if queued:
        announce(world, queued)
    return queued
