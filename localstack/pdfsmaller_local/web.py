"""The upload function behind gunicorn: Functions Framework's application, with the deployed function's own settings.

gunicorn's workers are gevent's: a body that comes in slowly, or a request that waits for its job, holds a connection of
a thousand (gunicorn's ``--worker-connections``) and no thread of a few. Nothing stands before this server that would
take bodies in first, as nginx does.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from typing import Any

from pdfsmaller_local.clients import CREDENTIALS
from pdfsmaller_local.config import ROOT, Config
from pdfsmaller_local.problems import Problem
from pdfsmaller_local.processes import Child, demand_free_port, wait_until

_READY_SECONDS = 30
_STOP_SECONDS = 8


class Web:
    """gunicorn as a child process."""

    def __init__(self, config: Config, endpoint: str) -> None:
        self._config = config
        self._endpoint = endpoint
        self._child = Child("web", config.state)

    def demand_port(self) -> None:
        """See that the port is free, before anything slow is started."""
        self._child.stop_leftover(_STOP_SECONDS)
        demand_free_port(self._config.port, "PORT", host=self._config.host)

    def start(self, function_environ: dict[str, str]) -> None:
        command = gunicorn_command(
            f"{self._config.host}:{self._config.port}", self._config.environ.get("WORKERS") or "1"
        )
        command.append("--reload")  # when a file that it has loaded changes
        self._child.start(command, self._environ(function_environ), cwd=ROOT)

    def _environ(self, function_environ: dict[str, str]) -> dict[str, str]:
        # The user's own AWS account has no business here.
        settings = {**self._config.environ, **os.environ}
        own = {name: value for name, value in settings.items() if not name.startswith("AWS_")}
        return {
            **own,
            **function_environ,
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_DEFAULT_REGION": self._config.region,
            "AWS_REGION": self._config.region,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "functions"), str(ROOT / "shared")]),
            "PYTHONUNBUFFERED": "1",
        }

    def wait_ready(self) -> None:
        if not wait_until(lambda: self._answers() or self._child.exit_code() is not None, _READY_SECONDS):
            raise Problem(f"The web server is not healthy after {_READY_SECONDS} seconds.", f"See {self._child.log}")
        if failure := self.failure():
            raise Problem(failure, f"Its log says more: {self._child.log}")

    def _answers(self) -> bool:
        return is_healthy(self._config.port)

    def failure(self) -> str | None:
        how = self._child.failure()
        return how and f"The web server {how}"

    def stop(self) -> None:
        self._child.stop(_STOP_SECONDS)


def gunicorn_command(bind: str, workers: str) -> list[str]:
    """What serves the upload function at ``bind`` (HOST:PORT), with ``functions`` and ``shared`` on PYTHONPATH."""
    source = ROOT / "functions" / "upload" / "main.py"
    return [
        *(sys.executable, "-m", "gunicorn"),
        # Functions Framework's own server ignores gunicorn's settings, so gunicorn is started here.
        f'functions_framework:create_app("upload", "{source}")',
        *("--bind", bind),
        *("--worker-class", "gevent"),
        *("--workers", workers),
        *("--timeout", "120"),
        *("--graceful-timeout", str(_STOP_SECONDS - 3)),
        *("--access-logfile", "-"),
        *_no_control_socket(),
    ]


def _no_control_socket() -> list[str]:
    """Newer gunicorns open a control socket in the home folder, the same one for every server."""
    from gunicorn.config import KNOWN_SETTINGS  # type: ignore[import-untyped]

    known = any(setting.name == "control_socket_disable" for setting in KNOWN_SETTINGS)
    return ["--no-control-socket"] if known else []


def is_healthy(port: int) -> bool:
    """Whether the service says of itself that it is well."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=5) as answer:
            return bool(json.load(answer)["status"] == "healthy")
    except (OSError, ValueError):
        return False


def environ_of(function: str, lambda_client: Any) -> dict[str, str]:
    """The environment variables that the template gave a function."""
    answer = lambda_client.get_function_configuration(FunctionName=function)
    variables: dict[str, str] = answer["Environment"]["Variables"]
    return variables
