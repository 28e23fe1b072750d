"""The clock of a database that has none: the host's, but never set back while the host is up.

Leases and messages end at times. Were the host's clock set back by an hour, they would all last an hour longer, and a
dead worker's job would hang. So time is counted from the host's start (CLOCK_BOOTTIME, which nobody can set), and what
must be added to it to be the time of day is remembered in the database, where every process finds the same. It grows
where the clock is set forward; where the clock is set back it stays until the host starts anew.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

logger = logging.getLogger(__name__)

#: How far the clock of the day may run ahead before it is followed: processes look at it at different moments.
_FOLLOWED_SECONDS = 1.0
#: How far behind it may be before somebody is told.
_TOLD_SECONDS = 30.0
#: How often to look what other processes have remembered since.
_RECALLED_SECONDS = 10.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def since_boot() -> float:
    """Seconds since the host's start, sleep included; those of the day's clock where the system has none such."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.time()


def boot_id() -> str:
    """What tells this start of the host from others; empty where the system does not say."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


class HostClock:
    """Seconds since the epoch, to be asked after ``prepare``."""

    def __init__(
        self,
        remember: Callable[[float], float],
        recall: Callable[[], float | None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """
        Args:
            remember: keeps the greatest difference since the host's start, and returns it.
            recall: returns it; None where there is none yet.
            wall: the clock of the day.
        """
        self._remember, self._recall, self._wall = remember, recall, wall
        self._difference: float | None = None
        self._recalled_at = 0.0
        self._told = False

    def prepare(self) -> None:
        """Look at the clock of the day. May use the database, so not within a transaction."""
        up = since_boot()
        difference = self._wall() - up
        known = self._difference
        if known is None or up - self._recalled_at > _RECALLED_SECONDS:
            known, self._recalled_at = self._recall(), up
        if known is None or difference - known > _FOLLOWED_SECONDS:
            known = self._remember(difference)
        self._difference = known
        behind = known - difference
        if behind > _TOLD_SECONDS and not self._told:
            logger.warning(
                "the host's clock was set back by %.0f s: jobs and messages keep their former time until the host "
                "restarts; nothing is lost",
                behind,
            )
        self._told = behind > _TOLD_SECONDS

    def __call__(self) -> float:
        """The present, as of the last ``prepare``."""
        if self._difference is None:
            raise RuntimeError("prepare comes first")
        return self._difference + since_boot()
