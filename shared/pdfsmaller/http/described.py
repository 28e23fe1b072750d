"""This API, described: as OpenAPI for programs, and as a page for people."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, render_template

from pdfsmaller import __version__
from pdfsmaller.http import answers, assets

blueprint = Blueprint("described", __name__)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """This API, described for programs."""
    from pdfsmaller.http.openapi import document

    return jsonify(document(answers.base_url(), __version__))


@blueprint.get("/docs")
def docs() -> Response:
    """This API, described for people: made of the same description, without a script or a stranger's host."""
    from pdfsmaller.http.openapi import document
    from pdfsmaller.http.reference import sections

    described = document(answers.base_url(), __version__)
    return Response(
        render_template("docs.html", assets=assets.folder(), sections=sections(described), version=__version__)
    )
