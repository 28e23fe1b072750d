"""``/api/jobs``: how a job stands, what it made, its end."""

from __future__ import annotations

import re

from flask import Blueprint, Response, request

from pdfsmaller.http import answers, waiting
from pdfsmaller.http.callers import caller
from pdfsmaller.jobs.view import JobsView
from pdfsmaller.services.listing import own_jobs

blueprint = Blueprint("jobs", __name__, url_prefix="/api/jobs")

_INDEX = re.compile(r"[0-9]{1,6}")


@blueprint.get("")
def list_jobs() -> Response:
    """The jobs of the caller's API key, the newest first."""
    found, following = own_jobs(
        answers.world(),
        answers.service(),
        caller(),
        cursor=request.args.get("cursor", ""),
        limit=request.args.get("limit", ""),
    )
    return answers.as_json(JobsView(jobs=[answers.job_view(job) for job in found], next=following))


@blueprint.get("/<job_id>")
def get_job(job_id: str) -> Response:
    """How a job stands. ``Prefer: wait=N`` waits for its end."""
    job = answers.service().job(job_id, caller=caller())
    [job], waited = waiting.waited_for([job], waiting.wait_seconds())
    return answers.as_json(answers.job_view(job), headers=waiting.applied("wait" if waited else ""))


@blueprint.get("/<job_id>/download")
def download(job_id: str) -> Response:
    """The result, or a ZIP of several: its bytes where they are few, otherwise a redirect to the store."""
    job = answers.service().finished(job_id, caller=caller())
    assert job.download, "a job that has succeeded has made something"
    return answers.send_file(job, job.download)


@blueprint.get("/<job_id>/results/<index>")
def get_result(job_id: str, index: str) -> Response:
    """One of a job's results, counted from 0."""
    number = int(index) if _INDEX.fullmatch(index) else -1  # -1: the job has none such
    job = answers.service().finished(job_id, caller=caller())
    return answers.send_file(job, answers.service().result_of(job, number))


@blueprint.get("/<job_id>/report")
def report(job_id: str) -> Response:
    """The engine's whole report."""
    job = answers.service().finished(job_id, caller=caller())
    return answers.send_file(job, answers.service().report_of(job))


@blueprint.post("/<job_id>/cancel")
def cancel_job(job_id: str) -> Response:
    """End a job that has not ended, and delete its files; a running one stops within two seconds."""
    return answers.as_json(answers.job_view(answers.service().cancel(job_id, caller=caller())))


@blueprint.delete("/<job_id>")
def delete_job(job_id: str) -> Response:
    """End a job and delete its files."""
    answers.service().delete(job_id, caller=caller())
    return Response(status=204)
