"""How many jobs one may make: limits as operators write them, and allowances that are counted in a store.

A window of an hour is an hour of the clock (UTC), for everybody: all instances count in the same one without a word
between them, and one counter for each limit and window is all that is kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pdfsmaller.access.ports import Counters
from pdfsmaller.errors import RateLimited

_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_RATE = re.compile(r"(\d{1,9})\s*(?:/|\bper\b)\s*(\d{1,4})?\s*(second|minute|hour|day)s?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds."""

    amount: int
    seconds: int

    def __str__(self) -> str:
        """As an operator writes it: ``100 per hour``, ``10 per 5 minutes``."""
        unit, length = next((u, s) for u, s in reversed(_SECONDS.items()) if self.seconds % s == 0)
        number = self.seconds // length
        return f"{self.amount} per {unit}" if number == 1 else f"{self.amount} per {number} {unit}s"


@lru_cache(maxsize=256)
def parse_rates(text: str) -> tuple[Rate, ...]:
    """The limits in ``100 per hour``, ``10/minute`` or ``200 per day;50 per hour``, in their order; none in an empty
    text.

    Raises:
        ValueError.
    """
    parts = [part.strip() for part in re.split(r"[;,|]", text)] if text.strip() else []
    return tuple(_rate(part) for part in parts)


def _rate(text: str) -> Rate:
    match = _RATE.fullmatch(text)
    amount, number = (int(match[1]), int(match[2] or 1)) if match else (0, 0)
    if not match or amount < 1 or number < 1:
        raise ValueError("should be such as 100 per hour, or several: 200 per day;50 per hour")
    return Rate(amount, number * _SECONDS[match[3].lower()])


@dataclass(frozen=True, slots=True)
class Standing:
    """How one limit stands: how many are left, and in how many seconds its window ends."""

    rate: Rate
    left: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an attempt to take.

    Attributes:
        standings: how the limits stand afterwards; after a refusal those that were looked at.
        refused_by: the limit that refused; nothing was taken then.
    """

    standings: tuple[Standing, ...]
    refused_by: Standing | None = None


class Limiter:
    """Allowances of any number of takers.

    A store that is away is no reason to let everybody through: a job's own row would be written to that store next.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def take(self, taker: str, rates: Sequence[Rate], number: int = 1) -> Taken:
        """Take so many at once, or none where a limit has not so many left.

        Args:
            taker: any text that names whoever takes.
        """
        now, standings = self._counters.now(), list[Standing]()
        for place, rate in enumerate(rates):
            count = self._add(taker, rate, now, number)
            if count is not None:
                standings.append(_standing(rate, now, count))
                continue
            for earlier in rates[:place]:
                self._add(taker, earlier, now, -number)
            refused = _standing(rate, now, self._add(taker, rate, now, 0) or 0)
            earlier_ones = [Standing(one.rate, one.left + number, one.seconds) for one in standings]
            return Taken((*earlier_ones, refused), refused)
        return Taken(tuple(standings))

    def _add(self, taker: str, rate: Rate, now: float, number: int) -> int | None:
        name = f"{taker}\n{rate.amount}/{rate.seconds}\n{now // rate.seconds:.0f}"
        most = rate.amount if number > 0 else rate.amount * 2  # who gives back or asks is never refused
        return self._counters.add(name, number, most=most, kept_seconds=rate.seconds + 60)


def refusal(taken: Taken, number: int = 1) -> RateLimited:
    """What the taker hears whom a limit refused."""
    by = taken.refused_by
    assert by
    if number > by.rate.amount:
        return RateLimited(
            f"{number} jobs at once are more than the {by.rate} that may ever be made. Send fewer at a time.",
            str(by.rate),
        )
    left = f", of which {by.left} are left" if by.left else ""
    return RateLimited(
        f"The limit of new jobs is {by.rate}{left}. It is counted anew in {by.seconds} s: try again then.",
        str(by.rate),
        by.seconds,
    )


def _standing(rate: Rate, now: float, count: int) -> Standing:
    return Standing(rate, max(0, rate.amount - count), math.ceil(rate.seconds - now % rate.seconds))
