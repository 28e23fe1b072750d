"""Processes that die at one of their writes, so to speak."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest


class Died(BaseException):
    """What no code of ours catches, as none sees SIGKILL."""


class Countdown:
    """Ends the process, so to speak, just before or just after one of its writes."""

    def __init__(self, writes: int, *, before: bool) -> None:
        self.left, self._before = writes, before

    def around(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            if self.left == 0 and self._before:
                raise Died
            answer = write(*args, **kwargs)
            if self.left == 0:
                raise Died
            return answer

        return counted


@contextmanager
def counted_down(
    countdown: Countdown, writes: Sequence[tuple[Any, Sequence[str]]], restart: Callable[[], object]
) -> Iterator[None]:
    """Within it writes are counted down. The process dies in here, and its next one is begun; or not at all.

    Args:
        writes: what holds them, and their names there.
    """
    with pytest.MonkeyPatch.context() as patch:
        for holder, names in writes:
            for name in names:
                patch.setattr(holder, name, countdown.around(getattr(holder, name)))
        try:
            yield
        except Died:
            restart()
    gc.collect()  # what held a lock is gone, as with a process
