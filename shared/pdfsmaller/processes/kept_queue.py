"""A queue whose message stays hidden for as long as somebody works on it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pdfsmaller.jobs.messages import Message
from pdfsmaller.jobs.ports import WorkQueue
from pdfsmaller.later import Later

logger = logging.getLogger(__name__)


class KeptQueue:
    """``WorkQueue`` for one worker, which works on one message at a time.

    A worker that dies is missed soon, since the visibility timeout is short; one that lives tells so in time.

    Args:
        visibility_seconds: the queue's own visibility timeout.
    """

    def __init__(self, queue: WorkQueue, visibility_seconds: float) -> None:
        self._queue, self._visibility = queue, visibility_seconds
        self._lock = threading.Lock()
        self._kept: Message | None = None
        self.send, self.announce = queue.send, queue.announce
        self.depth, self.backlog, self.peek_dead_letters = queue.depth, queue.backlog, queue.peek_dead_letters
        self.redrive, self.delete_dead_letters = queue.redrive, queue.delete_dead_letters
        self.receive, self.acknowledge, self.wait = queue.receive, queue.acknowledge, queue.wait

    @contextmanager
    def kept(self, message: Message) -> Iterator[None]:
        """Within it nobody else gets the message, unless ``retry_in`` says when it is to come again."""
        self._kept, done = message, threading.Event()
        keeper = Later(self._visibility / 3, lambda: self._keep(message, done))
        try:
            yield
        finally:
            done.set()
            keeper.cancel()
            self._kept = None

    def retry_in(self, message: Message, seconds: float) -> None:
        with self._lock:
            self._kept = None  # the message's next time is decided
            self._queue.retry_in(message, seconds)

    def _keep(self, message: Message, done: threading.Event) -> None:
        while not done.is_set():
            try:
                with self._lock:
                    if self._kept is not message:
                        return
                    self._queue.retry_in(message, self._visibility)
            except Exception:
                logger.warning("message not kept", exc_info=True)  # the timeout outlives two of these
            done.wait(self._visibility / 3)
