"""Holds a set of child processes: starts them, restarts those that die, drains them in the end."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

logger = logging.getLogger(__name__)

#: One that dies at once is started again after 0.2 s, then 0.4, 0.8 …
_FIRST_PAUSE_SECONDS = 0.2
_MAX_PAUSE_SECONDS = 10.0
#: … until it has lived for this long.
_WELL_AFTER_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 0.1
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Part:
    """One process: its name, and what it does. It ends when it is sent SIGTERM, after what it is at."""

    name: str
    run: Callable[[], None]


@dataclass(slots=True)
class _Child:
    part: Part
    pid: int = 0  # none runs
    started_at: float = 0.0
    pause: float = 0.0
    start_at: float = 0.0

    @property
    def alive(self) -> bool:
        return self.pid != 0


class Supervisor:
    """Children forked from this process, which must have no second thread and no open connection.

    Args:
        parts: what runs, in the order in which it is started.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._children = [_Child(part) for part in parts]
        self._stops = 0

    def run(self, tick: Callable[[], None] = lambda: None) -> None:
        """Start everything, and hold it until SIGTERM or SIGINT; then drain. A second signal kills.

        Args:
            tick: called about ten times a second.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        try:
            while not self._stops:
                self._start_missing()
                self._wait()
                tick()
            self._drain()
        finally:
            self._kill()

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        self._stops += 1

    def _wait(self) -> None:
        with suppress(InterruptedError):
            time.sleep(_LOOK_EVERY_SECONDS)
        self._reap()

    def _start_missing(self) -> None:
        for child in self._children:
            if not child.alive and time.monotonic() >= child.start_at:
                child.pid, child.started_at = _fork(child.part), time.monotonic()

    def _reap(self) -> None:
        for child in self._children:
            if not child.alive:
                continue
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid == 0:
                continue
            child.pid = 0
            if self._stops:
                continue
            lived = time.monotonic() - child.started_at
            child.pause = (
                _FIRST_PAUSE_SECONDS
                if lived >= _WELL_AFTER_SECONDS
                else min(_MAX_PAUSE_SECONDS, max(_FIRST_PAUSE_SECONDS, child.pause * 2))
            )
            child.start_at = time.monotonic() + child.pause
            logger.error("%s ended (%s); it is started again", child.part.name, _describe(status))

    def _drain(self) -> None:
        self._signal(signal.SIGTERM)
        while self._stops == 1 and any(child.alive for child in self._children):
            self._wait()

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)
        for child in self._children:
            if child.alive:
                with suppress(ChildProcessError):
                    os.waitpid(child.pid, 0)
                child.pid = 0

    def _signal(self, number: signal.Signals) -> None:
        for child in self._children:
            if child.alive:
                with suppress(ProcessLookupError):
                    os.kill(child.pid, number)


def _fork(part: Part) -> int:
    """A child that does its part and never returns; its process id."""
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    return pid or _child(part, parent)


def _child(part: Part, parent: int) -> NoReturn:
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)  # Ctrl-C is for the supervisor to hear
        _end_with(parent)
        part.run()
        code = 0
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else 1
    except BaseException:
        logger.exception("%s failed", part.name)
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)  # the supervisor's own exit handlers are not ours to run


def _end_with(parent: int) -> None:
    """Be told to stop when the supervisor is gone, however it went."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    else:
        threading.Thread(target=_watch_over, args=(parent,), daemon=True).start()
    if os.getppid() != parent:
        os._exit(0)


def _watch_over(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def _describe(status: int) -> str:
    if os.WIFSIGNALED(status):
        with suppress(ValueError):
            return signal.Signals(os.WTERMSIG(status)).name
    return f"exit code {os.waitstatus_to_exitcode(status)}"
