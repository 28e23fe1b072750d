"""Work in threads: how many a pool of the engine has, and what is worth handing to one."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")

WORKERS = max(1, min(4, os.cpu_count() or 1))
# Handing a piece of work to another thread takes as long as some KB of it; a thread's first Lua, 5 ms. Of 64 KB to 1 MB
# tried on the small documents of the corpus this cost the least.
PIECE_BYTES = 256_000


def spread(pool: Executor, work: Callable[[T], R], items: Sequence[T], size: Callable[[T], int]) -> Iterator[R]:
    """What work makes of each item, in their order: by threads as far as there is enough of it, otherwise here.

    Args:
        size: about how many bytes of work an item is.
    """
    pieces: list[list[T]] = []
    room = 0
    for item in items:
        if room <= 0:
            pieces.append([])
            room = PIECE_BYTES
        pieces[-1].append(item)
        room -= size(item)
    if len(pieces) <= 1:
        yield from map(work, items)
        return
    for done in pool.map(lambda piece: [work(item) for item in piece], pieces):
        yield from done


class Team(ThreadPoolExecutor):
    """A pool whose threads do parts of each other's work where they have none of their own: see ``begin``."""

    def __init__(self, name: str) -> None:
        super().__init__(WORKERS, thread_name_prefix=name, initializer=self._join)
        self._counting = threading.RLock()
        self._unfinished = 0

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        with self._counting:
            future = super().submit(self._finished, partial(fn, *args, **kwargs))
            self._unfinished += 1
        return future

    def submit_to_idle(self, work: Callable[[], R]) -> Future[R] | None:
        """Have a thread do this that has nothing to do; None where there is no such thread."""
        with self._counting:
            return self.submit(work) if self._unfinished < WORKERS else None

    def _join(self) -> None:
        _own.team = self

    def _finished(self, work: Callable[[], R]) -> R:
        try:
            return work()
        finally:
            with self._counting:
                self._unfinished -= 1


_own = threading.local()


def begin(work: Callable[[], R]) -> Future[R] | None:
    """Have work done meanwhile by an idle thread of the team that this one belongs to; None where there is none.

    What is waited for so has begun: no thread waits for itself.
    """
    team: Team | None = getattr(_own, "team", None)
    return team.submit_to_idle(work) if team is not None else None


def beside(work: Callable[[], R]) -> Callable[[], R]:
    """Have work done meanwhile where a thread is idle (``begin``).

    Returns:
        What is called once, for the result, if that is wanted: it waits for the other thread, or does the work where
        none was idle. Errors are raised there.
    """
    begun = begin(work)
    return work if begun is None else begun.result


def shared(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """What work makes of each item, in their order: by this thread, and by those of its team that are idle."""
    waiting = deque(enumerate(items))

    def some() -> dict[int, R]:
        done: dict[int, R] = {}
        while True:
            try:
                number, item = waiting.popleft()
            except IndexError:
                return done
            done[number] = work(item)

    others = [beside(some) for _ in range(min(len(items), WORKERS) - 1)]
    done = some()
    for other in others:
        done |= other()
    return [done[number] for number in range(len(items))]
