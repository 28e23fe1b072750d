"""The folders from a bucket down to where an object lies.

Each is opened by its name in the one above and never through a symbolic link, so that whatever lies in the store's
folder, nothing outside of it is reached, and a path may be of any length. Few descriptors are held: a body that comes
slowly holds its folder for as long.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER_MODE = 0o700


def open_bucket(path: Path) -> int:
    """A descriptor of a bucket's folder; the way to it may lead through links."""
    return os.open(path, _FOLDER)


def open_folder(name: str, above: int) -> int:
    """A descriptor of the folder called ``name`` in the one above."""
    return os.open(name, _FOLDER, dir_fd=above)


@contextmanager
def alone(folder: int) -> Iterator[None]:
    """Within it nobody else is in this in the same folder, where the file system knows locks (``flock``)."""
    with suppress(OSError):
        fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(folder, fcntl.LOCK_UN)


class Branch:
    """The folder at the end of ``names`` below a bucket's.

    Args:
        bucket: the descriptor of the bucket's folder, which is closed with this.
        make: make the folders that are not there.

    Raises:
        FileNotFoundError: one is not there (or was removed while it was being opened).
    """

    def __init__(self, bucket: int, names: Sequence[str], *, make: bool = False) -> None:
        self._bucket, self._names = bucket, names
        self._made: set[int] = set()
        try:
            self.folder = self._descend(len(names), make=make)
        except BaseException:
            if make:
                with suppress(OSError):
                    self.prune()
            os.close(bucket)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        os.close(self.folder)
        os.close(self._bucket)

    def sync_made(self) -> None:
        """Bring to the disk that the folders are there that were made here.

        One that somebody else has just made needs nothing: file systems keep changes in their order, so that a file
        which is on the disk brings what was made before it.
        """
        if self._made:
            os.close(self._descend(max(self._made) + 1, sync=True))

    def prune(self) -> None:
        """Remove the folders that are empty, from the last one up, and bring that to the disk; the bucket's stays.

        Whoever is about to put something into one finds it gone, and makes it anew.
        """
        depth = len(self._names)
        while depth:
            try:
                with self._opened(depth - 1) as above:
                    os.rmdir(self._names[depth - 1], dir_fd=above)
            except FileNotFoundError:
                pass
            except OSError:  # there is something in it
                break
            depth -= 1
        with suppress(FileNotFoundError), self._opened(depth) as left:
            os.fsync(left)

    @contextmanager
    def _opened(self, depth: int) -> Iterator[int]:
        folder = self._descend(depth)
        try:
            yield folder
        finally:
            os.close(folder)

    def _descend(self, depth: int, *, make: bool = False, sync: bool = False) -> int:
        folder = os.dup(self._bucket)
        for index, name in enumerate(self._names[:depth]):
            above = folder
            try:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(name, _FOLDER_MODE, dir_fd=above)
                        self._made.add(index)
                if sync and index in self._made:
                    os.fsync(above)
                folder = open_folder(name, above)
            finally:
                os.close(above)
        return folder
