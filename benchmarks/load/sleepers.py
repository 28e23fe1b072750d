"""Many workers that have nothing to do, on one PostgreSQL of its own:
``python -m benchmarks.load.sleepers [--workers 1000] [--messages 50] [--seconds 20] [--out DIR]``.

Each worker is a thread with a database, a connection and a queue of its own, as a worker's process has them: it looks,
and waits for a second or until it is woken. What is told: the CPU of all of PostgreSQL's processes while nothing comes;
then, with a message every fifth of a second, the seconds from a message's sending to its receipt, by the database's
clock, and PostgreSQL's CPU for each message beyond that of the sleep. The workers themselves share the machine.

Writes ``sleepers.md`` and ``sleepers.tsv`` into ``--out``.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load.sides import ROOT, Side
from benchmarks.measure import heading, write_table
from pdfsmaller import events
from pdfsmaller.server import database
from pdfsmaller.server.database.pool import Pool
from pdfsmaller.server.database.queue import SqlQueue
from tests import postgres

RESULTS = Path(__file__).parent / "results"
_THREADS = 125
_PAUSE_SECONDS = 0.2
_START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Row:
    """What so many sleeping workers cost, and how soon they wake."""

    workers: int
    connections: int
    idle_cpu_percent: float
    messages: int
    median_ms: float
    p95_ms: float
    max_ms: float
    cpu_ms_per_message: float


def sleep_on(url: str, workers: int) -> None:
    """One process with so many workers, until it is killed. For each message received it says the seconds it waited."""
    threads = [threading.Thread(target=_work, args=(url, index / workers), daemon=True) for index in range(workers)]
    for thread in threads:
        thread.start()
    threads[0].join()


def _work(url: str, phase: float) -> None:
    time.sleep(phase)
    opened = database.opened(url, Pool(size=1, max_overflow=1), busy_seconds=_START_SECONDS)
    queue = SqlQueue(opened, visibility_seconds=60, max_receive_count=5)
    while True:
        if message := queue.receive():
            print(opened.now() - (message.sent_at or 0), flush=True)
            queue.acknowledge(message)
        else:
            queue.wait(1)


def measure(server: postgres.Server, name: str, workers: int, messages: int, seconds: float) -> Row:
    url, side = server.url(name), Side("postgres", "", (server.pid(),))
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load.sleepers", "--on", url, "--workers", str(min(_THREADS, left))],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for left in range(workers, 0, -_THREADS)
    ]
    try:
        _wait_for(server, name, workers)
        time.sleep(5)
        connections = _connections(server, name)
        begun, cpu = time.monotonic(), side.cpu_seconds()
        time.sleep(seconds)
        idle = (side.cpu_seconds() - cpu) / (time.monotonic() - begun)
        begun, cpu = time.monotonic(), side.cpu_seconds()
        opened = database.opened(url)
        queue = SqlQueue(opened, visibility_seconds=60, max_receive_count=5)
        for number in range(messages):
            queue.announce(events.ObjectCreated("uploads", f"jobs/{number}/in/0"))
            time.sleep(_PAUSE_SECONDS)
        time.sleep(2)
        busy = side.cpu_seconds() - cpu - idle * (time.monotonic() - begun)
        opened.close()
    finally:
        for process in processes:
            process.kill()
    waited = sorted(float(line) * 1_000 for process in processes for line in process.communicate()[0].split())
    assert len(waited) == messages, f"{len(waited)} of {messages} messages came"
    return Row(
        workers=workers,
        connections=connections,
        idle_cpu_percent=round(100 * idle, 1),
        messages=messages,
        median_ms=round(statistics.median(waited), 1),
        p95_ms=round(waited[int(len(waited) * 0.95)], 1),
        max_ms=round(waited[-1], 1),
        cpu_ms_per_message=round(1_000 * busy / messages, 2),
    )


def _wait_for(server: postgres.Server, name: str, workers: int) -> None:
    ends_at = time.monotonic() + _START_SECONDS
    while _connections(server, name) < workers:
        assert time.monotonic() < ends_at, "the workers do not come up"
        time.sleep(0.5)


def _connections(server: postgres.Server, name: str) -> int:
    [(number,)] = server.execute(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'")
    return int(str(number))


def _table(rows: Sequence[Row]) -> list[str]:
    lines = [
        "| workers | connections | PostgreSQL's CPU while all sleep "
        "| sent to received: median, 95 %, max | CPU per message |",
        "|---|---|---|---|---|",
    ]
    return lines + [
        f"| {row.workers:,} | {row.connections:,} | {row.idle_cpu_percent} % of a core "
        f"| {row.median_ms:.0f} ms, {row.p95_ms:.0f} ms, {row.max_ms:.0f} ms | {row.cpu_ms_per_message:.1f} ms |"
        for row in rows
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1_000)
    parser.add_argument("--messages", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--on", help=argparse.SUPPRESS)  # what the workers' processes are started with
    options = parser.parse_args()
    if options.on:
        sleep_on(options.on, options.workers)
        return
    programs = postgres.programs()
    if programs is None:
        parser.error("there is no PostgreSQL here (Debian: postgresql)")
    rows = []
    with postgres.running(programs, max_connections=str(options.workers + 100)) as server:
        for workers in (1, 10, 100, options.workers):
            with server.new_database() as name:
                rows.append(measure(server, name, workers, options.messages, options.seconds))
                print(rows[-1], flush=True)
    text = [*heading(f"python -m benchmarks.load.sleepers {shlex.join(sys.argv[1:])}"), *_table(rows)]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "sleepers.md").write_text("\n".join(text) + "\n")
    write_table(options.out / "sleepers.tsv", rows)
    print("\n".join(text))


if __name__ == "__main__":
    main()
