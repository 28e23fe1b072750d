"""The two buckets: which key means what, and every read and write of them.

Keys are ours; a user's file name is only ever metadata. Uploads bucket: ``jobs/{job_id}/in/{n}`` and ``inbox/…``.
Results bucket: ``jobs/{job_id}/{attempt}/out.pdf`` and ``…/report.json``, so that no attempt writes over another's (the
row names the one that counts), and what a drop's owner finds: a copy of the result under ``inbox/…`` (a dropped PDF's
under the drop's own key, a dropped image's under ``<key>.pdf``) or the reason of a failure under ``errors/….json``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from pdfsmaller import aws
from pdfsmaller.settings import Settings

INBOX = "inbox/"
ERRORS = "errors/"
JOBS = "jobs/"
PDF = "application/pdf"
ANY = "application/octet-stream"
_JOB_INPUT = re.compile(r"jobs/([0-9a-f]{32})/in/(\d{1,3})")
_CHUNK_BYTES = 1 << 20
#: The longest key that S3 takes, in bytes of UTF-8.
_KEY_MAX_BYTES = 1_024


def inputs_prefix(job_id: str) -> str:
    return f"{JOBS}{job_id}/in/"


def input_key(job_id: str, index: int) -> str:
    return f"{inputs_prefix(job_id)}{index}"


def attempt_prefix(job_id: str, attempt: int) -> str:
    return f"{JOBS}{job_id}/{attempt}/"


def result_key(job_id: str, attempt: int) -> str:
    return f"{attempt_prefix(job_id, attempt)}out.pdf"


def report_key(job_id: str, attempt: int) -> str:
    return f"{attempt_prefix(job_id, attempt)}report.json"


def drop_result_key(drop_key: str, suffix: str) -> str:
    """Where the result of a dropped file is laid, for an operation with this suffix (``OperationSpec.drop_suffix``)."""
    return _fitted(drop_key, suffix)


def error_key(drop_key: str) -> str:
    """Where the reason is laid why a dropped file failed. No drop has its own result there."""
    return _fitted(ERRORS + drop_key.removeprefix(INBOX), ".json")


def _fitted(key: str, suffix: str) -> str:
    """``key + suffix``; where that is too long for S3, the end of ``key`` gives way to a hash of all of it."""
    if len((key + suffix).encode()) <= _KEY_MAX_BYTES:
        return key + suffix
    ending = f"~{hashlib.sha256(key.encode()).hexdigest()}{suffix}"
    return key.encode()[: _KEY_MAX_BYTES - len(ending)].decode(errors="ignore") + ending


def job_of_input(key: str) -> str | None:
    """The job id in an input's key, or None for any other key."""
    match = _JOB_INPUT.fullmatch(key)
    return match[1] if match else None


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object: key, size in bytes, entity tag (unquoted), when it was written, the owner's metadata."""

    key: str
    bytes: int
    etag: str = ""
    modified: datetime | None = None
    metadata: dict[str, str] = field(default_factory=dict)


def _is_missing(exc: Exception) -> bool:
    code = getattr(exc, "response", {}).get("Error", {}).get("Code", "")
    return code in ("404", "NoSuchKey", "NotFound", "NoSuchVersion", "412", "PreconditionFailed")


class Storage:
    """Reads and writes both buckets."""

    def __init__(self, settings: Settings) -> None:
        self.uploads = settings.uploads_bucket
        self.results = settings.results_bucket
        self._public_endpoint = settings.s3_public_endpoint_url

    @property
    def public_origin(self) -> str:
        """Scheme and host that presigned URLs lead to."""
        scheme, _, rest = aws.s3(self._public_endpoint).meta.endpoint_url.partition("://")
        return f"{scheme}://{rest.split('/')[0]}"

    def put_file(
        self,
        bucket: str,
        key: str,
        body: IO[bytes] | bytes,
        *,
        content_type: str = PDF,
        metadata: dict[str, str] | None = None,
    ) -> None:
        """Write one object from an open file (streamed) or bytes."""
        aws.s3().put_object(Bucket=bucket, Key=key, Body=body, ContentType=content_type, Metadata=metadata or {})

    def download(self, bucket: str, key: str, target: Path, *, etag: str | None = None) -> bool:
        """Stream an object into ``target``. False where it is gone (or is no longer the one with ``etag``)."""
        from botocore.exceptions import ClientError

        condition: dict[str, Any] = {"IfMatch": f'"{etag}"'} if etag else {}
        try:
            body = aws.s3().get_object(Bucket=bucket, Key=key, **condition)["Body"]
        except ClientError as exc:
            if _is_missing(exc):
                return False
            raise
        with closing(body), target.open("wb") as out:
            for chunk in body.iter_chunks(_CHUNK_BYTES):
                out.write(chunk)
        return True

    def read(self, bucket: str, key: str) -> bytes | None:
        """A small object's bytes, or None where it does not exist."""
        from botocore.exceptions import ClientError

        try:
            with closing(aws.s3().get_object(Bucket=bucket, Key=key)["Body"]) as body:
                return body.read()
        except ClientError as exc:
            if _is_missing(exc):
                return None
            raise

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        """An object's facts, or None where it does not exist."""
        from botocore.exceptions import ClientError

        try:
            answer = aws.s3().head_object(Bucket=bucket, Key=key)
        except ClientError as exc:
            if _is_missing(exc):
                return None
            raise
        etag = answer["ETag"].strip('"')
        return ObjectInfo(key, answer["ContentLength"], etag, answer["LastModified"], answer["Metadata"])

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        """Every object under a prefix, page by page."""
        for page in aws.s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                yield ObjectInfo(item["Key"], item["Size"], item["ETag"].strip('"'), item["LastModified"])

    def inputs_arrived(self, job_id: str) -> int:
        """How many of a job's input files are there."""
        return sum(1 for _ in self.list(self.uploads, inputs_prefix(job_id)))

    def delete(self, bucket: str, key: str) -> None:
        """Delete one object; one that is not there is no error."""
        aws.s3().delete_object(Bucket=bucket, Key=key)

    def copy_result(self, key: str, target_key: str) -> None:
        """Copy an object of the results bucket, its metadata included, without its bytes coming by here."""
        source: Any = {"Bucket": self.results, "Key": key}
        aws.s3().copy_object(Bucket=self.results, Key=target_key, CopySource=source)

    def delete_job(self, job_id: str) -> int:
        """Delete everything under one job's prefix in both buckets; how many objects that was."""
        prefix = f"{JOBS}{job_id}/"
        return self._delete_all(self.uploads, prefix) + self._delete_all(self.results, prefix)

    def delete_attempt(self, job_id: str, attempt: int) -> int:
        """Delete what one attempt of a job stored; how many objects that was."""
        return self._delete_all(self.results, attempt_prefix(job_id, attempt))

    def _delete_all(self, bucket: str, prefix: str) -> int:
        deleted = 0
        for item in self.list(bucket, prefix):
            self.delete(bucket, item.key)
            deleted += 1
        return deleted

    def abort_stale_multipart(self, bucket: str, before: datetime) -> Iterator[bool]:
        """Abort the multipart uploads begun before a time; for each upload there is, whether it was one of them."""
        for page in aws.s3().get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
            for upload in page.get("Uploads", []):
                stale = upload["Initiated"] < before
                if stale:
                    aws.s3().abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
                yield stale

    def presigned_post(
        self, job_id: str, index: int, *, max_bytes: int, expires_seconds: int, content_type: str = PDF
    ) -> dict[str, Any]:
        """A form (``url``, ``fields``) that takes exactly one input of a job, of 1 to ``max_bytes`` bytes."""
        return aws.s3(self._public_endpoint).generate_presigned_post(
            self.uploads,
            input_key(job_id, index),
            Fields={"Content-Type": content_type},
            Conditions=[{"Content-Type": content_type}, ["content-length-range", 1, max_bytes]],
            ExpiresIn=expires_seconds,
        )

    def presigned_get(self, key: str, *, file_name: str, expires_seconds: int) -> str:
        """A URL that downloads a result under a name."""
        return aws.s3(self._public_endpoint).generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self.results,
                "Key": key,
                "ResponseContentType": PDF,
                "ResponseContentDisposition": content_disposition(file_name),
            },
            ExpiresIn=expires_seconds,
        )


def content_disposition(file_name: str) -> str:
    """``attachment`` with a name in the form of RFC 6266: plain ASCII, and UTF-8 for who can read it."""
    plain = re.sub(r'[^\x20-\x7e]|["\\/;]', "_", file_name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"
