"""Files that go straight to the store: by the forms that the service hands out, or in parts where they are large."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from pdfsmaller.client.transport import Transport
from pdfsmaller.jobs.view import JobView, MultipartView, PresignedPost, UploadBatchView, UploadStateView, UploadView
from pdfsmaller.operations import OperationSpec


def send_to_store(
    transport: Transport, operation: OperationSpec, files: Sequence[Path], options: Mapping[str, Any]
) -> list[JobView]:
    """One job of all files, or one of each where the operation takes one at a time. Their bytes never pass through the
    service's own function.

    Raises:
        RemoteError, ServiceUnreachable, OSError.
    """
    request = {
        "operation": operation.name,
        "options": dict(options),
        "files": [{"name": file.name, "size": file.stat().st_size} for file in files],
    }
    key = {"Idempotency-Key": str(uuid.uuid4())}
    answer = transport.json("POST", "/api/uploads", body=lambda: {"json": request}, headers=key)
    if "batch_id" in answer:
        batch = UploadBatchView.model_validate(answer)
        return [
            _sent(transport, job, [file], [upload]) if upload else job
            for job, file, upload in zip(batch.jobs, files, batch.uploads, strict=True)
        ]
    alone = UploadView.model_validate(answer)
    return [_sent(transport, alone.job, files, alone.uploads)]


def _sent(transport: Transport, job: JobView, files: Sequence[Path], uploads: Sequence[PresignedPost]) -> JobView:
    """A job as it stands once all its files have been sent."""
    for index, (file, upload) in enumerate(zip(files, uploads, strict=True)):
        with file.open("rb") as stream:
            if upload.multipart:
                _send_parts(transport, f"/api/jobs/{job.job_id}/uploads/{index}", upload.multipart, stream)
            else:
                _send_form(transport, upload, file.name, stream)
    # Where no event follows an upload this begins the job; elsewhere it only says what is known.
    return JobView.model_validate(transport.json("POST", f"/api/jobs/{job.job_id}/uploaded"))


def _send_form(transport: Transport, form: PresignedPost, name: str, stream: IO[bytes]) -> None:
    assert form.url

    def body() -> Mapping[str, Any]:
        stream.seek(0)
        return {"data": form.fields, "files": {"file": (name, stream)}}

    transport.to_store("POST", form.url, body)


def _send_parts(transport: Transport, path: str, parts: MultipartView | None, stream: IO[bytes]) -> None:
    """Send one part after the other. There may be more of them than links in one answer: the rest are asked for."""
    while parts and (waiting := [part for part in parts.parts if not part.arrived]):
        for part in waiting:
            if part.url is None:
                break
            stream.seek((part.number - 1) * parts.part_bytes)
            data = stream.read(part.bytes)
            transport.to_store("PUT", part.url, lambda data=data: {"content": data})  # type: ignore[misc]
        parts = UploadStateView.model_validate(transport.json("GET", path)).upload.multipart
    transport.json("POST", f"{path}/complete")
