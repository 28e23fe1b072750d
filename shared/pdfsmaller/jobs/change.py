"""A conditional change of one row, described as data, so that every store makes it in its own way but alike.

What a change does is defined by ``Change.applied_to``: a store may read, apply and write under a lock, or say the same
in its own language. Either way it is one step: nobody sees half of it, and of two changes that demand the same state
one is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pdfsmaller.jobs.rows import Row, plain
from pdfsmaller.jobs.states import Status


@dataclass(frozen=True, slots=True)
class After:
    """A time: so many seconds after the store's own present."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Demands:
    """What a row must be for a change to be made. All that is given must hold; a row that is not there meets nothing.

    Attributes:
        statuses: its status is one of these.
        lease_over: it is not running, or its lease has run out (``lease_until`` is in the store's past).
        attempt: its attempt is this one.
        attempt_below: its attempt is below this.
        due_at: its due_at is this very one, as somebody has read it.
        error_code: its error has this code.
    """

    statuses: tuple[Status, ...]
    lease_over: bool = False
    attempt: int | None = None
    attempt_below: int | None = None
    due_at: float | None = None
    error_code: str | None = None

    def met_by(self, row: Row, now: float) -> bool:
        """Whether a row is so at a time of the store's clock."""
        return (
            row["status"] in self.statuses
            and (not self.lease_over or row["status"] != Status.RUNNING or row.get("lease_until", now) < now)
            and (self.attempt is None or row["attempt"] == self.attempt)
            and (self.attempt_below is None or row["attempt"] < self.attempt_below)
            and (self.due_at is None or row["due_at"] == plain(self.due_at))
            and (self.error_code is None or row.get("error", {}).get("code") == self.error_code)
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What a row must be, and what becomes of it then.

    Attributes:
        demands: what it must be.
        sets: fields and their new values; an ``After`` is a time.
        adds: numbers and what is added to them; one that is not there counts from 0.
        removes: fields that go; one that is not there stays away.
        lasting: whether it must outlive the host's loss of power; else, should the store's host lose it, the row may be
            as it was before. What says only who is at work does not: whoever it was has died with the host.
    """

    demands: Demands
    sets: Mapping[str, Any]
    adds: Mapping[str, int] = field(default_factory=dict)
    removes: tuple[str, ...] = ()
    lasting: bool = True

    def values(self, now: float) -> Row:
        """``sets`` at a time of the store's clock, in a row's form."""
        return {
            name: plain(now + value.seconds if isinstance(value, After) else value) for name, value in self.sets.items()
        }

    def applied_to(self, row: Row, now: float) -> Row | None:
        """The row after the change, or None where it is not as demanded. ``row`` itself stays as it is."""
        if not self.demands.met_by(row, now):
            return None
        changed = row | self.values(now)
        changed |= {name: changed.get(name, 0) + number for name, number in self.adds.items()}
        return {name: value for name, value in changed.items() if name not in self.removes}
