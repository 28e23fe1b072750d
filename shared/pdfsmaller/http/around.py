"""What is done before and after every request: its id, the API key, the headers of its answer."""

from __future__ import annotations

import hmac
import re
import uuid

from flask import Flask, Response, g, request

from pdfsmaller import errors
from pdfsmaller.http import answers
from pdfsmaller.jobs.objects import FILES_PATH

#: Functions Framework answers /static itself, from the folder of the function.
ASSETS = "/assets"
_OPEN_PATHS = ("/", "/health", "/health/live", "/api/health", "/openapi.json")
#: What lies below is anybody's, or proves itself.
_OPEN_FOLDERS = (f"{ASSETS}/", f"{FILES_PATH}/")
_STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"
_REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}")


def install(app: Flask) -> None:
    """Have this done around every request of ``app``."""
    app.before_request(_name_request)
    app.before_request(_demand_key)
    app.after_request(_add_headers)


def _name_request() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _demand_key() -> None:
    keys = answers.settings().api_keys
    if not keys or request.method == "OPTIONS" or request.path in _OPEN_PATHS or request.path.startswith(_OPEN_FOLDERS):
        return
    given = request.headers.get("X-Api-Key") or request.headers.get("Authorization", "").removeprefix("Bearer ")
    # Every key is compared, in constant time, so that the answer's time tells nothing.
    if not any([hmac.compare_digest(given.encode(), key.encode()) for key in keys]):
        raise errors.Unauthorized("Send one of this service's API keys as 'X-Api-Key' or 'Authorization: Bearer'.")


def _add_headers(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.mimetype == "text/html":
        store = answers.world().storage.public_origin  # forms go there, and a download's redirect leads there
        connect = f"'self' {store}" if store else "'self'"
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            f"connect-src {connect}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        response.headers["Referrer-Policy"] = "no-referrer"
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = _STRICT_TRANSPORT
    if request.path.startswith(("/api/", f"{FILES_PATH}/")) and "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response
