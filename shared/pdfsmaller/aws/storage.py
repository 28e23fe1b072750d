"""Files in two S3 buckets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from pdfsmaller.aws import clients
from pdfsmaller.aws.answers import error_code, quoted, unquoted
from pdfsmaller.aws.unavailable import reading
from pdfsmaller.jobs.objects import ObjectInfo, PartInfo, UploadForm
from pdfsmaller.media import content_disposition

_CHUNK_BYTES = 1 << 20
_MISSING = ("404", "NoSuchKey", "NotFound", "NoSuchVersion", "412", "PreconditionFailed")
#: What S3 takes in one request is 5 GiB at most; a ZIP of several jobs may have more. Beyond this it goes in parts.
_PUT_MAX_BYTES = 4_000_000_000
_LARGE_PART_BYTES = 128 * 1_048_576
_NO_UPLOAD = "NoSuchUpload"
_NO_SUCH_RANGE = ("416", "InvalidRange")
#: Asked for where somebody only wants to know whether a bucket answers.
_PROBED_KEY = "jobs/health"


class S3Storage:
    """``Storage`` on the buckets ``uploads`` and ``results``.

    Args:
        public_endpoint_url: where forms and links lead to; None for where the client itself goes.
        announces: whether the bucket of uploads has a notification that the queue gets. Stores other than S3 have none.
    """

    def __init__(
        self, uploads: str, results: str, public_endpoint_url: str | None = None, *, announces: bool = True
    ) -> None:
        self.uploads = uploads
        self.results = results
        self.announces = announces
        self._public_endpoint = public_endpoint_url

    @property
    def public_origin(self) -> str:
        scheme, _, rest = clients.s3(self._public_endpoint).meta.endpoint_url.partition("://")
        return f"{scheme}://{rest.split('/')[0]}"

    def put_file(
        self,
        bucket: str,
        key: str,
        body: IO[bytes] | bytes,
        *,
        media_type: str,
        metadata: dict[str, str] | None = None,
    ) -> None:
        facts: Any = {"ContentType": media_type, "Metadata": metadata or {}}
        if not isinstance(body, bytes) and _is_over(body, _PUT_MAX_BYTES):
            from boto3.s3.transfer import TransferConfig

            one_by_one = TransferConfig(multipart_chunksize=_LARGE_PART_BYTES, use_threads=False)
            clients.s3().upload_fileobj(body, bucket, key, ExtraArgs=facts, Config=one_by_one)
        else:
            clients.s3().put_object(Bucket=bucket, Key=key, Body=body, **facts)

    def download(self, bucket: str, key: str, target: Path, *, etag: str | None = None) -> bool:
        from botocore.exceptions import ClientError

        condition: dict[str, Any] = {"IfMatch": f'"{etag}"'} if etag else {}
        try:
            body = clients.s3().get_object(Bucket=bucket, Key=key, **condition)["Body"]
        except ClientError as exc:
            if _is_missing(exc):
                return False
            raise
        with reading(), closing(body), target.open("wb") as out:
            for chunk in body.iter_chunks(_CHUNK_BYTES):
                out.write(chunk)
        return True

    def read(self, bucket: str, key: str, *, first: int | None = None) -> bytes | None:
        from botocore.exceptions import ClientError

        part: dict[str, Any] = {} if first is None else {"Range": f"bytes=0-{first - 1}"}
        try:
            with reading(), closing(clients.s3().get_object(Bucket=bucket, Key=key, **part)["Body"]) as body:
                return body.read()
        except ClientError as exc:
            if _is_missing(exc):
                return None
            if error_code(exc) in _NO_SUCH_RANGE:
                return b""  # an empty object has no first byte
            raise

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        from botocore.exceptions import ClientError

        try:
            answer = clients.s3().head_object(Bucket=bucket, Key=key)
        except ClientError as exc:
            if _is_missing(exc):
                return None
            raise
        etag, modified = unquoted(answer["ETag"]), answer["LastModified"].timestamp()
        return ObjectInfo(key, answer["ContentLength"], etag, modified, answer["Metadata"])

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        for page in clients.s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                yield ObjectInfo(item["Key"], item["Size"], unquoted(item["ETag"]), item["LastModified"].timestamp())

    def copy(self, bucket: str, key: str, target_bucket: str, target_key: str) -> bool:
        from botocore.exceptions import ClientError

        source: Any = {"Bucket": bucket, "Key": key}
        try:
            clients.s3().copy_object(Bucket=target_bucket, Key=target_key, CopySource=source)
        except ClientError as exc:
            if _is_missing(exc):
                return False
            raise
        return True

    def delete(self, bucket: str, key: str) -> None:
        clients.s3().delete_object(Bucket=bucket, Key=key)

    def abort_unfinished(self, bucket: str, before: float) -> Iterator[bool]:
        for page in clients.s3().get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
            for upload in page.get("Uploads", []):
                stale = upload["Initiated"].timestamp() < before
                if stale:
                    clients.s3().abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
                yield stale

    def begin_multipart(self, key: str, *, part_bytes: int, media_type: str) -> str:
        return clients.s3().create_multipart_upload(Bucket=self.uploads, Key=key, ContentType=media_type)["UploadId"]

    def part_link(self, key: str, upload_id: str, number: int, *, size: int, expires_seconds: int) -> str:
        return clients.s3(self._public_endpoint).generate_presigned_url(
            "upload_part",
            Params={
                "Bucket": self.uploads,
                "Key": key,
                "UploadId": upload_id,
                "PartNumber": number,
                "ContentLength": size,  # signed: S3 refuses a body of any other length
            },
            ExpiresIn=expires_seconds,
        )

    def list_parts(self, key: str, upload_id: str) -> Sequence[PartInfo] | None:
        from botocore.exceptions import ClientError

        pages = clients.s3().get_paginator("list_parts").paginate(Bucket=self.uploads, Key=key, UploadId=upload_id)
        try:
            return [
                PartInfo(part["PartNumber"], part["Size"], unquoted(part["ETag"]))
                for page in pages
                for part in page.get("Parts", [])
            ]
        except ClientError as exc:
            if error_code(exc) == _NO_UPLOAD:
                return None
            raise

    def complete_multipart(self, key: str, upload_id: str, parts: Sequence[PartInfo]) -> bool:
        from botocore.exceptions import ClientError

        named: Any = [{"PartNumber": part.number, "ETag": quoted(part.etag)} for part in parts]
        try:
            clients.s3().complete_multipart_upload(
                Bucket=self.uploads, Key=key, UploadId=upload_id, MultipartUpload={"Parts": named}
            )
        except ClientError as exc:
            if error_code(exc) in (_NO_UPLOAD, "InvalidPart", "InvalidPartOrder"):
                return False
            raise
        return True

    def abort_multipart(self, key: str, upload_id: str) -> None:
        from botocore.exceptions import ClientError

        try:
            clients.s3().abort_multipart_upload(Bucket=self.uploads, Key=key, UploadId=upload_id)
        except ClientError as exc:
            if error_code(exc) != _NO_UPLOAD:
                raise

    def upload_form(self, key: str, *, max_bytes: int, expires_seconds: int, media_type: str) -> UploadForm:
        post = clients.s3(self._public_endpoint).generate_presigned_post(
            self.uploads,
            key,
            Fields={"Content-Type": media_type},
            Conditions=[{"Content-Type": media_type}, ["content-length-range", 1, max_bytes]],
            ExpiresIn=expires_seconds,
        )
        return UploadForm(post["url"], post["fields"])

    def download_link(self, key: str, *, file_name: str, media_type: str, expires_seconds: int) -> str:
        return clients.s3(self._public_endpoint).generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self.results,
                "Key": key,
                "ResponseContentType": media_type,
                "ResponseContentDisposition": content_disposition(file_name),
            },
            ExpiresIn=expires_seconds,
        )

    def used_ratio(self) -> float | None:
        return None

    def is_full(self) -> bool:
        return False

    def probe(self, bucket: str) -> None:
        from botocore.exceptions import ClientError

        try:
            clients.s3().head_object(Bucket=bucket, Key=_PROBED_KEY)
        except ClientError as exc:
            # Without the right to list, S3 says 403 for an object that is not there: it is up and knows us.
            if not _is_missing(exc) and error_code(exc) not in ("403", "AccessDenied"):
                raise


def _is_over(body: IO[bytes], size: int) -> bool:
    """Whether more is left of an open file, if it can tell."""
    if not body.seekable():
        return False
    start = body.tell()
    end = body.seek(0, 2)
    body.seek(start)
    return end - start > size


def _is_missing(exc: Any) -> bool:
    return error_code(exc) in _MISSING
