"""A crowd beside the classic architecture: 200 small PDFs sent at once, all of them finished.
``python -m benchmarks.load.crowd --rival DIR [--python BIN] [--workers 2] [--rounds 3] [--out DIR]``.

Both services (as in ``benchmarks.load``) get the same 200 uploads of 2 to 40 KB, each by a client of its own that then
asks for its job every half second: with all 200 asking twenty times a second the clients alone would fill the machine.

Writes ``crowd.md`` and ``crowd.tsv`` into ``--out``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.load import driver, sides
from benchmarks.load.rows import Row, measured
from benchmarks.measure import heading, write_table
from tests import documents

RESULTS = Path(__file__).parent / "results"
_CLIENTS = 200
_POLL_SECONDS = 0.5


def small_files(folder: Path) -> list[Path]:
    """Ten PDFs of text and pictures."""
    texts = [documents.write(folder / f"text-{pages}.pdf", documents.text(pages)) for pages in range(1, 6)]
    sizes = [(120 * n, 90 * n) for n in range(1, 6)]
    return texts + [documents.write(folder / f"photo-{w}.pdf", documents.photo_jpeg(w, h)) for w, h in sizes]


def report(rows: Sequence[Row], busy: float) -> list[str]:
    lines = ["| | finished | jobs/s | median s | p95 s | CPU s a job |", "|---|---|---|---|---|---|"]
    for side in ("serve", "rival"):
        mine = [row for row in rows if row.side == side]
        finished, jobs = sum(row.jobs - row.failed for row in mine), sum(row.jobs for row in mine)
        figures: list[Callable[[Row], float]] = [
            lambda row: row.jobs_per_second,
            lambda row: row.median_seconds,
            lambda row: row.p95_seconds,
            lambda row: row.cpu_seconds / row.jobs,
        ]
        cells = [f"{statistics.median(map(figure, mine)):.3g}" for figure in figures]
        lines.append(f"| {side} | {finished} of {jobs} | {' | '.join(cells)} |")
    return [*lines, "", f"- Load of the machine before: {busy:.1f}. Above 0.5 only the ratios mean anything."]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rival", type=Path, required=True, help="the folder of its run.sh")
    parser.add_argument("--python", type=Path, default=Path(tempfile.gettempdir()) / "rival" / "bin")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    rows: list[Row] = []
    busy = os.getloadavg()[0]
    with (
        tempfile.TemporaryDirectory() as folder,
        sides.ours(given.workers) as ours,
        sides.rival(given.rival.resolve(), given.python.absolute()) as theirs,
    ):
        files = small_files(Path(folder))
        for side in (ours, theirs):
            driver.drive(side.url, files, len(files), 2)  # warm
        for number in range(1, given.rounds + 1):
            for side in (ours, theirs) if number % 2 else (theirs, ours):
                rows.append(measured(number, side, files, _CLIENTS, _CLIENTS, poll_seconds=_POLL_SECONDS))
                print(rows[-1], flush=True)
    command = f"python -m benchmarks.load.crowd --rival DIR --workers {given.workers} --rounds {given.rounds}"
    text = [*heading(command), *report(rows, busy)]
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "crowd.md").write_text("\n".join(text) + "\n")
    write_table(given.out / "crowd.tsv", rows)
    print("\n".join(text))


if __name__ == "__main__":
    main()
