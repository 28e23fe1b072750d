"""What the fork server has done ahead. How its children live and die: ``tests/sandbox``."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from pdfsmaller.sandbox.starting import _modules

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the fork server is Linux's")

_LOAD = """
import gc, json, os, sys
from pdfsmaller.engine import ahead, libraries
from pdfsmaller.linux import thread_count
libraries.load()
for step in ahead.steps(sys.argv[1:]):
    step()
listing = os.listdir("/proc/self/fd")
print(json.dumps([thread_count(), sorted(sys.modules), [n for n in listing if os.path.exists(f"/proc/self/fd/{n}")]]))
"""


def test_all_that_jobs_use_is_loaded_and_runs_no_thread_and_keeps_no_file_open() -> None:
    names = _modules()
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, *names],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        capture_output=True,
        check=True,
    )
    threads, loaded, open_files = json.loads(done.stdout)
    assert threads == 1
    assert set(names) <= set(loaded)
    assert {"pikepdf", "pyvips", "pypdfium2", "lxml.etree", "pdfsmaller.engine.split.split"} <= set(loaded)
    assert set(open_files) <= {"0", "1", "2"}
