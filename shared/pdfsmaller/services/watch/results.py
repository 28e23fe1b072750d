"""The folder in which the owner of watched files finds what became of them.

The result of ``a/b.pdf`` is ``a/b.pdf`` here too (with its operation's suffix, as for drops), several results are
``a/b.pdf/…``, and what went wrong is ``a/b.pdf.error.json``: there is one or the other, never both. Each appears whole
or not at all.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pdfsmaller import errors
from pdfsmaller.operations import find
from pdfsmaller.services.outcome import error_json
from pdfsmaller.services.watch import durable

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job, JobResult
    from pdfsmaller.jobs.ports import Storage

#: Where results lie until they are whole: on the same file system, and hidden.
_STAGING = ".pdfsmaller"
_ERROR_SUFFIX = ".error.json"
#: What file systems allow one name, in bytes.
_NAME_MAX_BYTES = 255
#: What the system says where something else stands in a file's place, or none can be called so.
IN_THE_WAY = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.ENAMETOOLONG)

#: Tells for which file something stands among the results; None for what is nobody's.
Owner = Callable[[str], str | None]


class ResultsFolder:
    """One such folder.

    Args:
        owner: knows what was laid here for which file.
    """

    def __init__(self, path: Path, storage: Storage, owner: Owner) -> None:
        self._path, self._storage, self._owner = path, storage, owner

    def tidy(self) -> None:
        """Throw away what a process left behind that died while it laid something here."""
        shutil.rmtree(self._path / _STAGING, ignore_errors=True)

    def lay(self, name: str, job: Job, former: Sequence[str]) -> tuple[str, ...]:
        """Lay the results of a file's job here; what then stands here for the file.

        Args:
            former: what stood here for it; what has no successor is taken away, and so is its error.

        Raises:
            JobExpired: the results are gone.
            ResultNameTaken: something else stands where they belong.
        """
        with self._staging() as staging, _in_the_way(name):
            if len(job.results) == 1:
                laid = [_fitted(name, find(job.operation).drop_suffix or "")]
                self._check(laid, name)
                self._bring(job.results[0], staging / "result")
                durable.make_folder((self._path / laid[0]).parent)
                if (self._path / laid[0]).is_dir():  # a former writing had several results
                    self._take_away(name, former)
                durable.move(staging / "result", self._path / laid[0])
            else:
                laid = [f"{name}/{result.name}" for result in job.results]
                self._check([name, *laid], name)
                (staging / "results").mkdir()
                for result in job.results:
                    self._bring(result, staging / "results" / result.name)
                self._lay_folder(staging / "results", self._path / name)
        self._take_away(name, [*former, _error_name(name)], but=laid)
        return tuple(laid)

    def explain(self, name: str, job_id: str, error: errors.PdfSmallerError, former: Sequence[str]) -> None:
        """Lay here why a file could not be done, and take away what stood here for it.

        Args:
            job_id: its job; empty where there was none.

        Raises:
            ResultNameTaken: something else stands where the reason belongs.
        """
        facts = {"job_id": job_id or None, "file": shown(name), "error": error_json(error)}
        told = json.dumps(facts, indent=2).encode()
        laid = _error_name(name)
        with self._staging() as staging, _in_the_way(name):
            self._check([laid], name)
            durable.make_folder((self._path / laid).parent)
            durable.write(self._path / laid, told, by_way_of=staging / "error")
        self._take_away(name, former, but=[laid])

    @contextmanager
    def _staging(self) -> Iterator[Path]:
        durable.make_folder(self._path / _STAGING)
        with tempfile.TemporaryDirectory(dir=self._path / _STAGING, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def _check(self, wanted: Sequence[str], name: str) -> None:
        for laid in wanted:
            if (owner := self._owner(laid)) not in (None, name):
                raise _taken(f"{shown(laid)} is the result of {shown(str(owner))}")

    def _bring(self, result: JobResult, target: Path) -> None:
        if not self._storage.download(self._storage.results, result.key, target):
            raise errors.JobExpired("The job's files were deleted.")
        durable.sync(target)

    def _lay_folder(self, source: Path, target: Path) -> None:
        durable.make_folder(target.parent)
        if target.is_symlink() or target.is_file():  # a former writing had one result
            target.unlink()
        durable.sync(source)
        if target.is_dir() and any(target.iterdir()):
            for part in source.iterdir():
                part.replace(target / part.name)
        else:
            source.rename(target)
        durable.sync(target)
        durable.sync(target.parent)

    def _take_away(self, name: str, laid: Sequence[str], but: Sequence[str] = ()) -> None:
        for gone in set(laid).difference(but):
            with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                (self._path / gone).unlink()
        with suppress(OSError):
            (self._path / name).rmdir()  # the folder of several results, once it is empty


def _error_name(name: str) -> str:
    return _fitted(name, _ERROR_SUFFIX)


def _fitted(name: str, suffix: str) -> str:
    """``name + suffix``; where its last part is too long then, the end of that gives way to a hash of all of it."""
    folder, slash, last = name.rpartition("/")
    if len(os.fsencode(last + suffix)) <= _NAME_MAX_BYTES:
        return name + suffix
    ending = f"~{hashlib.sha256(os.fsencode(last)).hexdigest()[:16]}{suffix}"
    return folder + slash + os.fsdecode(os.fsencode(last)[: _NAME_MAX_BYTES - len(ending)]) + ending


@contextmanager
def _in_the_way(name: str) -> Iterator[None]:
    """What stands in the way is something to tell the owner of, and no reason to try again."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in IN_THE_WAY:
            raise
        raise _taken(f"it cannot be laid where {shown(name)} belongs ({exc.strerror})") from exc


def _taken(why: str) -> errors.ResultNameTaken:
    return errors.ResultNameTaken(f"The result has no place: {why}. Rename one of the two files.")


def shown(name: str) -> str:
    """A file's name as any reader of text takes it."""
    return os.fsencode(name).decode("utf-8", "replace")
