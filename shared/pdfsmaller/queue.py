"""The compress queue and its dead-letter queue."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from pdfsmaller import aws, events
from pdfsmaller.settings import Settings

_MAX_VISIBILITY_SECONDS = 43_200
_MAX_BACKOFF_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Message:
    """One message as a worker sees it.

    Attributes:
        message_id: stays the same when the message is delivered again.
        receipt_handle: names this delivery.
        body: an S3 event, as text.
        receive_count: how often it was delivered, this time included.
        sent_at: when it was put into the queue, in seconds since the epoch; a redriven message is put there anew
            (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html).
            None where nobody says.
    """

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int = 1
    sent_at: float | None = None


def backoff_seconds(receive_count: int, first: int) -> int:
    """How long a failed message waits: doubling from ``first``, at most ten minutes."""
    return int(min(_MAX_BACKOFF_SECONDS, first * 2 ** max(0, receive_count - 1)))


class Queue:
    """Sends work to the compress queue and looks into the dead-letter queue."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.compress_queue_url
        self._dead_letters = settings.dead_letter_queue_url

    def announce(self, created: events.ObjectCreated) -> None:
        """Send the S3-shaped event that (re)starts a job."""
        aws.sqs().send_message(QueueUrl=self._url, MessageBody=events.s3_event(created))

    def retry_in(self, message: Message, seconds: float) -> None:
        """Let a message come again after ``seconds`` instead of the queue's own visibility timeout."""
        timeout = max(0, min(_MAX_VISIBILITY_SECONDS, round(seconds)))
        aws.sqs().change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=message.receipt_handle, VisibilityTimeout=timeout
        )

    def depth(self) -> dict[str, int]:
        """About how many messages wait and how many are being worked on."""
        live = aws.sqs().get_queue_attributes(
            QueueUrl=self._url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        return {
            "waiting": int(live["ApproximateNumberOfMessages"]),
            "in_flight": int(live["ApproximateNumberOfMessagesNotVisible"]),
        }

    def peek_dead_letters(
        self, *, max_messages: int = 500, max_seconds: float = 30, hold_seconds: int = 60
    ) -> Iterator[Message]:
        """Messages of the dead-letter queue, each once and none taken from it.

        There may be any number of them, so looking ends after about ``max_messages`` or ``max_seconds``. Each is hidden
        for ``hold_seconds``, which is what makes the next page a different one, and shown again at the end. One that
        shows again before means that all have been seen, or that looking at them took too long.
        """
        handles: dict[str, str] = {}
        ends_at = time.monotonic() + max_seconds
        try:
            while len(handles) < max_messages and time.monotonic() < ends_at:
                page = self._receive_dead_letters(hold_seconds)
                seen = [message for message in page if message.message_id in handles]
                handles |= {message.message_id: message.receipt_handle for message in page}
                yield from (message for message in page if message not in seen)
                if seen or not page:
                    return
        finally:
            # One by one: emulators ask for a right to the batch call that AWS does not know.
            for handle in handles.values():
                aws.sqs().change_message_visibility(
                    QueueUrl=self._dead_letters, ReceiptHandle=handle, VisibilityTimeout=0
                )

    def _receive_dead_letters(self, hold_seconds: int) -> list[Message]:
        answer = aws.sqs().receive_message(
            QueueUrl=self._dead_letters,
            MaxNumberOfMessages=10,
            VisibilityTimeout=hold_seconds,
            WaitTimeSeconds=0,
        )
        return [Message(item["MessageId"], item["ReceiptHandle"], item["Body"]) for item in answer.get("Messages", [])]
