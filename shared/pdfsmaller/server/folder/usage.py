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
    """How full what is kept, and the disk under it, have become, and whether that is a share of what there is.

    Args:
        max_bytes: how much may be kept; None for what the disk holds.
        full_percent: the share that is full, of ``max_bytes`` and of the disk.
    """

    def __init__(self, root: Path, max_bytes: int | None, full_percent: float) -> None:
        self._root, self._max_bytes, self._share = root, max_bytes, full_percent / 100
        self._lock = threading.Lock()
        self._ratio: float | None = None
        self._stale_at = -math.inf

    def is_full(self) -> bool:
        """As ``ratio`` has it. Raises OSError."""
        return self.ratio() >= self._share

    def ratio(self) -> float:
        """From 0 to 1, of ``max_bytes`` or of the disk, whichever is fuller: as it was some seconds ago at most; while
        somebody looks anew, as it was before. Raises OSError.
        """
        if self._lock.acquire(blocking=self._ratio is None):
            try:
                self._look()
            finally:
                self._lock.release()
        return self._ratio or 0.0

    def _look(self) -> None:
        begun = time.monotonic()
        if begun < self._stale_at:
            return
        disk = shutil.disk_usage(self._root)
        ratio = disk.used / max(1, disk.used + disk.free)  # what is reserved for root is nobody's
        if self._max_bytes is not None:
            ratio = max(ratio, sum(_sizes(self._root)) / self._max_bytes)
        self._ratio = ratio
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
