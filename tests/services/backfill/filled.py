"""A backfill of a world in memory, with its workers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.services.backfill.folder import FolderCollection
from pdfsmaller.services.backfill.ledger import Item, Ledger, State
from pdfsmaller.services.backfill.plan import Plan
from pdfsmaller.services.backfill.service import BackfillService
from tests.aws_stack import Clock
from tests.memory import MemoryStorage
from tests.services.room import Room


class Filled:
    """Documents in ``source``, results in ``to``; with ``replace`` originals go to ``kept``."""

    def __init__(self, clock: Clock, folder: Path, *, replace: bool = False, **plan: Any) -> None:
        self.source, self.to, self.kept = (folder / name for name in ("source", "to", "kept"))
        self.source.mkdir()
        self.room = Room(clock, MemoryStorage(clock))
        given = {"options": CompressOptions.parse({"preset": "ebook"})} | plan
        where = {"keep": FolderCollection(self.kept)} if replace else {"to": FolderCollection(self.to)}
        self.plan = Plan(FolderCollection(self.source), **(where | given))
        self.ledger = Ledger(folder / "ledger.db")
        self.service = self.begun()

    def begun(self) -> BackfillService:
        return BackfillService(self.room.world, self.plan, self.ledger, copies=False, rate=1e6, at_once=4)

    def put(self, name: str, data: bytes) -> Path:
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def run(self) -> None:
        """From listing to the end, with workers."""
        self.service.enter()
        self._work_off()

    def run_on(self) -> None:
        """The same by another process; and cleanup announces what could not be written in one step with its row."""
        self.service.enter()
        self.service.step()
        self.room.work()
        self.room.clock.forward(901)
        self.room.cleanup.run()
        self.run()

    def _work_off(self) -> None:
        for _ in range(100):
            self.service.step()
            self.room.work()
            if not self.ledger.has(State.WAITING, State.TAKEN):
                return
        raise AssertionError("the backfill does not end")

    def items(self) -> dict[str, Item]:
        """The last item of each document."""
        return {item.original.name: item for item in self.ledger.items(*State)}

    def ends(self) -> Counter[tuple[str, str]]:
        """How many items there are, by state and code."""
        return Counter({(str(count.state), count.code): count.items for count in self.ledger.counts()})

    def laid(self) -> list[str]:
        return files(self.to)


def files(folder: Path) -> list[str]:
    """What lies in a folder and in those below it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
