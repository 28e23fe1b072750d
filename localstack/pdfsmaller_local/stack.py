"""One whole local stack: emulator, deployment, web server. Used by ``make local`` and by the stack tests."""

from __future__ import annotations

import time
from pathlib import Path

from pdfsmaller_local import deploy, emulator
from pdfsmaller_local.clients import Clients
from pdfsmaller_local.config import Config
from pdfsmaller_local.update import update
from pdfsmaller_local.web import Web, environ_of


class Stack:
    """Starts and stops a local stack.

    Attributes:
        clients: AWS clients for the emulator.
        outputs: the CloudFormation stack's outputs, once started.
        seconds: how long each step of the start took.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.emulator = emulator.choose(config)
        self.outputs: dict[str, str] = {}
        self.seconds: dict[str, float] = {}
        self._web = Web(config, self.emulator.endpoint)

    @property
    def clients(self) -> Clients:
        return Clients(self.emulator.endpoint, self.config.region)

    def start(self) -> None:
        """Start everything and wait until it is healthy. On a Problem, ``stop`` ends what was started."""
        self._web.demand_port()
        with _Timer(self.seconds, "emulator"):
            self.emulator.start()
            self.emulator.wait_ready()
        with _Timer(self.seconds, "deployment"):
            self.outputs = deploy.deploy(self.config, self.clients)
            self._end_refreshed()
        with _Timer(self.seconds, "web server"):
            self._web.start(environ_of(self.outputs["UploadFunctionName"], self.clients("lambda")))
            self._web.wait_ready()

    def refresh(self) -> None:
        """Give a running stack the code of the source tree as it is now. The web server notices by itself.

        Raises:
            Problem: it did not take it; what ran before goes on.
        """
        # The next start leaves a stack alone whose source is again what was deployed: it would keep this code.
        self._refreshed.touch()
        update(self.config, self.clients)

    def _end_refreshed(self) -> None:
        if self._refreshed.exists():
            update(self.config, self.clients)
            self._refreshed.unlink()

    @property
    def _refreshed(self) -> Path:
        """Stands while the functions' code may be another than the deployment's."""
        return self.config.state / "refreshed"

    def failure(self) -> str | None:
        """Why a part has ended by itself, or None while all run."""
        return self.emulator.failure() or self._web.failure()

    def stop(self) -> None:
        """Stop everything, the web server first so that no request meets a dead emulator."""
        self._web.stop()
        self.emulator.stop()


class _Timer:
    def __init__(self, seconds: dict[str, float], name: str) -> None:
        self._seconds, self._name = seconds, name

    def __enter__(self) -> None:
        self._begun = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._seconds[self._name] = time.monotonic() - self._begun
