"""Fixtures that every test may use. AWS is moto in this process unless a test starts an emulator itself."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.session
import pytest

from pdfsmaller import sandbox
from pdfsmaller.aws import clients
from pdfsmaller.engine import damage
from pdfsmaller.server import database
from pdfsmaller.server.database import migrations
from pdfsmaller.server.database.base import Database
from pdfsmaller.settings import Settings
from tests import postgres
from tests.aws_stack import Clock, Stack, made_once, made_stack

# A session of botocore reads the descriptions of its services anew, and moto begins one in every test.
botocore.session.create_loader = cache(botocore.session.create_loader)
clients._client = made_once(clients._client)

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"


def pytest_collection_finish() -> None:
    """What all these tests are made of stays: the engine, which looks for garbage between documents, would look through
    it each time.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """No test sees the developer's own AWS account or settings."""
    if request.node.get_closest_marker("stack"):  # those bring their own
        yield
        return
    known = {name.upper() for name in Settings.model_fields}
    for name in list(os.environ):
        if name.startswith("AWS_") or name in known:
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    clients.forget_clients()
    yield
    clients.forget_clients()


@pytest.fixture(autouse=True)
def strict_engine() -> Iterator[None]:
    """The engine's own mistakes come through here; in service they are borne like damage."""
    damage.set_strict(True)
    yield
    damage.set_strict(False)


@pytest.fixture
def warm_engine() -> None:
    """Engine processes are forked, as where the service runs: for tests that have many."""
    sandbox.warm_up()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stack(clock: Clock) -> Iterator[Stack]:
    """Buckets, queues and table as template.yaml makes them, in moto."""
    with made_stack(clock) as stack:
        yield stack


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables and nothing in them, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "empty.db"
    made = database.opened(f"sqlite:///{path}")
    migrations.upgrade(made)
    made.close()
    return path


@pytest.fixture
def sqlite(empty_sqlite: Path, tmp_path: Path, clock: Clock) -> Iterator[Database]:
    """A SQLite database of this test's own, by whose clock time can be made to pass."""
    path = tmp_path / "jobs.db"
    shutil.copy(empty_sqlite, path)
    opened = database.opened(f"sqlite:///{path}", clock=clock)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """PostgreSQL, for all tests of this process; each takes a database of its own."""
    programs = postgres.programs()
    if programs is None:
        pytest.skip("there is no PostgreSQL here (Debian: postgresql)")
    with postgres.running(programs) as server:
        yield server
