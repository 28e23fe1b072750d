"""Tells ends on a server of one's own: receives from the queue of callbacks, and has several told at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

from pdfsmaller.errors import StoreUnavailable
from pdfsmaller.jobs.ports import PulledMessages
from pdfsmaller.services.webhooks import hosts
from pdfsmaller.services.webhooks.deliver import CallbackService

if TYPE_CHECKING:
    from pdfsmaller.jobs.messages import Message
    from pdfsmaller.services.world import World

logger = logging.getLogger(__name__)

#: Requests under way at a time: receivers that stall take but a few of them (``webhooks.hosts``).
_AT_ONCE = 8
#: The floor under every way of being woken.
_POLL_SECONDS = 1.0


class Teller:
    """Any number of them, on any number of hosts, may receive from one queue.

    Args:
        world: its ``callbacks`` are ``PulledMessages``.
    """

    def __init__(self, world: World) -> None:
        self._messages = cast(PulledMessages, world.callbacks)
        self._service = CallbackService(world)

    def run(self, stop: threading.Event) -> None:
        """Tell until ``stop``; requests that are under way are ended first. A store that is away is waited for."""
        with ThreadPoolExecutor(_AT_ONCE, "callback") as pool:
            free = threading.BoundedSemaphore(_AT_ONCE)
            while not stop.is_set():
                if free.acquire(timeout=_POLL_SECONDS) and not self._hand_out(pool, free):
                    self._wait(stop)

    def drain(self, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Tell what is due now; what comes due meanwhile may be left."""
        with ThreadPoolExecutor(hosts.AT_ONCE, "callback") as pool:
            free = threading.BoundedSemaphore(hosts.AT_ONCE)  # no more than one receiver takes: none is put off
            while may_go_on():
                free.acquire()
                if not self._hand_out(pool, free):
                    return

    def _wait(self, stop: threading.Event) -> None:
        try:
            self._messages.wait(_POLL_SECONDS)
        except Exception:  # who receives next says what it is
            stop.wait(_POLL_SECONDS)

    def _hand_out(self, pool: ThreadPoolExecutor, free: threading.BoundedSemaphore) -> bool:
        """Have the next message done, whose place is given back then; False where there is none."""
        message = None
        try:
            message = self._messages.receive()
        except StoreUnavailable as exc:
            logger.warning("%s", exc.message)
        except Exception:
            logger.exception("callbacks cannot be received")
        if message is None:
            free.release()
            return False
        pool.submit(self._tell, message).add_done_callback(lambda _: free.release())
        return True

    def _tell(self, message: Message) -> None:
        try:
            if self._service.handle(message):
                self._messages.acknowledge(message)
        except StoreUnavailable as exc:
            logger.warning("%s", exc.message)  # the message comes again
        except Exception:
            logger.exception("callback failed")
