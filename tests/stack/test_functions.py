"""What a function may expect of its execution environment, shown with small functions of the tests' own."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import sys
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.stack.live import Live, processes

pytestmark = pytest.mark.skipif(
    (os.environ.get("EMULATOR") or "localstack") != "localstack",
    reason="MiniStack reports errors in words of its own; AWS needs a role",
)

Invoke = Callable[..., dict[str, Any]]


@pytest.fixture
def function(live: Live) -> Iterator[Callable[..., Invoke]]:
    """Makes a function of some source code; what it returns invokes it."""
    client = live.clients("lambda")
    made = []

    def make(source: str, **configuration: Any) -> Invoke:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("app.py", textwrap.dedent(source))
        name = f"test-{time.monotonic_ns()}"
        client.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="app.handler",
            Role="arn:aws:iam::000000000000:role/test",
            Code={"ZipFile": packed.getvalue()},
            **configuration,
        )
        made.append(name)
        client.get_waiter("function_active_v2").wait(FunctionName=name)

        def invoke(**event: Any) -> dict[str, Any]:
            answer = client.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
            answer["Payload"] = json.loads(answer["Payload"].read())
            return dict(answer)

        return invoke

    yield make
    for name in made:
        client.delete_function(FunctionName=name)


def test_event_context_and_environment_are_lambdas(function: Any) -> None:
    invoke = function(
        """
        import os
        def handler(event, context):
            return {
                "event": event,
                "left": context.get_remaining_time_in_millis(),
                "id": context.aws_request_id,
                "name": context.function_name,
                "arn": context.invoked_function_arn,
                "memory": context.memory_limit_in_mb,
                "group": context.log_group_name,
                "mine": os.environ["MINE"],
                "root": os.environ["LAMBDA_TASK_ROOT"] == os.getcwd(),
            }
        """,
        Timeout=7,
        MemorySize=256,
        Environment={"Variables": {"MINE": "yes"}},
    )
    answer = invoke(a=1)
    said = answer["Payload"]
    assert said["event"] == {"a": 1}
    assert 5_000 < said["left"] <= 7_000
    assert said["id"] == answer["ResponseMetadata"]["RequestId"] or len(said["id"]) == 36
    assert said["arn"].endswith(f":function:{said['name']}")
    assert (said["memory"], said["group"], said["mine"]) == ("256", f"/aws/lambda/{said['name']}", "yes")
    assert said["root"]


def test_an_exception_is_reported_with_its_type_and_the_environment_lives_on(function: Any) -> None:
    invoke = function(
        """
        import os
        def handler(event, context):
            if event.get("fail"):
                raise ValueError("no good")
            return os.getpid()
        """
    )
    before = invoke()["Payload"]
    failed = invoke(fail=True)
    assert failed["FunctionError"] == "Unhandled"
    assert (failed["Payload"]["errorType"], failed["Payload"]["errorMessage"]) == ("ValueError", "no good")
    assert invoke()["Payload"] == before


def test_a_timeout_ends_the_function_and_its_children(function: Any) -> None:
    invoke = function(
        """
        import subprocess, time
        def handler(event, context):
            subprocess.Popen(["sleep", "61.61"], start_new_session=True)
            time.sleep(60)
        """,
        Timeout=1,
    )
    begun = time.monotonic()
    answer = invoke()
    assert time.monotonic() - begun < 5
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Sandbox.Timedout"
    assert answer["Payload"]["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert not [command for _, command in processes() if "61.61" in command]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("os._exit(3)", "exit status 3"),
        ("os.kill(os.getpid(), 9)", "signal: killed"),
        ("held = b'x' * (400 << 20); time.sleep(5)", "signal: killed"),
    ],
    ids=["exit", "kill", "memory"],
)
def test_a_crash_is_an_exit_error_and_the_next_invocation_finds_a_fresh_environment(
    function: Any, statement: str, said: str
) -> None:
    source = f"import os, time\ndef handler(event, context):\n    if event.get('crash'): {statement}\n    return 'well'"
    invoke = function(source, MemorySize=128, Timeout=20)
    answer = invoke(crash=True)
    assert answer["Payload"]["errorType"] == "Runtime.ExitError"
    assert said in answer["Payload"]["errorMessage"]
    assert invoke()["Payload"] == "well"


@pytest.mark.skipif(sys.platform != "linux", reason="what processes share is counted on Linux")
def test_memory_that_forked_processes_share_counts_once(function: Any) -> None:
    invoke = function(
        """
        import os, time
        def handler(event, context):
            held = b"x" * (150 << 20)
            children = []
            for _ in range(3):
                if (child := os.fork()) == 0:
                    sum(held[::4096])  # looks at every page
                    time.sleep(1.5)
                    os._exit(0)
                children.append(child)
            return [os.waitpid(child, 0)[1] for child in children]
        """,
        MemorySize=384,
        Timeout=20,
    )
    answer = invoke()
    assert answer["Payload"] == [0, 0, 0]
    (used,) = re.findall(r"Max Memory Used: (\d+) MB", base64.b64decode(answer["LogResult"]).decode())
    assert 150 <= int(used) < 300


def test_a_handler_that_cannot_be_imported_says_so(function: Any) -> None:
    answer = function("import no_such_module_at_all")()
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Runtime.ImportModuleError"
    assert "no_such_module_at_all" in answer["Payload"]["errorMessage"]


def test_an_environment_serves_one_invocation_at_a_time(function: Any) -> None:
    invoke = function("import os, time\ndef handler(event, context):\n    time.sleep(1)\n    return os.getpid()")
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: invoke()["Payload"], range(2)))
    assert len(set(found)) == 2
    assert invoke()["Payload"] in found


def test_logs_reach_cloudwatch(live: Live, function: Any) -> None:
    invoke = function("def handler(event, context):\n    print('a line of its own')\n    return context.log_group_name")
    group = invoke()["Payload"]
    logs = live.clients("logs")

    def lines() -> list[str]:
        try:
            events = logs.filter_log_events(logGroupName=group)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events]

    said = live.until(lambda: lines() if any("REPORT" in line for line in lines()) else None, 20)
    assert any("a line of its own" in line for line in said)
    assert any(line.startswith("START RequestId: ") for line in said)
