"""Requests that are held open, waits and streams, each of which costs its server a thread: how many there may be."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from flask import current_app, g

from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.services.followers import Followers

HeldAs = Literal["wait", "stream"]


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the server that an app runs in can bear.

    Attributes:
        streams: event streams at a time; 0 where answers are not sent piece by piece.
        waits: requests that wait for a job's end at a time; None for any number.
        is_ending: whether the server is about to end, so that nobody may be held any longer.
    """

    streams: int = 0
    waits: int | None = None
    is_ending: Callable[[], bool] = lambda: False


class Places:
    """A number of places that are taken and given back."""

    def __init__(self, number: int | None) -> None:
        self._left = threading.BoundedSemaphore(number) if number is not None else None

    def take(self) -> bool:
        """Take one; False where none is left."""
        return self._left is None or self._left.acquire(blocking=False)

    def give_back(self) -> None:
        """Give back one that was taken."""
        if self._left:
            self._left.release()


class Held:
    """The requests of an app that are held open, and those who tell them of jobs."""

    def __init__(self, jobs: Jobs, capacity: Capacity) -> None:
        self.followers = Followers(jobs, capacity.is_ending)
        self.is_ending = capacity.is_ending
        self.offers_streams = capacity.streams > 0
        self.streams, self.waits = Places(capacity.streams), Places(capacity.waits)


def held() -> Held:
    """Those of the app that answers."""
    found: Held = current_app.config["HELD"]
    return found


def hold(kind: HeldAs) -> None:
    """Note that the present request is held open: its time is its caller's wish, and measured apart."""
    g.held_as = kind


def held_as() -> HeldAs | None:
    """How the present request is, or was, held open; None where it is answered at once."""
    kind: HeldAs | None = g.get("held_as")
    return kind
