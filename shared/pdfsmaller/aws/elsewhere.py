"""Copies of files of the host in a bucket that is none of the service's."""

from __future__ import annotations

from pathlib import Path

from pdfsmaller.aws import clients
from pdfsmaller.errors import CannotServe


def copy_away(path: Path, bucket: str, key: str) -> None:
    """Copy a file into a bucket, in parts where it is large.

    Raises:
        CannotServe: it is refused there.
        StoreUnavailable.
    """
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        clients.s3().upload_file(str(path), bucket, key)
    except (S3UploadFailedError, ClientError, BotoCoreError) as exc:
        raise CannotServe(f"{type(exc).__name__}: {exc}") from exc
