"""Behind proxies: the client's address and scheme, as far as TRUSTED_PROXIES lets them be believed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from pdfsmaller.access.addresses import TrustedProxies

_Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
_SCHEMES = ("http", "https")


def install(app: Flask, trusted: TrustedProxies) -> None:
    """Have ``app`` see the client where a proxy that is believed asks for it."""
    inner: _Application = app.wsgi_app

    def behind(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        peer = environ.get("REMOTE_ADDR", "")
        if trusted.believes(peer):
            environ["REMOTE_ADDR"] = trusted.client(peer, environ.get("HTTP_X_FORWARDED_FOR", ""))
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
            if scheme in _SCHEMES:
                environ["wsgi.url_scheme"] = scheme
        return inner(environ, start_response)

    app.wsgi_app = behind  # type: ignore[method-assign]
