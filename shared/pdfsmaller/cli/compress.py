"""``pdfsmaller compress``: one file after the other through the engine's child process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pdfsmaller.cli import errors
from pdfsmaller.cli.bounds import limits_from
from pdfsmaller.cli.files import check_readable, replacing
from pdfsmaller.cli.password import read_password
from pdfsmaller.cli.show import Progress, report_json, say, summary, totals
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.engine.report import Report
from pdfsmaller.errors import InvalidOption, PdfSmallerError
from pdfsmaller.limits import Limits


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one input: a report or an error."""

    source: Path
    target: Path
    report: Report | None = None
    error: Exception | None = None

    @property
    def exit_code(self) -> int:
        if self.error:
            return errors.exit_code(self.error)
        assert self.report
        return errors.TARGET_NOT_MET if self.report.outcome == "target_not_met" else errors.OK

    def as_json(self) -> dict[str, Any]:
        said: dict[str, Any] = {"source": str(self.source), "target": str(self.target)}
        if self.report:
            said["report"] = report_json(self.report)
        if self.error:
            said["error"] = errors.error_json(self.error)
        return said


def compress_all(
    inputs: list[Path],
    *,
    output: Path | None,
    output_dir: Path | None,
    fields: dict[str, Any],
    limits: dict[str, Any],
    password_file: Path | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Compress every input and return the exit code. ``fields`` are the options as given; see ``CompressOptions``."""
    try:
        targets = _targets(inputs, output, output_dir)
        given = dict(fields)
        if password_file:
            given["password"] = read_password(password_file)
        options = CompressOptions.parse(given)
        bounds = limits_from(**limits)
    except (errors.UsageError, InvalidOption, OSError) as exc:
        errors.complain(errors.describe(exc))
        return errors.exit_code(exc)

    results = []
    with Progress(len(inputs), enabled=not quiet) as progress:
        for source, target in zip(inputs, targets, strict=True):
            done = _compress_one(source, target, options, bounds, progress.file(source.name))
            results.append(done)
            if done.error:
                progress.pause()
                why = errors.describe(done.error)
                errors.complain(why if isinstance(done.error, OSError) else f"{source}: {why}")
            elif not (as_json or quiet):
                assert done.report
                progress.pause()
                say(summary(source, target, done.report, options.target_size))
    if as_json:
        said = [done.as_json() for done in results]
        say(json.dumps(said[0] if len(said) == 1 else said, indent=2, ensure_ascii=False))
    elif len(results) > 1 and not quiet:
        say(totals([done.report for done in results if done.report]))
    return next((done.exit_code for done in results if done.exit_code), errors.OK)


def _targets(inputs: list[Path], output: Path | None, output_dir: Path | None) -> list[Path]:
    """Where each input's result goes.

    Raises:
        errors.UsageError: nowhere, twice the same place, or over another input.
        OSError: the folder cannot be made.
    """
    if (output is None) == (output_dir is None):
        raise errors.UsageError("Say where the result goes: -o FILE, or --output-dir DIR (one of the two).")
    if output is not None:
        if len(inputs) > 1:
            raise errors.UsageError("-o takes the result of one input; use --output-dir DIR for several.")
        if output.is_dir():
            raise errors.UsageError(f"-o {output} is a folder; use --output-dir {output}.")
        return [output]
    assert output_dir is not None
    if output_dir.exists() and not output_dir.is_dir():
        raise errors.UsageError(f"--output-dir {output_dir} is a file, not a folder.")
    targets = [output_dir / source.name for source in inputs]
    owners: dict[Path, Path] = {}
    for source, target in zip(inputs, targets, strict=True):
        place = target.resolve()
        if place in owners:
            raise errors.UsageError(
                f"{owners[place]} and {source} would both become {target}. Compress them one by one."
            )
        owners[place] = source
    for source in inputs:
        if source.resolve() in owners:
            raise errors.UsageError(
                f"--output-dir {output_dir} would overwrite the input {source}. Choose another folder."
            )
    output_dir.mkdir(parents=True, exist_ok=True)
    return targets


def _compress_one(
    source: Path, target: Path, options: CompressOptions, limits: Limits, progress: Callable[[str, int], None]
) -> Done:
    from pdfsmaller.sandbox import run_compress

    try:
        check_readable(source)
        with replacing(target) as unfinished:
            report = run_compress(source, unfinished, options, limits, progress=progress)
    except (PdfSmallerError, OSError) as exc:
        return Done(source, target, error=exc)
    return Done(source, target, report=report)
