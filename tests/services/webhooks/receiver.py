"""A receiver of callbacks: a real HTTP server of this machine, which behaves as it is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request: its path, its headers by their names in small letters, its body."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


#: Answers a request, through its handler.
Behaviour = Callable[["Handler"], None]


@dataclass
class Receiver:
    """``behaviours`` answer the first requests, the last of them all further ones."""

    server: ThreadingHTTPServer
    scheme: str
    behaviours: list[Behaviour]
    received: list[Received] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.server.server_port

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    def wait_for(self, number: int, seconds: float = 60) -> list[Received]:
        """The requests once there are so many."""
        ends_at = time.monotonic() + seconds
        while len(self.received) < number:
            assert time.monotonic() < ends_at, f"{len(self.received)} of {number} requests came"
            time.sleep(0.02)
        return self.received


class Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        here = self.receiver
        behaviour = here.behaviours[min(len(here.received), len(here.behaviours) - 1)]
        headers = {name.lower(): value for name, value in self.headers.items()}
        here.received.append(Received(self.path, headers, body))
        behaviour(self)

    def log_message(self, *args: object) -> None:
        """Quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *args: object) -> None:
        """Who sends does not wait for what a receiver has to say."""


@contextmanager
def receiving(
    *behaviours: Behaviour, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[Receiver]:
    """A receiver; without behaviours it takes everything."""
    server = _Server((host, port), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver = Receiver(server, "https" if tls else "http", list(behaviours) or [answers(204)])
    server.RequestHandlerClass = type("H", (Handler,), {"receiver": receiver})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


def answers(status: int, **headers: str) -> Behaviour:
    def behave(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return behave


def stalls(until: threading.Event) -> Behaviour:
    """Says nothing."""

    def behave(handler: Handler) -> None:
        until.wait(60)

    return behave


def drips(handler: Handler) -> None:
    """Sends its answer a byte at a time, for ever."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        handler.wfile.write(b"x")
        time.sleep(0.05)


def is_huge(handler: Handler) -> None:
    """Answers with more than anybody wants."""
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x" * 1_000_000)


def talks_otherwise(handler: Handler) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


def is_signed(received: Received, secret: str) -> bool:
    """As a receiver sees it who knows nothing but Standard Webhooks."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    head = f"{received.headers['webhook-id']}.{received.headers['webhook-timestamp']}.".encode()
    expected = base64.b64encode(hmac.new(key, head + received.body, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in received.headers["webhook-signature"].split(" ")


def certificate(folder: Path, *names: str) -> tuple[Path, ssl.SSLContext]:
    """A certificate for these names (``DNS:a.example``, ``IP:127.0.0.1``), which vouches for itself; and a server's
    side of it.
    """
    key, chain = folder / "key.pem", folder / "chain.pem"
    made = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=receiver", "-newkey", "ec"]
    made += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-addext", f"subjectAltName={','.join(names)}"]
    made += ["-keyout", str(key), "-out", str(chain)]
    subprocess.run(made, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return chain, context


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
