"""Small jobs in forked and in fresh engine processes: ``python -m benchmarks.warm_start [--out DIR]`` (Linux).

Each job is done ``--runs`` times in processes that a server forks, and beside them as often in fresh ones, in turns of
five, so that what else the machine does strikes both. *Caller* is the processor time of the process that wants the job
done, *engine* that of the process which does it, its start and its end, and of the server; *together* what a worker
pays for the job beside its database and storage. Seconds are the median from the request to the report.

Writes ``warm_start.tsv`` and ``warm_start.md`` into ``--out``.
"""

from __future__ import annotations

import argparse
import logging
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import heading, write_table
from pdfsmaller import sandbox
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.errors import InvalidPageRange
from pdfsmaller.limits import Limits
from pdfsmaller.operations import find
from pdfsmaller.sandbox import starting
from tests import documents, pictures

RESULTS = Path(__file__).parent / "results"
_TURN = 5
_TICKS = os.sysconf("SC_CLK_TCK")

Job = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Row:
    """One job in processes of one kind; times of one job on average, in milliseconds, ``wall_ms`` the median."""

    job: str
    way: str
    runs: int
    caller_ms: float
    engine_ms: float
    wall_ms: float

    @property
    def together(self) -> float:
        return self.caller_ms + self.engine_ms


class _Way:
    """What processes of one kind have cost so far."""

    def __init__(self, name: str, engine_cpu: Callable[[], float]) -> None:
        self.name, self._engine_cpu = name, engine_cpu
        self._walls: list[float] = []
        self._caller = self._engine = 0.0

    def turn(self, job: Job) -> None:
        caller, engine = time.process_time(), self._engine_cpu()
        for _ in range(_TURN):
            begun = time.perf_counter()
            job()
            self._walls.append(time.perf_counter() - begun)
        self._caller += time.process_time() - caller
        self._engine += self._engine_cpu() - engine

    def row(self, job: str) -> Row:
        runs = len(self._walls)
        caller, engine = (round(1_000 * seconds / runs, 1) for seconds in (self._caller, self._engine))
        return Row(job, self.name, runs, caller, engine, round(1_000 * statistics.median(self._walls), 1))


def cpu_of_children() -> float:
    """Seconds of all children that have ended, which fresh processes are."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cpu_of_server() -> float:
    """Seconds of the fork server and of all that it forked and that has ended."""
    server = starting._ahead.server
    assert server
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def jobs(folder: Path) -> dict[str, Job]:
    """Small jobs by what they are called."""
    text = documents.write(folder / "text.pdf", documents.text(1))
    photo = documents.write(folder / "photo.pdf", documents.photo_jpeg(600, 450))
    picture = documents.write(folder / "picture.jpg", pictures.DECODED["jpeg"]())

    def doing(operation: str, *sources: Path, **options: object) -> Job:
        spec = find(operation)
        inputs, given = [InputFile(source, source.name) for source in sources], spec.options.parse(options)
        return lambda: sandbox.run_to(spec, inputs, folder / "out.pdf", given, Limits())

    def refused() -> None:
        with suppress(InvalidPageRange):
            merge_of_no_page()

    merge_of_no_page = doing("merge", text, pages=["9"])
    return {
        "nothing: a page that there is not": refused,
        "image-to-pdf of a small JPEG": doing("image-to-pdf", picture),
        "compress a page of text": doing("compress", text),
        "compress a photo of 600 × 450": doing("compress", photo, preset="ebook"),
        "merge two pages of text": doing("merge", text, text),
    }


def measure(name: str, job: Job, runs: int) -> list[Row]:
    """One job in both ways."""
    forked, fresh = _Way("forked", cpu_of_server), _Way("fresh", cpu_of_children)
    job()  # the caller's own models are built
    for _ in range(max(1, runs // _TURN)):
        forked.turn(job)
        server, starting._ahead.is_warm = starting._ahead.server, False
        fresh.turn(job)
        starting._ahead.is_warm = True
        assert server is starting._ahead.server
    return [forked.row(name), fresh.row(name)]


def in_words(rows: list[Row], command: str) -> str:
    lines = [
        *heading(command),
        "Milliseconds of processor time for one job (mean), and from request to report (median); × is fresh ÷ forked.",
        "",
        "| job | forked: caller | engine | together | fresh: together | × | forked: seconds | fresh: seconds | × |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for forked, fresh in zip(rows[::2], rows[1::2], strict=True):
        lines.append(
            f"| {forked.job} | {forked.caller_ms} | {forked.engine_ms} | {forked.together:.1f} | {fresh.together:.1f} "
            f"| {fresh.together / forked.together:.1f} | {forked.wall_ms / 1_000:.3f} | {fresh.wall_ms / 1_000:.3f} "
            f"| {fresh.wall_ms / forked.wall_ms:.1f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50, help="how often each job is done in each way")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the folder for the tables")
    given = parser.parse_args()
    if sys.platform != "linux":
        print("error: the fork server is Linux's → run this there", file=sys.stderr)
        return 1
    logging.getLogger(sandbox.__name__).setLevel(logging.ERROR)
    sandbox.warm_up()
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for name, job in jobs(Path(folder)).items() for row in measure(name, job, given.runs)]
    given.out.mkdir(parents=True, exist_ok=True)
    write_table(given.out / "warm_start.tsv", rows)
    words = in_words(rows, f"python -m benchmarks.warm_start --runs {given.runs}")
    (given.out / "warm_start.md").write_text(words, encoding="utf-8")
    print(words)
    return 0


if __name__ == "__main__":
    sys.exit(main())
