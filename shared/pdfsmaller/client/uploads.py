"""Files that go straight to the store, by the forms that the service hands out."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from pdfsmaller.client.transport import Transport
from pdfsmaller.jobs.view import JobView
from pdfsmaller.operations import OperationSpec


def send_to_store(
    transport: Transport, operation: OperationSpec, files: Sequence[Path], options: Mapping[str, Any]
) -> JobView:
    """One job of all files, whose bytes never pass through the service's own function.

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
    for file, form in zip(files, answer["uploads"], strict=True):
        with file.open("rb") as stream:
            _send(transport, form, file.name, stream)
    # Where no event follows an upload this begins the job; elsewhere it only says what is known.
    return JobView.model_validate(transport.json("POST", f"/api/jobs/{answer['job']['job_id']}/uploaded"))


def _send(transport: Transport, form: Mapping[str, Any], name: str, stream: IO[bytes]) -> None:
    def body() -> Mapping[str, Any]:
        stream.seek(0)
        return {"data": form["fields"], "files": {"file": (name, stream)}}

    transport.to_store("POST", form["url"], body)
