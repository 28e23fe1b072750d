"""``pdfsmaller serve`` as a process of its own, as its tests use it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 60.0
_UP = re.compile(r"PDF Smaller is up at (\S+)\n")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "pdfsmaller.cli", *map(str, arguments)]


def environ(**settings: str) -> dict[str, str]:
    """What the command sees: nothing of this process's own settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return kept | {"PYTHONPATH": str(ROOT / "shared")} | settings


def run(*arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
    """The command, for as long as it takes to refuse."""
    return subprocess.run(
        command(*arguments), env=environ(**settings), capture_output=True, text=True, timeout=_PATIENCE_SECONDS
    )


class Served:
    """One ``serve`` on ``data``; a second one may be started there once this one was stopped or killed."""

    def __init__(self, data: Path, *arguments: object, **settings: str) -> None:
        self.data = data
        self.log = data.parent / f"{data.name}.log"
        self._begins_at = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command("serve", "--data", data, "--port", 0, *arguments),
                env=environ(**settings),
                stdout=log,
                stderr=log,
            )
        self.url = self._address()

    def said(self) -> str:
        """What it has written."""
        return self.log.read_bytes()[self._begins_at :].decode()

    def _address(self) -> str:
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < ends_at and self.process.poll() is None:
            if found := _UP.search(self.said()):
                return found[1]
            time.sleep(0.02)
        raise AssertionError(f"it did not come up: {self.said()[-3_000:]}")

    def post(self, data: bytes, path: str = "compress", *, name: str = "a.pdf", **form: str) -> dict[str, Any]:
        """The job that a POST begins."""
        answer = requests.post(
            f"{self.url}/api/{path}",
            files={"files": (name, data)},
            data=form,
            headers={"Accept": "application/json"},
            timeout=30,
        )
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def job(self, job_id: str) -> dict[str, Any]:
        return dict(requests.get(f"{self.url}/api/jobs/{job_id}", timeout=30).json())

    def finished(self, job_id: str, seconds: float = _PATIENCE_SECONDS) -> dict[str, Any]:
        """The job once it is final."""
        self.until(lambda: self.job(job_id)["status"] in ("succeeded", "failed", "cancelled"), seconds)
        return self.job(job_id)

    def download(self, job_id: str) -> bytes:
        answer = requests.get(f"{self.url}/api/jobs/{job_id}/download", timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.content

    def until(self, what: Callable[[], object], seconds: float = _PATIENCE_SECONDS) -> None:
        ends_at = time.monotonic() + seconds
        while True:
            try:
                if what():
                    return
            except requests.ConnectionError:
                pass  # the web process is being started anew
            assert time.monotonic() < ends_at, self.said()[-5_000:]
            time.sleep(0.1)

    def children(self) -> list[int]:
        """The parts' process ids, in the order in which they were started first."""
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(pid) for pid in found.stdout.split()]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop; its exit code once it has."""
        self.process.send_signal(number)
        return self.process.wait(_PATIENCE_SECONDS)

    def kill(self) -> None:
        """Kill every process of it, as a power cut does."""
        for pid in [self.process.pid, *self.children()]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
