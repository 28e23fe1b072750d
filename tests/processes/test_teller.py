"""What tells ends on a server: several at a time, and nobody waits for a receiver that stalls."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pdfsmaller.processes.teller import Teller
from pdfsmaller.services.webhooks.hosts import AT_ONCE
from tests.memory import away
from tests.services.webhooks.conftest import Hooks, hooks
from tests.services.webhooks.receiver import Receiver, receiving, stalls

__all__ = ["hooks"]

pytestmark = pytest.mark.parametrize("hooks", ["memory", "sqlite"], indirect=True)


@pytest.fixture
def stalled() -> Iterator[Receiver]:
    """A receiver that says nothing while the test lasts."""
    over = threading.Event()
    with receiving(stalls(over)) as receiver:
        yield receiver
        over.set()


@pytest.fixture
def telling(hooks: Hooks) -> Iterator[threading.Thread]:
    """A teller that is at work while the test lasts."""
    stop = threading.Event()
    thread = threading.Thread(target=Teller(hooks.world).run, args=(stop,))
    thread.start()
    yield thread
    stop.set()
    thread.join(60)
    assert not thread.is_alive()


def test_hundreds_for_one_that_stalls_keep_nobody_elses_waiting(
    hooks: Hooks, telling: threading.Thread, stalled: Receiver
) -> None:
    for _ in range(200):
        hooks.ended(stalled.url)
    stalled.wait_for(AT_ONCE)
    with receiving() as receiver:
        others = [hooks.ended(receiver.url) for _ in range(20)]
        told = receiver.wait_for(20)
    assert {received.told["data"]["job_id"] for received in told} == {job.job_id for job in others}
    assert len(stalled.received) == AT_ONCE, "so many at a time, and they still wait for an answer"


def test_what_is_due_is_told_at_once_and_ends(hooks: Hooks) -> None:
    with receiving() as receiver:
        for _ in range(30):
            hooks.ended(receiver.url)
        Teller(hooks.world).drain()
        assert len({received.told["data"]["job_id"] for received in receiver.received}) == 30
        Teller(hooks.world).drain()
    assert len(receiver.received) == 30


def test_no_more_is_begun_once_time_is_up(hooks: Hooks) -> None:
    with receiving() as receiver:
        hooks.ended(receiver.url)
        Teller(hooks.world).drain(lambda: False)
    assert receiver.received == []


def test_poison_ends_nothing(hooks: Hooks, telling: threading.Thread) -> None:
    hooks.world.callbacks.send("poison")
    with receiving() as receiver:
        hooks.ended(receiver.url)
        receiver.wait_for(1)
    assert telling.is_alive()


def test_nor_does_a_store_that_is_away(hooks: Hooks, telling: threading.Thread) -> None:
    with away(hooks.world.callbacks, "receive"):
        hooks.world.callbacks.wait(0.1)
    with receiving() as receiver:
        hooks.ended(receiver.url)
        receiver.wait_for(1)
    assert telling.is_alive()
