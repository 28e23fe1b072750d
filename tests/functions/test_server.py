"""The server that `make local` puts before the upload function, run for real."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.functions.calls import ROOT

if str(ROOT / "localstack") not in sys.path:
    sys.path.insert(0, str(ROOT / "localstack"))


@pytest.fixture
def port(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[int]:
    """A server that asks for keys, unless its parameter is ``false``; its store is away."""
    from pdfsmaller_local.web import gunicorn_command

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    settings = {
        "API_KEYS_REQUIRED": getattr(request, "param", "true"),
        "SECRET_KEY": "k" * 20,
        "HEALTH_CHECK_ENABLED": "false",
        "METRICS_ENABLED": "false",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("functions", "shared")),
        "PATH": os.environ["PATH"],
        "TMPDIR": str(tmp_path),
    }
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(gunicorn_command(f"127.0.0.1:{port}", "1"), env=settings, stdout=log, stderr=log)
        try:
            for _ in range(100):
                assert process.poll() is None, (tmp_path / "log").read_text()
                try:
                    requests.get(f"http://127.0.0.1:{port}/health", timeout=5)
                    break
                except (requests.ConnectionError, requests.Timeout):
                    time.sleep(0.1)
            yield port
        finally:
            process.terminate()
            process.wait(20)


@pytest.mark.parametrize("port", ["true", "false"], ids=["of strangers", "of callers"], indirect=True)
def test_bodies_that_come_in_slowly_hold_up_nobody(port: int) -> None:
    head = (
        "POST /api/compress HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
    )
    with ExitStack() as held:
        for _ in range(64):
            slow = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            slow.sendall(head.encode())
        time.sleep(0.5)
        for _ in range(5):
            assert requests.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200


def test_who_has_no_key_hears_so_before_the_body_came(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(b"POST /api/compress HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000000\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 401"


@pytest.mark.parametrize("file", ["page.js", "page.css"])
def test_the_pages_own_files_get_through_the_framework(port: int, file: str) -> None:
    """It has a route of its own for /static, which nothing of ours is behind."""
    page = requests.get(f"http://127.0.0.1:{port}/", timeout=20)
    found = re.search(rf"assets/\w+/{re.escape(file)}", page.text)
    assert found
    assert requests.get(f"http://127.0.0.1:{port}/{found[0]}", timeout=20).status_code == 200
