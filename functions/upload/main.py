"""Entry points of the upload function: ``upload`` for Functions Framework, ``lambda_handler`` for Lambda."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

from flask import Flask, Request
from werkzeug.wrappers import Response

from pdfsmaller import wire
from pdfsmaller.http.app import create_app
from pdfsmaller.settings import get_settings
from pdfsmaller.telemetry import log_as_json


@cache
def _app() -> Flask:
    log_as_json("upload")
    return create_app(wire.wire(get_settings()))


@cache
def _on_lambda() -> Any:
    from apig_wsgi import make_lambda_handler

    return make_lambda_handler(_app(), binary_support=True)


def upload(request: Request) -> Response:
    """Answer a request that Functions Framework received. Our own app does the routing."""
    response = Response.from_app(_app(), request.environ)
    # Functions Framework reads every body to its end, into memory. Ours is read, or thrown away in chunks, already.
    request.environ["wsgi.input"], request.environ["CONTENT_LENGTH"] = io.BytesIO(), "0"
    return response


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a Function URL's event (payload format 2.0)."""
    answer: dict[str, Any] = _on_lambda()(event, context)
    return answer


_app()
wire.connect_early()
