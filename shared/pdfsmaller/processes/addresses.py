"""Where a server of one's own listens, and how its host reaches it."""

from __future__ import annotations

import ipaddress
import urllib.request

_ANY = ("", "0.0.0.0", "::")

#: To ourselves, whatever proxy the environment names.
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def address(host: str, port: int) -> str:
    """Both as one, as gunicorn takes them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def own_url(host: str, port: int) -> str:
    """What listens there, as this host reaches it."""
    return f"http://{address('127.0.0.1' if host in _ANY else host, port)}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
