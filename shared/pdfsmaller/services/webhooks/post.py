"""One request to a receiver, made so that its address decides nothing but where it goes.

The name is resolved once, every address that it has is looked at, and the connection goes to one of these and to no
other; the certificate is still the name's. No redirect is followed, nothing of the answer but its head is read, and
everything together ends after a fixed time.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from pdfsmaller.services.webhooks.address import Target
    from pdfsmaller.services.webhooks.networks import Address

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0


class NotDelivered(Exception):
    """No answer came.

    Attributes:
        message: why, in a sentence for the receiver's owner.
        stalled: it took long to find out, or the receiver is away.
    """

    def __init__(self, message: str, *, stalled: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.stalled = stalled


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer's status, and after how many seconds it wants to be asked again, if it says so."""

    status: int
    retry_after: float | None = None


def post(
    target: Target,
    body: bytes,
    headers: Mapping[str, str],
    *,
    may_be_reached: Callable[[Address], bool],
    total_seconds: float = TOTAL_SECONDS,
) -> Answer:
    """POST ``body``; what was answered, whatever it was.

    Args:
        may_be_reached: asked for every address that the host has.

    Raises:
        NotDelivered.
    """
    ends_at = time.monotonic() + total_seconds
    try:
        with _connected(target, may_be_reached, ends_at) as stream:
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.sock = stream
            connection.request("POST", target.path, body, {**headers, "Host": target.authority, "Connection": "close"})
            answer = connection.getresponse()
            return Answer(answer.status, _retry_after(answer.headers.get("Retry-After")))
    except TimeoutError:
        raise NotDelivered(f"No answer came within {total_seconds:g} s.", stalled=True) from None
    except ssl.SSLCertVerificationError as exc:
        raise NotDelivered(f"The certificate is not accepted: {exc.verify_message}.") from None
    except (ssl.SSLError, OSError) as exc:
        raise NotDelivered(f"The connection was lost: {_reason(exc)}.", stalled=True) from None
    except http.client.HTTPException:
        raise NotDelivered("What was answered is no HTTP.") from None


class _Stream:
    """What http.client needs of a socket, with one end for everything that is read and written."""

    def __init__(self, sock: socket.socket, ends_at: float) -> None:
        self._sock, self._ends_at = sock, ends_at

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exc: object) -> None:
        self._sock.close()

    def sendall(self, data: bytes) -> None:
        self._sock.settimeout(_left(self._ends_at))
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._ends_at))

    def close(self) -> None:
        """Left to the end of the ``with``."""


class _Reader(io.RawIOBase):
    def __init__(self, sock: socket.socket, ends_at: float) -> None:
        self._sock, self._ends_at = sock, ends_at

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._sock.settimeout(_left(self._ends_at))
        return self._sock.recv_into(buffer)


def _connected(target: Target, may_be_reached: Callable[[Address], bool], ends_at: float) -> _Stream:
    addresses = _resolve(target.host, target.port, _left(ends_at))
    if not all(may_be_reached(ipaddress.ip_address(str(address[0]))) for _, address in addresses):
        raise NotDelivered("The host's name leads to an address that is not public.")
    sock = _connect(addresses, ends_at)
    if target.scheme == "https":
        try:
            sock.settimeout(_left(ends_at))
            sock = _tls().wrap_socket(sock, server_hostname=target.host)
        except BaseException:
            sock.close()
            raise
    return _Stream(sock, ends_at)


def _resolve(host: str, port: int, seconds: float) -> list[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    """Every address of a host, in the order to try them: families, and what ``connect`` takes."""
    found: Future[list[Any]] = Future()

    def ask() -> None:
        try:
            found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except BaseException as exc:
            found.set_exception(exc)

    threading.Thread(target=ask, daemon=True).start()  # a resolver's patience cannot be set
    try:
        return [(family, address) for family, _, _, _, address in found.result(min(seconds, CONNECT_SECONDS))]
    except TimeoutError:
        raise NotDelivered(f"The host's name was not resolved within {CONNECT_SECONDS:g} s.", stalled=True) from None
    except (socket.gaierror, UnicodeError):
        raise NotDelivered("The host's name cannot be resolved.") from None


def _connect(addresses: list[tuple[socket.AddressFamily, tuple[Any, ...]]], ends_at: float) -> socket.socket:
    """A connection to the first address that takes one."""
    connect_by = min(ends_at, time.monotonic() + CONNECT_SECONDS)
    reason = "it has no address"
    for number, (family, address) in enumerate(addresses):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(_left(connect_by) / (len(addresses) - number))  # the others are to have their turn
            sock.connect(address)
            return sock
        except OSError as exc:
            sock.close()
            reason = "no answer" if isinstance(exc, TimeoutError) else _reason(exc)
    raise NotDelivered(f"The receiver cannot be connected to: {reason}.", stalled=True)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _reason(exc: OSError) -> str:
    return exc.strerror or type(exc).__name__


def _retry_after(text: str | None) -> float | None:
    """Seconds of a Retry-After header: a number of them, or a date."""
    if not text:
        return None
    if text.strip().isdecimal() and len(text) < 10:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())
