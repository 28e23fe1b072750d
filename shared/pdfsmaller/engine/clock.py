"""Time within one run: a soft deadline, and seconds per stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Deadline:
    """A moment after which the engine stops improving and writes what it has."""

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    def passed(self) -> bool:
        return time.monotonic() >= self.at

    def left(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self.at - time.monotonic())


class Stopwatch:
    """Wall-clock seconds per stage; stages may come again and add up."""

    def __init__(self, begins: Callable[[str], None] = lambda _stage: None) -> None:
        """
        Args:
            begins: told the name of each stage that begins.
        """
        self._begins = begins
        self._start = time.monotonic()
        self._seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._begins(name)
        start = time.monotonic()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.monotonic() - start

    def seconds(self) -> dict[str, float]:
        """Every stage and ``total``, rounded to milliseconds."""
        rounded = {name: round(value, 3) for name, value in self._seconds.items()}
        return {**rounded, "total": round(time.monotonic() - self._start, 3)}
