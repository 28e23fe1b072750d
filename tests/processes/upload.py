"""The page and the API on gunicorn, as on a server behind nginx: a process of its own, as its tests use it."""

from __future__ import annotations

import json
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

from pdfsmaller import wire
from pdfsmaller.settings import read_settings
from tests.processes.served import environ

_PATIENCE_SECONDS = 60.0
_LISTENS = re.compile(r"Listening at: (http://[^ ]+) \(")
COMMAND = (
    *(sys.executable, "-m", "gunicorn", "--config", "python:pdfsmaller.processes.gunicorn_conf"),
    "pdfsmaller.processes.wsgi:app",
)


def settings_in(folder: Path) -> dict[str, str]:
    """What the environment says of a server that keeps everything in ``folder``."""
    return {
        "DATABASE_URL": f"sqlite:///{folder / 'jobs.db'}",
        "STORAGE_URL": str(folder / "files"),
        "SECRET_KEY": "only for tests of upload",
        "PORT": "0",
        "WORKERS": "2",
        "PROMETHEUS_MULTIPROC_DIR": str(folder / "figures"),
    }


class Upload:
    """One gunicorn over the database and the folder in ``folder``, which are made where they are not there.

    Args:
        under: makes of the command one that runs it.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: object,
        under: Callable[[list[str]], list[str]] = lambda command: command,
        **settings: str,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.log = folder, folder / "upload.log"
        self._begins_at = self.log.stat().st_size if self.log.exists() else 0
        given = settings_in(folder) | settings
        wire.prepare(read_settings(given), processes=1)
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                under([*COMMAND, *map(str, arguments)]), env=environ(**given), stdout=log, stderr=log
            )
        self.url = self._address()
        self.until(lambda: len(self.processes()) == int(given["WORKERS"]))

    def said(self) -> str:
        """What it has written."""
        return self.log.read_bytes()[self._begins_at :].decode()

    def lines(self, message: str) -> list[dict[str, Any]]:
        """The lines with this message."""
        return [line for line in map(json.loads, self.said().splitlines()) if line["message"] == message]

    def _address(self) -> str:
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < ends_at and self.process.poll() is None:
            if found := _LISTENS.search(self.said()):
                return found[1]
            time.sleep(0.02)
        raise AssertionError(f"it did not come up: {self.said()[-3_000:]}")

    def processes(self) -> list[int]:
        """The ids of those that answer, the oldest first."""
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [int(pid) for pid in found.stdout.split()]

    def until(self, what: Callable[[], object], seconds: float = _PATIENCE_SECONDS) -> None:
        ends_at = time.monotonic() + seconds
        while True:
            with suppress(requests.ConnectionError):
                if what():
                    return
            assert time.monotonic() < ends_at, self.said()[-5_000:]
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to stop; its exit code once it has."""
        self.process.send_signal(number)
        return self.process.wait(_PATIENCE_SECONDS)
