"""The adapters that run in this process. Those on an emulator are tried by ``tests/stack/test_contracts.py``."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from moto.dynamodb.models import DynamoDBBackend

from tests.contracts.harness import AwsHarness, Harness, MemoryHarness


@pytest.fixture(params=["memory", "moto"])
def harness(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Harness:
    if request.param == "memory":
        return MemoryHarness()
    _one_at_a_time(monkeypatch)
    return AwsHarness(request.getfixturevalue("stack"), enforces_forms=False, enforces_links=False)


def _one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto looks at a condition and writes in two steps: what races against it needs a lock."""
    lock = threading.Lock()

    def locked(method: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            with lock:
                return method(*args, **kwargs)

        return call

    for name in ("put_item", "update_item"):
        monkeypatch.setattr(DynamoDBBackend, name, locked(getattr(DynamoDBBackend, name)))
