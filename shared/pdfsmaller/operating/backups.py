"""The folder of backups: their names, which there are, which are too old, and who may write there."""

from __future__ import annotations

import fcntl
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pdfsmaller.errors import BackupFailed

_FORM = "pdfsmaller-%Y%m%dT%H%M%SZ.tar"
_NAME = re.compile(r"pdfsmaller-\d{8}T\d{6}Z\.tar")
#: What the folders of unfinished ones begin with.
UNFINISHED = ".pdfsmaller-"
_LOCK = ".lock"
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup in the folder: where, from when (seconds since the epoch), its size in bytes."""

    path: Path
    made_at: float
    bytes: int


def all_in(folder: Path) -> list[Backup]:
    """The backups in a folder, the oldest first; none where there is no folder. Each has its name only once it was
    written and checked.
    """
    found = [path for path in folder.glob("*") if _NAME.fullmatch(path.name)] if folder.is_dir() else []
    return sorted((Backup(path, _time_of(path), path.stat().st_size) for path in found), key=lambda one: one.made_at)


def new_name(folder: Path) -> Path:
    """A name for a new one, of the present second: of the next where that is taken."""
    while (path := folder / datetime.now(UTC).strftime(_FORM)).exists():
        time.sleep(0.1)
    return path


def rotate(folder: Path, keep_days: int, newest: Path) -> list[Path]:
    """Delete what is older than so many days; that. ``newest`` was just made, and stays in any case."""
    before = time.time() - keep_days * _DAY_SECONDS
    old = [one.path for one in all_in(folder) if one.made_at < before and one.path != newest]
    for path in old:
        path.unlink(missing_ok=True)
    return old


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """The folder for this process alone, without what those have left there that died.

    Raises:
        BackupFailed: another one is being made.
    """
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BackupFailed(f"Another backup is being made in {folder}. Let it end, or stop it.") from None
        for left in folder.glob(f"{UNFINISHED}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


def _time_of(path: Path) -> float:
    return datetime.strptime(path.name, _FORM).replace(tzinfo=UTC).timestamp()
