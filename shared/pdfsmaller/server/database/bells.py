"""How processes of one host wake each other: by pipes with names (FIFO), which whoever has written something rings.

Those who receive messages of a kind have one pipe together, so that a message wakes one of them. Who follows ends has a
pipe of its own, so that an end is heard by all. It costs nothing while nothing happens, and nothing depends on it: a
pipe that nobody reads any more is removed by the next who rings, one that is full is left alone, and where there can be
no pipes who waits comes by often.
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
#: The pipe of all who receive messages of a kind.
_ALL = "all"


class Bells:
    """The pipes in a folder, which is made when the first is; their names begin with the kind of what they tell."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shared: dict[str, _Pipe] = {}
        self._lock = threading.Lock()

    def ring(self, kind: str, what: str = "") -> None:
        """Wake one of those who wait for a kind of message, or all who have a ``bell``, and tell them ``what``."""
        with suppress(OSError):  # there is no such folder, as nobody waits
            for name in os.listdir(self._folder):  # noqa: PTH208 - names alone
                if name.startswith(f"{kind}."):
                    with suppress(OSError):  # gone, or full: then its reader has enough to read
                        _write(self._folder / name, f"{what}\n".encode())

    def wait(self, kind: str, seconds: float) -> None:
        """Return once there may be a message of this kind, after ``seconds`` at the latest; at once where this process
        waits for the first time, before which there may have been one.
        """
        pipe = self._of(kind)
        if not pipe.open():
            pipe.wait(seconds)
            pipe.read(1)

    def taken(self, kind: str) -> None:
        """A message of this kind was received: its ring need not wake anybody any more."""
        self._of(kind).read(1)

    def bell(self, kind: str) -> PipeBell:
        """One more that is rung with this kind, from when it is waited at first."""
        return PipeBell(_Pipe(self._folder, f"{kind}.{uuid.uuid4().hex}", is_own=True))

    def _of(self, kind: str) -> _Pipe:
        with self._lock:
            return self._shared.setdefault(kind, _Pipe(self._folder, f"{kind}.{_ALL}", is_own=False))


def _write(path: Path, line: bytes) -> None:
    try:
        pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        if exc.errno == errno.ENXIO and path.suffix != f".{_ALL}":  # its reader is gone
            path.unlink()
        raise
    try:
        os.write(pipe, line)
    finally:
        os.close(pipe)


class _Pipe:
    """A pipe's reader, which may be several threads.

    Args:
        is_own: whether nobody else reads it, so that it goes with this. After a fork the child's has another name.
    """

    def __init__(self, folder: Path, name: str, *, is_own: bool) -> None:
        self._folder, self._name, self._is_own = folder, name, is_own
        self._number, self._pid = -1, 0
        self._lock = threading.Lock()

    @property
    def _path(self) -> Path:
        return self._folder / (f"{self._name}-{self._pid}" if self._is_own else self._name)

    def open(self) -> bool:
        """Have it open in this process; False where it is already. Where there can be no pipe it is so to say open."""
        with self._lock:
            if self._pid == os.getpid():
                return False
            self._close()
            self._pid = os.getpid()
            with suppress(OSError):
                self._folder.mkdir(mode=0o700, exist_ok=True)
                with suppress(FileExistsError):
                    os.mkfifo(self._path, 0o600)
                # For writing too, as else it would be at its end whenever nobody writes.
                self._number = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            return True

    def wait(self, seconds: float) -> None:
        """Return once there is something to read, after ``seconds`` at the latest."""
        if self._number < 0:
            time.sleep(min(seconds, _LOOK_SECONDS))
            return
        poll = select.poll()
        poll.register(self._number, select.POLLIN)
        poll.poll(seconds * 1_000)

    def read(self, most: int) -> bytes:
        """What there is, at most so much."""
        if self._number >= 0 and self._pid == os.getpid():
            with suppress(BlockingIOError):
                return os.read(self._number, most)
        return b""

    def write(self, line: bytes) -> None:
        """For who reads in this process."""
        if self._number >= 0 and self._pid == os.getpid():
            with suppress(BlockingIOError):
                os.write(self._number, line)

    def _close(self) -> None:
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)
            if self._is_own and self._pid == os.getpid():
                self._path.unlink(missing_ok=True)

    def __del__(self) -> None:
        with suppress(OSError):
            self._close()


class PipeBell:
    """A ``jobs.bells.Bell``."""

    tells = True

    def __init__(self, pipe: _Pipe) -> None:
        self._pipe, self._rest = pipe, b""

    def ring(self) -> None:
        self._pipe.write(b"\n")

    def wait(self, seconds: float) -> frozenset[str]:
        if self._pipe.open():
            self._rest = b""
            return frozenset()
        self._pipe.wait(seconds)
        *lines, self._rest = (self._rest + self._pipe.read(_READ_BYTES)).split(b"\n")
        return frozenset(line.decode() for line in lines if line)
