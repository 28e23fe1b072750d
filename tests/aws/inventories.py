"""S3 Inventories as S3 writes them, into a bucket of moto."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

import boto3

SCHEMA = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass"


def row(bucket: str, key: str, size: int, etag: str, *, latest: bool = True, deleted: bool = False) -> list[str]:
    """One of ``SCHEMA``. Size and entity tag of a delete marker are empty."""
    facts = ["", "", ""] if deleted else [str(size), etag, "STANDARD"]
    flags = [str(latest).lower(), str(deleted).lower()]
    return [bucket, quote(key), "v1", *flags, facts[0], "2026-01-01T00:00:00.000Z", *facts[1:]]


def packed(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return gzip.compress(text.getvalue().encode(), mtime=0)


def write(bucket: str, source: str, data: Sequence[bytes], *, checksum: str = "", **changes: Any) -> str:
    """Write an inventory of ``source`` into ``bucket``; the address of its manifest.

    Args:
        data: its files, gzipped CSV.
        checksum: another one than the manifest's own.
        changes: of the manifest.
    """
    s3, at = boto3.client("s3"), f"inventory/{source}/daily"
    listed = []
    for number, body in enumerate(data):
        key = f"{at}/data/{number}.csv.gz"
        s3.put_object(Bucket=bucket, Key=key, Body=body)
        listed.append({"key": key, "size": len(body), "MD5checksum": hashlib.md5(body).hexdigest()})
    manifest = {
        "sourceBucket": source,
        "destinationBucket": f"arn:aws:s3:::{bucket}",
        "version": "2016-11-30",
        "creationTimestamp": "1514944800000",
        "fileFormat": "CSV",
        "fileSchema": SCHEMA,
        "files": listed,
    } | changes
    body = json.dumps(manifest).encode()
    prefix = f"{at}/2026-01-01T00-00Z"
    s3.put_object(Bucket=bucket, Key=f"{prefix}/manifest.json", Body=body)
    said = checksum or hashlib.md5(body).hexdigest()
    s3.put_object(Bucket=bucket, Key=f"{prefix}/manifest.checksum", Body=f"{said}\n".encode())
    return f"s3://{bucket}/{prefix}/manifest.json"
