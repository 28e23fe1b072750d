"""Once more: ``/api/jobs/{id}/again`` makes a new job from files that are here, ``…/retry`` tries a failed one anew."""

from __future__ import annotations

from flask import Blueprint, Response, request

from pdfsmaller.http import answers, waiting
from pdfsmaller.http.callers import caller
from pdfsmaller.http.idempotency import jobs_once
from pdfsmaller.jobs.model import Job
from pdfsmaller.services.again import FIELDS, AgainService
from pdfsmaller.services.retry import retry
from pdfsmaller.services.webhooks import address

blueprint = Blueprint("again", __name__, url_prefix="/api/jobs")


@blueprint.post("/<job_id>/again")
def again(job_id: str) -> Response:
    """A new job from a job's files, or from those of several; without a body all of its inputs without options."""
    asked = answers.json_object((*FIELDS, address.FIELD)) if request.get_data() else {}
    callback = answers.callback(asked.get(address.FIELD))
    service = AgainService(answers.world(), answers.service())

    def make(under: str | None) -> list[Job]:
        return [service.again(job_id, asked, caller=caller(), under=under, callback=callback)]

    return waiting.begun(jobs_once(make))


@blueprint.post("/<job_id>/retry")
def try_again(job_id: str) -> Response:
    """A failed job, queued again."""
    return waiting.begun([retry(answers.world(), answers.service(), job_id, caller=caller())])
