"""Work for later: done in its time, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from pdfsmaller import later
from pdfsmaller.later import Later

_LONG = 60.0
_COPIED = """
import os, threading
from pdfsmaller.later import Later
held = Later(60, print)
child = os.fork()
if child == 0:
    done = threading.Event()
    Later(0, done.set)
    os._exit(0 if done.wait(30) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
held.cancel()
"""


@pytest.fixture(autouse=True)
def _own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits when a test begins."""
    monkeypatch.setattr(later, "_clock", later._Clock())


def test_it_is_done_when_its_time_has_come() -> None:
    done = threading.Event()
    work = Later(0.05, done.set)
    assert done.wait(_LONG)
    work.cancel()


def test_what_is_due_sooner_is_not_kept_waiting_by_what_is_due_later() -> None:
    done = threading.Event()
    last, first = Later(_LONG, lambda: None), Later(0.0, done.set)
    assert done.wait(_LONG / 2)
    for one in (last, first):
        one.cancel()


def test_what_is_cancelled_is_not_done_and_has_had_no_thread() -> None:
    done = threading.Event()
    cancelled, after = Later(0.2, done.set), threading.Event()
    cancelled.cancel()
    last = Later(0.3, after.set)
    assert after.wait(_LONG)
    last.cancel()
    assert not done.is_set()
    assert cancelled.thread is None


def test_what_has_begun_is_waited_for() -> None:
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait(_LONG)
        ended.set()

    running = Later(0.0, work)
    assert begun.wait(_LONG)
    threading.Timer(0.1, go.set).start()
    running.cancel()
    assert ended.is_set()


def test_work_that_takes_long_keeps_no_other_waiting() -> None:
    go, done = threading.Event(), threading.Event()
    long = Later(0.0, lambda: go.wait(_LONG))
    short = Later(0.05, done.set)
    assert done.wait(_LONG / 2)
    go.set()
    for one in (long, short):
        one.cancel()


def test_many_that_are_cancelled_share_one_thread() -> None:
    before = set(threading.enumerate())
    for _ in range(20):
        Later(_LONG, lambda: None).cancel()
    assert len(set(threading.enumerate()) - before) <= 1


def test_where_no_thread_can_be_started_it_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(later, "_LOOK_SECONDS", 0.05)
    done, start, refused = threading.Event(), threading.Thread.start, threading.Event()

    def refusing(thread: threading.Thread) -> None:
        if thread.name == "later's work" and not refused.is_set():
            refused.set()
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refusing)
    work = Later(0.0, done.set)
    assert done.wait(_LONG)
    assert refused.is_set()
    work.cancel()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_copy_of_the_process_waits_for_its_own() -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    subprocess.run([sys.executable, "-W", "ignore", "-c", _COPIED], env=env, check=True, timeout=_LONG)
