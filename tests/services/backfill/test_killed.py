"""A backfill dies at every one of its steps, and the next one goes on."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller import sandbox, wire
from pdfsmaller.jobs.ports import WorkQueue
from pdfsmaller.services.backfill.folder import FolderCollection
from pdfsmaller.services.backfill.ledger import Ledger, State
from pdfsmaller.services.ends import End, Ended
from pdfsmaller.services.run_job import RunService
from pdfsmaller.services.watch import durable
from pdfsmaller.settings import read_settings
from tests import documents
from tests.aws_stack import Clock
from tests.services.backfill.filled import Filled, files
from tests.services.dying import Countdown, counted_down
from tests.services.several import Makes, makes

__all__ = ["makes"]

ROOT = Path(__file__).parents[3]


def dying(filled: Filled, countdown: Countdown) -> AbstractContextManager[None]:
    """Within it the backfill's writes are counted down. It dies in here, or not at all."""
    writes: list[tuple[Any, tuple[str, ...]]] = [
        (Ledger, ("_write", "enter")),
        (FolderCollection, ("lay", "replace")),
        (durable, ("move",)),
        (filled.room.store, ("create", "change")),
        (filled.room.storage, ("put_file", "download", "delete")),
        (filled.room.queue, ("announce",)),
    ]

    def restart() -> None:
        filled.ledger.close()
        filled.ledger = Ledger(filled.ledger.path)
        filled.service = filled.begun()

    return counted_down(countdown, writes, restart)


@pytest.mark.slow
@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("before", [True, False])
def test_one_document_has_one_result(clock: Clock, tmp_path: Path, makes: Makes, before: bool, replace: bool) -> None:
    if not replace:  # the engine itself is needed only where its results are verified
        makes([("a.pdf", b"small")])
    original = documents.photo_jpeg(300, 200)
    for number in itertools.count(1):
        (tmp_path / str(number)).mkdir()
        filled, countdown = Filled(clock, tmp_path / str(number), replace=replace), Countdown(number, before=before)
        filled.put("x/a.pdf", original)
        with dying(filled, countdown):
            filled.service.enter()
        for _ in range(2):
            with dying(filled, countdown):
                filled.service.step()
            filled.room.work()
        filled.run_on()
        assert filled.ends()["done", ""] == 1, countdown
        assert sum(filled.ends().values()) == (2 if replace else 1), filled.ends()
        assert [ended.end for ended in filled.room.ended].count(End.SUCCEEDED) == 1
        if replace:
            assert (filled.kept / "x/a.pdf").read_bytes() == original
            assert files(filled.kept) == files(filled.source) == ["x/a.pdf"]
            assert (filled.source / "x/a.pdf").stat().st_size < len(original)
        else:
            assert filled.laid() == ["x/a.pdf"]
        if countdown.left > 0:
            assert number > 15
            return


@pytest.mark.slow
@pytest.mark.parametrize("replace", [True, False])
def test_killed_at_any_time_every_document_has_its_result_and_one_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replace: bool
) -> None:
    """A process, killed with SIGKILL again and again, in the world of a server of one's own."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'jobs.db'}")
    monkeypatch.setenv("STORAGE_URL", str(tmp_path / "files"))
    monkeypatch.setenv("SECRET_KEY", "a key for tests only")
    settings = read_settings()
    wire.prepare(settings, processes=1)
    ended: list[Ended] = []
    world = wire.wire(settings, listeners=[ended.append])
    source, target = tmp_path / "source", tmp_path / "target"
    originals = {f"{n % 3}/{n}.pdf": documents.photo_jpeg(200 + n, 150) for n in range(30)}
    for name, data in originals.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(data)
    where = ["--replace", "--keep-originals"] if replace else ["--to"]
    command = [sys.executable, "-m", "pdfsmaller.cli", "admin", "backfill", str(source), *where, str(target)]
    command += ["--preset", "ebook", "--yes", "--rate", "8/s", "--at-once", "3"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "shared")}
    stop, chance = threading.Event(), random.Random(1)

    def work() -> None:
        queue: WorkQueue = world.queue  # type: ignore[assignment]
        while not stop.wait(0.01):
            if message := queue.receive():
                RunService(world).handle(message)
                queue.acknowledge(message)

    sandbox.warm_up()
    worker = threading.Thread(target=work)
    worker.start()
    killed = 0
    try:
        while True:
            process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            if killed == 6:
                assert process.wait(120) == 0
                break
            seconds = chance.uniform(0.5, 2.0)
            begun, there = time.monotonic(), len(list(target.rglob("*.pdf")))
            # Loading takes what it takes: it dies soon after its first result, at no moment that it knows.
            while (
                process.poll() is None and len(list(target.rglob("*.pdf"))) == there and time.monotonic() < begun + 60
            ):
                time.sleep(0.02)
            time.sleep(seconds)
            process.kill()
            process.wait()
            killed += 1
    finally:
        stop.set()
        worker.join()
    assert files(target) == sorted(originals)
    assert [item.end for item in ended].count(End.SUCCEEDED) == len(originals)
    ledger = Ledger(tmp_path / "backfill.db")
    done = [item.original.name for item in ledger.items(State.DONE)]
    assert sorted(done) == sorted(originals)
    assert not any(ledger.items(State.FAILED, State.WAITING, State.TAKEN))
    for name, data in originals.items():
        kept, smaller = (target, source) if replace else (source, target)
        assert (kept / name).read_bytes() == data
        assert (smaller / name).stat().st_size < len(data)
