"""An engine process that is started from nothing: interpreter, libraries, job."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import IO

from pdfsmaller.sandbox.environment import clean_environment


class FreshChild:
    """``python -m pdfsmaller.engine``: a ``process.Child``."""

    def __init__(self, stderr: IO[bytes]) -> None:
        """Start it.

        Args:
            stderr: where it writes what is no answer.

        Raises:
            OSError: the system starts no more processes.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pdfsmaller.engine"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=clean_environment(),
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for the caller to handle; the child dies with its standard input
        )
        assert self._process.stdin
        assert self._process.stdout
        self.pid: int = self._process.pid
        self.stdin: IO[str] = self._process.stdin
        self.stdout: IO[str] = self._process.stdout

    def wait(self, seconds: float | None = None) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def kill(self) -> None:
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        for pipe in (self.stdin, self.stdout):
            with suppress(OSError):
                pipe.close()
