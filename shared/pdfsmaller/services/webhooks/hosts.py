"""Fairness among receivers: one that does not answer holds up nobody else's callbacks, and is not flooded itself."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass

#: Requests to one receiver at a time …
AT_ONCE = 4
#: … and to one that did not answer the last time.
_AT_ONCE_AFTER_A_REST = 1
#: When a further one may find room.
_BUSY_SECONDS = 1.0
#: For so long a receiver that did not answer is left alone; doubled each time, until it answers.
_FIRST_REST_SECONDS = 10.0
_MAX_REST_SECONDS = 300.0
#: Receivers remembered at a time.
_MAX_HOSTS = 10_000


@dataclass(slots=True)
class _Host:
    running: int = 0
    rest: float = 0.0
    rests_until: float = 0.0


class Hosts:
    """What this process knows of its receivers; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}

    def enter(self, host: str, now: float) -> float:
        """Begin a request to a receiver, which ``leave`` ends; or after how many seconds to ask again, and none begins.

        Args:
            now: seconds, by a clock that is the caller's choice.

        Returns:
            0 where the request may be made.
        """
        with self._lock:
            state = self._hosts.setdefault(host, _Host())
            limit = _AT_ONCE_AFTER_A_REST if state.rest else AT_ONCE
            wait = max(state.rests_until - now, _BUSY_SECONDS if state.running >= limit else 0.0)
            if wait <= 0:
                state.running += 1
                return 0.0
        return wait * random.uniform(1, 2)  # so that those who wait do not all come back at once

    def leave(self, host: str, now: float, *, stalled: bool) -> None:
        """A request is over; ``stalled`` where no answer came in time, or no connection."""
        with self._lock:
            state = self._hosts[host]
            state.running -= 1
            if stalled and now >= state.rests_until:  # of several at once the first counts
                state.rest = min(_MAX_REST_SECONDS, state.rest * 2 or _FIRST_REST_SECONDS)
                state.rests_until = now + state.rest
            elif not stalled:
                state.rest = state.rests_until = 0.0
            if len(self._hosts) > _MAX_HOSTS:
                self._forget(now)

    def _forget(self, now: float) -> None:
        self._hosts = {host: state for host, state in self._hosts.items() if state.running or state.rests_until > now}
