"""Sends jobs to a service and waits for them, as a client does that polls."""

from __future__ import annotations

import itertools
import queue
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

#: As of the rival's own driver: both sides are asked alike, and a job's end is known this much late at most.
POLL_SECONDS = 0.05
_FINAL = ("succeeded", "failed", "cancelled", "expired")
_TIMEOUT = 120.0


@dataclass(frozen=True, slots=True)
class Done:
    """One job: its file, seconds from POST to done, how it ended."""

    file: str
    seconds: float
    status: str


@dataclass(frozen=True, slots=True)
class Run:
    """Many jobs.

    Attributes:
        seconds: of all of them together.
        jobs: each of them.
    """

    seconds: float
    jobs: tuple[Done, ...]

    @property
    def per_second(self) -> float:
        return len(self.jobs) / self.seconds

    @property
    def median(self) -> float:
        """Seconds from POST to done."""
        return statistics.median(job.seconds for job in self.jobs)

    @property
    def p95(self) -> float:
        return sorted(job.seconds for job in self.jobs)[int(len(self.jobs) * 0.95)]

    @property
    def failed(self) -> int:
        return sum(job.status != "succeeded" for job in self.jobs)


def drive(url: str, files: Sequence[Path], count: int, at_a_time: int, *, poll_seconds: float = POLL_SECONDS) -> Run:
    """``count`` jobs of files in turn, so many under way at a time, each asked for every ``poll_seconds``."""
    bodies = [(file.name, file.read_bytes()) for file in files]
    waiting: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
    for body in itertools.islice(itertools.cycle(bodies), count):
        waiting.put(body)
    done: list[Done] = []

    def client() -> None:
        with requests.Session() as session:
            while True:
                try:
                    name, data = waiting.get_nowait()
                except queue.Empty:
                    return
                begun = time.perf_counter()
                status = _wait(session, url, _begin(session, url, name, data), poll_seconds)
                done.append(Done(name, time.perf_counter() - begun, status))

    clients = [threading.Thread(target=client) for _ in range(at_a_time)]
    begun = time.perf_counter()
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    return Run(time.perf_counter() - begun, tuple(done))


def result_bytes(url: str, files: Sequence[Path]) -> int:
    """The bytes of all files' results together, each done once."""
    total = 0
    with requests.Session() as session:
        for file in files:
            job = _begin(session, url, file.name, file.read_bytes())
            assert _wait(session, url, job) == "succeeded", file.name
            total += len(session.get(f"{url}/api/jobs/{job}/download", timeout=_TIMEOUT).content)
    return total


def _begin(session: requests.Session, url: str, name: str, data: bytes) -> str:
    answer = session.post(
        f"{url}/api/compress",
        files={"files": (name, data, "application/pdf")},
        data={"preset": "ebook"},
        headers={"Accept": "application/json"},
        timeout=_TIMEOUT,
    )
    answer.raise_for_status()
    return str(answer.json()["job_id"])


def _wait(session: requests.Session, url: str, job: str, poll_seconds: float = POLL_SECONDS) -> str:
    while True:
        status = str(session.get(f"{url}/api/jobs/{job}", timeout=_TIMEOUT).json()["status"])
        if status in _FINAL:
            return status
        time.sleep(poll_seconds)
