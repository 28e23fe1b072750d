"""Slow and patient callers hold nobody up."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import requests

from tests import documents
from tests.processes.served import Served

_SLOW_BODIES = 100
_WAITS = 30
_STREAMS = 100
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


@pytest.mark.slow
def test_a_hundred_streams_leave_room_and_end_with_the_server(serve: Callable[..., Served]) -> None:
    one = serve("--workers", 1)
    photo = documents.photo_jpeg(6_000, 4_000)
    for dpi in range(150, 200, 10):  # so that the job that is watched has to wait
        one.post(photo, effort="max", dpi=dpi)
    job_id = one.post(photo, effort="max")["job_id"]
    with ExitStack() as stack:
        opened = [
            stack.enter_context(requests.get(f"{one.url}/api/jobs/{job_id}/events", stream=True, timeout=60))
            for _ in range(_STREAMS)
        ]
        assert {stream.status_code for stream in opened} == {200}
        for _ in range(10):
            assert requests.get(f"{one.url}/health/live", timeout=_ANSWERED_SECONDS).status_code == 200
        begun = time.monotonic()
        assert requests.post(f"{one.url}/api/jobs/{job_id}/cancel", timeout=30).json()["status"] == "cancelled"
        for stream in opened:
            assert '"status":"cancelled"' in stream.text
        assert time.monotonic() - begun < 2 * _ANSWERED_SECONDS
        other = one.post(photo, effort="max")["job_id"]
        left = stack.enter_context(requests.get(f"{one.url}/api/jobs/{other}/events", stream=True, timeout=60))
        requests.delete(f"{one.url}/api/jobs/{other}", timeout=30)
        assert '"status":"cancelled"' in left.text
        idle = requests.post(f"{one.url}/api/uploads", json={"name": "a.pdf"}, timeout=10).json()["job"]
        held = stack.enter_context(requests.get(idle["links"]["events"], stream=True, timeout=60))
        begun = time.monotonic()
        one.stop()
        assert time.monotonic() - begun < 2 * _ANSWERED_SECONDS, "it would be 30 seconds with a stream held"
        assert '"status":"awaiting_upload"' in held.text


def _wait_for(one: Served, job_id: str) -> None:
    requests.get(f"{one.url}/api/jobs/{job_id}", headers={"Prefer": "wait=20"}, timeout=60)
