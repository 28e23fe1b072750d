"""MiniStack (https://ministack.org, on PyPI): AWS in one Python process, no Docker, no account.

What this project relies on, found by reading and running 1.5.33:

- Lambda functions run in warm processes of MiniStack's own interpreter, so the environment's packages are there and
  the layers need to hold only our own package. A worker inherits MiniStack's environment (hence the small one made
  here) and gets ``AWS_ENDPOINT_URL``. One invocation at a time per worker; at the function's timeout the worker is
  terminated (its own children are not: the engine's process must notice that its parent is gone).
- The SQS poller wakes at once for a new message and looks every second for one that became visible again.
  Visibility timeouts, maxReceiveCount, partial batch failures and MaximumConcurrency are kept.
- EventBridge looks every 10 seconds whether a rule is due; ``rate(1 minute)`` is the shortest.
- S3 answers every preflight with ``*`` and refuses a presigned POST over its ``content-length-range``.
- S3 objects lie on disk at once; everything else is written at a clean shutdown (SIGTERM) and by our
  ``ministack_process`` every few seconds.
- Its CloudFormation leaves out a table's TTL, recovery and encryption, and a bucket's lifecycle rules.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import urllib.request
from pathlib import Path

from pdfsmaller_local.config import ROOT, Config
from pdfsmaller_local.problems import Problem
from pdfsmaller_local.processes import Child, demand_free_port, remove, wait_until

_READY_SECONDS = 60
_STOP_SECONDS = 15


class MiniStack:
    """MiniStack as a child process."""

    def __init__(self, config: Config) -> None:
        self.endpoint = config.endpoint
        self._port = config.emulator_port
        self._region = config.region
        self._enforce_policies = config.enforce_policies
        self._data = config.state / "data"
        self._temporary = config.state / "tmp"
        self._child = Child("emulator", config.state)

    def start(self) -> None:
        if importlib.util.find_spec("ministack") is None:
            raise Problem("MiniStack is not installed here.", "Run make clean, then make local.")
        self._child.stop_leftover(_STOP_SECONDS)
        demand_free_port(self._port, "EMULATOR_PORT")
        # What workers that were killed left there: unpacked code, half-read PDFs.
        shutil.rmtree(self._temporary, ignore_errors=True)
        for folder in (self._temporary, self._data):
            folder.mkdir(parents=True, exist_ok=True)
        # -P: the script's own folder has a module named ministack too.
        script = Path(__file__).with_name("ministack_process.py")
        self._child.start([sys.executable, "-P", str(script)], self._environ(), cwd=ROOT)

    def _environ(self) -> dict[str, str]:
        """Small on purpose: every function inherits it."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL") if name in os.environ}
        return {
            **inherited,
            "TMPDIR": str(self._temporary),
            "GATEWAY_PORT": str(self._port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self._data / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self._data / "s3"),
            # Listeners that nothing here uses, on ports that another stack may have.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "INFO",
            # Whether IAM policies count: each worker then has its function's role and nothing else.
            "AUTH": "true" if self._enforce_policies else "false",
        }

    def wait_ready(self) -> None:
        if not wait_until(lambda: self._answers() or self._child.exit_code() is not None, _READY_SECONDS):
            raise Problem(
                f"MiniStack did not answer within {_READY_SECONDS} seconds.", f"Its log says why: {self._child.log}"
            )
        if failure := self.failure():
            raise Problem(failure, f"Its log says more: {self._child.log}")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=2) as answer:
                return bool(json.load(answer))
        except (OSError, ValueError):
            return False

    def failure(self) -> str | None:
        how = self._child.failure()
        return how and f"MiniStack {how}"

    def stop(self) -> None:
        # SIGTERM makes it write its state; the grace is for that.
        self._child.stop(_STOP_SECONDS)
        shutil.rmtree(self._temporary, ignore_errors=True)

    def reset(self) -> None:
        for folder in (self._data, self._temporary):
            remove(folder)
