"""What people read: sizes, the summary of a file, the progress bar."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from pdfsmaller.engine.options import Options
from pdfsmaller.engine.report import BaseReport, CombinedReport, ComparisonSummary, FontCounts, ImageCounts, Report
from pdfsmaller.engine.results import Progress as OnProgress

_KINDS = ("images", "fonts", "content", "metadata", "attachments", "structure")


def say(text: str) -> None:
    """Print. That the reader went away, as in ``pdfsmaller inspect … | head``, stops nothing."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def remark(text: str) -> None:
    """A line for people, beside what is printed for programs."""
    print(text, file=sys.stderr, flush=True)


def moment(at: float | None) -> str | None:
    """A time in UTC, to the second; None for none (and for 0). ``at``: seconds since the epoch."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else None


def table(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Rows below their names, a line each."""
    heads = {name: name.upper().replace("_", " ") for name in names}
    lines = [heads, *({name: _cell(row[name]) for name in names} for row in rows)]
    widths = {name: max(len(line[name]) for line in lines) for name in names}
    return ["  ".join(line[name].ljust(widths[name]) for name in names).rstrip() for line in lines]


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "-"
    return "-" if value is None or value == "" else str(value)


def size(count: int) -> str:
    """Bytes in three figures: 987 B, 1.23 kB, 45.6 MB (powers of 1,000)."""
    if count < 1000:
        return f"{count} B"
    value, unit = float(count), "B"
    for unit in ("kB", "MB", "GB", "TB"):  # noqa: B007 - the last one is used
        value /= 1000
        if value < 999.5:
            break
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"


def counted(number: int, what: str) -> str:
    """``1 page``, ``2 pages``."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def report_json(report: BaseReport) -> dict[str, Any]:
    """A report as ``--json`` prints it."""
    return report.to_json() | {"ratio": report.ratio}


def summary(sources: Sequence[Path], targets: Sequence[Path], report: BaseReport, options: Options) -> str:
    """What became of one job, in a few lines."""
    if isinstance(report, Report) and report.dry_run:
        lines = _of_dry_run(sources[0], report)
    elif isinstance(report, Report):
        lines = _of_one(f"{sources[0]} → {targets[0]}", report)
    elif isinstance(report, CombinedReport):
        lines = _of_several(targets[0], report)
    else:
        lines = _of_results(sources, targets, report)
    if report.outcome == "target_not_met" and (target_size := getattr(options, "target_size", None)):
        lines.insert(1, _out_of_reach(target_size))
    return "\n".join([*lines, *_notes(report)])


def _of_one(what: str, report: Report) -> list[str]:
    """One file that was made smaller."""
    lines = [f"{what}: {_sizes(report)}"]
    if report.outcome == "unchanged":
        return [f"{lines[0]}, unchanged: copied as it is"]
    counts: dict[str, ImageCounts | FontCounts] = {"images": report.images, "fonts": report.fonts}
    for kind in _KINDS:
        before, after = getattr(report.before, kind), getattr(report.after, kind)
        if before or after:
            done = counts.get(kind)
            detail = f"   {done.changed} of {done.seen} changed" if done and done.seen else ""
            lines.append(f"  {kind:<12}{size(before):>9} → {size(after):>9}{detail}")
    return lines


def _of_dry_run(source: Path, report: Report) -> list[str]:
    """Where a file's bytes are, and what presets would make of them."""
    asked = f"about {size(report.output_bytes)} ({report.ratio:.0%}) with these options"
    lines = [f"{source}: {size(report.input_bytes)}, {counted(report.pages, 'page')}; {asked}"]
    lines += where_bytes_are(report.before.to_json(), report.input_bytes)
    lines.append("About what each preset would give:")
    return lines + [f"  {item.preset:<12}{size(item.bytes):>9}  {item.ratio:6.1%}" for item in report.presets]


def where_bytes_are(audit: Mapping[str, int], total: int) -> list[str]:
    """What each kind of content takes of a file, the most first: a line each."""
    kinds = sorted(audit.items(), key=lambda item: -item[1])
    return [f"  {kind:<12}{size(count):>9}  {count / total:6.1%}" for kind, count in kinds if count]


def _of_several(target: Path, report: CombinedReport) -> list[str]:
    """Several files that became one."""
    used = sum(source.error is None for source in report.sources)
    lines = [f"{counted(used, 'file')} → {target}: {counted(report.pages, 'page')}, {_sizes(report)}"]
    if used < len(report.sources):
        lines[0] += f", {counted(len(report.sources) - used, 'file')} left out"
    if report.images.seen:
        lines.append(f"  images: {report.images.changed} of {report.images.seen} changed")
    return lines


def _of_results(sources: Sequence[Path], targets: Sequence[Path], report: BaseReport) -> list[str]:
    """What became of files by any other operation."""
    what = str(sources[0]) if len(sources) == 1 else counted(len(sources), "file")
    where = str(targets[0]) if len(targets) == 1 else counted(len(targets), "file")
    lines = [f"{what} → {where}: {counted(report.pages, 'page')}, {_sizes(report)}"]
    if len(targets) > 1:
        lines += [f"  {target}  {size(target.stat().st_size)}" for target in targets]
    return lines


def _sizes(report: BaseReport) -> str:
    return f"{size(report.input_bytes)} → {size(report.output_bytes)} ({report.ratio:.1%})"


def _out_of_reach(target_size: int) -> str:
    return f"  the target of {size(target_size)} is out of reach; this is the smallest file possible"


def _notes(report: BaseReport) -> list[str]:
    """Images and fonts left alone, by reason, and warnings: a line each."""
    lines = []
    for kind in ("images", "fonts"):
        if skipped := getattr(getattr(report, kind, None), "skipped", {}):
            reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()))
            lines.append(f"  {kind} left as they are: {reasons}")
    comparison: ComparisonSummary | None = getattr(report, "comparison", None)
    if comparison is not None and comparison.mode != "off":
        lines.append(f"  compared with the original: {counted(comparison.pages, 'page')} of {report.pages:,}")
    return lines + [f"  warning ({warning.code}): {warning.message}" for warning in report.warnings]


def totals(reports: Sequence[BaseReport]) -> str:
    """All files together, in one line."""
    before, after = sum(r.input_bytes for r in reports), sum(r.output_bytes for r in reports)
    ratio = after / before if before else 1.0
    return f"{counted(len(reports), 'file')}: {size(before)} → {size(after)} ({ratio:.1%})"


class Progress:
    """A progress bar on standard error: only where that is a terminal, otherwise nothing."""

    def __init__(self, files: int, *, enabled: bool) -> None:
        self.files = files
        self._bar: Any = None
        self._task: Any = None
        if enabled and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
            elapsed = (TextColumn("{task.fields[stage]}", markup=False), TimeElapsedColumn())
            self._bar = Bar(*columns, *elapsed, console=Console(stderr=True), transient=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()

    def file(self, name: str) -> OnProgress:
        """Begin with a file; what comes back is told how far it is."""
        if self._bar is None:
            return lambda stage, percent, pages=None: None
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(name, total=100, stage="")
        self._bar.start()
        return lambda stage, percent, pages=None: self._bar.update(self._task, completed=percent, stage=stage)

    def pause(self) -> None:
        """Take the bar away, so that something can be printed."""
        if self._bar is not None:
            self._bar.stop()
