"""What the estimate of the time left is worth: ``python -m benchmarks.eta --corpus DIR --out DIR``.

Every PDF of the corpus is compressed, and what a job's caller is told at a quarter, a half and three quarters of its
time is compared with what was really left then: the error is the difference as a share of what was left. On a busy
machine the processor's time counts instead of the wall clock's (``--cpu``), as if a job were alone on one core.

Writes ``eta.tsv`` and ``eta.md``.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from benchmarks import measure
from pdfsmaller.engine import compress, schedule
from pdfsmaller.engine.images import effort, work
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.errors import PdfSmallerError
from pdfsmaller.services.pace import Pace

SHARES = (0.25, 0.5, 0.75)
#: Of shorter jobs nobody is told how long they will take (``services.pace``).
LEAST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Row:
    """One file: its time in seconds, what is done at a quarter of it, the estimate's error at each of ``SHARES``."""

    file: str
    seconds: float
    stage: str
    quarter: float | None
    half: float | None
    three_quarters: float | None


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.eta", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="a folder of PDFs")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the results")
    parser.add_argument("--preset", default="ebook")
    parser.add_argument("--cpu", action="store_true", help="count the processor's time")
    arguments = parser.parse_args()
    clock = time.process_time if arguments.cpu else time.monotonic
    if arguments.cpu:
        effort.WORKERS = work.WORKERS = 1
    options = CompressOptions.parse({"preset": arguments.preset})
    rows = []
    for file in sorted(arguments.corpus.glob("*.pdf")):
        try:
            rows.append(_row(file, options, clock))
        except PdfSmallerError as exc:
            print(f"{file.name}: {exc}")
        else:
            print(rows[-1], flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    measure.write_table(arguments.out / "eta.tsv", rows)
    text = _summary(rows, f"--preset {arguments.preset}{' --cpu' if arguments.cpu else ''}")
    (arguments.out / "eta.md").write_text(text)
    print(text)


def _row(file: Path, options: CompressOptions, clock: Callable[[], float]) -> Row:
    told: list[tuple[float, str, float]] = []
    begun = clock()

    def progress(stage: str, percent: float, _pages: object = None, /) -> None:
        told.append((clock() - begun, stage, percent))

    scheduled = schedule.Schedule
    with tempfile.TemporaryDirectory() as folder, patch.object(compress, "Schedule", lambda: scheduled(clock)):
        compress.compress(file, Path(folder) / "out.pdf", options, progress=progress)
    seconds = clock() - begun
    errors = [_error(told, seconds, share) for share in SHARES]
    stage = [name for at, name, _ in told if at <= SHARES[0] * seconds][-1]
    return Row(file.name, round(seconds, 3), stage, *errors)


def _error(told: list[tuple[float, str, float]], seconds: float, share: float) -> float | None:
    """That of what a caller is told when ``share`` of the time is over; below 0 where it was too little."""
    now, pace = share * seconds, Pace()
    for at, _, percent in told:
        if at <= now:
            pace.tell(percent, at)
    left = pace.seconds_left(now)
    return None if left is None else round((left - (seconds - now)) / (seconds - now), 3)


def _summary(rows: list[Row], how: str) -> str:
    long = [row for row in rows if row.seconds >= LEAST_SECONDS]
    lines = [
        *measure.heading(f"python -m benchmarks.eta --corpus DIR --out DIR {how}"),
        f"{len(long)} of {len(rows)} files took {LEAST_SECONDS:g} s or more.",
        "",
        "| time over | files with an estimate | error, median | three quarters of them below |",
        "|---|---:|---:|---:|",
    ]
    for share, name in zip(SHARES, ("quarter", "half", "three_quarters"), strict=True):
        errors = [abs(error) for row in long if (error := getattr(row, name)) is not None]
        upper = statistics.quantiles(errors, n=4)[2]
        lines.append(f"| {share:.0%} | {len(errors)} | {statistics.median(errors):.0%} | {upper:.0%} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
