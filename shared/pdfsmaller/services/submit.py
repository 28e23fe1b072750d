"""Makes jobs and answers for them: what the HTTP API does, free of HTTP.

It never parses a PDF. A job starts when its objects are created in the uploads bucket and by nothing else: the row
comes first, then the objects (or forms that let the caller send exactly those objects).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any

from pdfsmaller import errors, passwords, sniff
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.jobs.model import Job, JobInput, new_id
from pdfsmaller.jobs.states import Status
from pdfsmaller.jobs.table import JobTable
from pdfsmaller.services.outcome import kept_seconds, requeue_at
from pdfsmaller.storage import Storage, input_key, result_key

if TYPE_CHECKING:
    from pdfsmaller.settings import Settings

OPERATIONS = ("compress",)

_NAME_MAX_CHARS = 200


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """An uploaded file: the user's name for it and an open, seekable stream at its start."""

    name: str
    stream: IO[bytes]


@dataclass(frozen=True, slots=True)
class Result:
    """A finished file in the results bucket: key, size in bytes, and the name to download it under."""

    key: str
    bytes: int
    name: str


class SubmitService:
    """Submits jobs, shows them, hands out their results, ends them."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self.storage = Storage(settings)
        self._table = JobTable(settings.jobs_table, clock)

    # Submitting

    def submit_files(self, files: Sequence[IncomingFile], fields: Mapping[str, Any]) -> list[Job]:
        """One job for each file; several share a batch id. Nothing starts unless every file may.

        Args:
            fields: the options, untrusted.

        Raises:
            BadRequest, TooManyFiles, InvalidOption, EmptyFile, FileTooLarge, NotAPdf.
        """
        options = CompressOptions.parse(dict(fields))
        if not files:
            raise errors.BadRequest("No file came. Send at least one PDF in the multipart field 'files'.")
        if len(files) > self._settings.max_files:
            raise errors.TooManyFiles(
                f"{len(files)} files in one request; MAX_FILES allows {self._settings.max_files}. Send them in parts."
            )
        named = [replace(file, name=_clean_name(file.name)) for file in files]
        sizes = [self._check(file) for file in named]
        batch_id = new_id() if len(named) > 1 else None
        jobs = [
            self._new_job(options, (JobInput(file.name, size),), batch_id)
            for file, size in zip(named, sizes, strict=True)
        ]
        if batch_id:
            self._table.create_batch(batch_id, [job.job_id for job in jobs])
        return [self._send(job, file) for job, file in zip(jobs, named, strict=True)]

    def _check(self, file: IncomingFile) -> int:
        size = file.stream.seek(0, 2)
        file.stream.seek(0)
        head = file.stream.read(sniff.HEAD_BYTES)
        file.stream.seek(0)
        sniff.check_pdf(file.name, size, head, self._settings.max_file_size)
        return size

    def _send(self, job: Job, file: IncomingFile) -> Job:
        self.storage.put_file(self.storage.uploads, input_key(job.job_id, 0), file.stream)
        # The event may have led a worker to the job already: then there is nothing left to say.
        queued = self._table.queue(job.job_id, due_at=requeue_at(self._table, self._settings))
        return queued or self._table.get(job.job_id) or job

    def reserve_upload(self, request: Mapping[str, Any]) -> tuple[Job, list[dict[str, Any]]]:
        """A job that waits for files sent straight to the bucket, and a presigned POST for each.

        Args:
            request: ``operation``, ``options``, ``name``, ``size`` (bytes) and ``count``, untrusted.

        Raises:
            BadRequest, InvalidOption, FileTooLarge, EmptyFile.
        """
        operation = request.get("operation", "compress")
        if operation not in OPERATIONS:
            raise errors.InvalidOption("operation", operation, OPERATIONS)
        count = request.get("count", 1)
        if count != 1 or isinstance(count, bool):
            raise errors.InvalidOption("count", count, ["1 (compress takes one file a job)"])
        given = request.get("options") or {}
        if not isinstance(given, Mapping):
            raise errors.InvalidOption("options", given, ["an object of option names and values"])
        options = CompressOptions.parse(dict(given))
        name = _clean_name(str(request.get("name") or "document.pdf"))
        max_bytes = self._declared_size(name, request.get("size"))
        job = self._new_job(options, (JobInput(name, max_bytes),), None)
        post = self.storage.presigned_post(
            job.job_id, 0, max_bytes=max_bytes, expires_seconds=self._settings.upload_expires_seconds
        )
        return job, [post]

    def _declared_size(self, name: str, size: Any) -> int:
        if size is None:
            return self._settings.max_file_size
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise errors.InvalidOption("size", size, ["the file's size in bytes, a whole number"])
        if size == 0:
            raise errors.EmptyFile(f"{name} is empty (0 bytes). Send a PDF.")
        sniff.check_size(name, size, self._settings.max_file_size)
        return size

    def _new_job(self, options: CompressOptions, inputs: tuple[JobInput, ...], batch_id: str | None) -> Job:
        password = options.password
        now = self._table.now()
        job = Job(
            job_id=new_id(),
            status=Status.AWAITING_UPLOAD,
            stage="awaiting_upload",
            created_at=now,
            updated_at=now,
            due_at=now + self._settings.upload_expires_seconds,
            input_count=len(inputs),
            inputs=inputs,
            options=options.model_dump(mode="json", exclude_unset=True),
            password=passwords.seal(password.get_secret_value(), self._settings.secret_key) if password else None,
            batch_id=batch_id,
        )
        self._table.create(job)
        return job

    # Asking

    def job(self, job_id: str) -> Job:
        """The job with this id. Raises JobNotFound."""
        job = self._table.get(job_id)
        if job is None:
            raise errors.JobNotFound(
                f"There is no job {job_id[:64]!r}. Jobs are forgotten some days after they expire."
            )
        return self._aged(job)

    def batch(self, batch_id: str) -> list[Job]:
        """A batch's jobs, in the order of its files. Raises JobNotFound."""
        job_ids = self._table.batch(batch_id)
        if job_ids is None:
            raise errors.JobNotFound(f"There is no batch {batch_id[:64]!r}.")
        return [self._aged(job) for job in self._table.get_many(job_ids)]

    def wait(self, jobs: Sequence[Job], seconds: float) -> list[Job]:
        """The jobs once all of them are final, or as they stand after ``seconds``."""
        end = time.monotonic() + seconds
        pause = 0.05
        while (left := end - time.monotonic()) > 0 and not all(job.status.is_final for job in jobs):
            time.sleep(min(pause, left))
            pause = min(pause * 1.2, 0.5)
            jobs = self._table.get_many(job.job_id for job in jobs)
        return list(jobs)

    def result(self, job_id: str) -> Result:
        """Where the finished file is.

        Raises:
            JobNotFound, JobNotReady, JobFailed, JobCancelled, JobExpired.
        """
        job = self.job(job_id)
        if job.status is Status.SUCCEEDED and job.result:
            key = job.drop.key if job.drop else result_key(job_id)
            return Result(key, job.result["bytes"], job.result_name)
        if job.status is Status.EXPIRED:
            raise errors.JobExpired(
                f"The files of job {job_id} were deleted, when asked to or {self._settings.max_file_age_hours:g} hours "
                "after it ended. Send the document again."
            )
        if job.status is Status.CANCELLED:
            raise errors.JobCancelled(f"Job {job_id} was cancelled. Send the document again.")
        if job.status is Status.FAILED and job.error:
            raise errors.JobFailed(job.error["code"], job.error["message"])
        raise errors.JobNotReady(
            f"Job {job_id} is {job.status}. Ask for it again in a moment, or wait with Prefer: wait=60."
        )

    def read_result(self, result: Result) -> bytes:
        """The result's bytes, for one small enough to hand through.

        Raises:
            JobExpired: the file is gone although the row does not know yet.
        """
        data = self.storage.read(self.storage.results, result.key)
        if data is None:
            raise errors.JobExpired("The job's files were deleted. Send the document again.")
        return data

    def result_url(self, result: Result) -> str:
        """A URL, good for ten minutes, from which the store itself hands out the result."""
        return self.storage.presigned_get(result.key, file_name=result.name, expires_seconds=600)

    # Ending

    def delete(self, job_id: str) -> None:
        """End a job and delete its files; a running one is cancelled. Doing it again changes nothing.

        A dropped file itself stays: what lies in the inbox belongs to its owner.

        Raises:
            JobNotFound.
        """
        job = self.job(job_id)
        cancelled = self._table.cancel(job_id, kept_seconds=kept_seconds(self._settings))
        if cancelled is None and job.status is not Status.CANCELLED:
            self._table.expire(job_id)
        self.storage.delete_job(job_id)
        if job.drop and job.status is Status.SUCCEEDED:
            self.storage.delete(self.storage.results, job.drop.key)

    def _aged(self, job: Job) -> Job:
        """A job past its time is expired, whether cleanup has come by or not."""
        over = job.status.is_final and job.expires_at is not None and job.expires_at <= self._table.now()
        return replace(job, status=Status.EXPIRED) if over else job


def _clean_name(name: str) -> str:
    """A file name fit to be shown: no folders, no control characters, not endless."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if c.isprintable()).strip()
    return shown[-_NAME_MAX_CHARS:] or "document.pdf"
