"""How quickly new jobs are made: so many in so much time, evenly."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pdfsmaller.errors import InvalidOption

_SECONDS = {"s": 1, "second": 1, "min": 60, "minute": 60, "h": 3_600, "hour": 3_600, "d": 86_400, "day": 86_400}
_RATE = re.compile(rf"\s*(\d{{1,9}}(?:\.\d{{1,3}})?)\s*/\s*({'|'.join(_SECONDS)})\s*", re.ASCII)
#: Jobs that may follow each other at once after a pause; more would come as a burst.
_SAVED_UP = 1.0


def parse_rate(text: str) -> float:
    """Jobs per second in ``5/s``, ``300/min``, ``1000/h`` or ``20000/day``.

    Raises:
        InvalidOption.
    """
    match = _RATE.fullmatch(text)
    amount = float(match[1]) if match else 0.0
    if not match or amount <= 0:
        raise InvalidOption("rate", text, ["how many in which time, such as 5/s, 300/min or 1000/h"])
    return amount / _SECONDS[match[2]]


@dataclass(slots=True)
class Pace:
    """When the next job may be made. Times are those of one monotonic clock, in seconds.

    Attributes:
        rate: jobs per second.
    """

    rate: float
    _saved: float = _SAVED_UP
    _at: float | None = None

    def wait(self, now: float) -> float:
        """For how many seconds the next job must still wait; 0: it may be made."""
        if self._at is not None:
            self._saved = min(_SAVED_UP, self._saved + (now - self._at) * self.rate)
        self._at = now
        # What adding up fractions loses must not cost a turn.
        return 0.0 if self._saved > 1 - 1e-6 else (1 - self._saved) / self.rate

    def take(self) -> None:
        """A job is made."""
        self._saved -= 1
