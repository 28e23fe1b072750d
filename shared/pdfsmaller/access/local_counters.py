"""Counters of this process alone: for what is not worth a write to a store, and may be forgotten."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class LocalCounters:
    """``Counters`` in memory, at most ``most_names`` at a time."""

    def __init__(self, clock: Callable[[], float] = time.time, most_names: int = 10_000) -> None:
        self.now = clock
        self._most_names = most_names
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, float]] = {}

    def add(self, name: str, number: int, *, most: int, kept_seconds: float) -> int | None:
        with self._lock:
            now = self.now()
            count, until = self._counts.get(name, (0, 0.0))
            if until < now:
                count, until = 0, now + kept_seconds
            if count + number > most:
                return None
            if name not in self._counts and len(self._counts) >= self._most_names:
                self._forget(now)
            self._counts[name] = count + number, until
            return count + number

    def _forget(self, now: float) -> None:
        """What is over its time; where there is nothing such, the oldest half."""
        kept = {name: held for name, held in self._counts.items() if held[1] >= now}
        if len(kept) == len(self._counts):
            kept = dict(list(kept.items())[len(kept) // 2 :])
        self._counts = kept
