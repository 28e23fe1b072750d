"""``EMULATOR=localstack-docker``: LocalStack's own image through Docker Compose (``localstack/compose.yaml``).

Written by its documentation and checked without Docker: nobody has run the service on it yet. The functions run in
containers, so their layers must hold the dependencies (``make build``), which ``make local`` does not deploy.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from pdfsmaller_local.config import ROOT, Config
from pdfsmaller_local.problems import Problem
from pdfsmaller_local.processes import answers_json, demand_free_port, wait_until

_READY_SECONDS = 120
_COMMAND_SECONDS = 600
_COMPOSE = ROOT / "localstack" / "compose.yaml"


class LocalStackDocker:
    """LocalStack as a container of its own Compose project, one for each port."""

    def __init__(self, config: Config) -> None:
        self.endpoint = config.endpoint
        self._port = config.emulator_port
        self._environ = {**os.environ, "EMULATOR_PORT": str(config.emulator_port)}
        for name in ("LOCALSTACK_IMAGE", "LOCALSTACK_AUTH_TOKEN"):
            if value := config.environ.get(name):
                self._environ[name] = value

    def start(self) -> None:
        if shutil.which("docker") is None:
            raise Problem(
                "Docker is not installed here, and EMULATOR=localstack-docker needs it.",
                "Install it, or run LocalStack without it: EMULATOR=localstack make local",
            )
        self._compose("down")
        demand_free_port(self._port, "EMULATOR_PORT")
        self._compose("up", "--detach")

    def wait_ready(self) -> None:
        if not wait_until(self._answers, _READY_SECONDS, 0.5):
            raise Problem(
                f"LocalStack's container did not answer within {_READY_SECONDS} seconds.",
                f"Its log says why: docker compose --project-name {self._project} logs",
            )

    def _answers(self) -> bool:
        return answers_json(f"{self.endpoint}/_localstack/health")

    def failure(self) -> str | None:
        return None if self._compose("ps", "--quiet", "--status", "running") else "LocalStack's container ended"

    def stop(self) -> None:
        if shutil.which("docker"):
            self._compose("down")

    def reset(self) -> None:
        self._compose("down", "--volumes")

    @property
    def _project(self) -> str:
        return f"pdfsmaller-{self._port}"

    def _compose(self, *arguments: str) -> str:
        command = ["docker", "compose", "--project-name", self._project, "--file", str(_COMPOSE), *arguments]
        try:
            done = subprocess.run(
                command, env=self._environ, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=True
            )
        except subprocess.CalledProcessError as exc:
            lines = (exc.stderr or "").strip().splitlines()
            raise Problem(
                f"Docker Compose failed: {lines[-1] if lines else exc}",
                "See that the Docker daemon runs, then try again.",
            ) from exc
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise Problem(f"Docker Compose failed: {exc}", "See that the Docker daemon runs, then try again.") from exc
        return done.stdout.strip()
