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
    """Put the message that leads to a job into the queue of callbacks, where receivers take turns."""
    receiver = receiver_of(job.callback.url) if job.callback else ""
    callbacks.send(json.dumps({"job_id": job.job_id}), hashlib.sha256(receiver.encode()).hexdigest())


def receiver_of(url: str) -> str:
    """Host and port of a callback's address, which stand for who receives there."""
    return url.split("/")[2].lower()


def job_of(message: Message) -> str:
    """The job that a message leads to. Raises ValueError, KeyError or TypeError where it is none of ours."""
    return str(json.loads(message.body)["job_id"])


def send_again(world: World, job: Job) -> bool:
    """Send a message for an end that is owed and due; False where somebody is at it already."""
    # The conditional write makes one cleanup of several the one that sends.
    postponed = world.jobs.look_later(job, seconds=world.settings.requeue_after_seconds)
    if postponed:
        send(world.callbacks, job)
    return postponed
