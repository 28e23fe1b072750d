"""Whether a caller waits for a job's end, how long, and in what form the end is told."""

from __future__ import annotations

import re

from flask import Response, request

from pdfsmaller.http import answers, problems
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.states import Status

_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})", re.IGNORECASE)


def wait_seconds() -> int:
    """N of ``Prefer: wait=N`` (RFC 7240), capped; 0 where the caller does not wait."""
    match = _WAIT.search(request.headers.get("Prefer", ""))
    return min(int(match[1]), answers.settings().max_wait_seconds) if match else 0


def applied(waited: bool) -> dict[str, str]:
    """The header that says which preference was heeded."""
    return {"Preference-Applied": "wait"} if waited else {}


def begun(jobs: list[Job]) -> Response:
    """The answer for jobs that have just begun, waiting for their end where the caller wants to."""
    seconds = wait_seconds()
    if seconds:
        jobs = answers.service().wait(jobs, seconds)
    return _one(jobs[0], bool(seconds)) if len(jobs) == 1 else _batch(jobs, bool(seconds))


def _wants_file(media_type: str) -> bool:
    """Whether a caller who waits gets the file itself, which is of this kind.

    Yes where it names the kind, or takes anything and does not name JSON (curl's ``*/*``). A program that
    sends ``application/json, */*`` expects JSON.
    """
    named = {kind for kind, quality in request.accept_mimetypes if quality > 0}
    return media_type in named or not named or ("*/*" in named and "application/json" not in named)


def _one(job: Job, waited: bool) -> Response:
    if waited and job.status is Status.SUCCEEDED and job.download and _wants_file(job.download.media_type):
        response = answers.send_file(job.job_id, job.download)
        response.headers.update(applied(waited))
        return response
    if waited and job.status is Status.FAILED and job.error:
        raise problems.FailedJob(answers.job_view(job))
    shown = answers.job_view(job)
    headers = {"Location": shown.links["self"], "X-Job-Id": job.job_id, **applied(waited)}
    return answers.as_json(shown, 200 if job.status is Status.SUCCEEDED and waited else 202, headers)


def _batch(jobs: list[Job], waited: bool) -> Response:
    batch_id = jobs[0].batch_id or ""
    shown = answers.batch_view(batch_id, jobs)
    done = waited and all(job.status.is_final for job in jobs)
    headers = {"Location": f"{answers.base_url()}/api/batches/{batch_id}", **applied(waited)}
    return answers.as_json(shown, 200 if done else 202, headers)
