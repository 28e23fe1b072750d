"""A supervisor in a process of its own, whose parts say in a file what happens to them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pdfsmaller.processes.supervisor import Part, Supervisor

_PATIENCE_SECONDS = 20.0


class Ran:
    """Runs ``parts`` under a supervisor; each writes a line when it starts and when it is told to stop."""

    def __init__(self, folder: Path, *parts: str) -> None:
        self._log = folder / "log"
        self._log.touch()
        self.process = subprocess.Popen([sys.executable, "-m", "tests.processes.test_supervisor", self._log, *parts])

    def lines(self) -> list[list[str]]:
        return [line.split() for line in self._log.read_text().splitlines()]

    def pids(self, part: str, what: str = "began") -> list[int]:
        return [int(pid) for name, happened, pid in self.lines() if (name, happened) == (part, what)]

    def until(self, what: Callable[[], object]) -> None:
        ends_at = time.monotonic() + _PATIENCE_SECONDS
        while not what():
            assert time.monotonic() < ends_at, self.lines()
            time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def ran(tmp_path: Path) -> Iterator[Callable[..., Ran]]:
    started: list[Ran] = []

    def run(*parts: str) -> Ran:
        started.append(Ran(tmp_path, *parts))
        return started[-1]

    yield run
    for one in started:
        one.process.kill()
        one.process.wait()
        for _, _, pid in one.lines():
            if is_alive(int(pid)):
                os.kill(int(pid), signal.SIGKILL)


def test_a_part_that_dies_is_started_again_and_the_others_stay(ran: Callable[..., Ran]) -> None:
    one = ran("steady", "other")
    one.until(lambda: one.pids("steady") and one.pids("other"))
    os.kill(one.pids("steady")[0], signal.SIGKILL)
    one.until(lambda: len(one.pids("steady")) == 2)
    assert len(one.pids("other")) == 1


def test_a_part_that_cannot_start_is_tried_ever_more_rarely(ran: Callable[..., Ran]) -> None:
    one = ran("failing")
    one.until(lambda: one.pids("failing"))
    time.sleep(2)
    assert 2 <= len(one.pids("failing")) <= 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_lets_every_part_end(ran: Callable[..., Ran], number: signal.Signals) -> None:
    one = ran("steady", "slow")
    one.until(lambda: one.pids("steady") and one.pids("slow"))
    one.process.send_signal(number)
    assert one.process.wait(_PATIENCE_SECONDS) == 0
    assert len(one.pids("slow", "ended")) == len(one.pids("steady", "ended")) == 1


def test_told_twice_it_waits_for_nobody(ran: Callable[..., Ran]) -> None:
    one = ran("stubborn")
    one.until(lambda: one.pids("stubborn"))
    one.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert one.process.poll() is None
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(_PATIENCE_SECONDS) == 0
    assert not is_alive(one.pids("stubborn")[0])


def test_killed_itself_it_leaves_no_part_behind(ran: Callable[..., Ran]) -> None:
    one = ran("steady", "slow")
    one.until(lambda: one.pids("steady") and one.pids("slow"))
    one.process.kill()
    one.until(lambda: one.pids("steady", "ended") and one.pids("slow", "ended"))


def _main(log: Path, names: list[str]) -> None:
    def note(name: str, what: str) -> None:
        with log.open("a") as file:
            file.write(f"{name} {what} {os.getpid()}\n")

    def run(name: str) -> None:
        told: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
        note(name, "began")
        if name == "failing":
            raise SystemExit(1)
        while not told or name == "stubborn":
            time.sleep(0.02)
        time.sleep(0.5 if name == "slow" else 0)
        note(name, "ended")

    Supervisor([Part(name, lambda name=name: run(name)) for name in names]).run()  # type: ignore[misc]


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2:])
