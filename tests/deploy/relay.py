"""A relay between nginx and a service: what went through it, and how often."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Relay:
    """Passes on what comes to ``address`` (``host:port``).

    Attributes:
        connections: how many were made so far.
        requests: the first lines of what came, in their order, one for each connection's every piece that begins one.
        is_broken: whether a connection is closed as soon as a request has gone through, before its answer.
    """

    def __init__(self, service: str) -> None:
        host, _, port = service.rpartition(":")
        self._service = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections, self.requests, self.is_broken = 0, list[str](), False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                service = socket.create_connection(self._service)
                for way in ((client, service, True), (service, client, False)):
                    threading.Thread(target=self._pass_on, args=way, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, from_nginx: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                first = data.split(b"\r\n", 1)[0].decode(errors="replace")
                if from_nginx and first.endswith(" HTTP/1.1"):
                    self.requests.append(first.removesuffix(" HTTP/1.1"))
                if self.is_broken and not from_nginx:
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
