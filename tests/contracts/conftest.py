"""The adapters that run in this process. Those on an emulator are tried by ``tests/stack/test_contracts.py``."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from moto.dynamodb.responses import DynamoHandler

from tests.contracts.harness import AwsHarness, Harness, MemoryHarness


@pytest.fixture(params=["memory", "moto"])
def harness(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Harness:
    if request.param == "memory":
        return MemoryHarness()
    _one_at_a_time(monkeypatch)
    return AwsHarness(request.getfixturevalue("stack"), enforces_forms=False, enforces_links=False)


def _one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto reads an item, looks at a condition and writes in steps: what races against it needs a lock."""
    lock, call_action = threading.Lock(), DynamoHandler.call_action

    def locked(handler: DynamoHandler) -> Any:
        with lock:
            return call_action(handler)

    monkeypatch.setattr(DynamoHandler, "call_action", locked)
