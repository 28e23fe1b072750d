"""What is done before and after every request: who sends it, and that no cache keeps its answer."""

from __future__ import annotations

from flask import Flask, Response, request

from pdfsmaller.http import answers, callers
from pdfsmaller.jobs.objects import FILES_PATH

#: Functions Framework answers /static itself, from the folder of the function.
ASSETS = "/assets"
#: Has a token of its own, where there is one.
METRICS_PATH = "/metrics"
_OPEN_PATHS = ("/", "/health", "/health/live", "/health/ready", "/api/health", "/openapi.json", "/docs")
#: What lies below is anybody's, or proves itself.
_OPEN_FOLDERS = (f"{ASSETS}/", f"{FILES_PATH}/")


def install(app: Flask) -> None:
    """Have this done around every request of ``app``."""
    app.before_request(_identify_caller)
    app.after_request(_keep_from_caches)


def _identify_caller() -> None:
    is_open = request.method == "OPTIONS" or request.path in _OPEN_PATHS or request.path.startswith(_OPEN_FOLDERS)
    is_open = is_open or (request.path == METRICS_PATH and bool(answers.settings().metrics_token))
    callers.identify(is_open=is_open)


def _keep_from_caches(response: Response) -> Response:
    if request.path.startswith(("/api/", f"{FILES_PATH}/")) and "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response
