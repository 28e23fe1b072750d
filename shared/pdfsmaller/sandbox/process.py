"""One engine process and its one job: what it is told, what it answers, and how it is ended."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Protocol

from pdfsmaller import errors
from pdfsmaller.later import Later
from pdfsmaller.limits import Limits
from pdfsmaller.sandbox.environment import hide_from_children
from pdfsmaller.sandbox.fresh import FreshChild

if TYPE_CHECKING:  # models take a while to load; a child can be started before that
    from pdfsmaller.engine.results import Progress

logger = logging.getLogger(__name__)

_STDERR_TAIL_BYTES = 4_000
#: A report has a line for each of a hundred inputs or a thousand results, and nothing near this.
_LINE_MAX_CHARS = 50_000_000
_WATCHDOG_SECONDS = 0.5
#: More pages than any document has.
_MOST_PAGES = 1_000_000_000


class Child(Protocol):
    """A child however it was started: its process leads a session of its own, and reads and writes these pipes."""

    pid: int
    stdin: IO[str]
    stdout: IO[str]

    def wait(self, seconds: float | None = None) -> int | None:
        """How it ended: its exit code, below 0 where a signal ended it; None where it still runs after ``seconds``."""

    def kill(self) -> None:
        """End it and what it started, unless it has ended."""

    def close(self) -> None:
        """Give back what is open of it. It has ended."""


class EngineProcess:
    """One child: starts at once, waits for its job, does it, exits."""

    def __init__(self, start: Callable[[IO[bytes]], Child] = FreshChild) -> None:
        """Start it.

        Args:
            start: begins the child, whose standard error is the file given.

        Raises:
            OSError: the system has no more processes or files. What else ``start`` raises is raised, too.
        """
        hide_from_children()
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        try:
            self._child = start(self._stderr)
        except BaseException:
            self._stderr.close()
            raise
        self._why_killed: Exception | None = None

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child.wait(0) is None

    def kill(self, why: Exception | None = None) -> None:
        """End the child now; ``run`` then raises ``why``."""
        if self.alive:
            self._why_killed = self._why_killed or why
            self._child.kill()

    def run(self, spec: dict[str, Any], limits: Limits, progress: Progress | None) -> dict[str, Any]:
        """Do the one job; the answer's JSON. See ``job.run`` for what it raises."""
        timer = Later(limits.hard_seconds, partial(self.kill, _out_of_time(limits)))
        watchdog = _start_memory_watchdog(self, limits)
        answer: dict[str, Any] | None = None
        stdin, stdout = self._child.stdin, self._child.stdout
        percent = 0.0
        try:
            with suppress(BrokenPipeError):
                # Left open until the end: the child takes the end of its input for the end of its caller.
                stdin.write(json.dumps(spec) + "\n")
                stdin.flush()
            from pdfsmaller.engine.confinement import BOUNDS  # meanwhile: it takes a while to load

            while line := stdout.readline(_LINE_MAX_CHARS):
                message = _read(line)
                if "progress" in message:
                    percent = max(percent, _percent(message["progress"]))  # it never goes back
                    if progress:
                        progress(str(message["progress"].get("stage")), percent, _pages(message["progress"]))
                elif message:
                    answer = message
                    break
            else:
                self._child.wait(1)  # it has closed its output, and is about to exit
        finally:
            timer.cancel()
            if watchdog:
                watchdog.set()
            died = answer is None and self._why_killed is None
            failed = died or (answer or {}).get("error", {}).get("code") == errors.EngineFailed.code
            exit_code = self.close(log_level=logging.ERROR if failed else logging.DEBUG)
        if answer and "report" in answer:
            bounds = answer["report"].get("bounds")
            held = {str(bound) for bound in bounds} if isinstance(bounds, list) else set()
            _log_missing(set(BOUNDS) - held)
            return answer
        if answer:
            raise errors.from_wire(answer["error"])
        if exit_code == -signal.SIGXCPU:
            raise _out_of_time(limits)
        raise self._why_killed or errors.WorkerCrashed(
            f"The engine's process ended without an answer ({_describe(exit_code)})."
        )

    def close(self, *, log_level: int = logging.DEBUG) -> int | None:
        """End the child if it still runs, and log what it wrote to standard error.

        Returns:
            How it ended: its exit code, below 0 where a signal ended it.
        """
        self.kill()
        exit_code = self._child.wait()
        self._child.close()
        if not self._stderr.closed:
            if output := tail(self._stderr):
                logger.log(log_level, "engine process: %s", output)
            self._stderr.close()
        return exit_code


def tail(stderr: IO[bytes]) -> str:
    """The end of what a process wrote to a file that is its standard error."""
    size = stderr.seek(0, os.SEEK_END)
    stderr.seek(max(0, size - _STDERR_TAIL_BYTES))
    return stderr.read().decode("utf-8", "replace").strip()


def _read(line: str) -> dict[str, Any]:
    """One line of a child, which a document may have taken over; empty where it only says that it is ready.

    Raises:
        EngineFailed: it is not of the protocol's form (``engine.__main__``).
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise unreadable() from None
    if not isinstance(message, dict):
        raise unreadable()
    for name in ("progress", "report", "error"):
        if name in message and not isinstance(message[name], dict):
            raise unreadable()
    files = message.get("files", [])
    if not isinstance(files, list) or not all(isinstance(file, dict) for file in files):
        raise unreadable()
    known = {name: message[name] for name in ("progress", "report", "error") if name in message}
    return known | ({"files": files} if "report" in known else {})


def _percent(progress: dict[str, Any]) -> float:
    percent = progress.get("percent")
    # Not a number is less than nothing, and so is what is none.
    return min(100.0, percent) if isinstance(percent, int | float) and percent > 0 else 0.0


def _pages(progress: dict[str, Any]) -> tuple[int, int] | None:
    pages = progress.get("pages")
    if not (isinstance(pages, list) and len(pages) == 2 and all(type(number) is int for number in pages)):
        return None
    done, of = pages
    return (done, of) if 0 <= done <= of <= _MOST_PAGES else None


def unreadable() -> errors.EngineFailed:
    return errors.EngineFailed("The engine's process gave an answer that cannot be read. The original is untouched.")


_missing_logged: set[str] = set()


def _log_missing(bounds: set[str]) -> None:
    """Say once of each bound that it does not hold here."""
    missing = bounds - _missing_logged
    if missing:
        _missing_logged.update(missing)
        logger.info("This system does not bind engine processes by %s.", ", ".join(sorted(missing)))


def _out_of_time(limits: Limits) -> errors.LimitExceeded:
    return errors.LimitExceeded(
        "hard_seconds",
        limits.hard_seconds,
        f"The document took longer than the {limits.hard_seconds:g} seconds allowed for one file. "
        "Split it, or raise the time limit.",
    )


def _describe(returncode: int | None) -> str:
    if returncode is not None and returncode < 0:
        with suppress(ValueError):
            return signal.Signals(-returncode).name
    return f"exit code {returncode}"


def _start_memory_watchdog(process: EngineProcess, limits: Limits) -> threading.Event | None:
    """macOS ignores RLIMIT_AS: look at the child's resident size instead."""
    if sys.platform != "darwin":
        return None
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_WATCHDOG_SECONDS):
            shown = subprocess.run(["ps", "-o", "rss=", "-p", str(process.pid)], capture_output=True, text=True)
            if int(shown.stdout.strip() or 0) * 1024 > limits.memory_bytes:
                process.kill(
                    errors.LimitExceeded(
                        "memory_bytes",
                        limits.memory_bytes,
                        f"The document needs more than the {limits.memory_bytes:,} bytes of memory allowed.",
                    )
                )

    threading.Thread(target=watch, daemon=True).start()
    return done
