from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from pdfsmaller import wire
from pdfsmaller.cli.app import run
from pdfsmaller.jobs.messages import Message
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.ports import WorkQueue
from pdfsmaller.server import database
from pdfsmaller.server.database import base
from pdfsmaller.server.database.schema import metadata
from pdfsmaller.services.cleanup import CleanupService
from pdfsmaller.services.intake import IncomingFile
from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.submit import SubmitService
from pdfsmaller.services.world import World
from pdfsmaller.settings import read_settings
from tests import documents
from tests.aws_stack import Clock

SECRET_KEY = "a key for tests only"


@dataclass(frozen=True)
class Ran:
    """What a command said, and what it exited with."""

    code: int
    out: str
    err: str

    def must(self) -> Ran:
        """This, where it has done what it should."""
        assert self.code == 0, self.err
        return self


Admin = Callable[..., Ran]


@pytest.fixture
def admin(capsys: pytest.CaptureFixture[str]) -> Iterator[Admin]:
    """``pdfsmaller admin`` with arguments, and settings by their names; what it says besides is not carried on."""
    environ, folder = dict(os.environ), tempfile.tempdir

    def call(*arguments: Any, **settings: str) -> Ran:
        before = dict(os.environ)
        capsys.readouterr()  # what others have logged
        os.environ.update(settings)
        try:
            code = run(["admin", *map(str, arguments)])
        finally:
            _restore(before)
            tempfile.tempdir = folder
            close_databases()  # as a process does that ends
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    yield call
    _restore(environ)


def _restore(environ: dict[str, str]) -> None:
    for name in set(os.environ) - set(environ):
        del os.environ[name]
    os.environ.update(environ)


@pytest.fixture(scope="session")
def pdf() -> bytes:
    return documents.photo_jpeg(300, 200)


@dataclass
class Service:
    """A service on a database and a folder, with its callers and workers in this process."""

    url: str
    root: Path
    key: str = SECRET_KEY
    clock: Clock = field(default_factory=Clock)

    @property
    def named(self) -> dict[str, str]:
        """The settings by which a command finds it."""
        return {
            "DATABASE_URL": self.url,
            "STORAGE_URL": str(self.root / "files"),
            "SECRET_KEY": self.key,
            "BACKUP_DIR": str(self.root / "backups"),
        }

    @cached_property
    def world(self) -> World:
        settings = read_settings(self.named)
        wire.prepare(settings, processes=1)
        return wire.wire(settings, clock=self.clock)

    def submit(self, data: bytes, **fields: str) -> str:
        file = IncomingFile("a.pdf", io.BytesIO(data))
        [job] = SubmitService(self.world).submit_files([file], fields)
        return job.job_id

    def job(self, job_id: str) -> Job:
        found = self.world.jobs.get(job_id)
        assert found
        return found

    def receive(self) -> Message:
        """The next message, as a worker that then dies takes it."""
        message = cast(WorkQueue, self.world.queue).receive()
        assert message
        return message

    def work(self) -> None:
        """Do all that is in the queue."""
        queue, service = cast(WorkQueue, self.world.queue), RunService(self.world)
        while message := queue.receive():
            service.handle(message)
            queue.acknowledge(message)

    def clean_up(self) -> dict[str, int]:
        return CleanupService(self.world).run()

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables that a backup has."""
        opened = database.opened(self.url)
        try:
            with opened.connected() as connection:
                return {
                    name: sorted(map(tuple, connection.execute(select(table))), key=str)
                    for name, table in metadata.tables.items()
                    if name not in ("workers", "clock")
                }
        finally:
            opened.close()


def close_databases() -> None:
    """Close every connection of this process; who has a database connects anew."""
    for opened in list(base._databases):
        opened.close()


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """One on SQLite."""
    return made(tmp_path / "first")


def made(root: Path, url: str = "") -> Service:
    """A service in a folder of its own; on SQLite there, unless another database is named."""
    root.mkdir()
    return Service(url or f"sqlite:///{root / 'jobs.db'}", root)
