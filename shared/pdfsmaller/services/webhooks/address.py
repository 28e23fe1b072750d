"""A callback's address as it is written: what it may be, and its parts.

It is looked at twice: where it comes in, so that a caller hears at once what is wrong with it, and before each request,
since settings change. Only the plain spelling of an address is taken, so that nobody reads it otherwise than this does.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pdfsmaller.errors import InvalidCallback
from pdfsmaller.jobs.callback import Callback
from pdfsmaller.services.webhooks import networks, signature

if TYPE_CHECKING:
    from pdfsmaller.settings import Settings

#: What the field is called, in forms and in JSON.
FIELD = "callback_url"
MAX_CHARS = 2_048
_DEFAULT_PORTS = {"https": 443, "http": 80}
#: Below are the ports of programs that speak otherwise, mail servers among them.
_LOWEST_OTHER_PORT = 1_024
_VISIBLE = re.compile(r"[!-\[\]-~]*")  # ASCII without spaces, controls and the backslash, which some take for a slash
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*")
#: What resolvers take for a number, whole or as the last part of a name: then it must be a plain IPv4 address.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes. ``host`` is a name in small letters or an IP address; ``path`` has the query with it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def address(self) -> networks.Address | None:
        """The host, where it is an IP address."""
        return _ip(self.host)

    @property
    def authority(self) -> str:
        """Host and port as a Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def wanted(url: object, base_url: str, settings: Settings) -> Callback | None:
    """The callback that a request asks for by its ``callback_url``, untrusted; None where it asks for none.

    Args:
        base_url: what begins the links in what is sent there.

    Raises:
        InvalidCallback.
    """
    if url is None or url == "":
        return None
    if not signature.has_root(settings):
        raise InvalidCallback("No callback can be made: the service has neither WEBHOOK_SECRET nor SECRET_KEY to sign.")
    target = parse(url, settings)
    name_of_this_host = target.host == "localhost" or target.host.endswith(".localhost")
    address = ipaddress.IPv4Address("127.0.0.1") if name_of_this_host else target.address
    if address is not None and not networks.may_be_reached(address, settings.webhook_networks()):
        raise InvalidCallback(
            "callback_url leads to an address that is not public, such as one of this host, a private network or a "
            "cloud's metadata. Give one that the internet reaches; the operator can allow others "
            "(WEBHOOK_ALLOWED_NETWORKS)."
        )
    return Callback(str(url), base_url)


def parse(url: object, settings: Settings) -> Target:
    """The parts of a callback's address. Raises InvalidCallback."""
    if not isinstance(url, str):
        raise InvalidCallback("callback_url is no text.")
    if len(url) > MAX_CHARS:
        raise InvalidCallback(f"callback_url has {len(url):,} characters; {MAX_CHARS:,} are allowed.")
    if not _VISIBLE.fullmatch(url):
        raise InvalidCallback(
            "callback_url has characters that are not allowed. Write it in ASCII without spaces and backslashes: other "
            "characters of a path as %XX, those of a name in its xn-- form."
        )
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError as exc:
        raise InvalidCallback(f"callback_url is no URL: {exc}.") from None
    if scheme != "https" and not (scheme == "http" and settings.webhook_allow_http):
        raise InvalidCallback("callback_url has to begin with https://.")
    if "@" in parts.netloc:
        raise InvalidCallback("callback_url has a user or a password. Leave them out: requests are signed.")
    if "#" in url:
        raise InvalidCallback("callback_url has a fragment (#), which no request carries. Leave it out.")
    if not _is_host(host) or ("[" in parts.netloc and ":" not in host):
        raise InvalidCallback(
            "callback_url has no host that is allowed: a name of letters, digits and hyphens, an IPv4 address of four "
            "decimal numbers, or an IPv6 address in brackets."
        )
    port = _DEFAULT_PORTS[scheme] if port is None else port
    if port not in _DEFAULT_PORTS.values() and port < _LOWEST_OTHER_PORT:
        raise InvalidCallback(f"callback_url has port {port}. Allowed: 443, 80, and {_LOWEST_OTHER_PORT} to 65535.")
    return Target(scheme, host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _is_host(host: str) -> bool:
    if _ip(host):
        return "%" not in host
    return _NAME.fullmatch(host) is not None and not _NUMBER.fullmatch(host.rsplit(".", 1)[-1])


def _ip(host: str) -> networks.Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
