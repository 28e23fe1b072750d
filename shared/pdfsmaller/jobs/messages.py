"""A message of the queue as a worker sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_MAX_BACKOFF_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of one message.

    Attributes:
        message_id: stays the same when the message is delivered again.
        receipt_handle: names this delivery; empty where the sender, and no queue, delivers it again.
        body: text; of the queue of jobs an S3-shaped event (``events``).
        receive_count: how often it was delivered, this time included.
        sent_at: when it was put into the queue, in seconds since the epoch; a redriven message is put there anew. None
            where nobody says.
    """

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int = 1
    sent_at: float | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a queue is behind with.

    Attributes:
        oldest_seconds: how long the message has waited that anybody may receive and has been there for longest; 0 where
            none waits, None where the queue does not tell.
        dead_letters: how many there are, about; None likewise.
    """

    oldest_seconds: float | None = None
    dead_letters: int | None = None


def from_sqs(record: dict[str, Any]) -> Message:
    """A record of the event by which Lambda hands a function what it has received from SQS."""
    attributes = record.get("attributes", {})
    return Message(
        message_id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        body=record["body"],
        receive_count=int(attributes.get("ApproximateReceiveCount", 1)),
        sent_at=int(attributes["SentTimestamp"]) / 1_000 if "SentTimestamp" in attributes else None,
    )


def backoff_seconds(receive_count: int, first: int) -> int:
    """How long a failed message waits: doubling from ``first``, at most ten minutes."""
    return int(min(_MAX_BACKOFF_SECONDS, first * 2 ** max(0, receive_count - 1)))
