"""Jobs whose files go straight to the store: ``/api/uploads`` begins one, ``/api/jobs/{id}/uploaded`` says so."""

from __future__ import annotations

from flask import Blueprint, Response

from pdfsmaller.http import answers
from pdfsmaller.http.callers import caller
from pdfsmaller.http.idempotency import once
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.objects import UploadForm
from pdfsmaller.jobs.view import PresignedPost, UploadView
from pdfsmaller.services.webhooks import address

blueprint = Blueprint("uploads", __name__, url_prefix="/api")

_FIELDS = ("operation", "options", "files", "count", "name", "size", address.FIELD)


@blueprint.post("/uploads")
def reserve_upload() -> Response:
    """Begin a job whose files go straight to the bucket."""
    wanted = answers.json_object(_FIELDS)
    callback = answers.callback(wanted.get(address.FIELD))

    def make(under: str | None) -> tuple[Job, list[UploadForm]]:
        return answers.service().reserve_upload(wanted, caller=caller(), under=under, callback=callback)

    def again(job_id: str) -> tuple[Job, list[UploadForm]]:
        return answers.service().reserved(job_id, caller=caller())

    job, forms = once(make, lambda made: made[0].job_id, again)
    shown = answers.job_view(job)
    answer = UploadView(
        job=shown,
        uploads=[PresignedPost(url=answers.address(form.url), fields=form.fields) for form in forms],
        expires_in=answers.settings().upload_expires_seconds,
    )
    return answers.as_json(answer, 201, {"Location": shown.links["self"]})


@blueprint.post("/jobs/<job_id>/uploaded")
def uploaded(job_id: str) -> Response:
    """Begin a job whose files were sent straight to the bucket, if all of them are there."""
    return answers.as_json(answers.job_view(answers.service().uploaded(job_id, caller=caller())))
