"""A message of the queue as a worker sees it."""

from __future__ import annotations

from dataclasses import dataclass

_MAX_BACKOFF_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of one message.

    Attributes:
        message_id: stays the same when the message is delivered again.
        receipt_handle: names this delivery; empty where the sender, and no queue, delivers it again.
        body: an S3-shaped event (``events``), as text.
        receive_count: how often it was delivered, this time included.
        sent_at: when it was put into the queue, in seconds since the epoch; a redriven message is put there anew. None
            where nobody says.
    """

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int = 1
    sent_at: float | None = None


def backoff_seconds(receive_count: int, first: int) -> int:
    """How long a failed message waits: doubling from ``first``, at most ten minutes."""
    return int(min(_MAX_BACKOFF_SECONDS, first * 2 ** max(0, receive_count - 1)))
