"""Work for later, which seldom comes to be done.

A thread that only waits for a job's end takes 0.6 ms of the processor to begin and to end, and a small job had three.
Here one thread waits for all of a process, and what is to be done gets one of its own when its time has come.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

#: The thread looks at least so often whether there is still something to wait for, in seconds: what comes meanwhile
#: and is due later than that need not wake it.
_LOOK_SECONDS = 1.0


class Later:
    """A function that is called in a thread of its own after some seconds, unless it is cancelled before."""

    def __init__(self, seconds: float, work: Callable[[], object]) -> None:
        """Raises RuntimeError where the system starts no thread."""
        self.due_at = time.monotonic() + seconds
        self.work = work
        self.thread: threading.Thread | None = None
        self._clock = _clock
        self._clock.add(self)

    def cancel(self) -> None:
        """Return once the function is not running and never will be. Not to be called from within it."""
        if thread := self._clock.remove(self):
            thread.join()


class _Clock:
    """What waits in this process, and the thread that waits for it, which ends when there is nothing."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: set[Later] = set()
        self._runs = False
        self._wakes_at = 0.0

    def add(self, one: Later) -> None:
        with self._changed:
            if not self._runs:
                self._wakes_at = time.monotonic()  # it begins by looking
                threading.Thread(target=self._run, name="later", daemon=True).start()
                self._runs = True
            self._waiting.add(one)
            if one.due_at < self._wakes_at:
                self._changed.notify()

    def remove(self, one: Later) -> threading.Thread | None:
        """The thread that it has, if its time had come."""
        with self._changed:
            self._waiting.discard(one)
            return one.thread

    def _run(self) -> None:
        with self._changed:
            while self._waiting:
                now = time.monotonic()
                for one in [one for one in self._waiting if one.due_at <= now]:
                    self._begin(one, now)
                self._wakes_at = min([now + _LOOK_SECONDS, *(one.due_at for one in self._waiting)])
                self._changed.wait(self._wakes_at - now)
            self._runs = False

    def _begin(self, one: Later, now: float) -> None:
        thread = threading.Thread(target=one.work, name="later's work", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            logger.warning("The system starts no thread. Next try in %.0f s.", _LOOK_SECONDS)
            one.due_at = now + _LOOK_SECONDS
        else:
            one.thread = thread
            self._waiting.discard(one)


_clock = _Clock()


def _begin_anew() -> None:
    """A copy of this process has none of its threads, and nothing that waits."""
    global _clock
    _clock = _Clock()


os.register_at_fork(after_in_child=_begin_anew)
