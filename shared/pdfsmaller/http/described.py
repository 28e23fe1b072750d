"""``/openapi.json``: this API, described."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from pdfsmaller import __version__
from pdfsmaller.http import answers

blueprint = Blueprint("described", __name__)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """This API, described."""
    from pdfsmaller.http.openapi import document  # its library loads long, and few ask

    return jsonify(document(answers.base_url(), __version__))
