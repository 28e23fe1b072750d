"""A worker tells of itself, for as long as it lives."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from pdfsmaller import __version__
from pdfsmaller.jobs.workers import WorkerInfo

if TYPE_CHECKING:
    from pdfsmaller.jobs.ports import Workers

logger = logging.getLogger(__name__)


class SignOfLife:
    """Within it this process is known as a worker.

    Args:
        every_seconds: between two signs.
        bounds: what binds its engine processes.
    """

    def __init__(self, workers: Workers, every_seconds: float, bounds: tuple[str, ...]) -> None:
        self._workers, self._every = workers, every_seconds
        self._told = WorkerInfo(uuid.uuid4().hex, socket.gethostname(), os.getpid(), __version__, time.time(), bounds)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="sign of life", daemon=True)

    def working_on(self, job_id: str | None) -> None:
        """What the next sign says of the job at hand."""
        self._told = replace(self._told, job_id=job_id)

    def __enter__(self) -> SignOfLife:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._done.set()
        self._thread.join()
        self._quietly(lambda: self._workers.gone(self._told.worker_id))

    def _tell(self) -> None:
        self._quietly(lambda: self._workers.seen(self._told))
        while not self._done.wait(self._every):
            self._quietly(lambda: self._workers.seen(self._told))

    def _quietly(self, tell: Callable[[], None]) -> None:
        """No job is harmed by a sign that did not come through."""
        try:
            tell()
        except Exception as exc:
            logger.warning("no sign of life: %s", exc)
