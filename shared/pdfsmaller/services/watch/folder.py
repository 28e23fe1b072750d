"""What lies in a watched folder: regular files, found and opened without following a link, whoever else writes there.

A file is called by its path below the folder, with slashes, as text that keeps bytes which are no UTF-8
(``os.fsdecode``). The folder itself may be reached by a link: that is its owner's choice.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pdfsmaller.errors import DocumentError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: Folders below folders; what lies deeper is not looked for.
MAX_DEPTH = 32
#: What programs call their own files, and those that they have not finished writing.
_IGNORED_STARTS = (".", "~$")
_IGNORED_ENDS = (".part", ".tmp", ".crdownload")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
#: Opening a pipe without this waits for a writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
#: No regular file is there, or no longer: it went, became a link, or a folder on the way to it did; or none can be.
_GONE = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.ENAMETOOLONG)


@dataclass(frozen=True, slots=True)
class Writing:
    """One writing of a file: its size in bytes, and when it was changed last (nanoseconds, by the file system)."""

    size: int
    mtime_ns: int


#: That of no file.
NO_WRITING = Writing(-1, -1)


@dataclass(slots=True)
class Listing:
    """What lay in the folder.

    Attributes:
        root: the folder's own number on its file system (inode): another one shows that something else stands in its
            place, such as the empty folder under a disk that is not mounted.
        files: the writing of each file.
        complete: every folder below could be read, so that what is not listed is not there.
    """

    root: int
    files: dict[str, Writing] = field(default_factory=dict)
    complete: bool = True


class WatchedFolder:
    """One such folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def list(self) -> Listing:
        """All files in it and in its folders. Raises OSError where the folder itself cannot be read."""
        top = os.open(self.path, _FOLDER)
        try:
            listing = Listing(os.fstat(top).st_ino)
            self._list(top, "", 0, listing)
        finally:
            os.close(top)
        return listing

    def _list(self, folder: int, prefix: str, depth: int, listing: Listing) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_ignored(entry.name):
                    continue
                try:
                    if not entry.is_dir(follow_symlinks=False):
                        facts = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(facts.st_mode):
                            listing.files[prefix + entry.name] = _writing(facts)
                    elif depth < MAX_DEPTH:
                        with _inner(folder, entry.name) as inner:
                            self._list(inner, f"{prefix}{entry.name}/", depth + 1, listing)
                except OSError as exc:
                    listing.complete &= exc.errno in _GONE

    def writing(self, name: str) -> Writing | None:
        """How a file stands now; None where there is none of that name.

        Raises:
            DocumentError: nobody lets us see.
        """
        try:
            with self._beside(name) as (folder, last):
                facts = os.stat(last, dir_fd=folder, follow_symlinks=False)
        except OSError as exc:
            if exc.errno in _GONE:
                return None
            raise unreadable(exc) from exc
        return _writing(facts) if stat.S_ISREG(facts.st_mode) else None

    def open(self, name: str, writing: Writing) -> IO[bytes] | None:
        """A file for reading, or None where it is no longer of that writing.

        Raises:
            DocumentError: it cannot be opened. Reading it raises that too, where it cannot be read.
        """
        try:
            with self._beside(name) as (folder, last):
                descriptor = os.open(last, _FILE, dir_fd=folder)
        except OSError as exc:
            if exc.errno in _GONE:
                return None
            raise unreadable(exc) from exc
        file: IO[bytes] = io.BufferedReader(_Source(descriptor))
        facts = os.fstat(descriptor)
        if stat.S_ISREG(facts.st_mode) and _writing(facts) == writing:
            return file
        file.close()
        return None

    @contextmanager
    def _beside(self, name: str) -> Iterator[tuple[int, str]]:
        """The folder that holds a file, open, and the file's name in it."""
        *folders, last = name.split("/")
        folder = os.open(self.path, _FOLDER)
        try:
            for inner in folders:
                outer, folder = folder, os.open(inner, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
                os.close(outer)
            yield folder, last
        finally:
            os.close(folder)


class _Source(io.FileIO):
    """A file whose reading fails for a reason with a name: it is not the store that cannot be written to."""

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        try:
            return super().readinto(buffer)
        except OSError as exc:
            raise unreadable(exc) from exc


def unreadable(exc: OSError) -> DocumentError:
    """Why a file cannot be read, and what to do."""
    return DocumentError(
        f"The file cannot be read ({exc.strerror}). Make it readable for the service, and write it or touch it again."
    )


def is_ignored(name: str) -> bool:
    """Whether a file or folder of this name is passed over."""
    low = name.lower()
    return low.startswith(_IGNORED_STARTS) or low.endswith(_IGNORED_ENDS)


@contextmanager
def _inner(folder: int, name: str) -> Iterator[int]:
    inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
    try:
        yield inner
    finally:
        with suppress(OSError):
            os.close(inner)


def _writing(facts: os.stat_result) -> Writing:
    return Writing(facts.st_size, facts.st_mtime_ns)
