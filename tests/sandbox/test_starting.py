"""Which child does a job."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller import errors, sandbox
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.limits import Limits
from pdfsmaller.sandbox import forked, starting
from pdfsmaller.sandbox.fresh import FreshChild
from pdfsmaller.sandbox.starting import take
from tests.sandbox.processes import runs

linux = pytest.mark.skipif(sys.platform != "linux", reason="the fork server is Linux's")


@pytest.fixture(autouse=True)
def cold() -> Iterator[None]:
    """Nothing was started before a test, and nothing stays."""
    sandbox.cool_down()
    yield
    sandbox.cool_down()


def run(source: Path, target: Path) -> sandbox.EngineProcess:
    """Compress; the process that did it."""
    used: list[sandbox.EngineProcess] = []
    sandbox.run_compress(source, target, CompressOptions(), Limits(), stop=used.append)
    assert target.exists()
    (process,) = used
    return process


def test_a_prepared_child_does_the_next_job(source: Path, target: Path) -> None:
    sandbox.prepare()
    spare = starting._ahead.spare
    assert spare
    assert run(source, target) is spare
    assert starting._ahead.spare is None


def test_a_prepared_child_that_died_is_replaced(source: Path, target: Path) -> None:
    sandbox.prepare()
    spare = starting._ahead.spare
    assert spare
    spare.kill()
    spare._child.wait()
    assert run(source, target) is not spare


def test_where_there_is_no_fork_server_a_child_is_prepared(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    sandbox.warm_up()
    monkeypatch.undo()
    spare = starting._ahead.spare
    assert spare
    assert run(source, target) is spare


def _server() -> forked.ForkServer:
    sandbox.warm_up()
    server = starting._ahead.server
    assert server
    return server


def _is_forked(process: sandbox.EngineProcess) -> bool:
    return isinstance(process._child, forked.ForkedChild)


@linux
def test_a_warm_caller_has_its_children_forked(source: Path, target: Path) -> None:
    server = _server()
    assert _is_forked(run(source, target))
    assert _is_forked(run(source, target))
    sandbox.warm_up()
    assert starting._ahead.server is server


@linux
def test_what_runs_when_the_server_is_killed_is_a_crash_and_the_next_job_is_done(
    source: Path, target: Path, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    server = _server()
    spec["entry"] = "tests.sandbox.entries:use_time"
    child = take()
    threading.Timer(0.3, os.kill, [server.pid, signal.SIGKILL]).start()
    with pytest.raises(errors.WorkerCrashed, match="SIGKILL"):
        child.run(spec, Limits(hard_seconds=60), None)
    assert not runs(child.pid)
    # One that cannot live must not be started for each job …
    assert not _is_forked(run(source, target))
    assert "the fork server died" in caplog.text
    # … but one that was lost is replaced.
    monkeypatch.setattr(starting, "_RESTART_SECONDS", 0)
    starting._ahead.restart_at = 0
    assert _is_forked(run(source, target))
    assert _server() is not server


@linux
def test_a_server_that_hangs_is_ended_and_the_job_is_done(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(forked, "_ANSWER_SECONDS", 0.5)
    server = _server()
    os.kill(server.pid, signal.SIGSTOP)
    assert not _is_forked(run(source, target))
    assert "timed out" in caplog.text
    assert not server.alive


@linux
def test_a_child_is_ended_though_its_server_hangs(spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked, "_REAPED_SECONDS", 0.2)
    server = _server()
    spec["entry"] = "tests.sandbox.entries:use_time"
    child = take()
    os.kill(server.pid, signal.SIGSTOP)
    begun = time.monotonic()
    with pytest.raises(errors.LimitExceeded):
        child.run(spec, Limits(hard_seconds=0.5), None)
    assert time.monotonic() - begun < 20
    assert not child.alive


@linux
def test_a_server_with_threads_forks_nothing(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(starting, "_modules", lambda: ["tests.sandbox.running_thread"])
    monkeypatch.setattr(starting, "_refusals_logged", set())
    server = _server()
    deadline = time.monotonic() + 20
    while len(list(Path(f"/proc/{server.pid}/task").iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    with caplog.at_level(logging.WARNING):
        assert isinstance(run(source, target)._child, FreshChild)
        assert isinstance(run(source, target)._child, FreshChild)
    assert [record.message for record in caplog.records if "threads" in record.message] == [
        "jobs run in fresh processes, as the fork server does not fork: It refuses: the engine's libraries run 2 "
        "threads."
    ]
    assert server.alive


@linux
def test_a_copy_of_the_caller_starts_its_own(source: Path, target: Path) -> None:
    server = _server()
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        os.write(write, b"none" if starting._ahead.server is None and not starting._ahead.is_warm else b"same")
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(read, 10) == b"none"
    os.close(read)
    os.close(write)
    assert server.alive
    assert _is_forked(run(source, target))


@linux
def test_cooling_down_ends_the_server(source: Path, target: Path) -> None:
    server = _server()
    child = take()
    sandbox.cool_down()
    assert not runs(server.pid)
    child.close()
    assert not runs(child.pid)
    assert not _is_forked(run(source, target))
