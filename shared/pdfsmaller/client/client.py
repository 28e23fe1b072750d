"""The client: what the API can do, as methods."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from pdfsmaller import errors
from pdfsmaller.client.transport import Transport
from pdfsmaller.client.uploads import send_to_store
from pdfsmaller.jobs.states import Status
from pdfsmaller.jobs.view import BatchView, JobView
from pdfsmaller.operations import find

#: Above this a request does not fit through a Function URL (6 MB as base64): files go straight to the store.
_DIRECT_MAX_BYTES = 4_000_000
#: How long one request is asked to wait for a job's end.
_WAIT_SECONDS = 30


class Client:
    """A service of PDF Smaller, wherever it runs. Usable as a context manager; not from several threads at once."""

    def __init__(self, address: str, *, api_key: str | None = None, patience_seconds: float = 60) -> None:
        """Connects to nothing yet.

        Args:
            address: of the service, ``http://localhost:8080``.
            api_key: where the service asks for one.
            patience_seconds: how long a request is tried again while the service cannot be reached or is busy.
        """
        self._transport = Transport(address, api_key, patience_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all connections."""
        self._transport.close()

    # Jobs begin

    def submit(self, operation: str, files: Sequence[Path | str], **options: Any) -> list[JobView]:
        """Begin jobs: one for all files, or one for each where the operation takes one at a time (``compress``).

        Large files go straight to the store.

        Args:
            options: the operation's, by name.

        Raises:
            RemoteError: the service refuses; ``code`` and message are its own.
            ServiceUnreachable: it does not answer.
            OSError: a file cannot be read.
        """
        spec, paths = find(operation), [Path(file) for file in files]
        options = {name: value for name, value in options.items() if value is not None}
        if sum(path.stat().st_size for path in paths) <= _DIRECT_MAX_BYTES:
            return self._send_directly(f"/api/{spec.route}", paths, options)
        return send_to_store(self._transport, spec, paths, options)

    def _send_directly(self, path: str, files: Sequence[Path], options: Mapping[str, Any]) -> list[JobView]:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        with ExitStack() as opened:
            streams = [opened.enter_context(file.open("rb")) for file in files]

            def body() -> Mapping[str, Any]:
                for stream in streams:
                    stream.seek(0)
                parts = [("files", (file.name, stream)) for file, stream in zip(files, streams, strict=True)]
                return {"files": parts, "data": {name: _text(value) for name, value in options.items()}}

            answer = self._transport.json("POST", path, body=body, headers=key)
        jobs = answer.get("jobs", [answer])
        return [JobView.model_validate(job) for job in jobs]

    def again(
        self,
        job: JobView | str,
        *,
        operation: str | None = None,
        inputs: Sequence[Mapping[str, Any]] | None = None,
        **options: Any,
    ) -> JobView:
        """A new job from what was sent already: other options, another operation, or inputs and results of several
        jobs, each ``{"job_id": …, "input": n}`` or ``{"job_id": …, "result": n}``.
        """
        wanted = {"operation": operation, "inputs": inputs, "options": options or None}
        given = {name: value for name, value in wanted.items() if value is not None}
        return self._job("POST", job, "/again", json=given, headers={"Idempotency-Key": str(uuid.uuid4())})

    def retry(self, job: JobView | str) -> JobView:
        """Try a failed job again."""
        return self._job("POST", job, "/retry")

    # Jobs as they stand

    def job(self, job: JobView | str) -> JobView:
        """A job as it stands now."""
        return self._job("GET", job)

    def wait(self, job: JobView | str, seconds: float | None = None) -> JobView:
        """A job once it has ended.

        Args:
            seconds: how long to wait at most; None for as long as it takes.

        Raises:
            RemoteError: it failed, was cancelled or has expired; ``code`` and message are the job's own.
            TimeoutError: it has not ended in time.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while not (now := self._waited(job, end)).status.is_final:
            if end is not None and time.monotonic() >= end:
                raise TimeoutError(f"Job {now.job_id} has not ended after {seconds:g} seconds; it is {now.status}.")
        if now.error:
            raise errors.RemoteError(now.error.code, now.error.message)
        if now.status is not Status.SUCCEEDED:
            raise errors.RemoteError(f"job_{now.status}", f"Job {now.job_id} is {now.status}. Send the document again.")
        return now

    def _waited(self, job: JobView | str, end: float | None) -> JobView:
        left = _WAIT_SECONDS if end is None else max(0, min(_WAIT_SECONDS, round(end - time.monotonic())))
        return self._job("GET", job, headers={"Prefer": f"wait={left}"} if left else None, wait_seconds=left)

    def jobs(self) -> Iterator[JobView]:
        """All jobs of the API key, newest first."""
        cursor: str | None = ""
        while cursor is not None:
            page = self._transport.json("GET", f"/api/jobs?cursor={quote(cursor)}" if cursor else "/api/jobs")
            yield from (JobView.model_validate(job) for job in page["jobs"])
            cursor = page["next"]

    def batch(self, batch_id: str) -> BatchView:
        """The jobs of one request with several files."""
        return BatchView.model_validate(self._transport.json("GET", f"/api/batches/{quote(batch_id, safe='')}"))

    def report(self, job: JobView | str) -> dict[str, Any]:
        """Everything that the engine says of a job that has succeeded."""
        report: dict[str, Any] = self._transport.json("GET", f"{_path(job)}/report")
        return report

    # Jobs end

    def cancel(self, job: JobView | str) -> JobView:
        """Stop a job and delete its files."""
        return self._job("POST", job, "/cancel")

    def delete(self, job: JobView | str) -> None:
        """Delete a job's files; one that runs is cancelled."""
        self._transport.json("DELETE", _path(job))

    # Results

    def download(self, job: JobView | str, target: Path | str, *, result: int | None = None) -> Path:
        """Write a job's result into a file, which appears when it is whole; ``target`` for chaining.

        Args:
            result: which of several, counted from 0; None for what stands for all: the only one, or a ZIP.

        Raises:
            RemoteError, ServiceUnreachable, OSError.
        """
        path = f"{_path(job)}/download" if result is None else f"{_path(job)}/results/{result}"
        target = Path(target)
        unfinished = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.part")
        try:
            with self._transport.streamed(path) as chunks, unfinished.open("xb") as file:
                file.writelines(chunks)
            unfinished.replace(target)
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
        return target

    def health(self) -> dict[str, Any]:
        """How the service is: its ``status`` is ``healthy``, ``degraded`` or ``unhealthy``."""
        health: dict[str, Any] = self._transport.json("GET", "/api/health", good=(HTTPStatus.SERVICE_UNAVAILABLE,))
        return health

    def _job(
        self,
        method: str,
        job: JobView | str,
        action: str = "",
        *,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        wait_seconds: float = 0,
    ) -> JobView:
        body = {} if json is None else {"json": json}
        answer = self._transport.json(
            method, f"{_path(job)}{action}", body=lambda: body, headers=headers, wait_seconds=wait_seconds
        )
        return JobView.model_validate(answer)


def _path(job: JobView | str) -> str:
    return f"/api/jobs/{quote(job if isinstance(job, str) else job.job_id, safe='')}"


def _text(value: Any) -> Any:
    """An option as a form's field has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return [_text(item) for item in value] if isinstance(value, list | tuple) else str(value)
