"""Processes are killed while jobs run: every job that was answered with 202 ends in one result."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from tests import documents, postgres
from tests.processes.served import Served

JOBS = 50
#: A dead worker is missed soon.
QUICK = {"LEASE_SECONDS": "4", "HEARTBEAT_SECONDS": "1", "RETRY_DELAY_SECONDS": "1", "MAX_RECEIVE_COUNT": "50"}

Serve = Callable[..., Served]


def submit(one: Served, count: int) -> list[str]:
    """Jobs that were answered with 202; who got no answer sends again."""
    document, found = documents.photo_jpeg(), []
    while len(found) < count:
        with suppress(requests.RequestException, AssertionError):
            found.append(one.post(document, preset="ebook")["job_id"])
            continue
        time.sleep(0.2)
    return found


@contextmanager
def killing(victims: Callable[[], list[int]], every: float) -> Iterator[list[int]]:
    """Kill one of the victims after the other, each turn another; those that were."""
    done, killed = threading.Event(), []

    def kill() -> None:
        for turn in itertools.count():
            if done.wait(every):
                return
            if alive := victims():
                pid = alive[turn % len(alive)]
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        yield killed
    finally:
        done.set()
        thread.join()


def kill_and_restart(server: postgres.Server) -> None:
    os.kill(server.pid(), signal.SIGKILL)
    ends_at = time.monotonic() + 30
    while True:
        try:
            return server.start()
        except AssertionError:  # its former processes are still at their end
            assert time.monotonic() < ends_at
            time.sleep(0.5)


def assert_all_done(one: Served, job_ids: list[str], seconds: float) -> None:
    ends_at = time.monotonic() + seconds
    for job_id in job_ids:
        job = one.finished(job_id, max(1.0, ends_at - time.monotonic()))
        assert job["status"] == "succeeded", job
        assert one.download(job_id).startswith(b"%PDF-")


@pytest.mark.slow
class TestNoJobIsLost:
    def test_while_every_process_is_killed_in_turn(self, serve: Serve) -> None:
        one = serve("--workers", 2, **QUICK)
        with killing(one.children, every=1.5) as killed:
            job_ids = submit(one, JOBS)
            one.until(lambda: len(killed) >= 8)
        assert_all_done(one, job_ids, 180)
        assert len(set(job_ids)) == JOBS

    def test_on_two_hosts_while_their_processes_and_the_database_are_killed_in_turn(
        self, serve: Serve, tmp_path: Path
    ) -> None:
        if not (programs := postgres.programs()):
            pytest.skip("there is no PostgreSQL here (Debian: postgresql)")
        shared = {"STORAGE_URL": str(tmp_path / "files"), "SECRET_KEY": "k" * 32, **QUICK}
        with postgres.running(programs) as server:
            server.execute("CREATE DATABASE jobs")
            first = serve("--workers", 1, DATABASE_URL=server.url("jobs"), **shared)
            second = serve("--workers", 1, DATABASE_URL=server.url("jobs"), folder="second", **shared)
            with killing(lambda: first.children() + second.children(), every=1.5) as killed:
                job_ids = submit(first, JOBS // 2)
                kill_and_restart(server)
                job_ids += submit(second, JOBS // 2)
                kill_and_restart(server)
                first.until(lambda: len(killed) >= 10)
            assert_all_done(second, job_ids, 240)
            assert len(set(job_ids)) == JOBS
            for one in (first, second):
                assert one.stop() == 0

    def test_when_all_of_them_are_killed_at_once(self, serve: Serve) -> None:
        one = serve("--workers", 2, **QUICK)
        job_ids = submit(one, 20)
        time.sleep(random.uniform(0.1, 1.0))
        one.kill()
        assert_all_done(serve("--workers", 2, **QUICK), job_ids, 120)
