"""Forks an engine process for each job: ``python -m pdfsmaller.engine.fork_server DESCRIPTOR [MODULE…]`` (Linux).

It loads all that jobs may use and runs nothing of any: no document of anybody's is ever opened here, only a page of our
own (``rehearsal``), so that what is forked is as clean as a fresh process. While it loads the modules named, which
operations use, it forks already where it is asked.

Its caller holds the other end of the socket DESCRIPTOR, and sends one message for each process, with four descriptors:
standard input, output and error of the process, and a socket for what is to be said of it. On that it answers
``{"pid"}`` with a descriptor of the process (pidfd), and when the process has ended ``{"exit_code"}``, below 0 where a
signal ended it; or only ``{"refused": why}``. When the caller is gone this process ends, and what it forked with it.

A child has its own three descriptors and session, then goes on as a fresh process does (``engine.child``): the same
bounds, before the first byte of its document. What it shares with the others is where things lie in memory and the
seed of Python's hashes, which a fresh process has for itself: the price of every fork server.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NoReturn

from pdfsmaller.engine import child, libraries
from pdfsmaller.linux import die_with_parent, set_dumpable, thread_count
from pdfsmaller.records import record

_DESCRIPTORS = 4
_MESSAGE_BYTES = 64


@record(frozen=True)
class _Child:
    pid: int
    pidfd: int
    status: socket.socket


class _Server:
    """Forks and reaps; one thread, as a process with more cannot be forked safely."""

    def __init__(self, control: socket.socket, ahead: Iterable[Callable[[], object]]) -> None:
        """``ahead`` is done while nobody asks for anything."""
        self._control = control
        self._ahead = deque(ahead)
        self._children: dict[int, _Child] = {}
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)

    def serve(self) -> None:
        """Until the caller is gone."""
        while True:
            ready = self._poll.poll(0 if self._ahead else None)
            if not ready:
                self._ahead.popleft()()
            for number, _ in ready:
                if number in self._children:
                    self._reap(self._children.pop(number))
                elif not self._answer():
                    return

    def _answer(self) -> bool:
        """Fork one process; False where nobody will ask again."""
        message, numbers, _, _ = socket.recv_fds(self._control, _MESSAGE_BYTES, _DESCRIPTORS)
        if not message or len(numbers) != _DESCRIPTORS:
            return False
        *standard, number = numbers
        status = socket.socket(fileno=number)
        try:
            forked = self._fork(standard, status)
        except OSError as exc:
            _say(status, {"refused": str(exc)})
            status.close()
            return True
        finally:
            for number in standard:  # before the caller counts on nobody else having them
                os.close(number)
        self._children[forked.pidfd] = forked
        self._poll.register(forked.pidfd, select.POLLIN)
        _say(status, {"pid": forked.pid}, [forked.pidfd])
        return True

    def _fork(self, standard: list[int], status: socket.socket) -> _Child:
        """Fork a process with these standard descriptors.

        Raises:
            OSError: there are several threads, or the system allows no more processes or descriptors.
        """
        if (threads := thread_count()) > 1:
            raise OSError(f"the engine's libraries run {threads} threads")
        own_pid = os.getpid()
        gc.freeze()  # what is here now is for ever: looking at it would copy its pages in every child
        pid = os.fork()
        if pid == 0:
            _be_child(own_pid, standard)
        try:
            return _Child(pid, os.pidfd_open(pid), status)
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise

    def _reap(self, ended: _Child) -> None:
        self._poll.unregister(ended.pidfd)
        with suppress(ProcessLookupError):
            os.killpg(ended.pid, signal.SIGKILL)  # what it started, where no bound kept it from that
        _, status = os.waitpid(ended.pid, 0)
        _say(ended.status, {"exit_code": os.waitstatus_to_exitcode(status)})
        ended.status.close()
        os.close(ended.pidfd)


def _say(status: socket.socket, message: dict[str, Any], descriptors: Iterable[int] = ()) -> None:
    with suppress(BrokenPipeError, ConnectionError):  # nobody waits for it any more
        socket.send_fds(status, [json.dumps(message).encode()], list(descriptors))


def _be_child(server_pid: int, standard: list[int]) -> NoReturn:
    """What a forked process does before it is like a fresh one."""
    try:
        os.setsid()
        die_with_parent(server_pid)
        for target, number in enumerate(standard):
            os.dup2(number, target)
        for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names alone
            if int(name) >= len(standard):
                with suppress(OSError):  # that of the listing itself
                    os.close(int(name))
        set_dumpable(True)
        gc.enable()
        child.work()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def serve(number: int, ahead: Iterable[Callable[[], object]] = ()) -> NoReturn:
    """Serve the caller on the socket of this number until it is gone, then end this process.

    Args:
        ahead: what is done while nobody asks for anything.
    """
    gc.disable()  # what modules are made of stays
    set_dumpable(False)  # children cannot reach its memory, from which the later ones are made
    with socket.socket(fileno=number) as control:
        libraries.load()
        _Server(control, ahead).serve()
    os._exit(0)


def main() -> None:
    """Serve on the socket that the first argument numbers; the others are modules to load."""
    libraries.load()
    from pdfsmaller.engine import ahead

    serve(int(sys.argv[1]), ahead.steps(sys.argv[2:]))


if __name__ == "__main__":
    main()
