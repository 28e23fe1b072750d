"""Copies of this process that go on as an engine process, or as the server of such (Linux): what this process has
loaded is not loaded again.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import IO, NoReturn

from pdfsmaller.linux import die_with_parent, set_dumpable, share_arenas
from pdfsmaller.sandbox.environment import ARENAS, forget_environment

#: A copy is asked so often whether it has ended, in seconds, where that is waited for only so long.
_ASKED_SECONDS = 0.01


class Branch:
    """A copy of this process, which must have one thread: a ``servers.Server``.

    It leads a session of its own, has no descriptors but those that it is given, and forgets the environment, but not
    what else this process has in memory.
    """

    def __init__(self, work: Callable[..., NoReturn], standard: Sequence[int], kept: Sequence[int] = ()) -> None:
        """Begin.

        Args:
            work: what it does, called with the numbers that the descriptors ``kept`` have there.
            standard: the descriptors that become its standard input, output and error.

        Raises:
            OSError: the system starts no more processes.
        """
        self._exit_code: int | None = None
        self._lock = threading.Lock()  # once it was waited for, its number may be another's
        caller = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _be_copy(caller, work, standard, kept)

    def poll(self) -> int | None:
        with self._lock:
            if self._exit_code is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self._exit_code = os.waitstatus_to_exitcode(status)
            return self._exit_code

    def wait(self) -> int:
        with suppress(ChildProcessError):  # another thread was quicker
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        exit_code = self.poll()
        assert exit_code is not None
        return exit_code

    def kill(self) -> None:
        """End it and what it started, unless it has ended."""
        with self._lock:
            if self._exit_code is None:
                for end in (os.killpg, os.kill):  # it may not lead its session yet
                    with suppress(ProcessLookupError):
                        end(self.pid, signal.SIGKILL)


class BranchedChild:
    """A copy of this process that does one job: a ``process.Child``."""

    def __init__(self, stderr: IO[bytes]) -> None:
        """Start it.

        Args:
            stderr: where it writes what is no answer.

        Raises:
            OSError: the system starts no more processes, or this process may open no more files.
        """
        with ExitStack() as ours, ExitStack() as theirs:
            read, write = os.pipe()
            theirs.callback(os.close, read)
            self.stdin: IO[str] = ours.enter_context(open(write, "w", encoding="utf-8"))  # noqa: PTH123 - a descriptor
            stdout_read, stdout_write = os.pipe()
            theirs.callback(os.close, stdout_write)
            self.stdout: IO[str] = ours.enter_context(open(stdout_read, encoding="utf-8"))  # noqa: PTH123 - a descriptor
            self._process = Branch(_do_job, (read, stdout_write, stderr.fileno()))
            ours.pop_all()
        self.pid = self._process.pid

    def wait(self, seconds: float | None = None) -> int | None:
        if seconds is None:
            return self._process.wait()
        until = time.monotonic() + seconds
        while (exit_code := self._process.poll()) is None and time.monotonic() < until:
            time.sleep(_ASKED_SECONDS)
        return exit_code

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        for pipe in (self.stdin, self.stdout):
            with suppress(OSError):
                pipe.close()


def _be_copy(caller: int, work: Callable[..., NoReturn], standard: Sequence[int], kept: Sequence[int]) -> NoReturn:
    try:
        os.setsid()
        die_with_parent(caller)
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(one, signal.SIG_DFL)
        # Above the three, which may not all have been open.
        high = [fcntl.fcntl(number, fcntl.F_DUPFD, 3) for number in (*standard, *kept)]
        standard, kept = high[: len(standard)], high[len(standard) :]
        for target, number in enumerate(standard):
            os.dup2(number, target)
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names alone
            if int(name) > 2 and int(name) not in kept:
                with suppress(OSError):  # that of the listing itself
                    os.close(int(name))
        # What this process has read of its input, or has yet to print, is not the copy's.
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode, encoding="utf-8", errors="backslashreplace" if number else None, closefd=False)
            for number, mode in enumerate("rww")
        )
        forget_environment()
        share_arenas(ARENAS)
        work(*kept)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(1)


def _do_job() -> NoReturn:
    from pdfsmaller.engine import child

    set_dumpable(True)  # its caller may not be looked into
    child.work()
