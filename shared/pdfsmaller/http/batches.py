"""``/api/batches``: the jobs of one request with several files; ``/api/archives``: results of several jobs as a ZIP."""

from __future__ import annotations

from flask import Blueprint, Response

from pdfsmaller.http import answers, waiting
from pdfsmaller.http.callers import caller
from pdfsmaller.http.idempotency import jobs_once
from pdfsmaller.services.archives import ArchiveService

blueprint = Blueprint("batches", __name__, url_prefix="/api")


@blueprint.get("/batches/<batch_id>")
def get_batch(batch_id: str) -> Response:
    """How the jobs of a batch stand."""
    jobs = answers.service().batch(batch_id, caller=caller())
    return answers.as_json(answers.batch_view(batch_id, jobs))


@blueprint.post("/batches/<batch_id>/archive")
def archive_batch(batch_id: str) -> Response:
    """Begin a job that makes a ZIP of all that a batch's jobs have made so far."""
    return waiting.begun(jobs_once(lambda _: [_archives().of_batch(batch_id, caller=caller())]))


@blueprint.post("/archives")
def archive_jobs() -> Response:
    """Begin a job that makes a ZIP of the results of any jobs."""
    body = answers.json_object(("jobs",))
    return waiting.begun(jobs_once(lambda _: [_archives().of_jobs(body.get("jobs"), caller=caller())]))


def _archives() -> ArchiveService:
    return ArchiveService(answers.world(), answers.service())
