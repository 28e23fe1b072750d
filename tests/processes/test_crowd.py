"""Slow and patient callers hold nobody up."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import requests

from tests import documents
from tests.processes.served import Served

_SLOW_BODIES = 100
_WAITS = 30
#: A second where nothing else runs; these tests share the processors.
_ANSWERED_SECONDS = 5
_HEAD = (
    "POST /api/compress HTTP/1.1\r\nHost: {host}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    "Content-Length: 1000000\r\n\r\n--b\r\n"
)


@pytest.mark.slow
def test_a_hundred_slow_bodies_and_those_who_wait_leave_room(serve: Callable[..., Served]) -> None:
    one = serve("--workers", 1)
    host = urlsplit(one.url).netloc
    address = (host.partition(":")[0], int(host.partition(":")[2]))
    [job_id] = [one.post(documents.photo_jpeg(4_000, 3_000))["job_id"]]
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(address)) for _ in range(_SLOW_BODIES)]
        for connection in slow:
            connection.sendall(_HEAD.format(host=host).encode())
        waiting = [threading.Thread(target=_wait_for, args=(one, job_id), daemon=True) for _ in range(_WAITS)]
        for thread in waiting:
            thread.start()
        for _ in range(10):
            for connection in slow:
                connection.sendall(b"x")
            assert requests.get(f"{one.url}/health/live", timeout=_ANSWERED_SECONDS).status_code == 200
        for thread in waiting:
            thread.join(60)
    assert one.finished(job_id)["status"] == "succeeded"


def _wait_for(one: Served, job_id: str) -> None:
    requests.get(f"{one.url}/api/jobs/{job_id}", headers={"Prefer": "wait=20"}, timeout=60)
