"""The watcher dies at every one of its steps, and the next one goes on."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller import wire
from pdfsmaller.jobs.ports import WorkQueue
from pdfsmaller.services.ends import End, Ended
from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.watch import durable
from pdfsmaller.settings import read_settings
from tests import documents
from tests.aws_stack import Clock
from tests.services.dying import Countdown, counted_down
from tests.services.several import Makes, makes
from tests.services.watch.watched import Watched

__all__ = ["makes"]

ROOT = Path(__file__).parents[3]


def dying(watched: Watched, countdown: Countdown) -> AbstractContextManager[None]:
    """Within it the watcher's writes are counted down. It dies in here, or not at all."""
    writes: list[tuple[Any, tuple[str, ...]]] = [
        (durable, ("sync", "move")),
        (Path, ("unlink", "rename", "mkdir")),
        (watched.room.store, ("create", "change")),
        (watched.room.storage, ("put_file", "download", "delete")),
        (watched.room.queue, ("announce",)),
    ]
    return counted_down(countdown, writes, watched.restart)


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_killed_at_any_time_every_file_has_its_result_and_one_job(
    tmp_path: Path, makes: Makes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process, killed with SIGKILL again and again, in the world of a server of one's own."""
    makes([("a.pdf", b"small")])
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'jobs.db'}")
    monkeypatch.setenv("STORAGE_URL", str(tmp_path / "files"))
    monkeypatch.setenv("SECRET_KEY", "a key for tests only")
    settings = read_settings()
    wire.prepare(settings, processes=1)
    succeeded: list[Ended] = []
    world = wire.wire(settings, listeners=[succeeded.append])
    folders = [tmp_path / name for name in ("inbox", "results", "marks")]
    folders[0].mkdir()
    stop, names = threading.Event(), [f"{number % 3}/{number}.pdf" for number in range(30)]

    def work() -> None:
        queue: WorkQueue = world.queue  # type: ignore[assignment]
        while not stop.wait(0.01):
            if message := queue.receive():
                RunService(world).handle(message)
                queue.acknowledge(message)

    def started() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "tests.services.watch.watching", *map(str, folders)], cwd=ROOT)

    worker = threading.Thread(target=work)
    worker.start()
    chance = random.Random(1)
    try:
        for number, name in enumerate(names):
            (folders[0] / name).parent.mkdir(exist_ok=True)
            (folders[0] / name).write_bytes(documents.text(1))
            if number % 2:
                watcher = started()
                time.sleep(chance.uniform(0.8, 2.5))
                watcher.kill()
                watcher.wait()
        watcher = started()
        until = time.monotonic() + 60
        while not all((folders[1] / name).exists() for name in names) and time.monotonic() < until:
            time.sleep(0.2)
        watcher.kill()
        watcher.wait()
    finally:
        stop.set()
        worker.join()
    assert sorted(str(path.relative_to(folders[1])) for path in folders[1].rglob("*.*") if path.is_file()) == sorted(
        names
    )
    assert [ended.end for ended in succeeded].count(End.SUCCEEDED) == len(names)
