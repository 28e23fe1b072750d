"""The page and the API behind gunicorn, with a thread for each request that is under way.

One process: it neither parses nor codes anything, so it has the processor to itself for a few milliseconds a request.
A body that comes in slowly, or a caller who waits, costs a thread of its own; there are many.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.config import KNOWN_SETTINGS  # type: ignore[import-untyped]

from pdfsmaller.errors import CannotServe
from pdfsmaller.http.held import Capacity

#: Slow bodies, waits and streams that may be under way at a time; more of them queue.
_THREADS = 320
#: So many of them may be streams, and so many waits: room is left for everybody else.
_STREAMS, _WAITS = 128, 160
_BACKLOG = 1_024
#: How long requests under way may go on once the server is told to stop.
_GRACEFUL_SECONDS = 30
_TIMEOUT_SECONDS = 120


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, make_app: Callable[[Capacity], Flask], options: dict[str, Any]) -> None:
        self._make_app, self._options = make_app, options | {"post_worker_init": self._note}
        self._worker: Any = None
        super().__init__()

    def load_config(self) -> None:
        known = {setting.name for setting in KNOWN_SETTINGS}
        for name, value in self._options.items():
            if name in known:  # the control socket came with gunicorn 24
                self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._make_app(Capacity(_STREAMS, _WAITS, self._is_ending))

    def _note(self, worker: Any) -> None:
        self._worker = worker

    def _is_ending(self) -> bool:
        return self._worker is not None and not self._worker.alive


def listen(host: str, port: int) -> socket.socket:
    """The socket that ``serve`` is reached at: it stays open while the server behind it is started anew.

    Raises:
        CannotServe: the port is taken, or not this user's to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as exc:
        listener.close()
        raise CannotServe(
            f"Port {port} of {host} cannot be had ({getattr(exc, 'strerror', None) or exc}). Choose another one with "
            "--port, or stop what has it."
        ) from None
    listener.listen(_BACKLOG)
    return listener


def serve(listener: socket.socket, make_app: Callable[[Capacity], Flask]) -> None:
    """Answer requests until SIGTERM; those under way are answered first, without more waiting.

    Args:
        make_app: called in the process that answers.
    """
    listener.set_inheritable(True)
    options = {
        "bind": f"fd://{listener.fileno()}",
        "worker_class": "gthread",
        "threads": _THREADS,
        "workers": 1,
        "timeout": _TIMEOUT_SECONDS,
        "graceful_timeout": _GRACEFUL_SECONDS,
        "keepalive": 5,
        "backlog": _BACKLOG,
        "loglevel": "warning",
        "control_socket_disable": True,
    }
    _Server(make_app, options).run()
