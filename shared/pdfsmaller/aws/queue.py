"""Queues in SQS: of callbacks, and of jobs with its dead-letter queue. Lambda receives and acknowledges, so these only
send.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pdfsmaller import events
from pdfsmaller.aws import clients
from pdfsmaller.jobs.messages import Backlog, Message

#: SQS takes 12 hours at most, counted from when the message was received: one of them is for the work until now.
_MAX_VISIBILITY_SECONDS = 11 * 3_600

#: How long a dead letter that is not looked for is hidden while one is.
_TAKING_SECONDS = 60


class SqsMessages:
    """``Messages`` in the queue of this URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, body: str, asker: str = "") -> None:
        clients.sqs().send_message(QueueUrl=self._url, MessageBody=body)

    def retry_in(self, message: Message, seconds: float) -> None:
        timeout = max(0, min(_MAX_VISIBILITY_SECONDS, round(seconds)))
        clients.sqs().change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=message.receipt_handle, VisibilityTimeout=timeout
        )

    def depth(self) -> dict[str, int]:
        told = _told(self._url)
        return {
            "waiting": int(told["ApproximateNumberOfMessages"]),
            "in_flight": int(told["ApproximateNumberOfMessagesNotVisible"]),
        }

    def backlog(self) -> Backlog:
        return Backlog()  # both are in CloudWatch; an age is nowhere else


class SqsQueue(SqsMessages):
    """``Queue`` on two queues, named by their URLs."""

    def __init__(self, url: str, dead_letters_url: str) -> None:
        super().__init__(url)
        self._dead_letters = dead_letters_url

    def announce(self, created: events.ObjectCreated, asker: str = "") -> None:
        self.send(events.s3_event(created))

    def backlog(self) -> Backlog:
        return Backlog(dead_letters=int(_told(self._dead_letters)["ApproximateNumberOfMessages"]))

    def peek_dead_letters(
        self, *, max_messages: int = 500, max_seconds: float = 30, hold_seconds: int = 60
    ) -> Iterator[Message]:
        """See ``Queue``. Each letter is hidden for ``hold_seconds``, which is what makes the next page a different one,
        and shown again at the end. One that shows again before means that all have been seen, or that looking at them
        took too long.
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
            self._show_again(handles.values())

    def redrive(self, message_id: str | None = None) -> int:
        return self._take_dead_letters(message_id, self.send)

    def delete_dead_letters(self, message_id: str | None = None) -> int:
        return self._take_dead_letters(message_id, lambda _: None)

    def _take_dead_letters(self, message_id: str | None, use: Callable[[str], None]) -> int:
        """Take dead letters away, all or one, once ``use`` was given their text; how many there were.

        Who dies in between leaves one that was used: it may come twice.
        """
        taken, others = 0, dict[str, str]()
        try:
            while page := self._receive_dead_letters(_TAKING_SECONDS):
                for message in page:
                    if message_id in (None, message.message_id):
                        use(message.body)
                        clients.sqs().delete_message(QueueUrl=self._dead_letters, ReceiptHandle=message.receipt_handle)
                        taken += 1
                all_seen = any(message.message_id in others for message in page)
                others |= {message.message_id: message.receipt_handle for message in page if message_id}
                if all_seen or (message_id and taken):
                    break
        finally:
            others.pop(message_id or "", None)
            self._show_again(others.values())
        return taken

    def _show_again(self, handles: Iterable[str]) -> None:
        # One by one: emulators ask for a right to the batch call that AWS does not know.
        for handle in handles:
            clients.sqs().change_message_visibility(
                QueueUrl=self._dead_letters, ReceiptHandle=handle, VisibilityTimeout=0
            )

    def _receive_dead_letters(self, hold_seconds: int) -> list[Message]:
        answer = clients.sqs().receive_message(
            QueueUrl=self._dead_letters,
            MaxNumberOfMessages=10,
            VisibilityTimeout=hold_seconds,
            WaitTimeSeconds=0,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        return [
            Message(
                item["MessageId"],
                item["ReceiptHandle"],
                item["Body"],
                sent_at=int(item["Attributes"]["SentTimestamp"]) / 1_000,
            )
            for item in answer.get("Messages", [])
        ]


def _told(url: str) -> dict[Any, str]:
    """How many messages a queue says it has."""
    return clients.sqs().get_queue_attributes(
        QueueUrl=url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
