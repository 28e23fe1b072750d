"""A watched folder of a world in memory, its watcher and its workers, on a clock that tests move."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pdfsmaller.jobs.states import Status
from pdfsmaller.services.ends import End
from pdfsmaller.services.watch import WatchService
from tests.aws_stack import Clock
from tests.memory import MemoryStorage
from tests.services.room import Room


class Watched:
    def __init__(self, clock: Clock, folder: Path, **settings: Any) -> None:
        self.clock, self.folder = clock, folder
        self.inbox, self.results, self.marks = (folder / name for name in ("inbox", "results", "marks"))
        self.inbox.mkdir()
        self.room = Room(clock, MemoryStorage(clock), **settings)
        self.service: WatchService | None = None

    def watcher(self, **given: Any) -> WatchService:
        return WatchService(self.room.world, self.inbox, self.results, self.marks, clock=self.clock, **given)

    def restart(self) -> None:
        """What the watcher knew by heart is lost, and its folder is free again."""
        self.service = None

    def drop(self, name: str, data: bytes, *, mtime: float | None = None) -> Path:
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if mtime is not None:
            os.utime(path, (mtime, mtime))
        return path

    def step(self, seconds: float = 0.0, *, work: bool = True) -> float:
        """Let time pass, let the watcher look, and the workers do what there is."""
        self.clock.forward(seconds)
        self.service = self.service or self.watcher()
        self.service.look_again()
        pause = self.service.step()
        if work:
            self.room.work()
        return pause

    def settle(self) -> None:
        """As long as it takes for files that stand still to be done."""
        for seconds in (0, 6, 1, 1):
            self.step(seconds)

    def laid(self) -> list[str]:
        """What lies among the results, folders left out."""
        found = [path.relative_to(self.results) for path in self.results.rglob("*") if path.is_file()]
        return sorted(str(path) for path in found)

    def error(self, name: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.results / f"{name}.error.json").read_bytes())
        return told

    def jobs(self, status: Status | None = None) -> list[dict[str, Any]]:
        """The rows of all jobs there ever were."""
        return [row for row in self.room.store.rows() if status in (None, row["status"])]

    def ends(self, end: End) -> int:
        return [ended.end for ended in self.room.ended].count(end)
