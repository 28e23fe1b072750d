"""Documents below a prefix of any S3 bucket, as ``jobs.collections`` has it."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pdfsmaller import media
from pdfsmaller.aws import clients
from pdfsmaller.aws.answers import error_code, quoted, unquoted
from pdfsmaller.aws.unavailable import reading
from pdfsmaller.errors import CollectionUnusable, OriginalUnavailable
from pdfsmaller.jobs.collections import Original

if TYPE_CHECKING:
    from pdfsmaller.jobs.collections import Collection

_CHUNK_BYTES = 1 << 20
_MISSING = ("404", "NoSuchKey", "NotFound", "412", "PreconditionFailed")
#: Another write of the object is under way: whoever comes second is refused, and looks again.
_MEANWHILE = (*_MISSING, "409", "ConditionalRequestConflict")
_DENIED = ("403", "AccessDenied", "AllAccessDisabled")
_NO_BUCKET = ("NoSuchBucket", "InvalidBucketName")
_ARCHIVED = ("InvalidObjectState", "ObjectNotInActiveTierError")
#: What is known of an object beside its bytes, and goes on to what takes its place.
_HEADERS = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Metadata",
    "StorageClass",
    "ServerSideEncryption",
    "SSEKMSKeyId",
    "BucketKeyEnabled",
)


class S3Collection:
    """A ``StoreCollection``: what lies below a prefix of a bucket.

    Args:
        prefix: what all keys there begin with, and no name has; empty for the whole bucket.
    """

    def __init__(self, bucket: str, prefix: str = "") -> None:
        self.bucket, self.prefix = bucket, prefix

    @property
    def address(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    def at(self, name: str) -> tuple[str, str]:
        return self.bucket, self.prefix + name

    def list(self) -> Iterator[Original]:
        pages = clients.s3().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        with usable(self.address):
            for page in pages:
                for item in page.get("Contents", []):
                    if not item["Key"].endswith("/"):
                        yield self._original(item["Key"], item["Size"], item["ETag"])

    def look(self, name: str) -> Original | None:
        found = self._head(name)
        return self._original(self.prefix + name, found["ContentLength"], found["ETag"]) if found else None

    def fetch(self, original: Original, target: Path) -> bool:
        from botocore.exceptions import ClientError

        bucket, key = self.at(original.name)
        try:
            body = clients.s3().get_object(Bucket=bucket, Key=key, IfMatch=quoted(original.version))["Body"]
        except ClientError as exc:
            return _is_there(exc)
        with reading(), closing(body), target.open("wb") as out:
            for chunk in body.iter_chunks(_CHUNK_BYTES):
                out.write(chunk)
        return True

    def copy(self, original: Original, bucket: str, key: str) -> bool:
        from botocore.exceptions import ClientError

        source: Any = dict(zip(("Bucket", "Key"), self.at(original.name), strict=True))
        condition = quoted(original.version)
        try:
            clients.s3().copy_object(Bucket=bucket, Key=key, CopySource=source, CopySourceIfMatch=condition)
        except ClientError as exc:
            return _is_there(exc)
        return True

    def lay(self, name: str, source: Path) -> None:
        from botocore.exceptions import ClientError

        bucket, key = self.at(name)
        kind = mimetypes.guess_type(name)[0] or media.PDF
        try:
            with source.open("rb") as body:
                clients.s3().put_object(Bucket=bucket, Key=key, Body=body, ContentType=kind)
        except ClientError as exc:
            self._must_take(exc)

    def replace(self, original: Original, source: Path) -> Original | None:
        from botocore.exceptions import ClientError

        found = self._head(original.name)
        if found is None or unquoted(found["ETag"]) != original.version:
            return None
        bucket, key = self.at(original.name)
        known: Any = {name: found[name] for name in _HEADERS if name in found}
        if found.get("TagCount"):
            known["Tagging"] = self._tags(key)
        try:
            with source.open("rb") as body:
                put = clients.s3().put_object(
                    Bucket=bucket, Key=key, Body=body, IfMatch=quoted(original.version), **known
                )
        except ClientError as exc:
            if error_code(exc) in _MEANWHILE:
                return None
            self._must_take(exc)
        return self._original(key, source.stat().st_size, put["ETag"])

    def inner(self, other: Collection) -> str | None:
        if isinstance(other, S3Collection) and other.bucket == self.bucket and other.prefix.startswith(self.prefix):
            return other.prefix.removeprefix(self.prefix)
        return None

    def _head(self, name: str) -> Any:
        """What is known of an object; None where there is none."""
        from botocore.exceptions import ClientError

        bucket, key = self.at(name)
        try:
            return clients.s3().head_object(Bucket=bucket, Key=key)
        except ClientError as exc:
            _is_there(exc)
            return None

    def _must_take(self, exc: Any) -> NoReturn:
        """Nothing can be written here. Raises CollectionUnusable, ClientError."""
        if error_code(exc) in (*_NO_BUCKET, *_DENIED):
            raise CollectionUnusable(
                f"{self.address} takes no object ({error_code(exc)}). Give this host's credentials s3:PutObject on it."
            ) from exc
        raise exc

    def _tags(self, key: str) -> str:
        from urllib.parse import urlencode

        tags = clients.s3().get_object_tagging(Bucket=self.bucket, Key=key)["TagSet"]
        return urlencode({tag["Key"]: tag["Value"] for tag in tags})

    def _original(self, key: str, size: int, etag: str) -> Original:
        return Original(key.removeprefix(self.prefix), size, unquoted(etag))


@contextmanager
def usable(address: str) -> Iterator[None]:
    """Within it a bucket is asked for what nobody can do without. Raises CollectionUnusable."""
    from botocore.exceptions import ClientError, NoCredentialsError, ParamValidationError

    try:
        yield
    except ClientError as exc:
        if error_code(exc) in (*_NO_BUCKET, *_DENIED, *_MISSING):
            raise CollectionUnusable(
                f"{address} cannot be listed ({error_code(exc)}). Name a bucket that is there, and give this host's "
                "credentials s3:ListBucket and s3:GetObject on it."
            ) from exc
        raise
    except ParamValidationError as exc:
        raise CollectionUnusable(f"{address} names no bucket. Write s3://bucket/prefix.") from exc
    except NoCredentialsError as exc:
        why = "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this host a role."
        raise CollectionUnusable(f"{address} cannot be listed: there are no credentials. {why}") from exc


def _is_there(exc: Any) -> bool:
    """False for an object that is gone, or no longer of the version that was asked for.

    Raises:
        OriginalUnavailable, CollectionUnusable, ClientError.
    """
    if error_code(exc) in _NO_BUCKET:
        raise CollectionUnusable(f"There is no such bucket ({error_code(exc)}).") from exc
    if error_code(exc) in _MISSING:
        return False
    if error_code(exc) in _ARCHIVED:
        raise OriginalUnavailable("The object is archived. Restore it in S3, and have it tried again.") from exc
    if error_code(exc) in _DENIED:
        raise OriginalUnavailable(
            "Access to the object is denied. Give this host's credentials the right to it, and have it tried again."
        ) from exc
    raise exc
