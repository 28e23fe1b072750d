"""Nobody there, nobody in time, too much: one error, soon."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pdfsmaller import errors
from pdfsmaller.aws import clients
from pdfsmaller.events import ObjectCreated
from pdfsmaller.jobs.model import Job, new_id
from pdfsmaller.jobs.states import Status
from pdfsmaller.media import PDF
from pdfsmaller.services.world import World
from pdfsmaller.settings import Settings
from pdfsmaller.wire import wire

CALLS: dict[str, Callable[[World], object]] = {
    "get": lambda world: world.jobs.get(new_id()),
    "cancel": lambda world: world.ends.cancel(Job(new_id(), Status.QUEUED, 0, 0, 0), kept_seconds=1),
    "announce": lambda world: world.queue.announce(ObjectCreated("b", "k")),
    "peek": lambda world: list(world.queue.peek_dead_letters()),
    "put": lambda world: world.storage.put_file("bucket", "k", b"x", media_type=PDF),
    "head": lambda world: world.storage.head("bucket", "k"),
    "list": lambda world: list(world.storage.list("bucket", "k")),
    "probe": lambda world: world.storage.probe("bucket"),
}


def world_at(url: str, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    clients.forget_clients()
    queue = f"{url}/000000000000/q"
    return wire(Settings(compress_queue_url=queue, dead_letter_queue_url=queue))


@contextmanager
def answering(handle: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            handle(self)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("call", CALLS)
def test_a_refused_connection_is_told_soon(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    world = world_at(url, monkeypatch)
    begun = time.monotonic()
    with pytest.raises(errors.StoreUnavailable) as caught:
        CALLS[call](world)
    assert time.monotonic() - begun < 4
    assert caught.value.http_status == 503
    assert caught.value.retry_after > 0
    assert "127.0.0.1" not in caught.value.message


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, b""),
        (500, b""),
        (400, b'{"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}'),
    ],
)
def test_too_much_and_broken_are_told_alike(status: int, body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *args: 0)

    def refuse(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    with answering(refuse) as url, pytest.raises(errors.StoreUnavailable):
        world_at(url, monkeypatch).jobs.get(new_id())


def test_a_connection_that_breaks_while_a_body_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b"x" * 10)

    with answering(half) as url:
        storage = world_at(url, monkeypatch).storage
        with pytest.raises(errors.StoreUnavailable):
            storage.download("bucket", "k", tmp_path / "x")
        with pytest.raises(errors.StoreUnavailable):
            storage.read("bucket", "k")


def test_what_we_did_wrong_ourselves_is_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ClientError

    def forbid(request: BaseHTTPRequestHandler) -> None:
        request.send_response(403)
        request.send_header("Content-Length", "0")
        request.end_headers()

    with answering(forbid) as url, pytest.raises(ClientError):
        world_at(url, monkeypatch).storage.head("bucket", "k")
