"""One running stack for all tests here: an emulator on free ports with its own state, or (``EMULATOR=external``) what
answers at AWS_ENDPOINT_URL.

For AWS itself: deploy ``template.yaml`` with the parameters of ``live.QUICK``, then set EMULATOR=external, STACK_NAME,
and SERVICE_URL where the service's address is not the Function URL.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller.aws import clients
from tests.aws_stack import Clock, Stack, made_resources
from tests.stack.live import QUICK, Live

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a stack."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.stack)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def local_config(state: Path, **changes: Any) -> Any:
    """A local stack of a test's own."""
    from pdfsmaller_local.config import Config

    emulator = os.environ.get("EMULATOR") or "localstack"
    made = Config(state=state, emulator=emulator, emulator_port=free_port(), port=free_port(), parameters=QUICK)
    return replace(made, **changes)


@pytest.fixture(scope="session")
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    external = os.environ.get("EMULATOR") == "external"
    if external and "AWS_ENDPOINT_URL" not in os.environ:
        yield _on_aws()
        return
    from pdfsmaller_local.stack import Stack

    # With policies enforced, so that a right which template.yaml forgets fails here and not on AWS.
    config = local_config(tmp_path_factory.mktemp("stack"), environ=dict(os.environ), enforce_policies=True)
    stack = Stack(config)
    try:
        stack.start()
        for bucket in (stack.outputs["UploadsBucketName"], stack.outputs["ResultsBucketName"]):
            stack.clients("s3").delete_bucket_policy(Bucket=bucket)  # only TLS: an emulator speaks plain HTTP
        marker = None if external else str(config.state)
        yield Live(f"http://127.0.0.1:{config.port}", stack.clients, stack.outputs, marker)
    finally:
        stack.stop()
        if request.session.testsfailed:
            _show_logs(request, config.logs)


def _on_aws() -> Live:
    import boto3

    name = os.environ.get("STACK_NAME", "pdfsmaller")
    stack = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}
    url = os.environ.get("SERVICE_URL") or outputs["UploadFunctionUrl"]
    return Live(url.rstrip("/"), boto3.client, outputs, marker=None)


def _show_logs(request: pytest.FixtureRequest, logs: Path) -> None:
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    for log in sorted(logs.glob("*.log")) if reporter else []:
        lines = [line for line in log.read_text(errors="replace").splitlines() if "[persistence]" not in line]
        reporter.section(f"end of {log.name}")
        reporter.line("\n".join(line[:600] for line in lines[-60:]))


@pytest.fixture(scope="session", autouse=True)
def abandoned(live: Live) -> tuple[str, float]:
    """A job whose upload never comes, begun before the first test: cleanup's schedule finds it while they run."""
    return live.reserve(name="never.pdf", size=1_000)["job"]["job_id"], time.monotonic()


@pytest.fixture
def stack(live: Live, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Resources of a test's own, as the quick tests have them in moto."""
    if live.marker is None:
        pytest.skip("makes buckets that nobody would delete")
    monkeypatch.setenv("AWS_ENDPOINT_URL", live.s3.meta.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", live.s3.meta.region_name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    clients.forget_clients()
    yield made_resources(clock)
    clients.forget_clients()
