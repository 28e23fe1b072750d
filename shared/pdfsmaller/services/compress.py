"""Runs one job: from an S3 event in the queue to a result in the results bucket.

The rules that keep jobs whole (see ``jobs.states`` for the states):

- Nothing is acknowledged before its result stands. ``handle`` returning acknowledges the message; raising leaves it
  to the queue, to come again after a back-off.
- To run, an attempt takes a lease on the row and renews it; every later write is conditional on that attempt.
- What is wrong with the document is recorded on the job and acknowledged. It is never tried again.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from pdfsmaller import errors, events, passwords, sandbox, sniff
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.jobs.model import Drop, Job, JobInput, new_id
from pdfsmaller.jobs.states import Status
from pdfsmaller.jobs.table import JobTable
from pdfsmaller.queue import Message, Queue, backoff_seconds
from pdfsmaller.services.outcome import error_json, kept_seconds, requeue_at
from pdfsmaller.storage import INBOX, Storage, input_key, job_of_input, report_key, result_key
from pdfsmaller.telemetry import get_logger

if TYPE_CHECKING:
    from pdfsmaller.engine.report import Report
    from pdfsmaller.settings import Settings

logger = get_logger("compress")

#: Kept free at the end of a function's time for writing the result or the failure, in seconds.
_SECONDS_TO_WRITE = 15.0
_PROGRESS_EVERY_SECONDS = 1.0
#: A document on which the engine's process died this often is not tried again.
_MAX_CRASHES = 2

#: Options that a drop's object metadata may set. Never a password: metadata is no place for secrets.
_DROP_OPTIONS = frozenset(CompressOptions.model_fields) - {"password"}


class CompressService:
    """Everything between a queue message and a finished job."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._storage = Storage(settings)
        self._queue = Queue(settings)
        self._table = JobTable(settings.jobs_table, clock)

    def handle(self, message: Message, remaining_seconds: float | None = None) -> None:
        """Do what a message asks for. Returning acknowledges it.

        Args:
            remaining_seconds: how long the function may still run; None where nobody counts.

        Raises:
            Exception: the message is to come again; how soon is already arranged with the queue.
        """
        try:
            created = events.parse(message.body)
        except events.MalformedEvent as exc:
            logger.error("malformed message", extra={"message_id": message.message_id, "reason": exc.message})
            self._retry(message, backoff_seconds(message.receive_count, self._settings.retry_delay_seconds))
            raise
        failures = [failed for item in created if (failed := self._try_object(item, message, remaining_seconds))]
        if failures:
            raise failures[0]

    def _try_object(
        self, created: events.ObjectCreated, message: Message, remaining_seconds: float | None
    ) -> Exception | None:
        """One object of a message, so that its failure does not keep the message's others from their turn."""
        try:
            if not created.is_folder:
                self._run_for(created, message, remaining_seconds)
        except errors.LeaseHeld as exc:
            self._retry(message, exc.seconds + 1)
            return exc
        except errors.LeaseLost as exc:
            # The queue has given the message to another worker: its visibility is that worker's affair.
            logger.warning("lease lost", extra={"key": created.key})
            return exc
        except Exception as exc:
            logger.exception("attempt failed", extra={"key": created.key, "receive_count": message.receive_count})
            self._retry(message, backoff_seconds(message.receive_count, self._settings.retry_delay_seconds))
            return exc
        return None

    def _retry(self, message: Message, seconds: float) -> None:
        """Shorten the wait. Where that fails the queue's own visibility timeout brings the message back."""
        if message.receipt_handle:
            with suppress(Exception):
                self._queue.retry_in(message, seconds)

    def _run_for(self, created: events.ObjectCreated, message: Message, remaining_seconds: float | None) -> None:
        job = self._job_for(created)
        if job is None:
            logger.info("object belongs to no job", extra={"key": created.key})
            return
        logger.append_keys(job_id=job.job_id)
        try:
            if _was_given_up(job):  # its message lay in the dead-letter queue and was redriven
                job = self._table.revive(job, due_at=requeue_at(self._table, self._settings)) or job
            if job.status.is_final:
                logger.info("job is final already", extra={"status": job.status})
                return
            if job.status is Status.AWAITING_UPLOAD and self._storage.inputs_arrived(job.job_id) < job.input_count:
                logger.info("upload not complete yet")
                return
            leased = self._table.start(job.job_id, message.message_id, self._settings.lease_seconds)
            if leased is None:
                self._meet_other_attempt(job.job_id, message)
                return
            self._attempt(leased, remaining_seconds)
        finally:
            logger.remove_keys(["job_id"])

    # Which job an object belongs to

    def _job_for(self, created: events.ObjectCreated) -> Job | None:
        if created.bucket != self._storage.uploads:
            return None
        if job_id := job_of_input(created.key):
            return self._table.get(job_id)
        if created.key.startswith(INBOX):
            return self._adopt(created)
        return None

    def _adopt(self, created: events.ObjectCreated) -> Job | None:
        """The job of a dropped file: made on its first event, found again on every other."""
        drop = Drop(created.bucket, created.key, created.version)
        job_id = self._table.claim(drop.identity, new_id())
        if job := self._table.get(job_id):
            return job
        info = self._storage.head(drop.bucket, drop.key)
        if info is None:  # taken away again before anybody looked
            return None
        now = self._table.now()
        job = Job(
            job_id=job_id,
            status=Status.QUEUED,
            stage="queued",
            created_at=now,
            updated_at=now,
            due_at=requeue_at(self._table, self._settings),
            inputs=(JobInput(Path(drop.key).name, info.bytes),),
            options=_options_of(info.metadata),
            drop=drop,
        )
        return job if self._table.create(job) else self._table.get(job_id)

    def _meet_other_attempt(self, job_id: str, message: Message) -> None:
        """The lease was not to be had. Acknowledge a duplicate; make a redelivered message wait.

        Raises:
            LeaseHeld: this very message holds the live lease, so the worker that had it has died.
        """
        job = self._table.get(job_id)
        if job is None or job.status.is_final:
            return
        if job.status is Status.RUNNING and job.lease_message != message.message_id:
            logger.info("duplicate event: another message runs this job")
            return
        seconds = max(0.0, (job.lease_until or 0) - self._table.now())
        raise errors.LeaseHeld(f"Job {job_id} is leased for another {seconds:.0f} s.", seconds)

    # One attempt

    def _attempt(self, job: Job, remaining_seconds: float | None) -> None:
        logger.info("attempt begins", extra={"attempt": job.attempt})
        try:
            try:
                self._run(job, remaining_seconds)
            except errors.WorkerCrashed as exc:
                if job.attempt < _MAX_CRASHES:
                    raise
                raise errors.EngineFailed(
                    f"The engine's process died {job.attempt} times on this document, so it is not tried again. "
                    "The original is untouched."
                ) from exc
        except (errors.DocumentError, errors.RequestError) as exc:
            self._record_failure(job, exc)
        except errors.LeaseLost:
            current = self._table.get(job.job_id)
            if current is None or not current.status.is_final:
                raise
            # Cancelled (or deleted) while it ran: leave nothing of it behind.
            logger.info("job ended while it ran", extra={"status": current.status})
            if current.status is not Status.SUCCEEDED:
                self._storage.delete_job(job.job_id)
        except Exception:
            with suppress(Exception):
                self._table.release(job, due_at=requeue_at(self._table, self._settings))
            raise

    def _run(self, job: Job, remaining_seconds: float | None) -> None:
        limits = self._settings.limits()
        if remaining_seconds is not None:
            hard = min(limits.hard_seconds, remaining_seconds - _SECONDS_TO_WRITE)
            if hard <= 0:
                raise errors.TransientError(f"Only {remaining_seconds:.0f} s are left: too few to begin.")
            limits = replace(limits, hard_seconds=hard, soft_seconds=min(limits.soft_seconds, hard * 0.75))
        options = self._options(job)
        with tempfile.TemporaryDirectory(prefix="pdfsmaller-") as folder:
            source, target = Path(folder, "in.pdf"), Path(folder, "out.pdf")
            etag = self._fetch(job, source)
            with _Heartbeat(self._table, job, self._settings) as heartbeat:
                report = sandbox.run_compress(
                    source, target, options, limits, progress=heartbeat.progress, stop=heartbeat.kill_when_lost
                )
                heartbeat.progress("storing", 99)
                self._store(job, report, target, etag)
        result = {
            "bytes": report.output_bytes,
            "ratio": report.ratio,
            "outcome": report.outcome,
            "report": report.model_dump(mode="json", exclude={"warnings"}),
        }
        warnings = [w.model_dump() for w in report.warnings]
        self._table.succeed(job, result, warnings, kept_seconds=kept_seconds(self._settings))
        logger.info(
            "job succeeded", extra={"outcome": report.outcome, "ratio": report.ratio, "seconds": report.seconds}
        )

    def _options(self, job: Job) -> CompressOptions:
        options = CompressOptions.parse(job.options)
        if not job.password:
            return options
        password = SecretStr(passwords.unseal(job.password, self._settings.secret_key))
        return options.model_copy(update={"password": password})

    def _fetch(self, job: Job, source: Path) -> str | None:
        """Download the input and look at it again: a presigned POST or a drop was checked by nobody yet.

        Returns:
            The dropped object's entity tag; None for an input that only we can have written.
        """
        key = job.drop.key if job.drop else input_key(job.job_id, 0)
        info = self._storage.head(self._storage.uploads, key)
        name = job.inputs[0].name if job.inputs else "The file"
        if info is not None:
            sniff.check_size(name, info.bytes, self._settings.max_file_size)
        if info is None or not self._storage.download(self._storage.uploads, key, source, etag=info.etag):
            if job.drop:
                raise errors.InputChanged(f"{name} was replaced or removed before its job could read it.")
            raise errors.UploadIncomplete(f"{name} was never uploaded, or was deleted.")
        with source.open("rb") as file:
            sniff.check_pdf(name, info.bytes, file.read(sniff.HEAD_BYTES), self._settings.max_file_size)
        return info.etag if job.drop else None

    def _store(self, job: Job, report: Report, target: Path, etag: str | None) -> None:
        """Write report and result. The row follows, so a result that is seen is whole."""
        storage = self._storage
        facts = report.model_dump_json().encode()
        storage.put_file(storage.results, report_key(job.job_id), facts, content_type="application/json")
        metadata = {
            "job-id": job.job_id,
            "outcome": report.outcome,
            "input-bytes": str(report.input_bytes),
            "output-bytes": str(report.output_bytes),
        }
        if job.drop:
            current = storage.head(job.drop.bucket, job.drop.key)
            if current is None or current.etag != etag:
                # An older result must not overwrite that of the file which has taken this one's place.
                raise errors.InputChanged(f"{job.drop.key} was replaced or removed while its job ran.")
        with target.open("rb") as body:
            key = job.drop.key if job.drop else result_key(job.job_id)
            storage.put_file(storage.results, key, body, metadata=metadata)
        if job.drop:
            storage.delete(storage.results, _error_key(job.drop))

    def _record_failure(self, job: Job, exc: errors.PdfSmallerError) -> None:
        logger.info("job failed", extra={"code": exc.code, "reason": exc.message})
        if job.drop and not isinstance(exc, errors.InputChanged):
            body = json.dumps({"job_id": job.job_id, "error": error_json(exc)}, indent=2).encode()
            self._storage.put_file(
                self._storage.results,
                _error_key(job.drop),
                body,
                content_type="application/json",
                metadata={"job-id": job.job_id, "outcome": "failed"},
            )
        self._table.fail_attempt(job, error_json(exc), kept_seconds=kept_seconds(self._settings))


def _error_key(drop: Drop) -> str:
    return f"{drop.key}.error.json"


def _was_given_up(job: Job) -> bool:
    return job.status is Status.FAILED and (job.error or {}).get("code") == errors.TooManyAttempts.code


def _options_of(metadata: dict[str, str]) -> dict[str, str]:
    """The options in a dropped object's metadata. What is not an option of ours is its owner's own affair."""
    given = {name.lower().replace("-", "_"): value for name, value in metadata.items()}
    return {name: value for name, value in given.items() if name in _DROP_OPTIONS}


class _Heartbeat:
    """Renews a job's lease while the engine works, and kills the engine once the lease is lost."""

    def __init__(self, table: JobTable, job: Job, settings: Settings) -> None:
        self._table, self._job = table, job
        self._lease, self._every = settings.lease_seconds, settings.heartbeat_seconds
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._process: sandbox.EngineProcess | None = None
        self._shown = float("-inf")

    def __enter__(self) -> _Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._done.set()
        self._thread.join()

    def kill_when_lost(self, process: sandbox.EngineProcess) -> None:
        self._process = process

    def progress(self, stage: str, percent: int) -> None:
        """Show how far the work is, at most once a second. Raises LeaseLost."""
        if time.monotonic() - self._shown >= _PROGRESS_EVERY_SECONDS:
            self._shown = time.monotonic()
            self._table.renew(self._job, self._lease, stage=stage, progress=percent)

    def _beat(self) -> None:
        while not self._done.wait(self._every):
            try:
                self._table.renew(self._job, self._lease)
            except errors.LeaseLost as exc:
                if self._process:
                    self._process.kill(exc)
                return
            except Exception:
                logger.warning("heartbeat missed", exc_info=True)  # the lease outlives several of these
