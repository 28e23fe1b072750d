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

import pytest
import requests

from tests import documents
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

    def test_when_all_of_them_are_killed_at_once(self, serve: Serve) -> None:
        one = serve("--workers", 2, **QUICK)
        job_ids = submit(one, 20)
        time.sleep(random.uniform(0.1, 1.0))
        one.kill()
        assert_all_done(serve("--workers", 2, **QUICK), job_ids, 120)
