"""Hearing of ends of jobs as they come. It shortens a wait and is relied on for nothing: who waits looks as well."""

from __future__ import annotations

import threading
from typing import Protocol


class Bell(Protocol):
    """What one thread waits at.

    Attributes:
        tells: whether the store rings it at every end of a job, whichever process makes that.
    """

    tells: bool

    def ring(self) -> None:
        """Have whoever waits here look around, or the next who waits."""

    def wait(self, seconds: float) -> frozenset[str]:
        """Return once it is rung, after ``seconds`` at the latest: the ids of jobs that have ended, where it tells."""


class HandBell:
    """A ``Bell`` that only its own process rings."""

    tells = False

    def __init__(self) -> None:
        self._rung = threading.Event()

    def ring(self) -> None:
        self._rung.set()

    def wait(self, seconds: float) -> frozenset[str]:
        self._rung.wait(seconds)
        self._rung.clear()
        return frozenset()
