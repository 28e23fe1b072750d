"""Errors as ``application/problem+json`` (RFC 9457), always with a stable ``code``."""

from __future__ import annotations

import http
import math
import time
from contextlib import suppress
from typing import Any

from flask import Flask, Response, g, json, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from pdfsmaller import errors
from pdfsmaller.jobs.view import JobView
from pdfsmaller.telemetry import get_logger

logger = get_logger("upload")

_CHUNK_BYTES = 1 << 20
#: How much of a refused body is read and thrown away, and for how many seconds, so that the client hears the answer
#: instead of a reset.
_MAX_DRAINED_BYTES = 100_000_000
_MAX_DRAINED_SECONDS = 10.0


class FailedJob(errors.JobFailed):
    """A job that failed while its caller waited; the answer carries the whole job."""

    def __init__(self, job: JobView) -> None:
        assert job.error
        super().__init__(job.error.code, job.error.message)
        self.job = job


def install(app: Flask) -> None:
    """Have every error of ``app`` answered as a problem."""
    app.register_error_handler(errors.PdfSmallerError, _ours)
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(RecursionError, _nested)
    app.register_error_handler(Exception, _unexpected)


def _problem(status: int, code: str, title: str, detail: str, **extra: Any) -> Response:
    if status != 401:  # who has no key gets no work out of us
        _drain()
    body = {
        "type": f"urn:pdfsmaller:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "code": code,
        "request_id": g.get("request_id", ""),
        **extra,
    }
    return Response(json.dumps(body, sort_keys=False), status, mimetype="application/problem+json")


def _ours(exc: errors.PdfSmallerError) -> Response:
    extra: dict[str, Any] = {name: getattr(exc, name) for name in exc.details}
    if isinstance(exc, FailedJob):
        extra["job"] = exc.job.model_dump(mode="json")
    if exc.http_status >= 500:
        cause = str(exc.__cause__) if exc.__cause__ else None
        logger.error("request failed", extra={"code": exc.code, "reason": exc.message, "cause": cause})
    response = _problem(exc.http_status, exc.code, exc.title, exc.message, **extra)
    if exc.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(exc.retry_after))
    if isinstance(exc, errors.Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _too_large(exc: RequestEntityTooLarge) -> Response:
    limit = request.max_content_length
    if request.is_json:
        detail = f"The JSON is larger than the {limit:,} bytes allowed."
    else:
        detail = (
            f"The request is larger than the {limit:,} bytes that MAX_REQUEST_SIZE allows, or has too many parts. "
            "Send fewer files at once, or big ones by POST /api/uploads."
        )
    return _problem(413, errors.FileTooLarge.code, errors.FileTooLarge.title, detail, limit=limit)


def _http(exc: HTTPException) -> Response:
    status = exc.code or 500
    title = http.HTTPStatus(status).phrase
    response = _problem(status, title.lower().replace(" ", "_").replace("-", "_"), title, exc.description or title)
    response.headers.extend(
        (name, value) for name, value in exc.get_headers() if name not in ("Content-Type", "Content-Length")
    )
    return response


def _nested(exc: RecursionError) -> Response:
    """JSON of thousands of brackets, in a body or a field: Python's reader gives up."""
    return _ours(errors.BadRequest("The request is nested too deeply to be read."))


def _unexpected(exc: Exception) -> Response:
    logger.exception("unexpected error")
    return _problem(
        500,
        errors.PdfSmallerError.code,
        errors.PdfSmallerError.title,
        "Something went wrong on our side. Try again; if it stays, report the request_id.",
    )


def _drain() -> None:
    """Read what is left of the body. A server that closes with unread data resets the connection."""
    # Whoever has begun to read did so through a stream that knows where the body ends.
    stream = vars(request).get("stream") or request.environ["wsgi.input"]
    left = min(request.content_length or 0, _MAX_DRAINED_BYTES)
    end = time.monotonic() + _MAX_DRAINED_SECONDS
    with suppress(Exception):  # nobody is there any more
        while left > 0 and time.monotonic() < end and (chunk := stream.read(min(left, _CHUNK_BYTES))):
            left -= len(chunk)
