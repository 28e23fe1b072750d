"""``make drop FILE=…``: put a file into the bucket's inbox, wait for its result, keep that beside the file."""

from __future__ import annotations

import time
from pathlib import Path

from botocore.exceptions import ClientError

from pdfsmaller_local import supervisor
from pdfsmaller_local.config import Config
from pdfsmaller_local.problems import Problem
from pdfsmaller_local.stack import Stack

_WAIT_SECONDS = 300


def drop(config: Config, file: Path, options: dict[str, str]) -> Path:
    """Drop ``file`` with options as the object's metadata; the path of the PDF that came back.

    Raises:
        Problem: no stack runs, the file is not there, the job failed or took too long.
    """
    found = supervisor.running(config)
    if not found:
        raise Problem("No stack is running.", "Start it with make up.")
    if not file.is_file():
        raise Problem(f"There is no file {file}.", "Name one: make drop FILE=your.pdf")
    s3 = Stack(config).clients("s3")
    # A folder of its own per drop: an older result of the same name must not be taken for this one's.
    key = f"inbox/{time.time_ns():x}/{file.name}"
    with file.open("rb") as body:
        s3.put_object(Bucket=found["outputs"]["UploadsBucketName"], Key=key, Body=body, Metadata=options)
    results = found["outputs"]["ResultsBucketName"]
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        if (error := _get(s3, results, f"errors/{key.removeprefix('inbox/')}.json")) is not None:
            raise Problem(f"The job failed: {error.decode(errors='replace')}", "Drop another file, or mend this one.")
        # A PDF comes back under its own key, an image's PDF under that and .pdf.
        for suffix, name in (("", f"{file.stem}.smaller.pdf"), (".pdf", f"{file.name}.pdf")):
            if (result := _get(s3, results, key + suffix)) is not None:
                target = file.with_name(name)
                target.write_bytes(result)
                return target
        time.sleep(0.2)
    raise Problem(f"There is no result after {_WAIT_SECONDS} seconds.", "make logs shows what happens.")


def _get(s3: object, bucket: str, key: str) -> bytes | None:
    try:
        data: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()  # type: ignore[attr-defined]
    except ClientError as exc:
        if exc.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise
    return data
