"""Worlds of every kind with a queue of callbacks that a test can receive from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from pdfsmaller.access.keys import Keys
from pdfsmaller.access.local_counters import LocalCounters
from pdfsmaller.jobs.messages import Message, from_sqs
from pdfsmaller.jobs.model import Job, new_id
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.jobs.states import Status
from pdfsmaller.server.database.job_store import SqlJobStore
from pdfsmaller.server.database.queue import SqlQueue
from pdfsmaller.server.database.schema import callbacks
from pdfsmaller.services.cleanup import CleanupService
from pdfsmaller.services.ends import Ends
from pdfsmaller.services.webhooks import tell
from pdfsmaller.services.webhooks.address import wanted
from pdfsmaller.services.webhooks.deliver import CallbackService
from pdfsmaller.services.world import World
from pdfsmaller.settings import Settings
from tests.aws_stack import Clock, made_stack
from tests.memory import MemoryJobStore, MemoryKeyStore, MemoryQueue, MemoryStorage

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SETTINGS: dict[str, Any] = {
    "webhook_secret": SECRET,
    "webhook_allow_http": True,
    "webhook_allowed_networks": "127.0.0.1/32",
}
BROKEN = {"code": "unreadable_pdf", "message": "broken"}


@dataclass
class Hooks:
    """A world, its clock, and what is received from its queue of callbacks (as whoever receives there does)."""

    world: World
    clock: Clock
    receive: Callable[[], Message | None]
    acknowledge: Callable[[Message], None]

    def __post_init__(self) -> None:
        self.jobs: Jobs = self.world.jobs
        self.service = CallbackService(self.world)
        self.cleanup = CleanupService(self.world)

    def job(self, url: str, **changes: Any) -> Job:
        """A queued job whose ends are told to this address."""
        now = self.jobs.now()
        job = Job(new_id(), Status.QUEUED, now, now, now + 900)
        job = replace(job, callback=wanted(url, "https://pdf.example", self.world.settings), **changes)
        assert self.jobs.create(job)
        return job

    def ended(self, url: str, **changes: Any) -> Job:
        """One that has failed."""
        job = self.job(url, **changes)
        assert self.world.ends.fail(job, BROKEN, kept_seconds=48 * 3_600)
        return self.stands(job)

    def stands(self, job: Job) -> Job:
        found = self.jobs.get(job.job_id)
        assert found
        return found

    def work(self) -> int:
        """Do every message that is visible; how many there were."""
        done = 0
        while message := self.receive():
            done += 1
            if self.service.handle(message):
                self.acknowledge(message)
        return done

    def errors(self, job: Job) -> list[str | None]:
        return [attempt.error for attempt in self.stands(job).callback_attempts]


@pytest.fixture(params=["memory", "sqlite", "moto"])
def hooks(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Hooks]:
    if request.param == "moto":
        with made_stack(clock, **SETTINGS) as stack:
            url = stack.settings.callback_queue_url

            def receive() -> Message | None:
                found = stack.sqs.receive_message(QueueUrl=url, AttributeNames=["All"]).get("Messages", [])
                named = [
                    {
                        "messageId": item["MessageId"],
                        "receiptHandle": item["ReceiptHandle"],
                        "body": item["Body"],
                        "attributes": item["Attributes"],
                    }
                    for item in found
                ]
                return from_sqs(named[0]) if named else None

            def acknowledge(message: Message) -> None:
                stack.sqs.delete_message(QueueUrl=url, ReceiptHandle=message.receipt_handle)

            yield Hooks(stack.world, clock, receive, acknowledge)
        return
    settings, storage = Settings(**SETTINGS), MemoryStorage(clock)
    queue: MemoryQueue | SqlQueue
    if request.param == "sqlite":
        database = request.getfixturevalue("sqlite")
        jobs = Jobs(SqlJobStore(database))
        queue = SqlQueue(database, visibility_seconds=120, max_receive_count=1_000, table=callbacks)
    else:
        jobs = Jobs(MemoryJobStore(clock))
        queue = MemoryQueue(clock, visibility_seconds=120, max_receive_count=1_000)
    ends = Ends(jobs, [tell.listener(queue)])
    world = World(
        settings,
        jobs,
        ends,
        MemoryQueue(clock),
        storage,
        callbacks=queue,
        keys=Keys(MemoryKeyStore(), clock),
        counters=LocalCounters(clock),
    )
    yield Hooks(world, clock, queue.receive, queue.acknowledge)
