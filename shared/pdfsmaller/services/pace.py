"""How long a job's work will still take, judged by how long it has taken so far."""

from __future__ import annotations

#: Before so much of the work is done nothing can be said.
_LEAST_PERCENT = 0.02


class Pace:
    """The work's percentage over time; it counts time, so what is left takes as long in proportion.

    Times are those of one monotonic clock, in seconds.
    """

    def __init__(self) -> None:
        self._began: float | None = None
        self._percent, self._at = 0.0, 0.0

    def tell(self, percent: float, now: float) -> None:
        """So much is done now; time counts from the first that is told."""
        if self._began is None:
            self._began = now
        self._percent, self._at = percent, now

    def seconds_left(self, now: float) -> float | None:
        """The estimate; None where there is none yet."""
        if self._began is None or self._percent < _LEAST_PERCENT:
            return None
        taken = self._at - self._began
        whole = taken * 100 / self._percent
        return max(0.0, whole - taken - (now - self._at))
