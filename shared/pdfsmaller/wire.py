"""The one place where the parts are put together: which adapter stands behind which port."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pdfsmaller.aws import clients
from pdfsmaller.aws.job_store import DynamoJobStore
from pdfsmaller.aws.queue import SqsQueue
from pdfsmaller.aws.storage import S3Storage
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.services import ends
from pdfsmaller.services.world import World

if TYPE_CHECKING:
    from pdfsmaller.settings import Settings


def wire(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    listeners: Sequence[ends.Listener] = (ends.log,),
) -> World:
    """The world that ``settings`` name. Nothing is connected to before it is used.

    Args:
        clock: the host's, in seconds since the epoch, for stores that have none.
        listeners: who hears of every job's end, in this order.
    """
    jobs = Jobs(DynamoJobStore(settings.jobs_table, clock))
    return World(
        settings=settings,
        jobs=jobs,
        ends=ends.Ends(jobs, listeners),
        queue=SqsQueue(settings.compress_queue_url, settings.dead_letter_queue_url),
        storage=S3Storage(settings.uploads_bucket, settings.results_bucket, settings.s3_public_endpoint_url),
    )


def connect_early() -> None:
    """Connect now, where that makes the first request quicker: where a function starts on Lambda."""
    clients.connect_early()
