"""One worker: receives messages and runs their jobs, one after the other, until it is told to stop."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from pdfsmaller import events, sandbox
from pdfsmaller.errors import StoreUnavailable
from pdfsmaller.jobs.keys import job_of_input
from pdfsmaller.jobs.messages import Message
from pdfsmaller.jobs.ports import WorkQueue
from pdfsmaller.processes.kept_queue import KeptQueue
from pdfsmaller.processes.sign_of_life import SignOfLife
from pdfsmaller.sandbox.bounds import bounds_here
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
        self._queue = KeptQueue(cast(WorkQueue, world.queue), world.settings.lease_seconds)
        self._world = replace(world, queue=self._queue)
        self._service = RunService(self._world)
        self._looked_at = float("-inf")
        self._sign: SignOfLife | None = None

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop``; the job at hand is done first. A store that is away is waited for.

        To be called before this process has a second thread.
        """
        bounds = bounds_here()
        with ExitStack() as stack:
            if self._world.workers:
                sign = SignOfLife(self._world.workers, self._world.settings.heartbeat_seconds, bounds)
                self._sign = stack.enter_context(sign)
            self._work(stop)

    def _work(self, stop: threading.Event) -> None:
        pause = 0.0
        while not stop.wait(pause):
            try:
                sandbox.warm_up()  # the next job finds its engine process at hand
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
        self._tell(_job_of(message))
        try:
            with self._queue.kept(message):
                self._service.handle(message)
        except Exception:
            return True  # logged by the service, which has also arranged when the message comes again
        finally:
            self._tell(None)
        self._queue.acknowledge(message)
        return True

    def _tell(self, job_id: str | None) -> None:
        if self._sign:
            self._sign.working_on(job_id)

    def _look_for_uploads(self) -> None:
        if time.monotonic() - self._looked_at >= LOOK_EVERY_SECONDS:
            self._looked_at = time.monotonic()
            look_for_uploads(self._world)


def _job_of(message: Message) -> str | None:
    """The job that a message leads to, where its key says so."""
    try:
        return next((job_of_input(created.key) for created in events.parse(message.body)), None)
    except events.MalformedEvent:
        return None
