"""The adapters that run in this process. Those on an emulator are tried by ``tests/stack/test_contracts.py``."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from moto.dynamodb.responses import DynamoHandler

from tests import postgres
from tests.aws_stack import Clock
from tests.contracts.harness import AwsHarness, Harness, MemoryHarness, SqlHarness


@pytest.fixture(params=["memory", "moto", "sqlite", "postgres"])
def harness(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    if request.param == "memory":
        yield MemoryHarness()
    elif request.param == "sqlite":
        clock: Clock = request.getfixturevalue("clock")
        yield SqlHarness(request.getfixturevalue("sqlite"), clock.forward)
    elif request.param == "postgres":
        server: postgres.Server = request.getfixturevalue("postgres_server")
        with server.new_database() as name, postgres.opened(server, name) as database:
            yield SqlHarness(database, partial(server.forward, name))
    else:
        _one_at_a_time(monkeypatch)
        yield AwsHarness(request.getfixturevalue("stack"), enforces_forms=False, enforces_links=False)


def _one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto reads an item, looks at a condition and writes in steps: what races against it needs a lock."""
    lock, call_action = threading.Lock(), DynamoHandler.call_action

    def locked(handler: DynamoHandler) -> Any:
        with lock:
            return call_action(handler)

    monkeypatch.setattr(DynamoHandler, "call_action", locked)
