"""What costs calls to know, and anybody may ask for."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

_T = TypeVar("_T")
#: For so long what was seen counts.
FRESH_SECONDS = 5.0


class Fresh(Generic[_T]):
    """What ``look`` saw some seconds ago at most, whoever asked first. Others that ask meanwhile wait for it."""

    def __init__(self, look: Callable[[], _T]) -> None:
        self._look = look
        self._lock = Lock()
        self._seen: list[_T] = []
        self._stale_at = -math.inf

    def seen(self) -> _T:
        """That. What ``look`` raises is raised, and nothing is kept of it."""
        with self._lock:
            if time.monotonic() >= self._stale_at:
                self._seen = [self._look()]
                self._stale_at = time.monotonic() + FRESH_SECONDS
            return self._seen[0]
