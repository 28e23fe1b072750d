"""``pdfsmaller compress``: one file after the other through the engine's child process."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pdfsmaller.cli import errors
from pdfsmaller.cli.password import read_password
from pdfsmaller.cli.show import Progress, say, summary, totals
from pdfsmaller.engine.options import CompressOptions, parse_size
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
            said["report"] = self.report.model_dump(mode="json") | {"ratio": self.report.ratio}
        if self.error:
            said["error"] = {"code": errors.code_of(self.error), "message": errors.describe(self.error)}
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
        bounds = _limits(**limits)
    except _UsageError as exc:
        errors.complain(str(exc))
        return errors.USAGE
    except (InvalidOption, OSError) as exc:
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


class _UsageError(Exception):
    """The arguments do not go together."""


def _targets(inputs: list[Path], output: Path | None, output_dir: Path | None) -> list[Path]:
    """Where each input's result goes.

    Raises:
        _UsageError: nowhere, twice the same place, or over another input.
        OSError: the folder cannot be made.
    """
    if (output is None) == (output_dir is None):
        raise _UsageError("Say where the result goes: -o FILE, or --output-dir DIR (one of the two).")
    if output is not None:
        if len(inputs) > 1:
            raise _UsageError("-o takes the result of one input; use --output-dir DIR for several.")
        if output.is_dir():
            raise _UsageError(f"-o {output} is a folder; use --output-dir {output}.")
        return [output]
    assert output_dir is not None
    if output_dir.exists() and not output_dir.is_dir():
        raise _UsageError(f"--output-dir {output_dir} is a file, not a folder.")
    targets = [output_dir / source.name for source in inputs]
    owners: dict[Path, Path] = {}
    for source, target in zip(inputs, targets, strict=True):
        place = target.resolve()
        if place in owners:
            raise _UsageError(f"{owners[place]} and {source} would both become {target}. Compress them one by one.")
        owners[place] = source
    for source in inputs:
        if source.resolve() in owners:
            raise _UsageError(f"--output-dir {output_dir} would overwrite the input {source}. Choose another folder.")
    output_dir.mkdir(parents=True, exist_ok=True)
    return targets


def _limits(timeout: float | None, max_pages: int | None, max_pixels: int | None, max_memory: str | None) -> Limits:
    limits = Limits()
    if timeout is not None:
        # What is left of the time goes to writing and checking what was reached.
        limits = replace(limits, hard_seconds=timeout, soft_seconds=timeout * 0.75)
    if max_pages is not None:
        limits = replace(limits, max_pages=max_pages)
    if max_pixels is not None:
        limits = replace(limits, max_image_pixels=max_pixels)
    if max_memory is not None:
        try:
            limits = replace(limits, memory_bytes=int(parse_size(max_memory)))
        except ValueError:
            raise InvalidOption("max_memory", max_memory, ["bytes, or text such as 800MB or 3GB"]) from None
    return limits


def _compress_one(
    source: Path, target: Path, options: CompressOptions, limits: Limits, progress: Callable[[str, int], None]
) -> Done:
    from pdfsmaller.sandbox import run_compress

    try:
        with source.open("rb") as file:
            file.read(1)  # or the engine would have to say why it cannot
        with _replacing(target) as unfinished:
            report = run_compress(source, unfinished, options, limits, progress=progress)
    except (PdfSmallerError, OSError) as exc:
        return Done(source, target, error=exc)
    return Done(source, target, report=report)


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """A temporary file beside ``target`` that takes its place at the end of the block; on an error it disappears."""
    special = target.exists() and not target.is_file()  # /dev/stdout, a pipe
    if not special:
        target = target.resolve()  # write through a symbolic link, as cp does
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{target.name[:100]}.", suffix=".part", dir=None if special else target.parent
        )
    except OSError as exc:
        raise OSError(exc.errno, f"cannot be written: {exc.strerror}", str(target)) from None
    os.close(handle)
    unfinished = Path(name)
    try:
        yield unfinished
        if special:
            with unfinished.open("rb") as result, target.open("wb") as sink:
                shutil.copyfileobj(result, sink)
        else:
            unfinished.chmod(_mode_for(target))
            unfinished.replace(target)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _mode_for(target: Path) -> int:
    """The permissions of the file that is replaced, or those of any new file."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
