"""Jobs done by a service elsewhere: ``pdfsmaller remote``. Only this needs the ``remote`` extra."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pdfsmaller.cli import errors
from pdfsmaller.cli.arguments import JOB_SERVICE
from pdfsmaller.cli.files import replacing
from pdfsmaller.cli.password import read_password
from pdfsmaller.cli.run import run_operation
from pdfsmaller.cli.show import say
from pdfsmaller.client import Client, JobView
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.options import Options
from pdfsmaller.engine.report import BaseReport
from pdfsmaller.engine.results import Done, Progress, ResultFile
from pdfsmaller.errors import ExitCode, PdfSmallerError, RemoteError
from pdfsmaller.operations import OperationSpec

#: How often a job is asked how far it is: a person looks at the bar.
_ASK_EVERY_SECONDS = 0.5


class _Service:
    """A service as what does the command's jobs. A job that is left while it runs, by Ctrl-C too, is cancelled."""

    def __init__(self, client: Client, wait_seconds: float | None) -> None:
        self._client, self._wait_seconds = client, wait_seconds

    def run(
        self, operation: OperationSpec, sources: Sequence[InputFile], folder: Path, options: Options, progress: Progress
    ) -> Done[BaseReport]:
        paths = [source.path for source in sources]
        progress("uploading", 0)
        (job,) = self._client.submit(operation.name, paths, **_fields(options))
        try:
            job = self._watched(job, progress)
        except BaseException:
            with suppress(PdfSmallerError):  # it may have ended by itself
                self._client.cancel(job)
            raise
        files = [
            ResultFile(
                self._client.download(job, folder / f"result-{index}", result=index), result.name, result.media_type
            )
            for index, result in enumerate(job.results)
        ]
        return Done(operation.report.parse(self._client.report(job)), tuple(files))

    def _watched(self, job: JobView, progress: Progress) -> JobView:
        ends_at = None if self._wait_seconds is None else time.monotonic() + self._wait_seconds
        while not job.status.is_final:
            if ends_at is not None and time.monotonic() >= ends_at:
                raise RemoteError(
                    "job_not_ready",
                    f"The job has not ended after {self._wait_seconds:g} seconds, so it was cancelled. "
                    "--wait-seconds allows more.",
                )
            time.sleep(_ASK_EVERY_SECONDS)
            job = self._client.job(job)
            progress(job.stage, job.progress)
        return self._client.wait(job)


def run(operation: OperationSpec, **given: Any) -> int:
    """Have an operation done elsewhere; the exit code. ``given``: the command's parameters."""
    server, api_key_file, wait_seconds = (given.pop(name) for name in JOB_SERVICE)

    def do(client: Client) -> int:
        return run_operation(_Service(client, wait_seconds), operation, **given)

    return _with_client(server, api_key_file, do)


def status(job: str, server: str, api_key_file: Path | None) -> int:
    """Print how a job stands, as JSON."""

    def do(client: Client) -> int:
        say(client.job(job).model_dump_json(indent=2))
        return ExitCode.OK

    return _with_client(server, api_key_file, do)


def jobs(server: str, api_key_file: Path | None) -> int:
    """Print a line of JSON for each of the API key's jobs, newest first."""

    def do(client: Client) -> int:
        for job in client.jobs():
            say(job.model_dump_json())
        return ExitCode.OK

    return _with_client(server, api_key_file, do)


def download(job: str, output: Path, server: str, api_key_file: Path | None) -> int:
    """Write a job's result into a file, once it is there."""

    def do(client: Client) -> int:
        client.wait(job)
        with replacing(output) as unfinished:
            client.download(job, unfinished)
        return ExitCode.OK

    return _with_client(server, api_key_file, do)


def cancel(job: str, server: str, api_key_file: Path | None) -> int:
    """Stop a job and delete its files."""

    def do(client: Client) -> int:
        client.cancel(job)
        return ExitCode.OK

    return _with_client(server, api_key_file, do)


def delete(job: str, server: str, api_key_file: Path | None) -> int:
    """Delete a job's files now."""

    def do(client: Client) -> int:
        client.delete(job)
        return ExitCode.OK

    return _with_client(server, api_key_file, do)


def health(server: str, api_key_file: Path | None) -> int:
    """Print how the service is, as JSON; not OK where it takes no jobs."""

    def do(client: Client) -> int:
        health = client.health()
        say(json.dumps(health, indent=2))
        return ExitCode.UNEXPECTED if health.get("status") == "unhealthy" else ExitCode.OK

    return _with_client(server, api_key_file, do)


def _with_client(server: str, api_key_file: Path | None, do: Callable[[Client], int]) -> int:
    try:
        api_key = read_password(api_key_file) if api_key_file else None
        with Client(server, api_key=api_key) as client:
            return do(client)
    except (PdfSmallerError, OSError) as exc:
        errors.complain(errors.describe(exc))
        return errors.exit_code(exc)


def _fields(options: Options) -> dict[str, Any]:
    """What was asked for, as the API takes it."""
    fields = options.to_json(asked_for=True)
    secret = {"password": options.secret} if options.secret else {}
    return fields | secret
