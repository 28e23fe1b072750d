"""A failed job once more: the same job with the same options, which is of use where not the document was to blame.

It has as many attempts as a new one. A document's password is erased when its job fails, unless that was for having had
all its attempts: ``again`` takes it anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pdfsmaller import errors
from pdfsmaller.jobs.states import Status
from pdfsmaller.services import arrivals, inbox
from pdfsmaller.services.caller import ANYBODY, Caller

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.services.submit import SubmitService
    from pdfsmaller.services.world import World


def retry(world: World, submitting: SubmitService, job_id: str, *, caller: Caller = ANYBODY) -> Job:
    """failed → queued for a job of the caller's, and the message that leads a worker to it.

    Raises:
        JobNotFound: there is none, or it is another's.
        JobNotFailed: it has not failed, or runs again already.
        JobCancelled, JobExpired: its files are there no more.
    """
    job = submitting.job(job_id, caller=caller)
    if job.status is Status.CANCELLED:
        raise errors.JobCancelled(f"Job {job_id} was cancelled. Send the document again.")
    if job.status is Status.EXPIRED or (job.status is Status.FAILED and not _has_inputs(world, job)):
        raise errors.JobExpired(f"The files of job {job_id} are there no more. Send the document again.")
    if job.status is not Status.FAILED:
        raise _not_failed(job)
    with world.together():
        queued = world.jobs.revive(job, due_in=world.settings.requeue_after_seconds)
        if queued:
            arrivals.announce(world, queued)
    if queued is None:
        raise _not_failed(submitting.job(job_id, caller=caller))
    return queued


def _has_inputs(world: World, job: Job) -> bool:
    return inbox.is_current(world.storage, job.drop) if job.drop else arrivals.are_there(world.storage, job)


def _not_failed(job: Job) -> errors.JobNotFailed:
    return errors.JobNotFailed(f"Job {job.job_id} is {job.status}; only a failed one can be tried once more.")
