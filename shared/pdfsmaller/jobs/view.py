"""The job as its caller sees it: the public JSON. Passwords, leases and keys are not in it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.states import DELETED, FINAL, Status
from pdfsmaller.operations import OF_JOBS, OPERATIONS


class InputView(BaseModel):
    """An input file's name and size in bytes."""

    name: str
    bytes: int


class ResultView(BaseModel):
    """What a job made: size in bytes, bytes out / bytes in, what became of it, where it is (several in a ZIP), and the
    engine's report.
    """

    bytes: int
    ratio: float
    outcome: str
    download_url: str
    report: dict[str, Any]


class ResultFileView(BaseModel):
    """One of the files that a job made: its name, size in bytes and media type, and where it is."""

    name: str
    bytes: int
    media_type: str
    download_url: str


class ErrorView(BaseModel):
    """Why a job failed: a stable code and a sentence."""

    code: str
    message: str


class CallbackAttemptView(BaseModel):
    """One request to the callback: when it was over, what it told, the answer's HTTP status if one came, and why it
    does not count as told.
    """

    at: str
    type: str
    status: int | None
    error: str | None


class CallbackView(BaseModel):
    """Who is told of the job's ends, and the last attempts at that."""

    url: str
    attempts: list[CallbackAttemptView]


class JobView(BaseModel):
    """A job. Times are RFC 3339 in UTC; ``progress`` is 0–100, ``eta_seconds`` an estimate of the seconds left while it
    runs, ``pages_done`` of ``pages`` where they are counted. ``reused``: the same work was done before, and this is
    what it made.
    """

    job_id: str
    operation: Annotated[str, Field(json_schema_extra={"enum": list(OF_JOBS)})]
    status: Status
    stage: str
    progress: int
    eta_seconds: float | None
    pages_done: int | None
    pages: int | None
    attempts: int
    created_at: str
    updated_at: str
    expires_at: str | None
    inputs: list[InputView]
    options: dict[str, Any]
    result: ResultView | None
    results: list[ResultFileView]
    warnings: list[dict[str, str]]
    error: ErrorView | None
    batch_id: str | None
    reused: bool
    callback: CallbackView | None
    links: dict[str, str]


class JobsView(BaseModel):
    """Some of an API key's jobs, the newest first, and the cursor that asks for those behind them; null: no more."""

    jobs: list[JobView]
    next: str | None


class BatchView(BaseModel):
    """The jobs of one request with several files.

    ``done`` have a result, ``failed`` never will (those that were cancelled among them). ``bytes_in`` and ``bytes_out``
    are those of the jobs with a result together, before and after.
    """

    batch_id: str
    jobs: list[JobView]
    done: int
    failed: int
    bytes_in: int
    bytes_out: int
    links: dict[str, str]


class PartView(BaseModel):
    """One part of a file: PUT its ``bytes`` to ``url``. Without that it has ``arrived``, or its link is to be asked for
    when it is its turn.
    """

    number: int
    url: str | None
    bytes: int
    arrived: bool


class MultipartView(BaseModel):
    """A file in parts: every one but the last has ``part_bytes``. Once all have been PUT, in any order, POST to
    ``complete_url``.
    """

    part_bytes: int
    parts: list[PartView]
    complete_url: str


class PresignedPost(BaseModel):
    """What brings one file to the store. A form: POST ``fields`` and then ``file`` to ``url`` as multipart/form-data.
    Or, for a large file whose size was said, ``multipart``, and no ``url``.
    """

    url: str | None
    fields: dict[str, str] = {}
    multipart: MultipartView | None = None


class UploadView(BaseModel):
    """A job that waits for its files, and what brings each to the store, for ``expires_in`` seconds."""

    job: JobView
    uploads: list[PresignedPost]
    expires_in: int


class UploadBatchView(BaseModel):
    """Jobs that wait for one file each, and what brings it to the store; null where the job has failed."""

    batch_id: str
    jobs: list[JobView]
    uploads: list[PresignedPost | None]
    expires_in: int


class UploadStateView(BaseModel):
    """What brings one file of a job to the store from now on: a fresh form, or links for the parts that are missing."""

    job_id: str
    index: int
    upload: PresignedPost
    expires_in: int


class EndView(BaseModel):
    """What is sent to a callback: which end the job came to, when (RFC 3339 in UTC), and the job."""

    type: Annotated[str, Field(json_schema_extra={"enum": [f"job.{status}" for status in sorted(FINAL)]})]
    timestamp: str
    data: JobView


def end_view(job: Job, base_url: str) -> EndView:
    """What is told of a job that has ended; ``base_url`` as for ``view``."""
    shown = view(job, base_url)
    return EndView(type=end_type(job), timestamp=shown.updated_at, data=shown)


def end_type(job: Job) -> str:
    """What kind of end a job came to, such as ``job.succeeded``."""
    return f"job.{job.status}"


def view(job: Job, base_url: str) -> JobView:
    """What ``job`` looks like from outside; ``base_url`` (no slash at its end) begins its links."""
    url = f"{base_url}/api/jobs/{job.job_id}"
    links = {"self": url}
    if job.status is Status.AWAITING_UPLOAD:
        links["uploaded"] = f"{url}/uploaded"
    elif job.status not in DELETED and job.operation in OPERATIONS:
        links["again"] = f"{url}/again"
    if job.status is Status.FAILED:
        links["retry"] = f"{url}/retry"
    result, results = None, []
    if job.status is Status.SUCCEEDED and job.result:
        links["download"] = f"{url}/download"
        links["report"] = f"{url}/report"
        result = ResultView(
            download_url=links["download"], **{n: job.result[n] for n in ("bytes", "ratio", "outcome", "report")}
        )
        results = [
            ResultFileView(
                name=file.name, bytes=file.bytes, media_type=file.media_type, download_url=f"{url}/results/{index}"
            )
            for index, file in enumerate(job.results)
        ]
    if job.batch_id:
        links["batch"] = f"{base_url}/api/batches/{job.batch_id}"
    # A quick job is done before anybody was told how many pages it has.
    pages = result.report.get("pages", job.pages) if result else job.pages
    return JobView(
        job_id=job.job_id,
        operation=job.operation,
        status=job.status,
        stage=job.stage,
        progress=job.progress,
        eta_seconds=_seconds_left(job),
        pages_done=pages if job.status is Status.SUCCEEDED else job.pages_done,
        pages=pages,
        attempts=job.attempt,
        created_at=rfc3339(job.created_at),
        updated_at=rfc3339(job.updated_at),
        expires_at=rfc3339(job.expires_at) if job.expires_at else None,
        inputs=[InputView(name=i.name, bytes=i.bytes) for i in job.inputs],
        options=job.options,
        result=result,
        results=results,
        warnings=list(job.warnings),
        error=ErrorView(**job.error) if job.error else None,
        batch_id=job.batch_id,
        reused=job.reused,
        callback=_callback(job),
        links=links,
    )


def _seconds_left(job: Job) -> float | None:
    """By this host's clock: an estimate is no better than clocks agree."""
    if job.status is not Status.RUNNING or job.ready_at is None:
        return None
    return max(0.0, round(job.ready_at - time.time(), 1))


def _callback(job: Job) -> CallbackView | None:
    if job.callback is None:
        return None
    attempts = [
        CallbackAttemptView(at=rfc3339(item.at), type=item.type, status=item.status, error=item.error)
        for item in job.callback_attempts
    ]
    return CallbackView(url=job.callback.url, attempts=attempts)


def batch_view(batch_id: str, jobs: list[JobView], base_url: str) -> BatchView:
    """What a batch of these jobs looks like from outside; ``base_url`` as for ``view``."""
    done = [job for job in jobs if job.result]
    url = f"{base_url}/api/batches/{batch_id}"
    return BatchView(
        batch_id=batch_id,
        jobs=jobs,
        done=len(done),
        failed=sum(job.status in (Status.FAILED, Status.CANCELLED) for job in jobs),
        bytes_in=sum(item.bytes for job in done for item in job.inputs),
        bytes_out=sum(job.result.bytes for job in done if job.result),
        links={"self": url} | ({"archive": f"{url}/archive"} if done else {}),
    )


def rfc3339(seconds: float) -> str:
    """A time as answers have it: UTC, to milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
