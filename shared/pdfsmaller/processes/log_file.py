"""A log file that several processes write to, and that is changed for a new one when it is full, or when it is moved.

Every line is written at once and at the end of the file, so lines of several processes do not mix. Whoever finds that
the file is another one than it was writes to that one: logrotate may move it, and so may any process of ours.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

from pdfsmaller.errors import CannotServe

_MODE = 0o640


class LogFile:
    """What can be written to like a stream. It may be used from any thread, and in a child after a fork.

    Args:
        path: the file. Earlier ones are ``path.1`` (the latest), ``path.2`` …
        max_bytes: how large it may get; 0 for any size: something else changes it then.
        backups: how many earlier ones are kept, at least one.

    Raises:
        CannotServe: it cannot be written.
    """

    def __init__(self, path: Path, max_bytes: int, backups: int) -> None:
        self._path, self._max_bytes, self._backups = path.absolute(), max_bytes, backups
        self._renew_lock()
        os.register_at_fork(after_in_child=self._renew_lock)  # whoever had it is not in the child
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._opened()
        except OSError as exc:
            raise CannotServe(
                f"LOG_FILE {path} cannot be written ({exc.strerror}). Give it to the user who runs this, or leave "
                "LOG_FILE empty: the log goes to standard error then."
            ) from None

    def write(self, text: str, /) -> None:
        """Write whole lines.

        Raises:
            OSError: they cannot be written; logging says so on standard error.
        """
        data = text.encode(errors="backslashreplace")
        with self._lock:
            self._follow()
            if self._max_bytes and self._size() and self._size() + len(data) > self._max_bytes:
                self._change()
            os.write(self._file, data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def _renew_lock(self) -> None:
        self._lock = threading.Lock()

    def _opened(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)

    def _size(self) -> int:
        return os.fstat(self._file).st_size

    def _follow(self) -> None:
        """Write to the file that is there now."""
        try:
            there, ours = self._path.stat(), os.fstat(self._file)
            if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
                return
        except FileNotFoundError:
            pass
        new = self._opened()
        os.close(self._file)
        self._file = new

    def _change(self) -> None:
        """Begin a new file, once for all processes."""
        lock = os.open(self._numbered("lock"), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._follow()
            if self._size() < self._max_bytes // 2:
                return  # another process has done it meanwhile
            for number in range(self._backups - 1, 0, -1):
                if (earlier := self._numbered(number)).exists():
                    earlier.rename(self._numbered(number + 1))
            self._path.rename(self._numbered(1))
            self._follow()
        finally:
            os.close(lock)

    def _numbered(self, end: int | str) -> Path:
        return self._path.with_name(f"{self._path.name}.{end}")
