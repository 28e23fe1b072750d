"""Requests as the service likes them: with the key, again after passing troubles, and errors as exceptions."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, TypeVar

import httpx

from pdfsmaller import __version__, errors

T = TypeVar("T")

_AGENT = {"User-Agent": f"pdfsmaller/{__version__}"}
#: Nothing was done, and the same request is worth another try.
_PASSING = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
#: No answer takes longer, but one that was asked to wait for something.
_ANSWER_SECONDS = 60.0


class Transport:
    """One service, by its address and key.

    A request is made again after a passing trouble until ``patience_seconds`` are over: whoever makes one that must not
    be done twice gives it an ``Idempotency-Key``.
    """

    def __init__(self, address: str, api_key: str | None, patience_seconds: float) -> None:
        self._patience = patience_seconds
        # As Authorization, which is not carried along where a redirect leads elsewhere.
        key = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._service = httpx.Client(base_url=address, headers=_AGENT | key, timeout=_timeout(0), follow_redirects=True)
        #: Forms and links prove themselves; a store gets no key.
        self._store = httpx.Client(headers=_AGENT, timeout=_timeout(0))

    def close(self) -> None:
        self._service.close()
        self._store.close()

    def json(
        self,
        method: str,
        path: str,
        *,
        body: Callable[[], Mapping[str, Any]] = dict,
        headers: Mapping[str, str] | None = None,
        wait_seconds: float = 0,
        good: Collection[int] = (),
    ) -> Any:
        """What the service answers, as JSON; None where it answers nothing.

        Args:
            body: makes what ``httpx`` is to send, anew for every try.
            wait_seconds: how long the service was asked to wait before it answers.
            good: further statuses with which JSON is an answer, and no problem.

        Raises:
            RemoteError, ServiceUnreachable.
        """

        def ask() -> Any:
            response = self._service.request(
                method,
                path,
                headers={"Accept": "application/json"} | dict(headers or {}),
                timeout=_timeout(wait_seconds),
                **body(),
            )
            if not (response.status_code in good and response.headers.get("Content-Type") == "application/json"):
                _check(response)
            return response.json() if response.content else None

        return self._patiently(ask)

    def to_store(self, method: str, url: str, body: Callable[[], Mapping[str, Any]]) -> httpx.Response:
        """Send what a form or a link asks for, that the service handed out; ``url`` may be a path of the service.

        Raises:
            RemoteError, ServiceUnreachable.
        """

        def send() -> httpx.Response:
            response = self._store.request(method, self._service.base_url.join(url), **body())
            _check(response)
            return response

        return self._patiently(send)

    @contextmanager
    def streamed(self, path: str) -> Iterator[Iterator[bytes]]:
        """A file's bytes as they come, from the service or from where it leads to.

        Raises:
            RemoteError, ServiceUnreachable: at the beginning or half-way.
        """
        with _as_ours(), self._service.stream("GET", path, headers={"Accept": "*/*"}) as response:
            if response.is_error:
                response.read()
            _check(response)
            yield response.iter_bytes(1 << 18)

    def _patiently(self, ask: Callable[[], T]) -> T:
        end, pause = time.monotonic() + self._patience, _FIRST_PAUSE_SECONDS
        while True:
            try:
                with _as_ours():
                    return ask()
            except errors.ServiceUnreachable:
                wait = pause
                if time.monotonic() + wait > end:
                    raise
            except errors.RemoteError as exc:
                wait = exc.retry_after or pause
                if exc.status not in _PASSING or time.monotonic() + wait > end:
                    raise
            time.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _timeout(wait_seconds: float) -> httpx.Timeout:
    return httpx.Timeout(_ANSWER_SECONDS + wait_seconds, connect=_CONNECT_SECONDS)


@contextmanager
def _as_ours() -> Iterator[None]:
    """Trouble on the way as one of our errors."""
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
        raise errors.ServiceUnreachable(f"The service's address is not one: {exc}. Give http://host:port.") from exc
    except httpx.HTTPError as exc:
        reason = str(exc) or type(exc).__name__
        raise errors.ServiceUnreachable(
            f"The service does not answer: {reason}. Is it running, and is this its address?"
        ) from exc


def _check(response: httpx.Response) -> None:
    """Return where an answer is good; otherwise raise the problem that it tells of (RFC 9457)."""
    if not response.is_error:
        return
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    phrase = response.reason_phrase or "an error"
    raise errors.RemoteError(
        str(problem.get("code") or errors.RemoteError.code),
        str(problem.get("detail") or f"The service answered {response.status_code} ({phrase}) without saying why."),
        status=response.status_code,
        request_id=str(problem.get("request_id") or response.headers.get("X-Request-Id", "")),
        retry_after=_seconds(response.headers.get("Retry-After", "")),
    )


def _seconds(retry_after: str) -> float | None:
    """``Retry-After`` in seconds; None where it is absent, or a date, which this service does not send."""
    return float(retry_after) if retry_after.isdecimal() else None
