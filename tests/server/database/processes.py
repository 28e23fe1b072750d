"""Other processes that use a database, each a line of Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
_PREPARED = """
import sys, time
from pdfsmaller import events
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.server import database
from tests.server.database.parts import queue, store
opened = database.opened(sys.argv[1])
jobs, messages = Jobs(store(opened)), queue(opened)
def say(text):
    print(text, flush=True)
"""


def start(url: str, code: str, *arguments: str) -> subprocess.Popen[str]:
    """Run ``code``, which has ``opened``, ``jobs``, ``messages`` and ``say``, and ``arguments`` from sys.argv[2] on."""
    return subprocess.Popen(
        [sys.executable, "-c", _PREPARED + code, url, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}"},
    )


def said(process: subprocess.Popen[str]) -> str:
    """Its next line."""
    assert process.stdout
    return process.stdout.readline().strip()


def ended(process: subprocess.Popen[str]) -> list[str]:
    """All its lines, once it is done."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out.split()
