"""`make local` itself: it keeps its data, leaves nothing running, and says in one line what is wrong."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import documents
from tests.stack.conftest import free_port
from tests.stack.live import ROOT, processes

pytestmark = pytest.mark.skipif(os.environ.get("EMULATOR") == "external", reason="starts an emulator of its own")


class Command:
    """The command behind the Makefile's targets, with a state folder and ports of its own."""

    def __init__(self, state: Path, **settings: str) -> None:
        self.state = state
        self.port, self.emulator_port = free_port(), free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PDFSMALLER_"))}
        self._environ = kept | {
            "PYTHONPATH": str(ROOT / "localstack"),
            "LOCAL_STATE_DIR": str(state),
            "PORT": str(self.port),
            "EMULATOR_PORT": str(self.emulator_port),
            **settings,
        }
        self.url = f"http://127.0.0.1:{self.port}"

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pdfsmaller_local", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self._environ, capture_output=True, text=True, timeout=120, check=False
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pdfsmaller_local", *arguments]
        return subprocess.Popen(command, cwd=ROOT, env=self._environ, stdout=subprocess.PIPE, text=True)

    def left_running(self) -> list[str]:
        """Processes that this state folder's stack has started and that still run."""
        mine = f"LOCAL_STATE_DIR={self.state}", f"TMPDIR={self.state}"
        return [command for pid, command in processes() if pid != os.getpid() and any(m in command for m in mine)]


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    made = []

    def make(**settings: str) -> Command:
        made.append(Command(tmp_path / "state", **settings))
        return made[-1]

    yield make
    for each in made:
        each("down")


def _post(command: Command) -> str:
    answer = requests.post(
        f"{command.url}/api/compress",
        files={"files": ("a.pdf", documents.photo_jpeg())},
        data={"preset": "ebook"},
        headers={"Prefer": "wait=30"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    return answer.headers["X-Job-Id"]


def _download(command: Command, job_id: str) -> bytes:
    answer = requests.get(f"{command.url}/api/jobs/{job_id}/download", timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.content


def test_it_runs_until_ctrl_c_and_leaves_nothing_behind(command: Any) -> None:
    local = command()
    running = local.start("local")
    try:
        said = ""
        while "Ctrl-C" not in said:
            line = running.stdout.readline()
            assert line, said
            said += line
        assert f"http://localhost:{local.port}" in said
        assert "curl -L -F files=@" in said
        _post(local)
        assert local("status").returncode == 0
        assert "already running" in local("local").stderr
    finally:
        running.send_signal(signal.SIGINT)
        rest, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    assert "Stopped" in rest
    assert local.left_running() == []
    assert local("status").returncode == 3


def test_data_survives_a_restart_and_a_killed_emulator_and_ends_with_reset(command: Any) -> None:
    local = command()
    assert local("up").returncode == 0
    job_id = _post(local)
    result = _download(local, job_id)
    assert local("down").returncode == 0

    begun = time.monotonic()
    up = local("up")
    assert up.returncode == 0, up.stderr
    assert time.monotonic() - begun < 40  # seconds: everything is installed
    assert _download(local, job_id) == result

    second = _post(local)
    time.sleep(4)  # state is written every three seconds
    _kill_emulator(local)
    up = local("up")
    assert up.returncode == 0, up.stderr
    assert _download(local, job_id) == result
    assert _download(local, second)

    assert "Stop it first" in local("reset").stderr
    local("down")
    assert local.left_running() == []
    assert local("reset").returncode == 0
    assert local("up").returncode == 0
    assert requests.get(f"{local.url}/api/jobs/{job_id}", timeout=30).status_code == 404


def test_messages_survive_a_restart_and_a_killed_emulator(command: Any) -> None:
    from pdfsmaller_local.clients import Clients

    local = command()
    sqs = Clients(f"http://127.0.0.1:{local.emulator_port}", "us-east-1")("sqs")

    def received(seconds: int) -> list[str]:
        url = sqs.get_queue_url(QueueName="pdfsmaller-compress-dead")["QueueUrl"]
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2, VisibilityTimeout=seconds)
        return [message["Body"] for message in answer.get("Messages", [])]

    assert local("up").returncode == 0
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="pdfsmaller-compress-dead")["QueueUrl"], MessageBody="kept")
    assert local("down").returncode == 0
    assert local("up").returncode == 0
    assert received(0) == ["kept"]
    time.sleep(4)  # state is written every three seconds
    _kill_emulator(local)
    assert local("up").returncode == 0
    assert received(0) == ["kept"]


def _kill_emulator(local: Any) -> None:
    """kill -9 the emulator, and wait until the stack that it was part of has noticed."""
    os.kill(int((local.state / "run" / "emulator.pid").read_text().split()[0]), signal.SIGKILL)
    deadline = time.monotonic() + 20
    while local("status").returncode == 0:
        assert time.monotonic() < deadline


def test_a_killed_supervisor_is_no_obstacle(command: Any) -> None:
    local = command()
    running = local.start("local")
    while "Ctrl-C" not in (line := running.stdout.readline()):
        assert line
    running.kill()
    running.wait()
    up = local("up")
    assert up.returncode == 0, up.stderr
    _post(local)


@pytest.mark.parametrize("name", ["PORT", "EMULATOR_PORT"])
def test_a_taken_port_is_named_with_the_way_out(command: Any, name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        local = command(**{name: str(port)})
        result = local("local")
    assert result.returncode == 1
    [line] = result.stderr.splitlines()
    assert line.startswith(f"error: Port {port} cannot be used")
    assert f"{name}={port + 1}" in line
    assert local.left_running() == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"PORT": "eighty"}, "Set PORT to a number"),
        ({"EMULATOR": "robotocore"}, "Set EMULATOR to external, localstack"),
        ({"EMULATOR": "external"}, "Set AWS_ENDPOINT_URL"),
        ({"MAX_FILE_SIZE": "huge"}, "MAX_FILE_SIZE is 'huge': not a size"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY is (hidden): should have at least 20 characters"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_is_said_in_one_line(command: Any, settings: dict[str, str], said: str) -> None:
    local = command(**settings)
    for target in ("local", "up"):
        result = local(target)
        assert result.returncode == 1
        [line] = result.stderr.splitlines()
        assert line.startswith("error: ")
        assert said in line
    assert local.left_running() == []
