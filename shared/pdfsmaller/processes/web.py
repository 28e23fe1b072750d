"""The page and the API behind gunicorn, as a part of ``serve``: one process, at a socket that outlives it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.config import KNOWN_SETTINGS  # type: ignore[import-untyped]

from pdfsmaller.errors import CannotServe
from pdfsmaller.http.held import Capacity
from pdfsmaller.processes import web_options
from pdfsmaller.settings import Settings

#: No proxy stands before it: who opens a connection and says nothing keeps it for so long.
_KEEP_ALIVE_SECONDS = 5


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, make_app: Callable[[Capacity], Flask], options: dict[str, Any]) -> None:
        self._make_app, self._options = make_app, options
        super().__init__()

    def load_config(self) -> None:
        known = {setting.name for setting in KNOWN_SETTINGS}
        for name, value in self._options.items():
            if name in known:  # the control socket came with gunicorn 24
                self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._make_app(web_options.capacity(self._options["workers"]))


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
    listener.listen(web_options.BACKLOG)
    return listener


def serve(listener: socket.socket, settings: Settings, make_app: Callable[[Capacity], Flask]) -> None:
    """Answer requests until SIGTERM; those under way are answered first, without more waiting.

    Args:
        make_app: called in the process that answers.
    """
    listener.set_inheritable(True)
    one = settings.model_copy(update={"workers": 1})
    options = web_options.options(one) | {
        "bind": f"fd://{listener.fileno()}",
        "preload_app": False,
        "keepalive": _KEEP_ALIVE_SECONDS,
        "loglevel": "warning",
        "accesslog": "-" if settings.debug else None,
    }
    _Server(make_app, options).run()
