"""The fork server as a branch of its caller (Linux)."""

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

spec, thread = json.loads(sys.argv[1]), sys.argv[2] == "thread"
sys.stdin.read(1)  # and what else lies in its buffer
if thread:
    threading.Thread(target=threading.Event().wait, daemon=True).start()
sandbox.branch()
for _ in range(2):
    try:
        take().run(spec, Limits(), None)
    except errors.EngineFailed as exc:
        print(exc, type(starting._ahead.server._process).__name__, flush=True)
"""


def _run(spec: dict[str, Any], how: str) -> tuple[list[str], dict[str, Any]]:
    """What a caller says, and what its child has found."""
    spec["entry"] = "tests.sandbox.entries:remember"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "SECRET_KEY": "hunter2", "TZ": "Asia/Tokyo"}
    done = subprocess.run(
        [sys.executable, "-c", _CALLER, json.dumps(spec), how],
        env=environment,
        input="a line\nand one more\n",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    return done.stdout.splitlines(), json.loads((Path(spec["folder"]) / "found.json").read_text())


def test_its_children_do_jobs_and_know_nothing_of_the_callers_environment(spec: dict[str, Any]) -> None:
    said, found = _run(spec, "alone")
    assert said == ["done _Branch"] * 2
    assert found["environment"]["TZ"] == "Asia/Tokyo"
    assert "SECRET_KEY" not in found["environment"]
    assert "hunter2" not in found["given"]


def test_a_caller_with_threads_is_not_copied(spec: dict[str, Any]) -> None:
    said, found = _run(spec, "thread")
    assert said == ["done Popen"] * 2
    assert "hunter2" not in found["given"]
