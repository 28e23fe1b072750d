"""``/api/batches``: the jobs of one request with several files."""

from __future__ import annotations

from flask import Blueprint, Response

from pdfsmaller.http import answers
from pdfsmaller.jobs.view import BatchView

blueprint = Blueprint("batches", __name__, url_prefix="/api/batches")


@blueprint.get("/<batch_id>")
def get_batch(batch_id: str) -> Response:
    """How the jobs of a batch stand."""
    jobs = answers.service().batch(batch_id)
    return answers.as_json(BatchView(batch_id=batch_id, jobs=[answers.job_view(job) for job in jobs]))
