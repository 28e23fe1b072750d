"""The folder in which everything of one job lies, and which its owner removes whatever happens to the job.

The owner holds a lock on the folder (``flock``), which the system takes away with the process: a folder that can be
locked has lost its owner, and whoever makes the next one removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "pdfsmaller-job-"
#: A folder has this name until it is locked, so that nobody takes it for an abandoned one …
_UNLOCKED_PREFIX = ".pdfsmaller-new-"
#: … before it is so old, in seconds, that nobody can still be about to lock it.
_UNLOCKED_MAX_AGE = 3_600


@contextmanager
def job_folder() -> Iterator[Path]:
    """A new folder, locked by this process and removed at the end of the block. Abandoned ones are removed first.

    Raises:
        OSError: it cannot be made.
    """
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=_UNLOCKED_PREFIX))
    lock = -1
    try:
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        folder = folder.rename(folder.with_name(_PREFIX + folder.name.removeprefix(_UNLOCKED_PREFIX)))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock >= 0:
            os.close(lock)


def remove_abandoned() -> None:
    """Remove the folders of jobs whose process is gone; those of other users and of living processes stay."""
    names = os.listdir(tempfile.gettempdir())  # noqa: PTH208 - of every job: others may have left thousands here
    found = [Path(tempfile.gettempdir(), name) for name in names if name.startswith((_PREFIX, _UNLOCKED_PREFIX))]
    for folder in found:
        with suppress(OSError):
            if folder.name.startswith(_PREFIX):
                _remove_unless_locked(folder)
            elif folder.stat().st_mtime < time.time() - _UNLOCKED_MAX_AGE:
                folder.rmdir()  # nothing is ever put into one


def _remove_unless_locked(folder: Path) -> None:
    """Raises OSError where its owner lives, or where it is no folder."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(lock).st_uid == os.geteuid():
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
