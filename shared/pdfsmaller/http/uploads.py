"""Jobs whose files go straight to the store: ``/api/uploads`` begins some, ``/api/jobs/{id}/uploads/{n}`` tells of one
file on its way.
"""

from __future__ import annotations

import re

from flask import Blueprint, Response

from pdfsmaller.http import answers
from pdfsmaller.http.callers import caller
from pdfsmaller.jobs.model import Job
from pdfsmaller.jobs.objects import Upload, UploadForm
from pdfsmaller.jobs.view import (
    MultipartView,
    PartView,
    PresignedPost,
    UploadBatchView,
    UploadStateView,
    UploadView,
)
from pdfsmaller.operations import DEFAULT, find
from pdfsmaller.services import intake
from pdfsmaller.services.uploads import UploadService

blueprint = Blueprint("uploads", __name__, url_prefix="/api")

_INDEX = re.compile(r"[0-9]{1,3}")
_FIELDS = ("operation", "options", "files", "count", "name", "size")


@blueprint.post("/uploads")
def reserve_upload() -> Response:
    """Begin a job whose files go straight to the bucket, or a batch of jobs for one each."""
    asked, expires_in = answers.json_object(_FIELDS), answers.settings().upload_expires_seconds
    if intake.is_batch(asked, find(asked.get("operation", DEFAULT.name))):
        jobs, uploads = answers.service().reserve_batch(asked, caller=caller())
        batch_id = jobs[0].batch_id or ""
        batch = UploadBatchView(
            batch_id=batch_id,
            jobs=[answers.job_view(job) for job in jobs],
            uploads=[_brings(job, item) if item else None for job, item in zip(jobs, uploads, strict=True)],
            expires_in=expires_in,
        )
        return answers.as_json(batch, 201, {"Location": f"{answers.base_url()}/api/batches/{batch_id}"})
    job, brought = answers.service().reserve_upload(asked, caller=caller())
    shown = answers.job_view(job)
    answer = UploadView(job=shown, uploads=[_brings(job, item) for item in brought], expires_in=expires_in)
    return answers.as_json(answer, 201, {"Location": shown.links["self"]})


@blueprint.get("/jobs/<job_id>/uploads/<index>")
def get_upload(job_id: str, index: str) -> Response:
    """What has come of a file, and fresh links for the rest."""
    number = _number(index)
    job, upload = _uploads().upload(job_id, number, caller=caller())
    expires_in = answers.settings().upload_expires_seconds
    state = UploadStateView(job_id=job_id, index=number, upload=_brings(job, upload), expires_in=expires_in)
    return answers.as_json(state)


@blueprint.post("/jobs/<job_id>/uploads/<index>/complete")
def complete_upload(job_id: str, index: str) -> Response:
    """Make a file of its parts, and begin the job if it was the last one. What came the store says, and no body."""
    return answers.as_json(answers.job_view(_uploads().complete(job_id, _number(index), caller=caller())))


@blueprint.post("/jobs/<job_id>/uploaded")
def uploaded(job_id: str) -> Response:
    """Begin a job whose files were sent straight to the bucket, if all of them are there."""
    return answers.as_json(answers.job_view(answers.service().uploaded(job_id, caller=caller())))


def _uploads() -> UploadService:
    return UploadService(answers.world(), answers.service())


def _number(index: str) -> int:
    """Which of a job's files; -1, which no job has, for what is no number."""
    return int(index) if _INDEX.fullmatch(index) else -1


def _brings(job: Job, upload: Upload) -> PresignedPost:
    """What brings a file to the store, as its caller sees it."""
    if isinstance(upload, UploadForm):
        return PresignedPost(url=answers.address(upload.url), fields=upload.fields)
    parts = [
        PartView(
            number=part.number,
            url=answers.address(part.url) if part.url else None,
            bytes=part.bytes,
            arrived=part.arrived,
        )
        for part in upload.parts
    ]
    complete = f"{answers.base_url()}/api/jobs/{job.job_id}/uploads/{upload.index}/complete"
    return PresignedPost(
        url=None, multipart=MultipartView(part_bytes=upload.part_bytes, parts=parts, complete_url=complete)
    )
