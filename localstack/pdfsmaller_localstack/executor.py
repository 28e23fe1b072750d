"""Lambda's execution environments as local processes (``LAMBDA_RUNTIME_EXECUTOR=process``).

One executor is one environment, with one ``Worker`` at a time; LocalStack gives it one invocation at a time. After a
timeout or a crash the next invocation finds a fresh worker, as on AWS. The code is what was deployed: the function's
zip and its layers, unpacked, first on the path; what they lack comes from the interpreter named by
``PDFSMALLER_FUNCTION_PYTHON``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from pdfsmaller_localstack.worker import Died, TimedOut, Worker

LOG = logging.getLogger(__name__)

_INIT_SECONDS = 20.0
_KEEP_LOG_BYTES = 1_000_000  # of one invocation, for CloudWatch
_LOG_FILE_BYTES = 10_000_000
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "COVERAGE_PROCESS_START")


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    """How LocalStack finds the executor."""

    name = "process"

    def load(self, *_args: Any, **_kwargs: Any) -> type[RuntimeExecutor]:
        return ProcessExecutor


class ProcessExecutor(RuntimeExecutor):
    """One execution environment."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id=id, function_version=function_version)
        self._config = function_version.config
        self._name = function_version.id.function_name
        self._environ: dict[str, str] = {}
        self._worker: Worker | None = None
        self._stopped = False
        self._lock = threading.Lock()  # guards the two above
        self._in_use = threading.Lock()  # held while the worker is talked to
        self._log = bytearray()

    # What LocalStack calls

    def start(self, env_vars: dict[str, Any]) -> None:
        self._environ = {name: str(value) for name, value in env_vars.items() if value is not None}
        with self._in_use:
            error = self._begin()
        if error:
            raise StatusErrorException("The environment did not start", payload=json.dumps(error).encode())

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Run the handler once. Whatever goes wrong in it is an answer, never an exception."""
        request, begun = payload["invoke-id"], time.monotonic()
        self._log.clear()
        self._say(f"START RequestId: {request} Version: {self.function_version.id.qualifier}")
        with self._in_use:
            answer = self._invoke(payload)
        milliseconds = (time.monotonic() - begun) * 1000
        used = self._worker.most_memory if self._worker else 0
        self._say(
            f"END RequestId: {request}\nREPORT RequestId: {request}\tDuration: {milliseconds:.2f} ms\t"
            f"Memory Size: {self._config.memory_size} MB\tMax Memory Used: {used // 1_048_576} MB"
        )
        if error := answer.get("error"):
            LOG.warning("%s failed (%s): %s", self._name, error.get("errorType"), error.get("errorMessage"))
        result = json.dumps(error) if error else answer["payload"]
        return InvocationResult(request, result.encode(), is_error=bool(error), logs=self.get_logs())

    def stop(self) -> None:
        """End the environment. An invocation that still runs ends as a crash: its message is delivered again."""
        with self._lock:
            self._stopped = True
            if self._worker:
                self._worker.kill()
        with self._in_use:
            if self._worker:
                self._worker.close()
                self._worker = None

    def get_logs(self) -> str:
        return self._log.decode(errors="replace")

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        return ""  # the worker talks through pipes

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        for code in (function_version.config.code, *(layer.code for layer in function_version.config.layers)):
            code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        function_version.config.code.destroy_cached()

    # The worker

    def _begin(self) -> dict[str, Any] | None:
        """Start a worker; the error where its handler cannot be imported."""
        with self._lock:
            if self._stopped:
                return _error("Runtime.ExitError", "The environment is stopped")
            if self._worker:
                self._worker.close()
            # An update of the function's settings clears away the old version's code, which is the new one's too.
            self.prepare_version(self.function_version)
            self._worker = Worker(
                python=os.environ.get("PDFSMALLER_FUNCTION_PYTHON") or sys.executable,
                name=self._name,
                environ=self._full_environ(),
                cwd=self._task_root(),
                memory_bytes=self._config.memory_size * 1_048_576,
                on_log=self._keep_log,
            )
        try:
            answer = self._worker.receive(_INIT_SECONDS)
        except TimedOut:
            return _error("Sandbox.Timedout", f"Error: Initialization timed out after {_INIT_SECONDS:.2f} seconds")
        except Died as exc:
            return _error("Runtime.ExitError", f"Error: {exc}")
        error: dict[str, Any] | None = answer.get("error")
        return error

    def _invoke(self, payload: dict[str, str]) -> dict[str, Any]:
        request, seconds = payload["invoke-id"], self._config.timeout
        if (self._worker is None or not self._worker.alive) and (error := self._begin()):
            return {"error": error}
        assert self._worker
        try:
            self._worker.send(
                {
                    "id": request,
                    "arn": payload["invoked-function-arn"],
                    "deadline_ms": int((time.time() + seconds) * 1000),
                    "event": json.loads(payload["payload"] or "{}"),
                }
            )
            return self._worker.receive(seconds)
        except TimedOut:
            message = f"Task timed out after {seconds:.2f} seconds"
            self._say(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {request} {message}")
            return {"error": _error("Sandbox.Timedout", f"RequestId: {request} Error: {message}")}
        except Died as exc:
            self._say(f"RequestId: {request} Error: {exc}\nRuntime.ExitError")
            return {"error": _error("Runtime.ExitError", f"RequestId: {request} Error: {exc}")}

    def _task_root(self) -> Path:
        return Path(self._config.code.get_unzipped_code_location())

    def _full_environ(self) -> dict[str, str]:
        """The function's environment and little else: the user's own AWS account has no business here."""
        layers = [Path(layer.code.get_unzipped_code_location()) for layer in self._config.layers]
        path = [str(self._task_root()), *(str(layer / "python") for layer in layers)]
        return {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            **self._environ,
            "LAMBDA_TASK_ROOT": str(self._task_root()),
            "PYTHONPATH": os.pathsep.join(path),
            "PYTHONSAFEPATH": "1",
            "PYTHONUNBUFFERED": "1",
            "TZ": "UTC",
        }

    # Logs: for CloudWatch (through the result) and in a file per function

    def _say(self, text: str) -> None:
        self._keep_log(text.encode() + b"\n")

    def _keep_log(self, data: bytes) -> None:
        self._log += data
        del self._log[:-_KEEP_LOG_BYTES]
        if folder := os.environ.get("PDFSMALLER_FUNCTION_LOGS"):
            path = Path(folder) / f"{self._name}.log"
            with path.open("ab") as file:
                file.write(data)
                full = file.tell() > _LOG_FILE_BYTES
            if full:
                path.replace(path.with_suffix(".log.1"))


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"errorType": kind, "errorMessage": message}
