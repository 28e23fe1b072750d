"""Many workers that have nothing to do, on one PostgreSQL of its own:
``python -m benchmarks.load.sleepers [--workers 1000] [--messages 50] [--seconds 20] [--out DIR]``.

Sixteen of them, or all if they are fewer, are threads that look and wait as a worker's process does, woken by LISTEN;
as the others do not listen, pgbench is them: every second each sends what a worker sends, and takes what it finds. What
is told: the CPU of all of PostgreSQL's processes while nothing comes; then, with a message every fifth of a second, the
time from a message's sending to its receipt by the database's clock, and PostgreSQL's CPU for each message beyond that
of the sleep.

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load.sides import Side
from benchmarks.measure import heading, write_table
from pdfsmaller import events
from pdfsmaller.server import database
from pdfsmaller.server.database.pool import Pool
from pdfsmaller.server.database.queue import SqlQueue
from tests import postgres

RESULTS = Path(__file__).parent / "results"
_LISTENERS = 16
_VISIBILITY_SECONDS = 3_600
_PAUSE_SECONDS = 0.2
_START_SECONDS = 60.0
_NOW = "CAST(EXTRACT(epoch FROM statement_timestamp()) AS DOUBLE PRECISION)"
_VISIBLE = f"SELECT message_id FROM messages WHERE dead_at IS NULL AND visible_at <= {_NOW}"
#: One worker's second: the connection is tried, the queue is looked at, and what is there is taken (``SqlQueue``).
_SECOND = f"""
SELECT 1;
SELECT count(*) AS found FROM ({_VISIBLE} LIMIT 1) AS look \\gset
\\if :found
BEGIN;
UPDATE messages SET receive_count = receive_count + 1, receipt = 'bench', visible_at = {_NOW} + {_VISIBILITY_SECONDS}
WHERE message_id = ({_VISIBLE} ORDER BY visible_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING message_id;
COMMIT;
\\endif
\\sleep 1 s
"""


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


def measured(server: postgres.Server, name: str, workers: int, messages: int, seconds: float) -> Row:
    side = Side("postgres", "", (server.pid(),))
    opened = database.opened(server.url(name))
    queue = SqlQueue(opened, visibility_seconds=_VISIBILITY_SECONDS, max_receive_count=5)
    with _listening(server.url(name), min(workers, _LISTENERS)), _looking(server, name, workers - _LISTENERS):
        _wait_for(server, name, workers)
        time.sleep(5)  # the last of them connected just now
        connections = _connections(server, name)
        begun, cpu = time.monotonic(), side.cpu_seconds()
        time.sleep(seconds)
        idle = (side.cpu_seconds() - cpu) / (time.monotonic() - begun)
        begun, cpu = time.monotonic(), side.cpu_seconds()
        for number in range(messages):
            queue.announce(events.ObjectCreated("uploads", f"jobs/{number}/in/0"))
            time.sleep(_PAUSE_SECONDS)
        while queue.depth()["waiting"]:
            time.sleep(0.5)
        busy = side.cpu_seconds() - cpu - idle * (time.monotonic() - begun)
    opened.close()
    found = server.execute(f"SELECT 1000 * (visible_at - {_VISIBILITY_SECONDS} - sent_at) FROM messages", name)
    waited = sorted(float(str(row[0])) for row in found)
    return Row(
        workers=workers,
        connections=connections,
        idle_cpu_percent=round(100 * idle, 1),
        messages=len(waited),
        median_ms=round(statistics.median(waited), 1),
        p95_ms=round(waited[int(len(waited) * 0.95)], 1),
        max_ms=round(waited[-1], 1),
        cpu_ms_per_message=round(1_000 * busy / messages, 1),
    )


@contextmanager
def _listening(url: str, number: int) -> Iterator[None]:
    stop = threading.Event()

    def work() -> None:
        opened = database.opened(url, Pool(size=1, max_overflow=1))
        queue = SqlQueue(opened, visibility_seconds=_VISIBILITY_SECONDS, max_receive_count=5)
        while not stop.is_set():
            if queue.receive() is None:
                queue.wait(1)
        opened.close()

    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@contextmanager
def _looking(server: postgres.Server, name: str, number: int) -> Iterator[None]:
    if number <= 0:
        yield
        return
    script = server.folder / "second.sql"
    script.write_text(_SECOND)
    command = [server.programs / "pgbench", "-n", "-h", server.folder, "-U", "postgres", "-f", script, "-T", "3600"]
    process = subprocess.Popen(
        list(map(str, [*command, "-c", number, "-j", 2, name])), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def _wait_for(server: postgres.Server, name: str, connections: int) -> None:
    ends_at = time.monotonic() + _START_SECONDS
    while _connections(server, name) < connections:
        if time.monotonic() >= ends_at:
            raise SystemExit(f"Not all of {connections} workers connect within {_START_SECONDS:.0f} s.")
        time.sleep(0.5)


def _connections(server: postgres.Server, name: str) -> int:
    [(number,)] = server.execute(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'")
    return int(str(number))


def _table(rows: Sequence[Row]) -> list[str]:
    lines = [
        "| workers | connections | PostgreSQL's CPU, all asleep | sent to received: median, 95 %, max | a message |",
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
    given = parser.parse_args()
    programs = postgres.programs()
    if programs is None:
        parser.error("there is no PostgreSQL here (Debian: postgresql)")
    rows = []
    with postgres.running(programs, max_connections=str(given.workers + 100)) as server:
        for workers in sorted({1, 10, 100, given.workers}):
            with server.new_database() as name:
                rows.append(measured(server, name, workers, given.messages, given.seconds))
                print(rows[-1], flush=True)
    text = [*heading(f"python -m benchmarks.load.sleepers {shlex.join(sys.argv[1:])}"), *_table(rows)]
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "sleepers.md").write_text("\n".join(text) + "\n")
    write_table(given.out / "sleepers.tsv", rows)
    print("\n".join(text))


if __name__ == "__main__":
    main()
