"""Where AWS, or an emulator, does not answer: the one place that tells it from an answer we do not like.

Every client is made to ``listen``: all its calls raise ``errors.StoreUnavailable`` where the endpoint is away, does not
answer in time, answers that it cannot (5xx) or that there is too much (throttling), after the client's own attempts.
``reading`` does the same for a body that is read after its call.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pdfsmaller.errors import StoreUnavailable

logger = logging.getLogger(__name__)

#: Nobody is there: tried this often in all. What listens at all is tried as often as the client's configuration says.
_REFUSED_ATTEMPTS = 2
_TOO_MANY = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)


def listen(client: Any) -> None:
    """Have ``client`` raise StoreUnavailable where it should."""
    events = client.meta.events
    events.register_first("needs-retry", _on_attempt)
    events.register("after-call-error", _on_failure)
    events.register("after-call", _on_answer)


@contextmanager
def reading() -> Iterator[None]:
    """Within it a body may be read."""
    from botocore.exceptions import BotoCoreError

    try:
        yield
    except BotoCoreError as exc:
        raise _unavailable(exc) from exc


def _on_attempt(attempts: int, caught_exception: Exception | None, **_: Any) -> None:
    from botocore.exceptions import EndpointConnectionError

    if isinstance(caught_exception, EndpointConnectionError) and attempts >= _REFUSED_ATTEMPTS:
        raise _unavailable(caught_exception) from caught_exception


def _on_failure(exception: Exception, **_: Any) -> None:
    from botocore.exceptions import HTTPClientError

    if isinstance(exception, HTTPClientError):  # no connection, none within its time, or one that broke
        raise _unavailable(exception) from exception


def _on_answer(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
    error = parsed.get("Error", {}) if http_response.status_code >= 300 else {}
    if http_response.status_code >= 500 or error.get("Code") in _TOO_MANY:
        raise _unavailable(f"{http_response.status_code} {error.get('Code', '')}")


def _unavailable(why: object) -> StoreUnavailable:
    logger.warning("store unavailable: %s", why)  # the endpoint's address is no caller's business
    return StoreUnavailable("The store does not answer at the moment. Try again soon.")
