"""Lambda's side of a handler, for tests and benchmarks: ``python lambda_runtime.py module.handler``.

One event a line on standard input, one answer a line on standard output: first ``{"ready": true}``, then
``{"answer": …}`` or ``{"error": …}`` for each event, and at the end of the input ``{"files": […]}``, every file that
was imported. What the handler itself prints goes to standard error. Runs alone: the standard library is all it needs.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from typing import Any


class Context:
    """What Lambda passes beside the event."""

    aws_request_id = "request-1"
    memory_limit_in_mb = "3538"

    def __init__(self, seconds: float) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self._ends = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(max(0.0, self._ends - time.monotonic()) * 1_000)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(**what: Any) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    sys.path.pop(0)  # this file's own folder, which Lambda does not have
    module, _, name = sys.argv[1].rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    say(ready=True)
    for line in sys.stdin:
        try:
            say(answer=handler(json.loads(line), Context(300)))
        except Exception:
            say(error=traceback.format_exc())
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    say(files=sorted(file for file in files if file and file != __file__))


if __name__ == "__main__":
    main()
