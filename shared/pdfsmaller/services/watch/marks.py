"""What became of each watched file, remembered as long as the file lies there: through restarts, and for years.

One file of JSON each, in a folder of ours that nobody else writes to. One process at a time holds the folder; the
system gives it back when that process dies, however it does.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pdfsmaller.services.watch import durable
from pdfsmaller.services.watch.folder import Writing
from pdfsmaller.telemetry import get_logger

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

_SUFFIX = ".json"


class State(StrEnum):
    """How far a file is: TAKEN for a job that was perhaps not even made yet; GIVEN_UP where its owner was told so, but
    the operator may have the job tried again; DONE.
    """

    TAKEN = "taken"
    GIVEN_UP = "given_up"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Mark:
    """What became of one writing of one file.

    Attributes:
        name: the file.
        writing: which writing of it.
        root: the watched folder as it was then (``Listing.root``).
        job_id: its job; empty where it can have none.
        laid: what stands among the results for the file, this writing's or a former one's: paths below their folder.
    """

    name: str
    writing: Writing
    root: int
    job_id: str
    state: State
    laid: tuple[str, ...] = ()


class Marks:
    """The marks in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: IO[str] | None = None
        self._marks: dict[str, Mark] = {}
        self._owners: dict[str, str] = {}

    def hold(self) -> bool:
        """Have the folder for this process, and know what is in it; False where another process has it."""
        if self._lock:
            return True
        durable.make_folder(self._folder)
        lock = (self._folder / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            return False
        try:
            self._load()
        except OSError:
            lock.close()
            raise
        self._lock = lock
        return True

    def let_go(self) -> None:
        """Let another process have the folder."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def __iter__(self) -> Iterator[Mark]:
        return iter(list(self._marks.values()))

    def get(self, name: str) -> Mark | None:
        return self._marks.get(name)

    def owner(self, laid: str) -> str | None:
        """The file for which something stands among the results."""
        return self._owners.get(laid)

    def put(self, mark: Mark) -> None:
        """Remember a mark, in place of a former one of the file."""
        durable.write(self._path(mark.name), json.dumps(asdict(mark)).encode(), by_way_of=self._folder / "new")
        self._know(mark)

    def remove(self, mark: Mark) -> None:
        """Forget what became of a file."""
        self._path(mark.name).unlink(missing_ok=True)
        self._forget(mark.name)

    def _load(self) -> None:
        self._marks, self._owners = {}, {}
        for path in self._folder.glob(f"*{_SUFFIX}"):
            try:
                mark = _read(json.loads(path.read_bytes()))
            except (ValueError, KeyError, TypeError):
                _logger().warning("a mark of a watched file cannot be read", extra={"mark": path.name})
            else:
                self._know(mark)

    def _know(self, mark: Mark) -> None:
        self._forget(mark.name)
        self._marks[mark.name] = mark
        self._owners |= dict.fromkeys(mark.laid, mark.name)

    def _forget(self, name: str) -> None:
        former = self._marks.pop(name, None)
        for laid in former.laid if former else ():
            if self._owners.get(laid) == name:
                del self._owners[laid]

    def _path(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(os.fsencode(name)).hexdigest()}{_SUFFIX}"


def _read(mark: dict[str, Any]) -> Mark:
    read = {"writing": Writing(**mark["writing"]), "state": State(mark["state"]), "laid": tuple(mark["laid"])}
    return Mark(**mark | read)


def _logger() -> Logger:
    return get_logger("watch")
