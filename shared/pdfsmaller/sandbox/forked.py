"""Engine processes that are forked, for callers with many jobs: the caller's side of ``engine.fork_server`` (Linux).

The server has a clean environment, as a fresh engine process has, and ends with its caller.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from typing import IO, TypeVar

from pdfsmaller.sandbox.process import tail
from pdfsmaller.sandbox.servers import Server

_Answer = TypeVar("_Answer")

#: How long the server may take to load and to fork, in seconds: far more than it needs on a busy machine.
_ANSWER_SECONDS = 60.0
#: How long after a process's end its server may take to say how it ended.
_REAPED_SECONDS = 5.0
_MESSAGE_BYTES = 4_096


class CannotFork(Exception):
    """The server does not fork now; the message says why."""


class ForkServer:
    """A running server. Any thread may ask it, several at once."""

    def __init__(self, begin: Callable[[int, IO[bytes]], Server]) -> None:
        """Start it.

        Args:
            begin: starts its process (``servers``), which has this descriptor and writes its errors to this file.

        Raises:
            OSError: the system starts no more processes.
        """
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_ANSWER_SECONDS)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the server
        with theirs:
            self._process = begin(theirs.fileno(), self._stderr)
        self.pid = self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def fork(self, stderr: IO[bytes]) -> ForkedChild:
        """Have a process forked.

        Args:
            stderr: where it writes what is no answer.

        Raises:
            CannotFork: the server will not, or is gone, or does not answer; it is then ended.
            OSError: this process may open no more files.
        """
        with ExitStack() as ours:
            status, their_status = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.enter_context(status)
            with their_status, ExitStack() as theirs:
                read, write = os.pipe()
                theirs.callback(os.close, read)
                stdin = ours.enter_context(open(write, "w", encoding="utf-8"))  # noqa: PTH123 - a descriptor
                stdout_read, stdout_write = os.pipe()
                theirs.callback(os.close, stdout_write)
                stdout = ours.enter_context(open(stdout_read, encoding="utf-8"))  # noqa: PTH123 - a descriptor
                numbers = [read, stdout_write, stderr.fileno(), their_status.fileno()]
                self._ask(lambda: socket.send_fds(self._control, [b"fork"], numbers))
            status.settimeout(_ANSWER_SECONDS)
            message, received, _, _ = self._ask(
                lambda: socket.recv_fds(status, _MESSAGE_BYTES, 1, socket.MSG_CMSG_CLOEXEC)
            )
            answer = json.loads(message or b"{}")
            if "refused" in answer:
                raise CannotFork(f"It refuses: {answer['refused']}.")
            if not received:
                raise self._lost("it ended")
            status.setblocking(False)
            ours.pop_all()
        return ForkedChild(answer["pid"], received[0], status, stdin, stdout)

    def _ask(self, act: Callable[[], _Answer]) -> _Answer:
        try:
            return act()
        except OSError as exc:
            raise self._lost(str(exc) or type(exc).__name__) from None

    def _lost(self, why: str) -> CannotFork:
        self._process.kill()
        self._process.wait()
        return CannotFork(f"It is lost: {why}.")

    def close(self) -> str:
        """End the server and what it forked; the end of what it wrote to standard error."""
        self._control.close()
        self._process.kill()
        self._process.wait()
        with self._stderr:
            return tail(self._stderr)


class ForkedChild:
    """A forked process: a ``process.Child``.

    A descriptor of it (pidfd) is signalled, never its number, which the system may have given to another. Its server
    says how it ended.
    """

    def __init__(self, pid: int, pidfd: int, status: socket.socket, stdin: IO[str], stdout: IO[str]) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self._pidfd, self._status = pidfd, status
        self._watched = (pidfd, status.fileno())
        self._exit_code: int | None = None
        self._lock = threading.Lock()  # descriptors are used, or given back

    def wait(self, seconds: float | None = None) -> int | None:
        if self._exit_code is None and _readable(self._watched, seconds):
            _readable(self._watched[1:], _REAPED_SECONDS)
            with self._lock:
                if self._exit_code is None:
                    self._exit_code = self._told()
        return self._exit_code

    def _told(self) -> int:
        """The exit code from the server; where that is gone, what it forked is killed with it."""
        with suppress(OSError):
            if message := self._status.recv(_MESSAGE_BYTES):
                return int(json.loads(message)["exit_code"])
        self._signal()
        _readable(self._watched[:1], _REAPED_SECONDS)
        return -signal.SIGKILL

    def kill(self) -> None:
        with self._lock:
            if self._exit_code is None:
                self._signal()

    def _signal(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def close(self) -> None:
        for pipe in (self.stdin, self.stdout):
            with suppress(OSError):
                pipe.close()
        with self._lock:
            if self._exit_code is None:
                self._signal()
                self._exit_code = -signal.SIGKILL
            if self._pidfd >= 0:
                os.close(self._pidfd)
                self._pidfd = -1
            self._status.close()


def _readable(numbers: Iterable[int], seconds: float | None) -> bool:
    """Whether one of these descriptors has something to be read, within ``seconds`` (None: however long it takes)."""
    poll = select.poll()
    for number in numbers:
        poll.register(number, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1_000))
