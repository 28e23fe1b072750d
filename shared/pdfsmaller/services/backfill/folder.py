"""Documents in a folder and in those below it, as ``jobs.collections`` has it. No link is followed, none replaced."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pdfsmaller.errors import CollectionUnusable, DocumentError, ResultNameTaken
from pdfsmaller.jobs.collections import Original
from pdfsmaller.services.watch import durable
from pdfsmaller.services.watch.folder import WatchedFolder, Writing
from pdfsmaller.services.watch.results import IN_THE_WAY

if TYPE_CHECKING:
    from pdfsmaller.jobs.collections import Collection

#: What a file is called until it is whole; a listing passes it over.
_UNFINISHED_PREFIX = ".pdfsmaller-"


class FolderCollection:
    """A ``Collection``: a folder. Files that programs have not finished, and hidden ones, are passed over."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._folder, self._umask = WatchedFolder(self.path), _umask()

    @property
    def address(self) -> str:
        return str(self.path)

    def list(self) -> Iterator[Original]:
        try:
            listing = self._folder.list()
        except OSError as exc:
            raise CollectionUnusable(f"The folder {self.path} cannot be read ({exc.strerror}).") from exc
        if not listing.complete:
            raise CollectionUnusable(
                f"A folder below {self.path} cannot be read. Make all of them readable for this user."
            )
        for name in sorted(listing.files):
            yield _original(name, listing.files[name])

    def look(self, name: str) -> Original | None:
        writing = self._folder.writing(name)
        return _original(name, writing) if writing else None

    def fetch(self, original: Original, target: Path) -> bool:
        file = self._folder.open(original.name, _writing(original))
        if file is None:
            return False
        with file, target.open("wb") as out:
            shutil.copyfileobj(file, out, 1 << 20)
        # Somebody may have written into it while it was read.
        return self.look(original.name) == original

    def lay(self, name: str, source: Path) -> None:
        if any(part in ("", ".", "..") or "\0" in part for part in name.split("/")):
            raise ResultNameTaken(
                "No file of a folder can be called as this document is. Have the results in a bucket."
            )
        target = self.path / name
        try:
            durable.make_folder(target.parent)
            with self._beside(target, source) as whole:
                durable.move(whole, target)
        except OSError as exc:
            if exc.errno in IN_THE_WAY:
                why = f"Something else stands where it belongs ({exc.strerror}). Move it away."
                raise ResultNameTaken(why) from exc
            if isinstance(exc, PermissionError):
                raise CollectionUnusable(f"{self.path} cannot be written to ({exc.strerror}).") from exc
            raise

    def replace(self, original: Original, source: Path) -> Original | None:
        target = self.path / original.name
        try:
            with self._beside(target, source) as whole:
                shutil.copystat(target, whole, follow_symlinks=False)
                os.utime(whole)  # who copies what is new must see that this is
                facts = target.lstat()
                if (facts.st_uid, facts.st_gid) != (os.geteuid(), os.getegid()):
                    with suppress(PermissionError):
                        os.chown(whole, facts.st_uid, facts.st_gid)
                if self.look(original.name) != original:
                    return None
                durable.move(whole, target)
        except FileNotFoundError:
            return None
        except PermissionError as exc:
            raise DocumentError(f"The file cannot be replaced ({exc.strerror}). Give this user the right to.") from exc
        return self.look(original.name)

    def inner(self, other: Collection) -> str | None:
        if not isinstance(other, FolderCollection) or not other.path.resolve().is_relative_to(self.path.resolve()):
            return None
        below = other.path.resolve().relative_to(self.path.resolve()).as_posix()
        return "" if below == "." else f"{below}/"

    @contextmanager
    def _beside(self, target: Path, source: Path) -> Iterator[Path]:
        """A whole copy of a file, on the disk, in the folder of ``target``; what is not moved away is removed.

        It has the same name each time: what a process left that died meanwhile is gone once its work is done again.
        """
        name = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]
        whole = target.with_name(_UNFINISHED_PREFIX + name)
        try:
            whole.unlink(missing_ok=True)
            descriptor = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as out, source.open("rb") as file:
                shutil.copyfileobj(file, out, 1 << 20)
                out.flush()
                os.fsync(out.fileno())
            whole.chmod(0o666 & ~self._umask)
            yield whole
        finally:
            whole.unlink(missing_ok=True)


def _umask() -> int:
    """What this process takes from the permissions of new files."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _original(name: str, writing: Writing) -> Original:
    return Original(name, writing.size, f"{writing.size}-{writing.mtime_ns}")


def _writing(original: Original) -> Writing:
    return Writing(original.bytes, int(original.version.rpartition("-")[2]))
