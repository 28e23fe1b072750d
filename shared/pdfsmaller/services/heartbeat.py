"""Keeps a running job's lease alive."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from pdfsmaller import errors
from pdfsmaller.later import Later
from pdfsmaller.services.pace import Pace
from pdfsmaller.telemetry import get_logger

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.jobs.moves import Jobs
    from pdfsmaller.sandbox import EngineProcess
    from pdfsmaller.settings import Settings

logger = get_logger("compress")

_PROGRESS_EVERY_SECONDS = 1.0
#: How often the row is looked at, in seconds, so that a job that was ended stops soon. A look costs a read (0.3 ms of
#: the processor on SQLite, a quarter of what renewing costs); what shows progress looks as well.
_LOOK_EVERY_SECONDS = 1.0


class _News(NamedTuple):
    """What has not been shown yet; the names are those of ``Jobs.renew``."""

    stage: str
    progress: int
    pages: tuple[int, int] | None


class Heartbeat:
    """Renews a job's lease while its attempt runs, and kills the engine once the lease is lost or the job has ended."""

    def __init__(self, jobs: Jobs, job: Job, settings: Settings) -> None:
        self._jobs, self._job = jobs, job
        self._lease, self._every = settings.lease_seconds, settings.heartbeat_seconds
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._process: EngineProcess | None = None
        self._lost: errors.LeaseLost | None = None
        self._news: _News | None = None
        self._pace = Pace()
        self._looked = self._renewed = self._shown = time.monotonic()  # small jobs end before there is news

    def __enter__(self) -> Heartbeat:
        self._first = Later(self._look_every, self._beat)  # most jobs have ended by then
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._done.set()
        self._first.cancel()

    def kill_when_lost(self, process: EngineProcess) -> None:
        """Watch over the engine; at once, where the lease was lost while the inputs were fetched."""
        self._pace = Pace()  # what came before was no work of the engine's
        with self._lock:
            self._process = process
            if self._lost:
                process.kill(self._lost)

    def progress(self, stage: str, percent: float, pages: tuple[int, int] | None = None, /) -> None:
        """Show how far the work is, at most once a second. Raises LeaseLost; what else fails costs no attempt."""
        if self._lost:
            raise self._lost
        now = time.monotonic()
        self._pace.tell(percent, now)
        with self._lock:
            self._news = _News(stage, int(percent), pages)
        if now - self._shown >= _PROGRESS_EVERY_SECONDS:
            try:
                self._show()
            except errors.LeaseLost:
                raise
            except Exception:
                logger.warning("progress not shown", exc_info=True)

    def _show(self) -> None:
        """Renew the lease, with what is new to be shown."""
        news, now = self._news, time.monotonic()
        self._shown = self._looked = now
        if news:
            left = self._pace.seconds_left(now)
            self._jobs.renew(self._job, self._lease, **news._asdict(), seconds_left=left)
        else:
            self._jobs.renew(self._job, self._lease)
        self._renewed = now
        with self._lock:
            if self._news is news:
                self._news = None

    @property
    def _look_every(self) -> float:
        return min(self._every, _LOOK_EVERY_SECONDS)

    def _beat(self) -> None:
        every = self._look_every
        while not self._done.wait(max(0.0, self._looked + every - time.monotonic())):
            now = time.monotonic()
            if now < self._looked + every:
                continue  # what shows progress has looked meanwhile
            self._looked = now
            is_due = now >= self._renewed + self._every
            try:
                if is_due or self._news:
                    self._show()
                else:
                    self._jobs.check_held(self._job)
            except errors.LeaseLost as exc:
                with self._lock:
                    self._lost = exc
                    if self._process:
                        self._process.kill(exc)
                return
            except Exception:
                if is_due:  # the lease outlives several of these
                    logger.warning("heartbeat missed", exc_info=True)
