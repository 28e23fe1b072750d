"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing is. ``SKIPPED``: it is not here, or cannot be looked at by this user."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: its name, the same at every run.
        found: what is so, in a few words with its numbers.
        remedy: what to do about it, best a command; empty where nothing is to be done.
    """

    check: str
    state: State
    found: str
    remedy: str = ""


def ok(check: str, found: str) -> Finding:
    return Finding(check, State.OK, found)


def warning(check: str, found: str, remedy: str) -> Finding:
    return Finding(check, State.WARNING, found, remedy)


def failed(check: str, found: str, remedy: str) -> Finding:
    return Finding(check, State.FAILED, found, remedy)


def skipped(check: str, found: str) -> Finding:
    return Finding(check, State.SKIPPED, found)


def above(check: str, number: float, found: str, remedy: str, *, warn: float, fail: float) -> Finding:
    """A number that should stay low: a warning above ``warn``, a failure above ``fail``."""
    if number > fail:
        return failed(check, found, remedy)
    return warning(check, found, remedy) if number > warn else ok(check, found)


def duration(seconds: float) -> str:
    """A span of time for people: ``42 s``, ``12 min``, ``3 h``, ``5 days``."""
    for size, unit, below in ((1, "s", 120), (60, "min", 120), (3_600, "h", 48)):
        if abs(seconds) < below * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"
