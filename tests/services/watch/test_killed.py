"""The watcher dies at every one of its steps, and the next one goes on."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller.services.ends import End
from pdfsmaller.services.watch import durable
from tests import documents
from tests.aws_stack import Clock
from tests.services.several import Makes, makes
from tests.services.watch.watched import Watched

__all__ = ["makes"]


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
def dying(watched: Watched, countdown: Countdown) -> Iterator[None]:
    """Within it the watcher's writes are counted down. It dies in here, or not at all."""
    writes = [
        (durable, ("sync", "move")),
        (Path, ("unlink", "rename", "mkdir")),
        (watched.room.store, ("create", "change")),
        (watched.room.storage, ("put_file", "download", "delete")),
        (watched.room.queue, ("announce",)),
    ]
    with pytest.MonkeyPatch.context() as patch:
        for holder, names in writes:
            for name in names:
                patch.setattr(holder, name, countdown.around(getattr(holder, name)))
        try:
            yield
        except Died:
            watched.restart()
    gc.collect()  # what held the lock is gone, as with a process


def until_nobody_dies(clock: Clock, folder: Path, *, before: bool) -> Iterator[tuple[Watched, Countdown]]:
    """A new folder for each of the writes that there are, until they are over."""
    for number in itertools.count(1):
        (folder / str(number)).mkdir()
        countdown = Countdown(number, before=before)
        yield Watched(clock, folder / str(number)), countdown
        if countdown.left > 0:
            assert number > 15
            return


def finish(watched: Watched) -> None:
    """With the next watcher; and cleanup announces what this world could not write in one step with its row."""
    watched.settle()
    watched.clock.forward(901)
    watched.room.cleanup.run()
    watched.room.work()
    watched.settle()


@pytest.mark.parametrize("before", [True, False])
def test_one_file_has_one_result(clock: Clock, tmp_path: Path, makes: Makes, before: bool) -> None:
    makes([("a.pdf", b"small")])
    for watched, countdown in until_nobody_dies(clock, tmp_path, before=before):
        watched.drop("x/a.pdf", documents.text(1))
        watched.step()
        for seconds in (6, 1):
            with dying(watched, countdown):
                watched.step(seconds, work=False)
            watched.room.work()
        finish(watched)
        assert watched.laid() == ["x/a.pdf"], countdown
        assert watched.ends(End.SUCCEEDED) == 1
        assert len(watched.jobs()) == 1
        assert not any((watched.results / ".pdfsmaller").glob("*"))


def test_a_newer_file_has_the_last_word(clock: Clock, tmp_path: Path, makes: Makes) -> None:
    for watched, countdown in until_nobody_dies(clock, tmp_path, before=True):
        makes([("1.pdf", b"one"), ("2.pdf", b"two")])
        watched.drop("a.pdf", documents.text(1))
        watched.settle()
        makes([("2.pdf", b"zwei"), ("3.pdf", b"drei")])
        watched.drop("a.pdf", documents.text(2))
        watched.step()
        for seconds in (6, 1):
            with dying(watched, countdown):
                watched.step(seconds, work=False)
            watched.room.work()
        finish(watched)
        assert watched.laid() == ["a.pdf/2.pdf", "a.pdf/3.pdf"]
        assert (watched.results / "a.pdf/2.pdf").read_bytes() == b"zwei"
        assert watched.ends(End.SUCCEEDED) == 2
