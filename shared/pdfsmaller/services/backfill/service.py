"""A backfill at work: documents are entered in a ledger, taken at a bounded rate, and settled as their jobs end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar

from pdfsmaller import errors
from pdfsmaller.services.backfill.ledger import Ledger, State
from pdfsmaller.services.backfill.pace import Pace
from pdfsmaller.services.backfill.taking import Taking
from pdfsmaller.telemetry import get_logger

if TYPE_CHECKING:
    from pdfsmaller.services.backfill.plan import Plan
    from pdfsmaller.services.world import World

logger = get_logger("backfill")
_T = TypeVar("_T")

#: Documents brought and results laid at a time: each costs some round trips.
_THREADS = 6
#: Between two looks at the jobs under way, in seconds: soon after something happened, later while nothing does.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
#: Before another try where something is away, in seconds; doubling.
_FIRST_BACKOFF, _LONGEST_BACKOFF = 2.0, 60.0


class BackfillService:
    """One backfill, whose ledger this process holds.

    Args:
        copies: whether the service's files are in the very store that the source is in, if it is in one.
        rate: jobs made in a second, at most.
        at_once: jobs under way, at most.
    """

    def __init__(self, world: World, plan: Plan, ledger: Ledger, *, copies: bool, rate: float, at_once: int) -> None:
        self._jobs, self._plan, self._ledger = world.jobs, plan, ledger
        self._taking = Taking(world, plan, ledger, copies=copies)
        self._pace, self._at_once = Pace(rate), at_once
        self._pool = ThreadPoolExecutor(min(_THREADS, at_once), thread_name_prefix="backfill")
        self._pause, self._backoff = _FIRST_PAUSE, 0.0
        #: Why nothing goes on at the moment; empty while it does.
        self.trouble = ""

    def enter(self, stop: threading.Event | None = None) -> int:
        """Enter all that lies at the source; how many documents were not known yet.

        Args:
            stop: once it is set no more are looked for.

        Raises:
            InvalidOption: the plan cannot be, or is not the ledger's.
            CollectionUnusable, InvalidInventory, StoreUnavailable.
        """
        self._plan.check()
        self._ledger.begin(self._plan.told())
        goes_on = (lambda _: not stop.is_set()) if stop else (lambda _: True)
        return self._ledger.enter(takewhile(goes_on, self._plan.wanted()))

    def run(self, stop: threading.Event, leave: threading.Event, look: Callable[[], None] = lambda: None) -> None:
        """Work until every item is over.

        Args:
            stop: once it is set nothing is taken any more: what is under way is settled, and that is all.
            leave: once it is set that is left, too: the next run finds it.
            look: called again and again.

        Raises:
            CollectionUnusable: source or target cannot be used any more; what was done stands.
        """
        while not leave.is_set():
            pause = self.step(taking=not stop.is_set())
            look()
            if not self._ledger.has(State.TAKEN) and (stop.is_set() or not self._ledger.has(State.WAITING)):
                return
            (leave if stop.is_set() else stop).wait(pause)

    def close(self) -> None:
        self._pool.shutdown()

    def step(self, *, taking: bool = True) -> float:
        """Do what there is to do now; in how many seconds there may be more.

        Raises:
            CollectionUnusable.
        """
        try:
            moved, under_way = self._settle()
            wait_seconds = _LONGEST_PAUSE
            if taking:
                taken, wait_seconds = self._take(self._at_once - under_way)
                moved |= taken
        except (errors.TransientError, OSError) as exc:
            self._backoff = min(_LONGEST_BACKOFF, self._backoff * 2 or _FIRST_BACKOFF)
            self.trouble = str(exc)
            logger.warning("the backfill has to wait", extra={"reason": str(exc), "seconds": self._backoff})
            return self._backoff
        self._backoff, self.trouble = 0.0, ""
        self._pause = _FIRST_PAUSE if moved else min(_LONGEST_PAUSE, self._pause * 1.5)
        return min(self._pause, wait_seconds)

    def _settle(self) -> tuple[bool, int]:
        """Do what jobs ask for that have moved on; whether there were any, and how many items are under way still."""
        items = list(self._ledger.items(State.TAKEN))
        jobs = {job.job_id: job for job in self._jobs.get_many(item.job_id for item in items)}
        moved = _all(self._pool.submit(self._taking.settle, item, jobs.get(item.job_id)) for item in items)
        return any(moved), sum(1 for _ in self._ledger.items(State.TAKEN))

    def _take(self, free: int) -> tuple[bool, float]:
        """Take items, as many as may be under way; whether there were any, and when the next may be taken."""
        begun: list[Future[None]] = []
        names: set[str] = set()
        pause = _LONGEST_PAUSE
        for item in self._ledger.waiting(max(0, free)):
            if wait_seconds := self._pace.wait(time.monotonic()):
                pause = wait_seconds
                break
            if item.original.name not in names:  # another version of the same document has its turn later
                names.add(item.original.name)
                self._pace.take()
                begun.append(self._pool.submit(self._taking.take, item))
        _all(begun)
        return bool(begun), pause


def _all(futures: Iterable[Future[_T]]) -> list[_T]:
    """What all of them give, once none is at work any more; what the first that failed raised."""
    begun = list(futures)
    wait(begun)
    return [future.result() for future in begun]
