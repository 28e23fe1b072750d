"""Tells ends: from a message in the queue of callbacks to a signed request, again and again until it is answered.

The row decides, and messages only lead to it: whoever tells an end takes that upon itself for a while by a conditional
write (``Jobs.begin_telling``), and what came of it is written there. An end is told at least once; its ``webhook-id``,
which is the mark of the write that made it, is the same every time.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from pdfsmaller import __version__
from pdfsmaller.errors import InvalidCallback
from pdfsmaller.jobs.callback import CallbackAttempt, is_owed
from pdfsmaller.jobs.view import end_type, end_view
from pdfsmaller.services.webhooks import address, networks, signature
from pdfsmaller.services.webhooks.hosts import Hosts
from pdfsmaller.services.webhooks.post import TOTAL_SECONDS, Answer, NotDelivered, post
from pdfsmaller.services.webhooks.tell import read, receiver_of
from pdfsmaller.telemetry import get_logger

if TYPE_CHECKING:
    from pdfsmaller.jobs.callback import Callback
    from pdfsmaller.jobs.messages import Message
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.services.world import World

#: Seconds before an end is told again: 19 hours in all.
PAUSES = (10, 60, 300, 1_800, 7_200, 21_600, 36_000)
#: The longest that a receiver can have us wait by Retry-After: below what a queue can.
_MAX_PAUSE_SECONDS = 10 * 3_600
#: Who has taken a telling upon itself and does not say what came of it within this is dead.
_HOLD_SECONDS = 4 * TOTAL_SECONDS
_GONE = 410

logger = get_logger("callbacks")


class CallbackService:
    """Tells ends, several at a time if it is called from several threads."""

    def __init__(self, world: World, hosts: Hosts | None = None) -> None:
        self._world, self._hosts = world, hosts or Hosts()
        self._jobs, self._settings = world.jobs, world.settings

    def handle(self, message: Message) -> bool:
        """Do what a received message asks for.

        Returns:
            Whether it is done, and the message to be acknowledged. Otherwise it comes again: when, is arranged.
        """
        job_id, sent_for = read(message)
        job = self._jobs.get(job_id)
        if job is None or job.callback is None or not is_owed(job):
            return True
        if job.due_at != sent_for and (early := job.due_at - self._jobs.now()) > 0:
            return self._again(message, early)
        receiver = receiver_of(job.callback.url)
        if wait := self._hosts.enter(receiver, time.monotonic()):
            self._jobs.look_later(job, seconds=wait)
            return self._again(message, wait)
        stalled = False
        try:
            begun = self._jobs.begin_telling(job, seconds=_HOLD_SECONDS)
            if begun is None:
                return self._again(message, _HOLD_SECONDS)  # somebody else is at it, or it has moved on
            pause, stalled = self._tell(begun, job.callback)
        finally:
            self._hosts.leave(receiver, time.monotonic(), stalled=stalled)
        return True if pause is None else self._again(message, pause)

    def _again(self, message: Message, seconds: float) -> bool:
        self._world.callbacks.retry_in(message, seconds + 1)  # queues count whole seconds, and the row must be due then
        return False

    def _tell(self, job: Job, callback: Callback) -> tuple[float | None, bool]:
        """Make an attempt, and write down what came of it.

        Returns:
            After how many seconds to make the next, or None where there is none; and whether the receiver stalled.
        """
        if job.callback_tries > len(PAUSES) + 1:  # the processes that made the last ones died of it
            self._jobs.told(job)
            return None, False
        status, error, retry_after, stalled = None, None, None, False
        try:
            answer = self._post(job, callback)
            status, retry_after = answer.status, answer.retry_after
            error = _error(status)
        except InvalidCallback as exc:
            error = exc.message
        except NotDelivered as exc:
            error, stalled = exc.message, exc.stalled
        attempt = CallbackAttempt(self._jobs.now(), end_type(job), status, error)
        over = error is None or status == _GONE or job.callback_tries > len(PAUSES)
        pause = None if over else self._pause(job.callback_tries, retry_after)
        if pause is None:
            self._jobs.told(job, attempt)
        else:
            self._jobs.tell_later(job, attempt, seconds=pause)
        logger.info(
            "callback " + ("told" if error is None else "given up" if over else "failed"),
            extra={"job_id": job.job_id, "try": job.callback_tries, "http_status": status, "reason": error},
        )
        return pause, stalled

    def _pause(self, tries: int, retry_after: float | None) -> float:
        return max(PAUSES[tries - 1], min(retry_after or 0.0, _MAX_PAUSE_SECONDS))

    def _post(self, job: Job, callback: Callback) -> Answer:
        """Raises NotDelivered, InvalidCallback."""
        if not signature.has_root(self._settings):
            raise NotDelivered("The service has no secret any more to sign with.")
        target = address.parse(callback.url, self._settings)
        body, message_id, now = self._body(job, callback), job.ended_by or job.job_id, int(self._jobs.now())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"pdfsmaller/{__version__}",
            "webhook-id": message_id,
            "webhook-timestamp": str(now),
            "webhook-signature": signature.sign(signature.secret(self._settings, job.owner), message_id, now, body),
        }
        may_be_reached = partial(networks.may_be_reached, allowed=self._settings.webhook_networks())
        return post(target, body, headers, may_be_reached=may_be_reached)

    def _body(self, job: Job, callback: Callback) -> bytes:
        base_url = (self._settings.public_base_url or callback.base_url).rstrip("/")
        return end_view(job, base_url).model_dump_json().encode()


def _error(status: int) -> str | None:
    """Why an answer does not count; None where it does."""
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return f"The receiver redirects (HTTP {status}), and no redirect is followed."
    if status == _GONE:
        return "The receiver wants to hear no more (HTTP 410)."
    return f"The receiver answered with HTTP {status}."
