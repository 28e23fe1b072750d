"""What is done before and after every request: its id, the API key, the headers of its answer."""

from __future__ import annotations

import re
import uuid

from flask import Flask, Response, g, request

from pdfsmaller.http import answers, callers
from pdfsmaller.jobs.objects import FILES_PATH

#: Functions Framework answers /static itself, from the folder of the function.
ASSETS = "/assets"
_OPEN_PATHS = ("/", "/health", "/health/live", "/api/health", "/openapi.json", "/docs")
#: What lies below is anybody's, or proves itself.
_OPEN_FOLDERS = (f"{ASSETS}/", f"{FILES_PATH}/")
_STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"
_REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}")


def install(app: Flask) -> None:
    """Have this done around every request of ``app``."""
    app.before_request(_name_request)
    app.before_request(_identify_caller)
    app.after_request(_add_headers)


def _name_request() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _identify_caller() -> None:
    is_open = request.method == "OPTIONS" or request.path in _OPEN_PATHS or request.path.startswith(_OPEN_FOLDERS)
    callers.identify(is_open=is_open)


def _add_headers(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    if response.mimetype == "text/html":
        # Forms go to the store, and a download's or a picture's redirect leads there.
        ours = " ".join(filter(None, ("'self'", answers.world().storage.public_origin)))
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'self'; style-src 'self'; img-src {ours} blob:; "
            f"connect-src {ours}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        response.headers["Referrer-Policy"] = "no-referrer"
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = _STRICT_TRANSPORT
    if request.path.startswith(("/api/", f"{FILES_PATH}/")) and "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response
