"""How processes of one host wake each other: who waits has a pipe with a name (FIFO), and whoever has written rings it.

It costs nothing while nothing happens, and nothing depends on it: a pipe that nobody reads any more is removed by the
next who rings, one that is full is left alone, and where there can be no pipes who waits comes by often.
"""

from __future__ import annotations

import errno
import os
import select
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path

#: How long who has no pipe sleeps at most.
_LOOK_SECONDS = 0.05
_READ_BYTES = 65_536


class Bells:
    """The pipes in a folder, which is made when the first is.

    Who waits for the same has pipes of one kind.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own = threading.local()

    def ring(self, kind: str, what: str = "") -> None:
        """Wake everybody who waits for a kind of news, and tell them ``what``, a word."""
        with suppress(OSError):  # there is no such folder, as nobody waits
            for name in os.listdir(self._folder):  # noqa: PTH208 - names alone
                if name.startswith(f"{kind}."):
                    with suppress(OSError):  # gone, or full: then its reader has enough to read
                        _write(self._folder / name, f"{what}\n".encode())

    def wait(self, kind: str, seconds: float) -> None:
        """Return once this kind is rung, after ``seconds`` at the latest; at once where this thread waits for the first
        time, before which it may have been.
        """
        mine: dict[str, PipeBell] = self._own.__dict__
        if kind not in mine:
            mine[kind] = self.bell(kind)
            seconds = 0.0
        mine[kind].wait(seconds)

    def bell(self, kind: str) -> PipeBell:
        """One more that is rung with this kind, from when it is waited at first."""
        return PipeBell(self._folder, kind)


def _write(path: Path, line: bytes) -> None:
    try:
        pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        if exc.errno == errno.ENXIO:  # its reader is gone
            path.unlink()
        raise
    try:
        os.write(pipe, line)
    finally:
        os.close(pipe)


class PipeBell:
    """A ``jobs.bells.Bell``."""

    tells = True

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._kind = folder, kind
        self._path: Path | None = None
        self._pipe, self._pid = -1, 0
        self._rest = b""

    def ring(self) -> None:
        if self._pipe >= 0 and self._pid == os.getpid():
            with suppress(OSError):
                os.write(self._pipe, b"\n")

    def wait(self, seconds: float) -> frozenset[str]:
        if self._pid != os.getpid():
            self._open()
        if self._pipe < 0:
            time.sleep(min(seconds, _LOOK_SECONDS))
            return frozenset()
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        if not poll.poll(seconds * 1_000):
            return frozenset()
        *lines, self._rest = (self._rest + os.read(self._pipe, _READ_BYTES)).split(b"\n")
        return frozenset(line.decode() for line in lines if line)

    def _open(self) -> None:
        """Have a pipe of this process's own: that of its parent is the parent's."""
        self._close()
        self._pid, self._rest = os.getpid(), b""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            path = self._folder / f"{self._kind}.{uuid.uuid4().hex}"
            os.mkfifo(path, 0o600)
            self._path = path
            # For writing too, as else it would be at its end whenever nobody writes.
            self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def _close(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        if self._path and self._pid == os.getpid():
            self._path.unlink(missing_ok=True)

    def __del__(self) -> None:
        with suppress(OSError):
            self._close()
