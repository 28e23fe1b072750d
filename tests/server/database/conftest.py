from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller.server import database
from pdfsmaller.server.database.base import Database
from tests import postgres
from tests.aws_stack import Clock


@dataclass
class Place:
    """A database with its tables and nothing in them, and what opens it."""

    url: str
    #: Lets time pass.
    forward: Callable[[float], None]
    clock: Clock = field(default_factory=Clock)
    ends: ExitStack = field(default_factory=ExitStack)

    def open(self, **changes: Any) -> Database:
        """As one process has it; closed at the end of the test."""
        opened = database.opened(self.url, **{"clock": self.clock} | changes)
        self.ends.callback(opened.close)
        return opened


@pytest.fixture
def on_sqlite(empty_sqlite: Path, tmp_path: Path) -> Iterator[Place]:
    path = tmp_path / "jobs.db"
    shutil.copy(empty_sqlite, path)
    clock = Clock()
    place = Place(f"sqlite:///{path}", clock.forward, clock)
    with place.ends:
        yield place


@pytest.fixture
def on_postgres(postgres_server: postgres.Server) -> Iterator[Place]:
    with postgres_server.new_database() as name:
        place = Place(postgres_server.url(name), partial(postgres_server.forward, name))
        with place.ends:
            yield place


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> Place:
    """A database of either kind."""
    found: Place = request.getfixturevalue(f"on_{request.param}")
    return found


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new.db'}"
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    with server.new_database("template0") as name:
        yield server.url(name)
