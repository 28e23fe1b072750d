"""``/api/batches``: the jobs of one request with several files."""

from __future__ import annotations

from flask import Blueprint, Response

from pdfsmaller.http import answers
from pdfsmaller.http.callers import caller

blueprint = Blueprint("batches", __name__, url_prefix="/api/batches")


@blueprint.get("/<batch_id>")
def get_batch(batch_id: str) -> Response:
    """How the jobs of a batch stand."""
    jobs = answers.service().batch(batch_id, caller=caller())
    return answers.as_json(answers.batch_view(batch_id, jobs))
