"""How full the folder is."""

from __future__ import annotations

import math
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

#: An answer counts for so long, in seconds, and for so many times as long as it took to find.
_FRESH_SECONDS = 5.0
_FRESH_TIMES = 20


class Usage:
    """Whether what is kept, and the disk under it, have reached a share of what there is.

    Args:
        max_bytes: how much may be kept; None for what the disk holds.
        full_percent: the share that is full, of ``max_bytes`` and of the disk.
    """

    def __init__(self, root: Path, max_bytes: int | None, full_percent: float) -> None:
        self._root, self._max_bytes, self._share = root, max_bytes, full_percent / 100
        self._lock = threading.Lock()
        self._full: bool | None = None
        self._stale_at = -math.inf

    def is_full(self) -> bool:
        """As it was some seconds ago at most; while somebody looks anew, as it was before. Raises OSError."""
        if self._lock.acquire(blocking=self._full is None):
            try:
                self._look()
            finally:
                self._lock.release()
        return bool(self._full)

    def _look(self) -> None:
        begun = time.monotonic()
        if begun < self._stale_at:
            return
        disk = shutil.disk_usage(self._root)
        self._full = disk.used >= self._share * (disk.used + disk.free)  # what is reserved for root is nobody's
        if not self._full and self._max_bytes is not None:
            self._full = sum(_sizes(self._root)) >= self._share * self._max_bytes
        took = time.monotonic() - begun
        self._stale_at = begun + max(_FRESH_SECONDS, took * _FRESH_TIMES)


def _sizes(folder: Path) -> Iterator[int]:
    """The bytes of all files below; of one with several names once."""
    seen: set[int] = set()
    for _path, _folders, names, descriptor in os.fwalk(folder):
        for name in names:
            try:
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if found.st_nlink == 1:
                yield found.st_size
            elif found.st_ino not in seen:
                seen.add(found.st_ino)
                yield found.st_size
