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
import os
import sys
from pathlib import Path

from pdfsmaller_local.config import ROOT, Config
from pdfsmaller_local.problems import Problem
from pdfsmaller_local.process_emulator import ProcessEmulator


class MiniStack(ProcessEmulator):
    """MiniStack as a child process."""

    name = "MiniStack"
    health = "/_ministack/health"

    def __init__(self, config: Config) -> None:
        super().__init__(config, config.state / "data")
        self._region = config.region
        self._enforce_policies = config.enforce_policies

    def start(self) -> None:
        if importlib.util.find_spec("ministack") is None:
            raise Problem("MiniStack is not installed here.", "Run make clean, then make local.")
        self._make_room()
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
