"""One caller's job beside a thousand of another's, on ``pdfsmaller serve`` of this checkout:
``python -m benchmarks.load.fairness [--workers 2] [--jobs 1000] [--probes 10] [--out DIR]``.

Two API keys, tiny jobs (one page of text), each done anew. The one sends alone first; then the other sends its many,
and while these wait the one sends again, one job after the other with a pause between them. What it waits is told
beside what it waited alone, and beside what it would have waited behind all that were sent before it: the time that the
other's waiting jobs then took.

Writes ``fairness.md`` and ``fairness.tsv`` into ``--out``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import requests

from benchmarks.load import sides
from benchmarks.measure import OURS, heading, write_table
from pdfsmaller.access.keys import PREFIX
from tests import documents

RESULTS = Path(__file__).parent / "results"
_SENDERS = 8
_POLL_SECONDS = 0.01
_PAUSE_SECONDS = 1.0
_ALONE = 10
_FINAL = ("succeeded", "failed", "cancelled", "expired")
_TIMEOUT = 120.0


@dataclass(frozen=True, slots=True)
class Probe:
    """One job of the one caller.

    Attributes:
        waiting: how many of the other's waited when it was sent.
        seconds: from POST to done.
        behind_all_seconds: until the last of the other's that were sent before it was done.
    """

    waiting: int
    seconds: float
    behind_all_seconds: float


class Client:
    """A caller with a key of its own."""

    def __init__(self, url: str, data: Path, name: str) -> None:
        command = [OURS, "keys", "create", name, "--data", str(data)]
        environment = os.environ | {"PYTHONPATH": str(sides.ROOT / "shared")}
        told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
        self._key = next(word for word in told.split() if word.startswith(PREFIX))
        self._url, self._pdf = url, documents.text(1)

    def send(self) -> str:
        """Begin a job; its id."""
        answer = requests.post(
            f"{self._url}/api/compress",
            files={"files": ("tiny.pdf", self._pdf, "application/pdf")},
            data={"reuse": "false"},
            headers=self._headers | {"Prefer": "respond-async"},
            timeout=_TIMEOUT,
        )
        answer.raise_for_status()
        return str(answer.json()["job_id"])

    def is_done(self, job_id: str) -> bool:
        answer = requests.get(f"{self._url}/api/jobs/{job_id}", headers=self._headers, timeout=_TIMEOUT)
        return str(answer.json()["status"]) in _FINAL

    def done(self, job_id: str) -> float:
        """When a job is done, by ``time.perf_counter``."""
        while not self.is_done(job_id):
            time.sleep(_POLL_SECONDS)
        return time.perf_counter()

    @property
    def _headers(self) -> dict[str, str]:
        return {"X-Api-Key": self._key, "Accept": "application/json"}


def alone(one: Client) -> list[float]:
    """Seconds from POST to done while nobody else is there."""
    found = []
    for _ in range(_ALONE):
        begun = time.perf_counter()
        found.append(one.done(one.send()) - begun)
    return found


def beside(many: Client, one: Client, jobs: int, probes: int) -> list[Probe]:
    """The one's jobs while the other's many wait."""
    with ThreadPoolExecutor(_SENDERS) as pool:
        sent = list(pool.map(lambda _: many.send(), range(jobs)))
    asked: list[tuple[float, float, int]] = []
    left = sent
    for _ in range(probes):
        while left and many.is_done(left[0]):  # they are done in the order in which they were sent
            left = left[1:]
        if not left:
            raise SystemExit("The many were done before the one had sent all its jobs: give more --jobs.")
        begun = time.perf_counter()
        asked.append((begun, one.done(one.send()) - begun, len(left)))
        time.sleep(_PAUSE_SECONDS)
    last = max(many.done(job) for job in left)
    return [Probe(waiting, round(seconds, 3), round(last - begun, 1)) for begun, seconds, waiting in asked]


def report(probes: Sequence[Probe], unhindered: Sequence[float], jobs: int) -> list[str]:
    waited = sorted(probe.seconds for probe in probes)
    return [
        "| | from POST to done, seconds: median | worst |",
        "|---|---|---|",
        f"| alone, {len(unhindered)} jobs | {statistics.median(unhindered):.2f} | {max(unhindered):.2f} |",
        f"| beside {jobs:,} jobs of another key, {len(probes)} jobs | **{statistics.median(waited):.2f}** "
        f"| {waited[-1]:.2f} |",
        f"| behind all of those that waited | {statistics.median(probe.behind_all_seconds for probe in probes):.0f} "
        f"| {max(probe.behind_all_seconds for probe in probes):.0f} |",
        "",
        f"- Of the other's jobs {probes[0].waiting:,} waited at the first, {probes[-1].waiting:,} at the last of the "
        "one's.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=1_000)
    parser.add_argument("--probes", type=int, default=10)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, sides.ours(given.workers, Path(folder)) as ours:
        many, one = (Client(ours.url, Path(folder), name) for name in ("many", "one"))
        unhindered = alone(one)
        probes = beside(many, one, given.jobs, given.probes)
    command = f"--workers {given.workers} --jobs {given.jobs} --probes {given.probes}"
    text = [
        *heading(f"python -m benchmarks.load.fairness {command}"),
        *report(probes, unhindered, given.jobs),
        f"- Load of the machine before: {busy:.1f}. Above 0.5 only the rows beside each other mean anything.",
    ]
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "fairness.md").write_text("\n".join(text) + "\n")
    write_table(given.out / "fairness.tsv", probes)
    print("\n".join(text))


if __name__ == "__main__":
    main()
