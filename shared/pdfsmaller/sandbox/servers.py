"""How the fork server (``engine.fork_server``) begins: as a process of its own, or as a branch of this one (Linux)."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, NoReturn, Protocol

from pdfsmaller.engine.confinement.linux import share_arenas
from pdfsmaller.sandbox.environment import ARENAS, clean_environment, forget_environment


class Server(Protocol):
    """Its process."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""

    def kill(self) -> None:
        """End it, unless it has ended."""

    def wait(self) -> int:
        """Its exit code, once it has ended."""


def fresh(modules: Sequence[str], control: int, stderr: IO[bytes]) -> Server:
    """A new interpreter with a clean environment.

    Args:
        modules: what it loads beside what every job uses.
        control: the descriptor of its end of the socket on which it is asked.

    Raises:
        OSError: the system starts no more processes.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "pdfsmaller.engine.fork_server", str(control), *modules],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env=clean_environment(),
        pass_fds=[control],
        start_new_session=True,
    )


def branch(control: int, stderr: IO[bytes]) -> Server:
    """A copy of this process, which must have one thread: what it has loaded is not loaded again. It forgets the
    environment, but not what else this process has in memory.

    Raises:
        OSError: the system starts no more processes.
    """
    pid = os.fork()
    if pid == 0:
        _be_server(control, stderr.fileno())
    return _Branch(pid)


class _Branch:
    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._exit_code: int | None = None

    def poll(self) -> int | None:
        return self._waited(os.WNOHANG)

    def wait(self) -> int:
        exit_code = self._waited(0)
        assert exit_code is not None
        return exit_code

    def _waited(self, how: int) -> int | None:
        if self._exit_code is None:
            pid, status = os.waitpid(self.pid, how)
            if pid:
                self._exit_code = os.waitstatus_to_exitcode(status)
        return self._exit_code

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def _be_server(control: int, stderr: int) -> NoReturn:
    try:
        os.setsid()
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(one, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        # Above the three, which may not all have been open.
        control, stderr, nothing = (fcntl.fcntl(number, fcntl.F_DUPFD, 3) for number in (control, stderr, nothing))
        for target, number in enumerate((nothing, nothing, stderr)):
            os.dup2(number, target)
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names alone
            if int(name) > 2 and int(name) != control:
                with suppress(OSError):  # that of the listing itself
                    os.close(int(name))
        # What this process has read of its input, or has yet to print, is not the copy's.
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode, encoding="utf-8", errors="backslashreplace" if number else None, closefd=False)
            for number, mode in enumerate("rww")
        )
        forget_environment()
        share_arenas(ARENAS)
        from pdfsmaller.engine import fork_server

        fork_server.serve(control)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(1)
