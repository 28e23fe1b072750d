"""The adapters as these tests use them, in this process and in others."""

from __future__ import annotations

from pdfsmaller.server.database.base import Database
from pdfsmaller.server.database.job_store import SqlJobStore
from pdfsmaller.server.database.queue import SqlQueue

VISIBILITY_SECONDS = 30


def store(opened: Database) -> SqlJobStore:
    return SqlJobStore(opened)


def queue(opened: Database) -> SqlQueue:
    return SqlQueue(opened, visibility_seconds=VISIBILITY_SECONDS, max_receive_count=3)
