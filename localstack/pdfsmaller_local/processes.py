"""Child processes: started in a session of their own, found again after a crash, stopped with all they started."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from pdfsmaller_local.problems import Problem

_KEEP_LOG_BYTES = 10_000_000
_QUOTED = 300


class Child:
    """One process and everything below it.

    It leads a process group of its own, for two reasons: a Ctrl-C in the terminal reaches only the supervisor, which
    then stops things in order; and what the process leaves behind can be ended with it.
    """

    def __init__(self, name: str, state: Path) -> None:
        self.name = name
        self.log = state / "logs" / f"{name}.log"
        self._pid_file = state / "run" / f"{name}.pid"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str], environ: Mapping[str, str], cwd: Path) -> None:
        """Start the command, its output going to the log."""
        self._pid_file.parent.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _KEEP_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=dict(environ),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # With the program's name, so that a later run does not end a stranger that got the same number.
        self._pid_file.write_text(f"{self._process.pid}\n{_program(self._process.pid)}\n")

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def exit_code(self) -> int | None:
        """The exit code where the process has ended, else None."""
        return self._process.poll() if self._process else None

    def stop(self, grace: float) -> None:
        """Ask the process to end, wait up to ``grace`` seconds, then end its whole group."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace)
        _end_group(self._process.pid)
        self._process.wait()
        self._process = None
        self._pid_file.unlink(missing_ok=True)

    def stop_leftover(self, grace: float) -> bool:
        """Stop what an earlier run that was killed left behind. True where there was something."""
        pid = self._leftover()
        self._pid_file.unlink(missing_ok=True)
        if pid is None:
            return False
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + grace
        while _program(pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        _end_group(pid)
        return True

    def _leftover(self) -> int | None:
        try:
            number, program = self._pid_file.read_text().split("\n")[:2]
            pid = int(number)
        except (OSError, ValueError):
            return None
        return pid if program and _program(pid) == program else None

    def failure(self) -> str | None:
        """How the process ended, or None while it runs (or was never started)."""
        code = self.exit_code()
        if code is None:
            return None
        if code < 0:
            return f"was killed ({signal.Signals(-code).name})"
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return f"ended with exit code {code}: {lines[-1][:_QUOTED] if lines else '(it said nothing)'}"


def _program(pid: int) -> str:
    """The program that a process runs, or nothing where there is no such process (or only its corpse)."""
    found = subprocess.run(["ps", "-o", "stat=,comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, name = found.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else name.strip()


def _end_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    """Whether a process of this number is alive."""
    return bool(_program(pid))


def demand_free_port(port: int, setting: str, *, host: str = "127.0.0.1") -> None:
    """See that a port can be bound.

    Raises:
        Problem: another program has it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            raise Problem(
                f"Port {port} cannot be used ({exc.strerror}).",
                f"Stop the program that has it, or choose another port: {setting}={port + 1} make local",
            ) from exc


def answers_json(url: str) -> bool:
    """Whether JSON that says something comes from there."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(json.load(answer))
    except (OSError, ValueError):
        return False


def wait_until(check: object, seconds: float, interval: float = 0.1) -> bool:
    """Call ``check`` until it returns something true or the time is up."""
    assert callable(check)
    deadline = time.monotonic() + seconds
    while True:
        if check():
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)


def remove(folder: Path) -> None:
    """Delete a folder and all in it, where it is there.

    Raises:
        Problem: it cannot be deleted.
    """
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise Problem(f"{folder} cannot be deleted ({exc.strerror}).", "Delete it yourself.") from exc
