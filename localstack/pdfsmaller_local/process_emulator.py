"""What emulators have in common that run as a child process of this one."""

from __future__ import annotations

import shutil
from pathlib import Path

from pdfsmaller_local.config import Config
from pdfsmaller_local.problems import Problem
from pdfsmaller_local.processes import Child, answers_json, demand_free_port, remove, wait_until

_READY_SECONDS = 60
_STOP_SECONDS = 15


class ProcessEmulator:
    """A child process that answers at ``endpoint``; a subclass starts it.

    Attributes:
        name: what to call it in messages.
        health: the path at which it says, in JSON, that it is ready.
    """

    name: str
    health: str

    def __init__(self, config: Config, data: Path) -> None:
        self.endpoint = config.endpoint
        self._port = config.emulator_port
        self._data = data
        self._temporary = config.state / "tmp"
        self._child = Child("emulator", config.state)

    def _make_room(self) -> None:
        """End what an earlier run has left, and clear what was killed: unpacked code, half-read PDFs.

        Raises:
            Problem: the port is taken by somebody else.
        """
        self._child.stop_leftover(_STOP_SECONDS)
        demand_free_port(self._port, "EMULATOR_PORT")
        shutil.rmtree(self._temporary, ignore_errors=True)
        for folder in (self._temporary, self._data):
            folder.mkdir(parents=True, exist_ok=True)

    def wait_ready(self) -> None:
        if not wait_until(lambda: self._answers() or self._child.exit_code() is not None, _READY_SECONDS):
            raise Problem(
                f"{self.name} did not answer within {_READY_SECONDS} seconds.", f"Its log says why: {self._child.log}"
            )
        if failure := self.failure():
            raise Problem(failure, f"Its log says more: {self._child.log}")

    def _answers(self) -> bool:
        return answers_json(f"{self.endpoint}{self.health}")

    def failure(self) -> str | None:
        how = self._child.failure()
        return how and f"{self.name} {how}"

    def stop(self) -> None:
        # SIGTERM makes it write down what it holds; the grace is for that.
        self._child.stop(_STOP_SECONDS)
        shutil.rmtree(self._temporary, ignore_errors=True)

    def reset(self) -> None:
        for folder in (self._data, self._temporary):
            remove(folder)
