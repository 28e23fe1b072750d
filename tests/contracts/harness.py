"""What the contract suite needs to try an adapter: the ports, time, and the other side of queue and storage."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import boto3
import requests

from pdfsmaller.access.local_counters import LocalCounters
from pdfsmaller.access.ports import Counters, KeyStore
from pdfsmaller.aws.access import DynamoCounters, DynamoKeyStore
from pdfsmaller.aws.job_store import DynamoJobStore
from pdfsmaller.jobs.messages import Message
from pdfsmaller.jobs.objects import UploadForm
from pdfsmaller.jobs.ports import Figures, JobStore, Line, Messages, Queue, Storage
from pdfsmaller.server.database.access import SqlCounters, SqlKeyStore
from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.figures import SqlFigures
from pdfsmaller.server.database.job_store import SqlJobStore
from pdfsmaller.server.database.queue import SqlQueue
from pdfsmaller.server.database.schema import callbacks
from tests.aws_stack import Clock, Stack
from tests.folder_world import killed_while_putting, made_room
from tests.memory import MemoryFigures, MemoryJobStore, MemoryKeyStore, MemoryQueue, MemoryStorage

#: How long a received message stays hidden, and how often it is delivered, in every harness.
VISIBILITY_SECONDS = 2
MAX_RECEIVE_COUNT = 2


@dataclass(frozen=True)
class Answer:
    """What a link answers; the headers' names in small letters."""

    status: int
    body: bytes
    headers: dict[str, str]


class Harness(Protocol):
    """One world of adapters, empty at first."""

    store: JobStore
    queue: Queue
    storage: Storage
    callbacks: Messages
    keys: KeyStore
    counters: Counters
    #: Where the queue does not let askers take turns by itself.
    line: Line | None
    #: Where counts are kept with the jobs, and not by who reads the logs.
    figures: Figures | None
    #: Whether somebody holds forms to what they allow, and links to their time.
    enforces_forms: bool
    enforces_links: bool
    #: Whether the store forgets when it is told to, and not by itself at some time.
    forgets_when_told: bool

    def another_store(self, seconds_ahead: float) -> JobStore:
        """The same store as another host sees it, whose clock is so far ahead (or behind)."""

    def pass_store_time(self, seconds: float) -> None: ...

    def pass_queue_time(self, seconds: float) -> None: ...

    def receive(self) -> Message | None:
        """One delivery, if a message is visible."""

    def acknowledge(self, message: Message) -> None: ...

    def receive_callback(self) -> Message | None:
        """One delivery from the queue of callbacks, if a message is visible there."""

    def bury(self, body: str) -> None:
        """Put a dead letter."""

    def redrive(self) -> None:
        """Send every dead letter anew, as an operator does."""

    def begin_upload(self, bucket: str, key: str) -> None:
        """Begin an upload in parts, and leave it at that."""

    def send_form(self, form: UploadForm, data: bytes, **changed: str) -> int:
        """POST a form as a browser does; the answer's status."""

    def send_part(self, url: str, data: bytes) -> Answer:
        """PUT a part's bytes to its link."""

    def open_link(self, url: str, byte_range: str | None = None) -> Answer: ...


class MemoryHarness:
    """The in-memory adapters: their time passes when it is told to."""

    enforces_forms = enforces_links = forgets_when_told = True
    line: Line | None = None

    def __init__(self) -> None:
        self._clock = Clock()
        self.store = self._store = MemoryJobStore(self._clock)
        self.queue = MemoryQueue(
            self._clock, visibility_seconds=VISIBILITY_SECONDS, max_receive_count=MAX_RECEIVE_COUNT
        )
        self.storage = MemoryStorage(self._clock)
        self.callbacks: MemoryQueue | SqlQueue = MemoryQueue(self._clock, visibility_seconds=VISIBILITY_SECONDS)
        self.keys: KeyStore = MemoryKeyStore()
        self.counters: Counters = LocalCounters(self._clock)
        self.figures: Figures = MemoryFigures()
        self.receive, self.acknowledge, self.redrive = self.queue.receive, self.queue.acknowledge, self.queue.redrive
        self.begin_upload, self.send_form = self.storage.begin_upload, self.storage.send_form

    def another_store(self, seconds_ahead: float) -> JobStore:
        return self._store  # it has a clock of its own, which is everybody's

    def receive_callback(self) -> Message | None:
        return self.callbacks.receive()

    def pass_store_time(self, seconds: float) -> None:
        self._clock.forward(seconds)

    pass_queue_time = pass_store_time

    def bury(self, body: str) -> None:
        self.queue.send(body, dead=True)

    def send_part(self, url: str, data: bytes) -> Answer:
        status, body, headers = self.storage.send_part(url, data)
        return Answer(status, body, _lower(headers))

    def open_link(self, url: str, byte_range: str | None = None) -> Answer:
        status, body, headers = self.storage.open_link(url, byte_range)
        return Answer(status, body, _lower(headers))


class SqlHarness(MemoryHarness):
    """Job store and queue in one database, whose clock ``forward`` moves; the storage in memory."""

    def __init__(self, database: Database, forward: Callable[[float], None]) -> None:
        super().__init__()
        self.store = SqlJobStore(database)
        self.keys, self.counters = SqlKeyStore(database), SqlCounters(database)
        self.figures = SqlFigures(database)
        self.queue = SqlQueue(database, visibility_seconds=VISIBILITY_SECONDS, max_receive_count=MAX_RECEIVE_COUNT)
        self.receive, self.acknowledge, self.redrive = self.queue.receive, self.queue.acknowledge, self.queue.redrive
        self.pass_store_time = self.pass_queue_time = forward
        self.callbacks = SqlQueue(
            database, visibility_seconds=VISIBILITY_SECONDS, max_receive_count=MAX_RECEIVE_COUNT, table=callbacks
        )

    def another_store(self, seconds_ahead: float) -> JobStore:
        return self.store

    def bury(self, body: str) -> None:
        self.queue.send(body)
        for _ in range(MAX_RECEIVE_COUNT):
            message = self.queue.receive()
            assert message
            assert message.body == body
            self.queue.retry_in(message, 0)
        assert self.queue.receive() is None


class AwsHarness:
    """The adapters on the resources of ``stack``, in moto or on an emulator. Only the host's clock can be moved."""

    forgets_when_told = False

    def __init__(self, stack: Stack, *, enforces_forms: bool, enforces_links: bool) -> None:
        self._stack = stack
        self.enforces_forms, self.enforces_links = enforces_forms, enforces_links
        self._table = stack.settings.jobs_table
        self._url, self._dead = stack.settings.compress_queue_url, stack.settings.dead_letter_queue_url
        self.store: JobStore = DynamoJobStore(self._table, stack.clock)
        self.keys, self.counters = DynamoKeyStore(self._table), DynamoCounters(self._table, stack.clock)
        self.queue, self.storage = stack.world.queue, stack.world.storage
        self.callbacks: Messages = stack.world.callbacks
        self.line = stack.world.line
        self.figures = stack.world.figures
        arn = stack.sqs.get_queue_attributes(QueueUrl=self._dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": "{MAX_RECEIVE_COUNT}"}}'
        stack.sqs.set_queue_attributes(
            QueueUrl=self._url, Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS), "RedrivePolicy": policy}
        )

    def another_store(self, seconds_ahead: float) -> JobStore:
        return DynamoJobStore(self._table, lambda: self._stack.clock() + seconds_ahead)

    def pass_store_time(self, seconds: float) -> None:
        self._stack.clock.forward(seconds)

    def pass_queue_time(self, seconds: float) -> None:
        time.sleep(seconds)

    def receive(self) -> Message | None:
        return self._message(self._url)

    def receive_callback(self) -> Message | None:
        return self._message(self._stack.settings.callback_queue_url)

    def _message(self, url: str) -> Message | None:
        found = self._receive(url)
        if found is None:
            return None
        told = found["Attributes"]
        return Message(
            found["MessageId"],
            found["ReceiptHandle"],
            found["Body"],
            int(told["ApproximateReceiveCount"]),
            int(told["SentTimestamp"]) / 1_000,
        )

    def _receive(self, url: str) -> dict[str, Any] | None:
        answer = self._stack.sqs.receive_message(QueueUrl=url, AttributeNames=["All"], WaitTimeSeconds=0)
        return next(iter(answer.get("Messages", [])), None)

    def acknowledge(self, message: Message) -> None:
        self._stack.sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt_handle)

    def bury(self, body: str) -> None:
        self._stack.sqs.send_message(QueueUrl=self._dead, MessageBody=body)

    def redrive(self) -> None:
        while found := self._receive(self._dead):
            self._stack.sqs.send_message(QueueUrl=self._url, MessageBody=found["Body"])
            self._stack.sqs.delete_message(QueueUrl=self._dead, ReceiptHandle=found["ReceiptHandle"])

    def begin_upload(self, bucket: str, key: str) -> None:
        boto3.client("s3").create_multipart_upload(Bucket=bucket, Key=key)

    def send_form(self, form: UploadForm, data: bytes, **changed: str) -> int:
        return _send_form(form.url, form.fields | changed, data)

    def send_part(self, url: str, data: bytes) -> Answer:
        return _send_part(url, data)

    def open_link(self, url: str, byte_range: str | None = None) -> Answer:
        return _open_link(url, byte_range)


class FolderHarness(MemoryHarness):
    """Files in a folder, whose forms and links the API answers to, at ``address``; the rest in memory."""

    address: str

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.room = made_room(root, self._clock)
        self.storage: Storage = self.room.storage
        self.begin_upload, self.send_form = partial(killed_while_putting, root), self._send_form

    def _send_form(self, form: UploadForm, data: bytes, **changed: str) -> int:
        return _send_form(self.address + form.url, form.fields | changed, data)

    def send_part(self, url: str, data: bytes) -> Answer:
        return _send_part(self.address + url, data)

    def open_link(self, url: str, byte_range: str | None = None) -> Answer:
        return _open_link(self.address + url, byte_range)


def _send_form(url: str, fields: dict[str, str], data: bytes) -> int:
    return requests.post(url, data=fields, files={"file": ("a.pdf", data)}, timeout=30).status_code


def _send_part(url: str, data: bytes) -> Answer:
    answer = requests.put(url, data=data, timeout=60)
    return Answer(answer.status_code, answer.content, _lower(answer.headers))


def _open_link(url: str, byte_range: str | None) -> Answer:
    answer = requests.get(url, headers={"Range": byte_range} if byte_range else {}, timeout=30)
    return Answer(answer.status_code, answer.content, _lower(answer.headers))


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
