"""A whole world in this process, on the in-memory ports."""

from __future__ import annotations

import io
from typing import Any, Generic, TypeVar

from pdfsmaller import events
from pdfsmaller.access.keys import Keys
from pdfsmaller.access.local_counters import LocalCounters
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.jobs.ports import Storage
from pdfsmaller.services import figures
from pdfsmaller.services.cleanup import CleanupService
from pdfsmaller.services.ends import Ended, Ends
from pdfsmaller.services.intake import IncomingFile
from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.submit import SubmitService
from pdfsmaller.services.webhooks import tell
from pdfsmaller.services.world import World
from pdfsmaller.settings import Settings
from tests.aws_stack import Clock
from tests.memory import MemoryFigures, MemoryJobStore, MemoryKeyStore, MemoryQueue

StorageT = TypeVar("StorageT", bound=Storage)


class Room(Generic[StorageT]):
    """A world in memory, whose storage sends no messages by itself, with its workers; the storage may be another."""

    def __init__(self, clock: Clock, storage: StorageT, **settings: Any) -> None:
        self.clock, self.storage = clock, storage
        self.store = MemoryJobStore(clock)
        self.queue = MemoryQueue(clock, max_receive_count=Settings().max_receive_count)
        self.callbacks = MemoryQueue(clock, visibility_seconds=120, max_receive_count=1_000)
        self.ended: list[Ended] = []
        self.jobs, self.figures = Jobs(self.store), MemoryFigures()
        ends = Ends(self.jobs, [self.ended.append, figures.listener(self.figures), tell.listener(self.callbacks)])
        made = Settings(**{"default_wait_seconds": 0} | settings)
        self.world = World(
            made,
            self.jobs,
            ends,
            self.queue,
            self.storage,
            callbacks=self.callbacks,
            keys=Keys(MemoryKeyStore(), clock),
            counters=LocalCounters(clock),
            figures=self.figures,
        )
        self.submitting, self.running = SubmitService(self.world), RunService(self.world)
        self.cleanup = CleanupService(self.world)

    def announce(self, key: str) -> None:
        """What follows a drop."""
        self.queue.announce(events.ObjectCreated(self.storage.uploads, key, "1"))

    def work(self) -> int:
        """Do what is in the queue until it is empty; how many deliveries failed."""
        failed = 0
        while message := self.queue.receive():
            try:
                self.running.handle(message)
            except Exception:
                failed += 1
            else:
                self.queue.acknowledge(message)
        return failed

    def submit(self, data: bytes) -> str:
        [job] = self.submitting.submit_files([IncomingFile("a.pdf", io.BytesIO(data))], {})
        return job.job_id
