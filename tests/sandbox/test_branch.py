"""The engine process, or the fork server, as a branch of its caller (Linux)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fork server is Linux's")

_CALLER = """
import json, sys, threading
from pdfsmaller import errors, sandbox
from pdfsmaller.limits import Limits
from pdfsmaller.sandbox import starting
from pdfsmaller.sandbox.starting import take

spec, thread, jobs = json.loads(sys.argv[1]), sys.argv[2] == "thread", int(sys.argv[3])
sys.stdin.read(1)  # and what else lies in its buffer
if thread:
    threading.Thread(target=threading.Event().wait, daemon=True).start()
print("said before", end=" ")  # and yet to be printed
sandbox.branch(jobs)
for _ in range(jobs):
    try:
        process = take()
        process.run(spec, Limits(), None)
    except errors.EngineFailed as exc:
        made = starting._ahead.server._process if jobs > 1 else process._child
        print(exc, type(made).__name__, flush=True)
"""


def _run(spec: dict[str, Any], how: str, jobs: int, entry: str = "remember") -> tuple[list[str], dict[str, Any]]:
    """What a caller says, and what its child has found."""
    spec["entry"] = f"tests.sandbox.entries:{entry}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "SECRET_KEY": "hunter2", "TZ": "Asia/Tokyo"}
    done = subprocess.run(
        [sys.executable, "-c", _CALLER, json.dumps(spec), how, str(jobs)],
        env=environment,
        input="a line\nand one more\n",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    said = done.stdout.removeprefix("said before ").splitlines()
    return said, json.loads((Path(spec["folder"]) / "found.json").read_text())


_JOBS = pytest.mark.parametrize("jobs", [1, 2])


@_JOBS
def test_its_children_do_jobs_and_know_nothing_of_the_callers_environment(spec: dict[str, Any], jobs: int) -> None:
    said, found = _run(spec, "alone", jobs)
    assert said == [f"done {'Branch' if jobs > 1 else 'BranchedChild'}"] * jobs
    assert found["environment"]["TZ"] == "Asia/Tokyo"
    assert "SECRET_KEY" not in found["environment"]
    assert "hunter2" not in found["given"]


@_JOBS
def test_a_caller_with_threads_is_not_copied(spec: dict[str, Any], jobs: int) -> None:
    said, found = _run(spec, "thread", jobs)
    assert said == [f"done {'Popen' if jobs > 1 else 'FreshChild'}"] * jobs
    assert "hunter2" not in found["given"]


@_JOBS
def test_its_children_have_a_session_of_their_own_and_no_file_of_the_callers(spec: dict[str, Any], jobs: int) -> None:
    _, found = _run(spec, "alone", jobs, "look")
    assert found["leads_its_session"]
    assert found["can_be_looked_into"]
    assert found["threads"] == 2  # and one that waits for the end of its caller
    for number, path in found["open_files"].items():  # pipes and files of its own, and what it may read
        assert int(number) <= 2 or path.startswith(("pipe:", "/proc/", "anon_inode:")), found["open_files"]


_IMPATIENT = """
import json, os, sys
from pdfsmaller import errors, sandbox
from pdfsmaller.limits import Limits
from pdfsmaller.sandbox.starting import take

sandbox.branch(1)
process = take()
try:
    process.run(json.loads(sys.argv[1]), Limits(hard_seconds=1), None)
except errors.LimitExceeded as exc:
    print(exc.code, process.alive, process._child.wait(), flush=True)
sandbox.branch(1)
sandbox.cool_down()
try:
    os.waitpid(-1, os.WNOHANG)
    print("one is left")
except ChildProcessError as exc:
    print("none is left")
"""


def test_one_that_takes_too_long_is_ended_and_none_is_left(spec: dict[str, Any]) -> None:
    spec["entry"] = "tests.sandbox.entries:wait"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _IMPATIENT, json.dumps(spec)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.stdout.split("\n"), done.stderr) == (["limit_exceeded False -9", "none is left", ""], "")
