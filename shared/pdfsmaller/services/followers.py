"""Following jobs: who waits for an end, or shows every step, is told of changes by one thread that reads for all.

It lives while somebody follows. However many follow, the store is read a few times a second, several jobs at a time,
and no connection to it is held in between. Where the store tells of ends (``jobs.bells``) it is read when they come.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.jobs.moves import Jobs

#: Seconds between two looks at a job: soon at first, as most jobs are short, and then ever less often.
_FIRST_SECONDS, _LAST_SECONDS, _SLOWER = 0.02, 0.5, 1.2
#: When to look first at a job whose end alone matters and is told.
_TOLD_SECONDS = 0.2
#: Who is due within this is looked at with those who are due now, in seconds.
_TOGETHER_SECONDS = 0.1
#: The store is read at most so often, in seconds between two reads.
_PAUSE_SECONDS = 0.02


class Follower:
    """Jobs as their follower knows them. Its methods are for the thread that follows; the reader has ``see``."""

    def __init__(self, jobs: Sequence[Job], lock: threading.Lock, first_seconds: float) -> None:
        self.jobs = {job.job_id: job for job in jobs}
        self.look_at, self._pause = time.monotonic() + first_seconds, first_seconds
        self._told = threading.Condition(lock)
        self._news: dict[str, Job] = {}
        self._failure: Exception | None = None
        self._over = False

    @property
    def unfinished(self) -> list[str]:
        """The ids of the jobs that have not ended."""
        return [job_id for job_id, job in self.jobs.items() if not job.status.is_final]

    def news(self, seconds: float) -> list[Job]:
        """The jobs that have changed since this was asked last, as soon as one has; none where ``seconds`` are over, or
        the process is about to end.

        Raises:
            StoreUnavailable: they cannot be read.
        """
        with self._told:
            self._told.wait_for(lambda: self._news or self._failure or self._over, max(0.0, seconds))
            if self._failure:
                raise self._failure
            news, self._news = list(self._news.values()), {}
            return news

    @property
    def over(self) -> bool:
        """Whether nothing more will be told: the process is about to end."""
        return self._over

    def see(self, found: dict[str, Job], now: float) -> None:
        """Take what was read; the caller has the lock."""
        for job_id in self.unfinished:
            job = found.get(job_id)
            if job and _shown(job) != _shown(self.jobs[job_id]):
                self.jobs[job_id] = self._news[job_id] = job
        self._pause = min(self._pause * _SLOWER, _LAST_SECONDS)
        self.look_at = now + self._pause if self.unfinished else math.inf
        if self._news:
            self._told.notify()

    def fail(self, failure: Exception) -> None:
        """Take that nothing could be read; as ``see``."""
        self._failure, self.look_at = failure, math.inf
        self._told.notify()

    def end(self) -> None:
        """Tell nothing more; as ``see``."""
        self._over, self.look_at = True, math.inf
        self._told.notify()


class Followers:
    """All who follow jobs in this process."""

    def __init__(self, jobs: Jobs, is_ending: Callable[[], bool] = lambda: False) -> None:
        """
        Args:
            is_ending: whether the process is about to end, so that nobody may be kept waiting any longer.
        """
        self._jobs, self._is_ending = jobs, is_ending
        self._lock = threading.Lock()
        self._bell = jobs.bell()
        self._followers: set[Follower] = set()
        self._reading = False

    @contextmanager
    def following(self, jobs: Sequence[Job], *, to_their_ends: bool = False) -> Iterator[Follower]:
        """Follow jobs, from how they stood when they were read.

        Args:
            to_their_ends: nothing else of them matters, so other changes may be heard of late.
        """
        told = to_their_ends and self._bell.tells
        follower = Follower(jobs, self._lock, _TOLD_SECONDS if told else _FIRST_SECONDS)
        with self._lock:
            if self._reading:
                self._bell.ring()
            else:
                threading.Thread(target=self._read, name="followers", daemon=True).start()
                self._reading = True
            self._followers.add(follower)
        try:
            yield follower
        finally:
            with self._lock:
                self._followers.discard(follower)

    def wait(self, jobs: Sequence[Job], seconds: float) -> list[Job]:
        """The jobs once all of them have ended, or as they stand after ``seconds``.

        Raises:
            StoreUnavailable: they cannot be read.
        """
        until = time.monotonic() + seconds
        with self.following(jobs, to_their_ends=True) as follower:
            while follower.unfinished and not follower.over and (left := until - time.monotonic()) > 0:
                follower.news(left)
            return list(follower.jobs.values())

    def _read(self) -> None:
        while True:
            with self._lock:
                if not self._followers:
                    self._reading = False
                    return
                next_look = min(follower.look_at for follower in self._followers)
            ended = self._bell.wait(max(0.0, min(next_look - time.monotonic(), _LAST_SECONDS)))
            with self._lock:
                due = self._due(ended, time.monotonic())
                if not due:
                    continue
                job_ids = {job_id for follower in due for job_id in follower.unfinished}
            found, failure = self._found(job_ids)
            with self._lock:
                for follower in due:
                    if self._is_ending():
                        follower.end()
                    elif failure:
                        follower.fail(failure)
                    else:
                        follower.see(found, time.monotonic())
            time.sleep(_PAUSE_SECONDS)

    def _due(self, ended: Set[str], now: float) -> list[Follower]:
        """Whose jobs have ended, or who is to look now; then who would be soon, too. The caller has the lock."""
        is_time = any(follower.look_at <= now for follower in self._followers)
        until = now + _TOGETHER_SECONDS if is_time else now
        return [one for one in self._followers if one.look_at <= until or not ended.isdisjoint(one.unfinished)]

    def _found(self, job_ids: set[str]) -> tuple[dict[str, Job], Exception | None]:
        if not job_ids:
            return {}, None
        try:
            return {job.job_id: job for job in self._jobs.get_many(job_ids)}, None
        except Exception as exc:
            return {}, exc


def _shown(job: Job) -> Job:
    """The job without what a sign of life changes."""
    return replace(job, updated_at=0, due_at=0, lease_until=None)
