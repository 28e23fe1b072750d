"""Whether a caller waits for a job's end, how long, and in what form the end is told (RFC 7240, RFC 9110).

Who takes the file itself and does not rather have JSON waits DEFAULT_WAIT_SECONDS for it, so that ``curl -o`` writes
the file; who wants the job, or says ``Prefer: respond-async``, has it at once. ``Prefer: wait=N`` says how long for
anybody. A preference or a media type that cannot be read counts for nothing, as those RFCs have it.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import suppress

from flask import Response, request
from werkzeug.http import parse_list_header

from pdfsmaller import errors, media
from pdfsmaller.http import answers, files, problems, retention
from pdfsmaller.http.callers import caller
from pdfsmaller.http.held import held, hold
from pdfsmaller.jobs.model import Job, JobResult
from pdfsmaller.jobs.ports import is_served
from pdfsmaller.jobs.states import DELETED, Status
from pdfsmaller.operations import OF_JOBS, find
from pdfsmaller.services.archives import ArchiveService

#: More digits than any number of seconds that means something.
_MAX_DIGITS = 9
#: Why there may be no ZIP of a batch, which is then told as it is.
_NO_ARCHIVE = (errors.NothingToArchive, errors.LimitExceeded, errors.StorageFull, errors.RateLimited)
#: When a caller whose time was up may ask again, in seconds.
_ASK_AGAIN_SECONDS = 2


def wait_seconds() -> int | None:
    """N of ``Prefer: wait=N``, capped; None where the request names no number of seconds."""
    given = _preferences().get("wait", "")
    if not (given.isascii() and given.isdigit()):
        return None
    return min(int(given[:_MAX_DIGITS]), answers.settings().max_wait_seconds)


def applied(preference: str) -> dict[str, str]:
    """The header that says which preference was heeded; no header for an empty one."""
    return {"Preference-Applied": preference} if preference else {}


def begun(jobs: list[Job]) -> Response:
    """The answer for jobs that have just begun, all of one operation: their end, for who waits that long.

    For who takes files the end of a batch is a ZIP of all that it has made, which is one more job.
    """
    settings, seconds = answers.settings(), wait_seconds()
    preferred = "wait" if seconds is not None else "respond-async" if "respond-async" in _preferences() else ""
    batch_id = jobs[0].batch_id
    if not preferred and _takes_file({media.ZIP} if batch_id else _made_by(jobs[0])):
        seconds = min(settings.default_wait_seconds, settings.max_wait_seconds)
    until = time.monotonic() + (seconds or 0)
    jobs, waited = waited_for(jobs, seconds)
    if batch_id and waited and _are_done(jobs) and _takes_file({media.ZIP}):
        with suppress(*_NO_ARCHIVE):
            archive = ArchiveService(answers.world(), answers.service()).of_batch(batch_id, caller=caller())
            jobs, _ = waited_for([archive], until - time.monotonic())
            batch_id = None
    response = _batch(jobs, waited) if batch_id else _one(jobs[0], waited)
    if waited or preferred == "respond-async":
        response.headers.update(applied(preferred))
    return response


def waited_for(jobs: list[Job], seconds: float | None) -> tuple[list[Job], bool]:
    """The jobs at their end, or as they stand when time is up; and whether there was any waiting.

    There is none where as many callers wait already as the server bears.
    """
    if not seconds or seconds < 0 or not held().waits.take():
        return jobs, False
    hold("wait")
    try:
        return held().followers.wait(jobs, seconds), True
    finally:
        held().waits.give_back()


def _preferences() -> dict[str, str]:
    """The request's preferences, by their names in small letters. Of one that comes again the first counts."""
    found: dict[str, str] = {}
    for item in parse_list_header(request.headers.get("Prefer", "")):
        name, _, value = item.partition(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def _made_by(job: Job) -> set[str]:
    """The media types of what a job may make."""
    operation = find(job.operation, OF_JOBS)
    return {*operation.media_types} | ({media.ZIP} if operation.several_results else set())


def _takes_file(kinds: Collection[str]) -> bool:
    """Whether the caller would rather have a file of one of these kinds than JSON.

    JSON counts only where it is named: ``*/*`` alone (curl) means the file, and so does no ``Accept`` at all. Where
    both are wanted as much, the file has to be named too: a program's ``application/json, */*`` expects JSON. Who names
    JSON means the job's, also where the file is JSON.
    """
    accepted: dict[str, float] = {}
    for value, quality in request.accept_mimetypes:
        kind = "*/*" if value == "*" else value.partition(";")[0].strip().lower()
        if "/" in kind:
            accepted[kind] = max(quality, accepted.get(kind, 0))
    if not accepted:
        return True
    json = accepted.get("application/json", 0)
    for kind in kinds:
        general = accepted.get(f"{kind.partition('/')[0]}/*", accepted.get("*/*", 0))
        wanted = accepted.get(kind, general)
        if wanted > json or (kind in accepted and wanted == json > 0 and kind != media.JSON):
            return True
    return False


def _file(job: Job, result: JobResult) -> Response:
    """The file itself, however large, where this service has it; curl follows no redirect unless it is told to."""
    if result.bytes <= answers.settings().max_inline_result_size or not is_served(answers.world().storage):
        return answers.send_file(job, result)
    response = files.hand_out(answers.service().result_url(result).rpartition("/")[2])
    response.headers["X-Job-Id"] = job.job_id
    retention.note(job)
    return response


def _one(job: Job, waited: bool) -> Response:
    if waited and job.status is Status.SUCCEEDED and job.download and _takes_file({job.download.media_type}):
        return _file(job, job.download)
    if waited and job.status is Status.FAILED and job.error:
        raise problems.FailedJob(answers.job_view(job))
    if waited and job.status in DELETED:
        answers.service().download(job.job_id, caller=caller())  # raises: its end has taken what it made
    shown = answers.job_view(job)
    headers = {"Location": shown.links["self"], "X-Job-Id": job.job_id}
    if waited and job.status is Status.SUCCEEDED:
        return answers.as_json(shown, 200, headers)
    return answers.as_json(shown, 202, headers | _ask_again())


def _batch(jobs: list[Job], waited: bool) -> Response:
    batch_id = jobs[0].batch_id or ""
    shown = answers.batch_view(batch_id, jobs)
    headers = {"Location": f"{answers.base_url()}/api/batches/{batch_id}"}
    if waited and _are_done(jobs):
        return answers.as_json(shown, 200, headers)
    return answers.as_json(shown, 202, headers | _ask_again())


def _are_done(jobs: list[Job]) -> bool:
    return all(job.status.is_final for job in jobs)


def _ask_again() -> dict[str, str]:
    return {"Retry-After": str(_ASK_AGAIN_SECONDS)}
