"""The compress queue and its dead-letter queue."""

from __future__ import annotations

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
    """

    message_id: str
    receipt_handle: str
    body: str
    receive_count: int = 1


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

    def peek_dead_letters(self, hold_seconds: int = 60) -> Iterator[Message]:
        """Every message in the dead-letter queue, none taken from it.

        Each is hidden for a moment, which is what makes the next page a different one, and shown again at the end.
        """
        held: list[Message] = []
        try:
            while (
                found := aws.sqs()
                .receive_message(
                    QueueUrl=self._dead_letters,
                    MaxNumberOfMessages=10,
                    VisibilityTimeout=hold_seconds,
                    WaitTimeSeconds=0,
                )
                .get("Messages")
            ):
                page = [Message(item["MessageId"], item["ReceiptHandle"], item["Body"]) for item in found]
                held += page
                yield from page
        finally:
            for message in held:
                aws.sqs().change_message_visibility(
                    QueueUrl=self._dead_letters, ReceiptHandle=message.receipt_handle, VisibilityTimeout=0
                )
