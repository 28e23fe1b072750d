"""LocalStack's last open-source release as a local process: no Docker, no account.

It runs in a virtual environment of its own (``localstack_venv``) with the plug-ins of ``pdfsmaller_localstack``.
What this project relies on, found by reading and running 4.9.2:

- Functions run as processes of this environment's interpreter, from the deployed zip and layers.
- The schedule of a rule counts from its creation, and so from each start.
- The stack is deployed anew at each start, which takes seconds; what buckets, queues and tables hold comes back.
- Its own persistence, IAM enforcement and the streaming of Function URLs are not in the open-source release.
- Function URLs have host names (``<id>.lambda-url.<region>.localhost``); here gunicorn serves the function instead.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import urllib.request

from pdfsmaller_local import localstack_venv
from pdfsmaller_local.config import ROOT, Config
from pdfsmaller_local.problems import Problem
from pdfsmaller_local.processes import Child, demand_free_port, remove, wait_until

_READY_SECONDS = 60
_STOP_SECONDS = 15


class LocalStack:
    """LocalStack as a child process."""

    def __init__(self, config: Config) -> None:
        self.endpoint = config.endpoint
        self._port = config.emulator_port
        self._logs = config.logs
        self._data = config.state / "localstack"
        self._temporary = config.state / "tmp"
        self._child = Child("emulator", config.state)

    def start(self) -> None:
        self._child.stop_leftover(_STOP_SECONDS)
        demand_free_port(self._port, "EMULATOR_PORT")
        python = localstack_venv.python()
        # What was killed left there: unpacked code, half-read PDFs.
        shutil.rmtree(self._temporary, ignore_errors=True)
        for folder in (self._temporary, self._data, self._logs):
            folder.mkdir(parents=True, exist_ok=True)
        self._child.start([str(python), "-P", "-m", "pdfsmaller_localstack"], self._environ(), cwd=ROOT)

    def _environ(self) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL") if name in os.environ}
        return {
            **inherited,
            "TMPDIR": str(self._temporary),
            "XDG_CACHE_HOME": str(localstack_venv.HOME / "cache"),
            # The plug-ins are found there, by their metadata.
            "PYTHONPATH": str(ROOT / "localstack"),
            "PDFSMALLER_DATA": str(self._data),
            "PDFSMALLER_FUNCTION_PYTHON": sys.executable,
            "PDFSMALLER_FUNCTION_LOGS": str(self._logs),
            "GATEWAY_LISTEN": f"127.0.0.1:{self._port}",
            # In the addresses that it hands out. Its own default is a name in the public DNS.
            "LOCALSTACK_HOST": f"localhost:{self._port}",
            "SQS_ENDPOINT_STRATEGY": "path",
            "LAMBDA_RUNTIME_EXECUTOR": "process",
            "PROVIDER_OVERRIDE_CLOUDFORMATION": "stable",
            "PROVIDER_OVERRIDE_DYNAMODB": "moto",
            "PROVIDER_OVERRIDE_LAMBDA": "process",
            "PROVIDER_OVERRIDE_S3": "durable",
            "PROVIDER_OVERRIDE_SQS": "durable",
            "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.01",
            # Nothing is fetched, nothing is reported, and no name server is started.
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DISABLE_EVENTS": "1",
            "DNS_ADDRESS": "0",
        }

    def wait_ready(self) -> None:
        if not wait_until(lambda: self._answers() or self._child.exit_code() is not None, _READY_SECONDS):
            raise Problem(
                f"LocalStack did not answer within {_READY_SECONDS} seconds.", f"Its log says why: {self._child.log}"
            )
        if failure := self.failure():
            raise Problem(failure, f"Its log says more: {self._child.log}")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_localstack/health", timeout=2) as answer:
                return bool(json.load(answer))
        except (OSError, ValueError):
            return False

    def failure(self) -> str | None:
        how = self._child.failure()
        return how and f"LocalStack {how}"

    def stop(self) -> None:
        # SIGTERM makes it write down its data; the grace is for that.
        self._child.stop(_STOP_SECONDS)
        shutil.rmtree(self._temporary, ignore_errors=True)

    def reset(self) -> None:
        for folder in (self._data, self._temporary):
            remove(folder)
