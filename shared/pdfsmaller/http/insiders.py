"""Who may see how the service is inside, beyond what anybody may know."""

from __future__ import annotations

import hmac

from flask import current_app, request

from pdfsmaller.access.addresses import TrustedProxies
from pdfsmaller.http import answers, callers

#: What a proxy adds. With one of them the request was handed on, by whomever: it is no longer its sender's own address
#: that it comes from, or the sender says so himself.
_HANDED_ON = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "Via")


def asks() -> bool:
    """Whether the present request's sender is one of us: it comes from this host or from one of TRUSTED_PROXIES'
    networks, and nobody has handed it on; or METRICS_TOKEN or a valid API key came along.

    Behind a proxy on this host every caller comes from loopback, so what was handed on counts by its key alone.
    """
    return _is_near() or has_token() or callers.has_key()


def has_token() -> bool:
    """Whether METRICS_TOKEN came with the present request; never where there is none."""
    token, sent = answers.settings().metrics_token, request.authorization
    given = sent.token or "" if sent and sent.type == "bearer" else ""
    return bool(token) and hmac.compare_digest(given.encode(), token.encode())


def _is_near() -> bool:
    trusted: TrustedProxies = current_app.config["TRUSTED_PROXIES"]
    return not any(name in request.headers for name in _HANDED_ON) and trusted.is_near(request.remote_addr or "")
