"""What puts a message into the queue of callbacks: a job's end, and cleanup where that was lost.

The row says what is owed (``jobs.callback``); a message only leads to it, so that one too many does no harm.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from pdfsmaller.jobs.callback import is_owed

if TYPE_CHECKING:
    from pdfsmaller.jobs.messages import Message
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.jobs.ports import Messages
    from pdfsmaller.services.ends import Ended
    from pdfsmaller.services.world import World


def listener(callbacks: Messages) -> Callable[[Ended], None]:
    """What ``Ends`` tells of every end: it sends a message where somebody wants to know."""

    def tell(ended: Ended) -> None:
        if is_owed(ended.job):
            send(callbacks, ended.job)

    return tell


def send(callbacks: Messages, job: Job) -> None:
    """Put the message that leads to a job into the queue of callbacks, where receivers take turns.

    It says for which ``due_at`` it is sent: while the row has that, the end may be told at once.
    """
    receiver = receiver_of(job.callback.url) if job.callback else ""
    body = json.dumps({"job_id": job.job_id, "due_at": job.due_at})
    callbacks.send(body, hashlib.sha256(receiver.encode()).hexdigest())


def receiver_of(url: str) -> str:
    """Host and port of a callback's address, which stand for who receives there."""
    return url.split("/")[2].lower()


def read(message: Message) -> tuple[str, float]:
    """The id of the job that a message leads to, and for which ``due_at``.

    Raises:
        ValueError, KeyError, TypeError: it is none of ours.
    """
    body = json.loads(message.body)
    return str(body["job_id"]), float(body["due_at"])


def send_again(world: World, job: Job) -> bool:
    """Send a message for an end that is owed and due; False where somebody is at it already."""
    # The conditional write makes one cleanup of several the one that sends.
    postponed = world.jobs.look_later(job, seconds=world.settings.requeue_after_seconds)
    if postponed:
        send(world.callbacks, postponed)
    return postponed is not None
