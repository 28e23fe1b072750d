"""One worker: receives messages and runs their jobs, one after the other, until it is told to stop."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, cast

from pdfsmaller.errors import StoreUnavailable
from pdfsmaller.jobs.ports import WorkQueue
from pdfsmaller.processes.kept_queue import KeptQueue
from pdfsmaller.services.arrivals import LOOK_EVERY_SECONDS, look_for_uploads
from pdfsmaller.services.run_job import RunService

if TYPE_CHECKING:
    from pdfsmaller.services.world import World

logger = logging.getLogger(__name__)

#: The floor under every way of being woken: no message waits for longer than this while a worker is free.
_POLL_SECONDS = 1.0
_MAX_BACKOFF_SECONDS = 30.0


class Worker:
    """Any number of them, on any number of hosts, may receive from one queue.

    Args:
        world: its queue is a ``WorkQueue`` whose visibility timeout is LEASE_SECONDS.
    """

    def __init__(self, world: World) -> None:
        from dataclasses import replace

        self._queue = KeptQueue(cast(WorkQueue, world.queue), world.settings.lease_seconds)
        self._world = replace(world, queue=self._queue)
        self._service = RunService(self._world)
        self._looked_at = float("-inf")

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop``; the job at hand is done first. A store that is away is waited for."""
        pause = 0.0
        while not stop.wait(pause):
            try:
                self._look_for_uploads()
                if not self.work_once():
                    self._queue.wait(_POLL_SECONDS)
                pause = 0.0
            except StoreUnavailable as exc:
                pause = min(_MAX_BACKOFF_SECONDS, pause * 2 or _POLL_SECONDS)
                logger.warning("%s Next try in %.0f s.", exc.message, pause)
            except Exception:
                pause = min(_MAX_BACKOFF_SECONDS, pause * 2 or _POLL_SECONDS)
                logger.exception("worker failed; next try in %.0f s", pause)

    def work_once(self) -> bool:
        """Do one message; False where there is none."""
        message = self._queue.receive()
        if message is None:
            return False
        with self._queue.kept(message):
            try:
                self._service.handle(message)
            except Exception:
                return True  # logged by the service, which has also arranged when the message comes again
        self._queue.acknowledge(message)
        return True

    def _look_for_uploads(self) -> None:
        if time.monotonic() - self._looked_at >= LOOK_EVERY_SECONDS:
            self._looked_at = time.monotonic()
            look_for_uploads(self._world)
