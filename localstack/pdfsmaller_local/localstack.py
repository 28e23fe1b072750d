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

import os
import sys

from pdfsmaller_local import localstack_venv
from pdfsmaller_local.config import ROOT, Config
from pdfsmaller_local.process_emulator import ProcessEmulator


class LocalStack(ProcessEmulator):
    """LocalStack as a child process."""

    name = "LocalStack"
    health = "/_localstack/health"

    def __init__(self, config: Config) -> None:
        super().__init__(config, config.state / "localstack")
        self._logs = config.logs

    def start(self) -> None:
        self._make_room()
        python = localstack_venv.python()
        self._logs.mkdir(parents=True, exist_ok=True)
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
            # It has no dashboards.
            "CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES": "1",
            # Nothing is fetched, nothing is reported, and no name server is started.
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DISABLE_EVENTS": "1",
            "DNS_ADDRESS": "0",
        }
