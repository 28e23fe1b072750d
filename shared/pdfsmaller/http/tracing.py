"""A request's ids: its own, and its trace's (W3C Trace Context). They come in, go out, and are in every log line."""

from __future__ import annotations

import re
import secrets
import uuid

from flask import Flask, Response, g, request

from pdfsmaller.telemetry import install_log_context, log_context

_REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}", re.ASCII)
#: Version, trace, parent, flags; later versions may add to it.
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.{0,200})?", re.ASCII)


def install(app: Flask) -> None:
    """Have requests of ``app`` named."""
    install_log_context()
    app.before_request(_begin)
    app.after_request(_tell)
    app.teardown_request(_end)


def _begin() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    g.trace_id, flags = _trace(request.headers.get("traceparent", ""))
    g.traceparent = f"00-{g.trace_id}-{secrets.token_hex(8)}-{flags}"
    log_context.set({"request_id": g.request_id, "trace_id": g.trace_id})


def _trace(given: str) -> tuple[str, str]:
    """The trace that a request is a part of, or a new one, and its flags."""
    match = _TRACEPARENT.fullmatch(given)
    if match and int(match[2], 16) and int(match[3], 16) and (match[1] != "00" or not match[5]):
        return match[2], f"{int(match[4], 16) & 1:02x}"  # of the flags we know one
    return uuid.uuid4().hex, "00"


def _tell(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    response.headers["traceparent"] = g.traceparent
    return response


def _end(_: BaseException | None) -> None:
    log_context.set({})
