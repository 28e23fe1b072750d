"""Files that go straight to the store, by the forms that the service hands out, or in parts where they are large."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from pdfsmaller.client.transport import Transport
from pdfsmaller.jobs.view import JobView
from pdfsmaller.operations import OperationSpec

_CHUNK_BYTES = 1 << 20


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
    job = f"/api/jobs/{answer['job']['job_id']}"
    for index, (file, upload) in enumerate(zip(files, answer["uploads"], strict=True)):
        with file.open("rb") as stream:
            if upload["multipart"]:
                _send_parts(transport, upload["multipart"], stream)
                transport.json("POST", f"{job}/uploads/{index}/complete")
            else:
                _send(transport, upload, file.name, stream)
    # Where no event follows an upload this begins the job; elsewhere it only says what is known.
    return JobView.model_validate(transport.json("POST", f"{job}/uploaded"))


def _send(transport: Transport, form: Mapping[str, Any], name: str, stream: IO[bytes]) -> None:
    def body() -> Mapping[str, Any]:
        stream.seek(0)
        return {"data": form["fields"], "files": {"file": (name, stream)}}

    transport.to_store("POST", form["url"], body)


def _send_parts(transport: Transport, multipart: Mapping[str, Any], stream: IO[bytes]) -> None:
    for part in multipart["parts"]:
        start, size = (part["number"] - 1) * multipart["part_bytes"], part["bytes"]

        def body(start: int = start, size: int = size) -> Mapping[str, Any]:
            return {"content": _slice(stream, start, size), "headers": {"Content-Length": str(size)}}

        transport.to_store("PUT", part["url"], body)


def _slice(stream: IO[bytes], start: int, size: int) -> Iterator[bytes]:
    """So many bytes of a file from a place on."""
    stream.seek(start)
    while size and (chunk := stream.read(min(size, _CHUNK_BYTES))):
        size -= len(chunk)
        yield chunk
