"""One execution environment of a function: imports its handler, then serves one invocation after the other.

A script by itself: it runs under the interpreter of the functions, which knows nothing of LocalStack, and needs the
standard library only. Called as ``bootstrap.py lambda-NAME REQUESTS RESPONSES`` with the numbers of two inherited
pipes that carry one JSON document per line:

- in: ``{"id", "arn", "deadline_ms", "event"}`` for each invocation; the end of the pipe ends this process.
- out: ``{"ready": true}`` once the handler is imported, then ``{"payload": …}`` for each invocation; either may be
  ``{"error": {"errorMessage", "errorType", "requestId", "stackTrace"}}`` instead, as Lambda's Python runtime has it.

What the handler prints goes to this process's own output, which the executor collects.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any, TextIO


class Context:
    """What Lambda hands to a handler beside the event."""

    client_context = None
    identity = None

    def __init__(self, request: dict[str, Any]) -> None:
        self.aws_request_id: str = request["id"]
        self.invoked_function_arn: str = request["arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline_ms: int = request["deadline_ms"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation is ended; never below 0."""
        return max(0, self._deadline_ms - int(time.time() * 1000))


def main() -> None:
    for number in sys.argv[2:4]:
        os.set_inheritable(int(number), False)  # what the handler starts must not keep them open
    requests = os.fdopen(int(sys.argv[2]), encoding="utf-8")
    responses = os.fdopen(int(sys.argv[3]), "w", encoding="utf-8")
    waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, waiting), daemon=True).start()
    try:
        handler = _handler(os.environ["_HANDLER"])
    except BaseException as exc:
        _answer(responses, {"error": _init_error(exc)})
        os._exit(1)
    _answer(responses, {"ready": True})
    while True:
        request = waiting.get()
        _answer(responses, _invoke(handler, request))


def _read(requests: TextIO, waiting: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in requests:
        waiting.put(json.loads(line))
    os._exit(0)  # the executor is gone, perhaps killed: whatever runs here has nobody to answer to


def _handler(name: str) -> Callable[[Any, Context], Any]:
    module_name, _, function = name.rpartition(".")
    module: ModuleType = importlib.import_module(module_name.replace("/", "."))
    found: Callable[[Any, Context], Any] = getattr(module, function)
    return found


def _invoke(handler: Callable[[Any, Context], Any], request: dict[str, Any]) -> dict[str, Any]:
    try:
        payload = handler(request["event"], Context(request))
        return {"payload": json.dumps(payload)}
    except Exception as exc:
        traceback.print_exc()
        return {"error": {**_error(exc), "requestId": request["id"]}}
    # SystemExit is let through: it ends the environment, which Lambda reports as Runtime.ExitError.


def _init_error(exc: BaseException) -> dict[str, Any]:
    traceback.print_exc()
    error = _error(exc)
    if isinstance(exc, ImportError):
        error |= {
            "errorType": "Runtime.ImportModuleError",
            "errorMessage": f"Unable to import module '{os.environ['_HANDLER'].rpartition('.')[0]}': {exc}",
        }
    elif isinstance(exc, AttributeError):
        error |= {"errorType": "Runtime.HandlerNotFound", "errorMessage": str(exc)}
    return error


def _error(exc: BaseException) -> dict[str, Any]:
    return {
        "errorMessage": str(exc),
        "errorType": type(exc).__name__,
        "requestId": "",
        "stackTrace": traceback.format_tb(exc.__traceback__),
    }


def _answer(responses: TextIO, answer: dict[str, Any]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    responses.write(json.dumps(answer) + "\n")
    responses.flush()


if __name__ == "__main__":
    main()
