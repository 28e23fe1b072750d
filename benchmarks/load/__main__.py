"""The service beside the classic architecture, in one run on the same files:
``python -m benchmarks.load --corpus DIR --rival DIR [--python BIN] [--workers 2] [--rounds 3] [--out DIR]``.

The rival is Flask, Celery with as many workers, Redis and Ghostscript (/ebook), in a folder with its ``run.sh``; ours
is ``pdfsmaller serve`` of this checkout, preset ebook. The files are the first 13 by name of the corpus under 700 KB
that have no password. Both services are up all the time; in each round each has every file twice, 8 at a time, and
once, one at a time, by turns. What is told is the median of the rounds, and of the ratios of each.

Then, of ours alone and warm: the CPU of all its processes for a tiny PDF from POST to done, and the seconds from POST
to done less the engine's own.

Writes ``load.md`` and ``load.tsv`` into ``--out``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.load import driver, sides
from benchmarks.load.rows import Row, measured
from benchmarks.measure import heading, write_table
from benchmarks.service.overhead import overhead, post_and_wait
from tests import documents

RESULTS = Path(__file__).parent / "results"
_FILES, _MAX_BYTES = 13, 700 * 1_024
_TINY_JOBS = 40
_MANY = 8


def chosen(corpus: Path) -> list[Path]:
    """The files that both sides are given."""
    files = [file for file in sorted(corpus.glob("*.pdf")) if "pw_" not in file.name]
    return [file for file in files if file.stat().st_size <= _MAX_BYTES][:_FILES]


def tiny_cpu(side: sides.Side) -> float:
    """CPU seconds of a warm service for one tiny job."""
    pdf = documents.text(1)
    for _ in range(5):
        post_and_wait(side.url, pdf)
    begun = side.cpu_seconds()
    for _ in range(_TINY_JOBS):
        post_and_wait(side.url, pdf)
    time.sleep(0.5)  # what is still at work for the last of them
    return (side.cpu_seconds() - begun) / _TINY_JOBS


def report(rows: Sequence[Row], facts: Sequence[str]) -> list[str]:
    """The table, and what else there is to say."""
    lines = [
        "| | jobs/s at 8 | median s | p95 s | CPU s a job | jobs/s at 1 | median s | p95 s | CPU s a job | failed |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for side in ("serve", "rival"):
        cells = [side]
        for at_a_time in (_MANY, 1):
            mine = [row for row in rows if (row.side, row.at_a_time) == (side, at_a_time)]
            cells += [
                f"{_median(mine, lambda row: row.jobs_per_second):.2f}",
                f"{_median(mine, lambda row: row.median_seconds):.3f}",
                f"{_median(mine, lambda row: row.p95_seconds):.2f}",
                f"{_median(mine, lambda row: row.cpu_seconds / row.jobs):.3f}",
            ]
        lines.append(f"| {' | '.join(cells)} | {sum(row.failed for row in rows if row.side == side)} |")
    lines.append(
        f"| serve / rival | **{_ratio(rows, _MANY, lambda row: row.jobs_per_second):.2f}** "
        f"| {_ratio(rows, _MANY, lambda row: row.median_seconds):.2f} "
        f"| {_ratio(rows, _MANY, lambda row: row.p95_seconds):.2f} "
        f"| {_ratio(rows, _MANY, lambda row: row.cpu_seconds):.2f} "
        f"| {_ratio(rows, 1, lambda row: row.jobs_per_second):.2f} "
        f"| **{_ratio(rows, 1, lambda row: row.median_seconds):.2f}** "
        f"| {_ratio(rows, 1, lambda row: row.p95_seconds):.2f} "
        f"| {_ratio(rows, 1, lambda row: row.cpu_seconds):.2f} | |"
    )
    return [*lines, "", *(f"- {fact}" for fact in facts)]


def _median(rows: Sequence[Row], figure: Callable[[Row], float]) -> float:
    return statistics.median(figure(row) for row in rows)


def _ratio(rows: Sequence[Row], at_a_time: int, figure: Callable[[Row], float]) -> float:
    """Ours through theirs, the median of the rounds: what else the machine does in one of them hits both."""
    of = {(row.round, row.side): figure(row) for row in rows if row.at_a_time == at_a_time}
    return statistics.median(of[number, "serve"] / of[number, "rival"] for number, side in of if side == "serve")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--rival", type=Path, required=True, help="the folder of its run.sh")
    parser.add_argument("--python", type=Path, default=Path(tempfile.gettempdir()) / "rival" / "bin")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    files, busy = chosen(given.corpus), os.getloadavg()[0]
    if len(files) < _FILES:
        parser.error(f"{given.corpus} holds {len(files)} such files; {_FILES} are needed.")
    rows: list[Row] = []
    with sides.ours(given.workers) as ours, sides.rival(given.rival.resolve(), given.python.absolute()) as theirs:
        sent = sum(file.stat().st_size for file in files)
        sizes = {side.name: driver.result_bytes(side.url, files) / sent for side in (ours, theirs)}  # and warm
        for number in range(1, given.rounds + 1):
            for at_a_time in (_MANY, 1):
                for side in (ours, theirs) if number % 2 else (theirs, ours):
                    jobs = len(files) * (2 if at_a_time > 1 else 1)
                    rows.append(measured(number, side, files, jobs, at_a_time))
                    print(rows[-1], flush=True)
    with sides.ours(given.workers) as ours:
        cpu, around = tiny_cpu(ours), overhead(ours.url, 20)
    facts = [
        f"Load of the machine before: {busy:.1f}. Above 0.5 only the ratios mean anything.",
        f"Bytes out / bytes in, {len(files)} files together: serve {sizes['serve']:.2f}, rival {sizes['rival']:.2f}.",
        f"CPU of a tiny job, POST to done, warm, all processes: {cpu * 1_000:.0f} ms.",
        f"POST to done less the engine's seconds: median {statistics.median(around) * 1_000:.0f} ms, "
        f"max {max(around) * 1_000:.0f} ms of {len(around)}.",
    ]
    command = f"python -m benchmarks.load --corpus DIR --rival DIR --workers {given.workers} --rounds {given.rounds}"
    text = [*heading(command), *report(rows, facts)]
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "load.md").write_text("\n".join(text) + "\n")
    write_table(given.out / "load.tsv", rows)
    print("\n".join(text))


if __name__ == "__main__":
    main()
