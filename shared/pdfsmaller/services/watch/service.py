"""Watches a folder: each file that lies there becomes a job, and what the job makes is laid among the results.

The originals stay as they are. A file has one job for each of its writings (path, size and time of change), and none a
second time for as long as it lies there; one that is written anew has a new job, and a former one's result is laid no
more. ``taking`` says why nothing is lost or done twice, whenever a process dies.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pdfsmaller import errors
from pdfsmaller.errors import InvalidSettings
from pdfsmaller.services.watch import durable, waking
from pdfsmaller.services.watch.folder import Listing, WatchedFolder
from pdfsmaller.services.watch.marks import Marks, State
from pdfsmaller.services.watch.results import ResultsFolder
from pdfsmaller.services.watch.settling import Settling
from pdfsmaller.services.watch.taking import Taking
from pdfsmaller.services.watch.wishes import OPTIONS_SUFFIX
from pdfsmaller.telemetry import get_logger

if TYPE_CHECKING:
    from pdfsmaller.services.world import World

logger = get_logger("watch")

#: The longest time between two looks at the folder, in seconds.
LOOK_EVERY_SECONDS = 30.0
#: Jobs of watched files that are under way at a time, where nobody says how many: others are not to wait behind all.
AT_ONCE = 4
#: Between two looks at the jobs under way, in seconds: soon after something happened, later while nothing does.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
#: Before another try where store or disk are away, in seconds; doubling.
_FIRST_BACKOFF, _LONGEST_BACKOFF = 2.0, 60.0


class WatchService:
    """Watches one folder.

    Args:
        inbox: the folder. Anybody may be able to write there.
        results: where results are laid, for this folder alone.
        marks: where this service remembers what became of files; nobody else writes there. Of several services that
            share it one watches, and another takes over when that one ends.
        at_once: jobs of watched files that are under way at a time.
        clock: seconds, of which only differences count.

    Raises:
        InvalidSettings: one of the folders is, or lies in, another one.
    """

    def __init__(
        self,
        world: World,
        inbox: Path,
        results: Path,
        marks: Path,
        *,
        at_once: int = AT_ONCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _check_apart(inbox, results, marks)
        self._jobs, self._clock, self._at_once = world.jobs, clock, at_once
        self._folder, self._marks = WatchedFolder(inbox), Marks(marks)
        self._results = ResultsFolder(results, world.storage, self._marks.owner)
        self._taking = Taking(world, self._folder, self._marks, self._results)
        self._settling = Settling(self._folder, clock)
        self._listing = Listing(root=0)
        self._held = False
        self._look_at = clock()
        self._pause, self._backoff = _FIRST_PAUSE, 0.0

    def run(self, stop: threading.Event) -> None:
        """Watch until ``stop`` is set. Jobs that are under way then are found again by the next who watches."""
        changed = threading.Event()
        listener = threading.Thread(target=waking.listen, args=(self._folder.path, changed, stop), daemon=True)
        listener.start()
        while not stop.is_set():
            if changed.is_set():
                changed.clear()
                self.look_again()
            until = time.monotonic() + self.step()
            while (left := until - time.monotonic()) > 0 and not stop.wait(min(left, _LONGEST_PAUSE)):
                if changed.is_set() and not self._backoff:
                    break
        listener.join()
        self._marks.let_go()

    def look_again(self) -> None:
        """Something may have changed: look at the folder in the next step, and not only when it is time."""
        self._look_at = self._clock()

    def step(self) -> float:
        """Do what there is to do now; in how many seconds there may be more.

        Nothing that fails for a passing reason is lost, or raised: it is tried again.
        """
        try:
            if not self._hold():
                return LOOK_EVERY_SECONDS
            looked = self._clock() >= self._look_at
            if looked:
                self._look()
            moved = self._settle(with_given_up=looked)
            moved |= self._take()
        except (errors.TransientError, OSError) as exc:
            self._backoff = min(_LONGEST_BACKOFF, self._backoff * 2 or _FIRST_BACKOFF)
            logger.warning("watched files have to wait", extra={"reason": str(exc), "seconds": self._backoff})
            return self._backoff
        self._backoff = 0.0
        self._pause = _FIRST_PAUSE if moved else min(_LONGEST_PAUSE, self._pause * 1.5)
        next_look = max(0.0, self._look_at - self._clock())
        return min(next_look, self._pause) if moved or self._under_way() else next_look

    def _hold(self) -> bool:
        """Have the marks; whoever has them has the other folders too."""
        if not self._held and self._marks.hold():
            durable.make_folder(self._folder.path)
            self._results.tidy()
            self._held = True
        return self._held

    def _look(self) -> None:
        listing = self._listing = self._folder.list()
        self._settling.look(listing.files)
        for mark in self._marks:
            gone = listing.complete and mark.root == listing.root and mark.name not in listing.files
            if gone and mark.state is not State.TAKEN:
                self._marks.remove(mark)
        waits = (self._wait(name) for name in listing.files if self._is_new(name))
        self._look_at = self._clock() + min((wait for wait in waits if wait), default=LOOK_EVERY_SECONDS)

    def _is_new(self, name: str) -> bool:
        """Whether a file, as it was seen last, was not taken yet."""
        mark = self._marks.get(name)
        return not name.endswith(OPTIONS_SUFFIX) and (mark is None or mark.writing != self._listing.files[name])

    def _wait(self, name: str) -> float:
        """For how many seconds a file must still stand still, and the options beside it."""
        return max(self._settling.wait(name), self._settling.wait(name + OPTIONS_SUFFIX))

    def _under_way(self) -> int:
        return sum(mark.state is State.TAKEN for mark in self._marks)

    def _settle(self, *, with_given_up: bool) -> bool:
        """Do what jobs ask for that have moved on; whether there were any."""
        marks = [
            mark
            for mark in self._marks
            if mark.state is State.TAKEN or (mark.state is State.GIVEN_UP and with_given_up)
        ]
        jobs = {job.job_id: job for job in self._jobs.get_many(mark.job_id for mark in marks)}
        # Jobs that have ended first: what they made leaves the store, which may be too full for new ones.
        marks.sort(key=lambda mark: mark.job_id not in jobs or not jobs[mark.job_id].status.is_final)
        moved = [self._taking.settle(mark, jobs.get(mark.job_id)) for mark in marks]
        return any(moved)

    def _take(self) -> bool:
        """Take files that stand still, as many as may be under way; whether there were any."""
        free, taken = self._at_once - self._under_way(), 0
        for name in sorted(self._listing.files) if free > 0 else ():
            if taken < free and self._is_new(name) and not self._wait(name):
                self._taking.take(name, self._listing.files[name], self._listing.root)
                taken += 1
        return taken > 0


def _check_apart(*folders: Path) -> None:
    for one in folders:
        for other in folders:
            if one is not other and one.resolve().is_relative_to(other.resolve()):
                raise InvalidSettings(f"{one} and {other} must be folders apart: what is made must not come in again.")
