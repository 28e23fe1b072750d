"""How long a job's work will still take, judged by how long it has taken so far."""

from __future__ import annotations

#: Before so much of the work is done, and before so many seconds are over, nothing can be said.
_LEAST_PERCENT, _LEAST_SECONDS = 4, 0.5


class Pace:
    """The work's percentage over time; it counts time, so what is left takes as long in proportion.

    Times are those of one monotonic clock, in seconds.
    """

    def __init__(self) -> None:
        self._began: float | None = None
        self._percent, self._at = 0, 0.0

    def tell(self, percent: int, now: float) -> None:
        """So much is done now. Time counts from the last 0 %: until then files were fetched."""
        if percent == 0 or self._began is None:
            self._began = now
        self._percent, self._at = percent, now

    def seconds_left(self, now: float) -> float | None:
        """The estimate; None where there is none yet."""
        taken = self._at - (self._began if self._began is not None else now)
        if self._percent < _LEAST_PERCENT or taken < _LEAST_SECONDS:
            return None
        whole = taken * 100 / self._percent
        return max(0.0, whole - taken - (now - self._at))
