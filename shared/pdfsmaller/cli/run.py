"""One operation over the files that the command names, one job after the other; ``here`` or ``remote`` does them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from pdfsmaller import workspace
from pdfsmaller.cli import errors
from pdfsmaller.cli.files import check_readable, replacing
from pdfsmaller.cli.inputs import read_inputs
from pdfsmaller.cli.names import PASSWORD_FILE
from pdfsmaller.cli.password import read_password, read_passwords
from pdfsmaller.cli.show import Progress, report_json, say, summary, totals
from pdfsmaller.cli.targets import check_several, in_folder, one_target, targets_of
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.options import Options
from pdfsmaller.engine.report import BaseReport
from pdfsmaller.engine.results import Done
from pdfsmaller.engine.results import Progress as OnProgress
from pdfsmaller.errors import ExitCode, InvalidOption, PdfSmallerError
from pdfsmaller.operations import OperationSpec
from pdfsmaller.records import record


class Engine(Protocol):
    """Who does a job: this machine, or a service elsewhere."""

    def run(
        self,
        operation: OperationSpec,
        sources: Sequence[InputFile],
        folder: Path,
        options: Options,
        progress: OnProgress,
    ) -> Done[BaseReport]:
        """Do one job; its results lie in ``folder``.

        Raises:
            PdfSmallerError, OSError.
        """
        ...


@record()
class _Job:
    """One run of the engine: its files, where its results go (known once it has named them), what came of it."""

    sources: list[Path]
    name: str
    targets: list[Path]
    report: BaseReport | None = None
    error: Exception | None = None

    @property
    def exit_code(self) -> int:
        if self.error:
            return errors.exit_code(self.error)
        assert self.report
        return ExitCode.TARGET_NOT_MET if self.report.outcome == "target_not_met" else ExitCode.OK


class _Command:
    """One call of the command: what its jobs share."""

    def __init__(
        self,
        engine: Engine,
        operation: OperationSpec,
        inputs: Sequence[str],
        output: Path | None,
        output_dir: Path | None,
        given: dict[str, Any],
    ) -> None:
        """Raises UsageError, InvalidOption, OSError where what was given cannot be done."""
        self.engine, self.operation, self.output_dir = engine, operation, output_dir
        self.paths, per_input = read_inputs(inputs, operation.options)
        fields = {name: value for name, value in given.items() if name in operation.options.names()}
        fields |= per_input | _password(operation.options, given.get(PASSWORD_FILE))
        self.options = operation.options.parse(fields)
        self.jobs = self._planned(output)

    def _planned(self, output: Path | None) -> list[_Job]:
        """The jobs, each with its target."""
        if self.options.only_reports:
            if output or self.output_dir:
                raise errors.UsageError("A dry run writes nothing: leave -o and --output-dir out.")
            return [_Job([path], path.name, []) for path in self.paths]
        if self.operation.several_results:
            assert self.output_dir
            check_several(self.paths, self.output_dir)
            return [_Job([path], path.name, []) for path in self.paths]
        if self.operation.each_alone:
            targets = targets_of(self.paths, output, self.output_dir)
            return [_Job([path], path.name, [to]) for path, to in zip(self.paths, targets, strict=True)]
        assert output
        return [_Job(self.paths, output.name, [one_target(output)])]

    def run(self, job: _Job, progress: OnProgress) -> None:
        """Do a job. What goes wrong is kept on it."""
        try:
            for path in job.sources:
                check_readable(path)
            with workspace.job_folder() as folder:
                done = self.engine.run(self.operation, _sources(job), folder, self.options, progress)
                if not self.options.only_reports:
                    self._hand_out(job, done)
            job.report = done.report
        except (PdfSmallerError, OSError, errors.UsageError) as exc:
            job.error = exc

    def _hand_out(self, job: _Job, done: Done[BaseReport]) -> None:
        """Put results where they belong; those of an operation with several are named by it."""
        if self.operation.several_results:
            assert self.output_dir
            written = [target for other in self.jobs for target in other.targets]
            targets = in_folder([file.name for file in done.files], self.output_dir, self.paths, written)
        else:
            targets = job.targets
        for file, target in zip(done.files, targets, strict=True):
            with replacing(target) as unfinished:
                shutil.copyfile(file.path, unfinished)
        job.targets = targets

    def as_json(self, job: _Job) -> dict[str, Any]:
        """What ``--json`` prints of a job."""
        sources = [str(path) for path in job.sources]
        body: dict[str, Any] = {"source": sources[0]} if self.operation.each_alone else {"sources": sources}
        targets = [str(path) for path in job.targets]
        if not self.options.only_reports:
            body |= {"targets": targets} if self.operation.several_results else {"target": targets[0]}
        if job.report:
            body["report"] = report_json(job.report)
        if job.error:
            body["error"] = errors.error_json(job.error)
        return body


def run_operation(
    engine: Engine,
    operation: OperationSpec,
    *,
    inputs: Sequence[str],
    output: Path | None = None,
    output_dir: Path | None = None,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> int:
    """Do an operation and return the exit code: that of the first job that fails.

    Args:
        given: the operation's options as they were written, and the file with its password.
    """
    try:
        command = _Command(engine, operation, inputs, output, output_dir, given)
    except (errors.UsageError, InvalidOption, OSError) as exc:
        errors.complain(errors.describe(exc))
        return errors.exit_code(exc)
    jobs = command.jobs
    with Progress(len(jobs), enabled=not quiet) as progress:
        for job in jobs:
            command.run(job, progress.file(job.name))
            if job.error:
                progress.pause()
                _complain(job, named=operation.each_alone)
            elif not (as_json or quiet):
                assert job.report
                progress.pause()
                say(summary(job.sources, job.targets, job.report, command.options))
    if as_json:
        bodies = [command.as_json(job) for job in jobs]
        say(json.dumps(bodies[0] if len(bodies) == 1 else bodies, indent=2, ensure_ascii=False))
    elif len(jobs) > 1 and not quiet:
        say(totals([job.report for job in jobs if job.report]))
    return next((job.exit_code for job in jobs if job.exit_code), ExitCode.OK)


def _sources(job: _Job) -> list[InputFile]:
    return [InputFile(path.resolve(), path.name) for path in job.sources]


def _password(options: type[Options], file: Path | None) -> dict[str, str]:
    """The option that a password file is."""
    if file is None:
        return {}
    name = next(name for name in options.names() if options.is_secret(name))
    return {name: read_passwords(file) if options.shown(name).repeated else read_password(file)}


def _complain(job: _Job, *, named: bool) -> None:
    """Say what went wrong. Errors of one file alone do not name it; those of the system do."""
    assert job.error
    why = errors.describe(job.error)
    errors.complain(f"{job.sources[0]}: {why}" if named and not isinstance(job.error, OSError) else why)
