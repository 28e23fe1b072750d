"""``pdfsmaller merge`` and ``pdfsmaller images``: several files become one PDF."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pdfsmaller.cli import errors
from pdfsmaller.cli.bounds import limits_from
from pdfsmaller.cli.files import check_readable, replacing
from pdfsmaller.cli.password import read_passwords
from pdfsmaller.cli.show import Progress, combined_summary, report_json, say
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.merge.ranges import SYNTAX, is_range
from pdfsmaller.engine.options import OPTIONS, CompressOptions, Operation
from pdfsmaller.engine.report import CombinedReport
from pdfsmaller.errors import InvalidOption, PdfSmallerError
from pdfsmaller.limits import Limits


def merge_files(inputs: Sequence[str], *, fields: dict[str, Any], **how: Any) -> int:
    """Merge PDFs, each a FILE or FILE:RANGES, and return the exit code; ``how`` as in ``combine``."""
    try:
        split = [_split(text) for text in inputs]
    except errors.UsageError as exc:
        errors.complain(errors.describe(exc))
        return errors.USAGE
    pages = [ranges for _, ranges in split]
    return combine("merge", [path for path, _ in split], fields=fields | {"pages": pages if any(pages) else []}, **how)


def combine(
    operation: Operation,
    inputs: Sequence[Path],
    *,
    output: Path,
    fields: dict[str, Any],
    limits: dict[str, Any],
    password_file: Path | None = None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make one PDF of all inputs and return the exit code. ``fields`` are the operation's options as given."""
    try:
        if output.is_dir():
            raise errors.UsageError(f"-o {output} is a folder; name a file.")
        passwords = {"password": read_passwords(password_file)} if password_file else {}
        options = OPTIONS[operation].parse(fields | passwords)
        bounds = limits_from(**limits)
    except (errors.UsageError, InvalidOption, OSError) as exc:
        errors.complain(errors.describe(exc))
        return errors.exit_code(exc)

    told: dict[str, Any] = {"sources": [str(path) for path in inputs], "target": str(output)}
    try:
        with Progress(1, enabled=not quiet) as progress:
            report = _run(operation, inputs, output, options, bounds, progress.file(output.name))
    except (PdfSmallerError, OSError) as exc:
        errors.complain(errors.describe(exc))
        if as_json:
            say(json.dumps(told | {"error": errors.error_json(exc)}, indent=2, ensure_ascii=False))
        return errors.exit_code(exc)
    if as_json:
        say(json.dumps(told | {"report": report_json(report)}, indent=2, ensure_ascii=False))
    elif not quiet:
        say(combined_summary(output, report, options.target_size))
    return errors.TARGET_NOT_MET if report.outcome == "target_not_met" else errors.OK


def _run(
    operation: Operation,
    inputs: Sequence[Path],
    output: Path,
    options: CompressOptions,
    limits: Limits,
    progress: Callable[[str, int], None],
) -> CombinedReport:
    from pdfsmaller import sandbox

    for path in inputs:
        check_readable(path)
    sources = [InputFile(path.resolve(), path.name) for path in inputs]
    with replacing(output) as unfinished:
        report = sandbox.run(operation, sources, unfinished, options, limits, progress=progress)
    assert isinstance(report, CombinedReport)
    return report


def _split(text: str) -> tuple[Path, str]:
    """A path and its page ranges (blank: all pages). What exists under the whole text is a path.

    Raises:
        UsageError: a file, but no page range after its colon.
    """
    whole = Path(text)
    before, colon, after = text.rpartition(":")
    if not colon or whole.exists():
        return whole, ""
    if is_range(after):
        return Path(before), after
    if Path(before).is_file():
        raise errors.UsageError(f"{text}: {after!r} is no page range. Write {SYNTAX}.")
    return whole, ""
