"""Jobs whose files go straight to the store: ``/api/uploads`` begins some, ``/api/jobs/{id}/uploads/{n}`` tells of one
file on its way.
"""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response

from pdfsmaller.http import answers
from pdfsmaller.http.callers import caller
from pdfsmaller.http.idempotency import once
from pdfsmaller.jobs.callback import Callback
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
from pdfsmaller.services.webhooks import address

blueprint = Blueprint("uploads", __name__, url_prefix="/api")

_INDEX = re.compile(r"[0-9]{1,3}")
_FIELDS = ("operation", "options", "files", "count", "name", "size", address.FIELD)


@blueprint.post("/uploads")
def reserve_upload() -> Response:
    """Begin a job whose files go straight to the bucket, or a batch of jobs for one each."""
    wanted = answers.json_object(_FIELDS)
    callback = answers.callback(wanted.get(address.FIELD))
    several = intake.is_batch(wanted, find(wanted.get("operation", DEFAULT.name)))
    return _batch(wanted, callback) if several else _one(wanted, callback)


def _one(wanted: dict[str, Any], callback: Callback | None) -> Response:
    def make(under: str | None) -> tuple[Job, list[Upload]]:
        return answers.service().reserve_upload(wanted, caller=caller(), under=under, callback=callback)

    def again(job_id: str) -> tuple[Job, list[Upload]]:
        return answers.service().reserved(job_id, caller=caller())

    job, uploads = once(make, lambda made: made[0].job_id, again)
    shown, expires_in = answers.job_view(job), answers.settings().upload_expires_seconds
    answer = UploadView(job=shown, uploads=[_brings(job, item) for item in uploads], expires_in=expires_in)
    return answers.as_json(answer, 201, {"Location": shown.links["self"]})


def _batch(wanted: dict[str, Any], callback: Callback | None) -> Response:
    def make(under: str | None) -> tuple[list[Job], list[Upload | None]]:
        return answers.service().reserve_batch(wanted, caller=caller(), under=under, callback=callback)

    def again(batch_id: str) -> tuple[list[Job], list[Upload | None]]:
        return answers.service().reserved_batch(batch_id, caller=caller())

    jobs, uploads = once(make, lambda made: made[0][0].batch_id or "", again)
    batch_id = jobs[0].batch_id or ""
    batch = UploadBatchView(
        batch_id=batch_id,
        jobs=[answers.job_view(job) for job in jobs],
        uploads=[_brings(job, item) if item else None for job, item in zip(jobs, uploads, strict=True)],
        expires_in=answers.settings().upload_expires_seconds,
    )
    return answers.as_json(batch, 201, {"Location": f"{answers.base_url()}/api/batches/{batch_id}"})


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
