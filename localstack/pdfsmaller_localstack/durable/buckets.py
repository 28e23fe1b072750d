"""The objects of S3 buckets: a pickled index per bucket, and a file for the bytes of each object."""

from __future__ import annotations

import hashlib
import shutil
import threading
from pathlib import Path
from typing import Any

from localstack.config import INTERNAL_RESOURCE_ACCOUNT
from localstack.services.s3.models import S3Bucket, S3Object, s3_stores
from localstack.services.s3.provider import S3Provider
from localstack.services.s3.storage.core import S3ObjectStore

from pdfsmaller_localstack import durable

_files = durable.Files("buckets")
_lock = threading.RLock()
_store: S3ObjectStore | None = None


class Provider(S3Provider):
    """LocalStack's, with a memory."""

    def __init__(self) -> None:
        global _store
        super().__init__()
        _store = self._storage_backend

    def on_before_stop(self) -> None:
        durable.stop()
        super().on_before_stop()

    def create_bucket(self, context: Any, request: Any) -> Any:
        with _lock:
            name = request["Bucket"]
            known = name in _buckets()
            result = super().create_bucket(context, request)
            if not known and name in _buckets():
                _put_back(_buckets()[name])
            return result


def _buckets() -> dict[str, S3Bucket]:
    """Every bucket but LocalStack's own ones, which hold deployed code."""
    return {
        bucket.name: bucket
        for account, regions in list(s3_stores.items())
        if account != INTERNAL_RESOURCE_ACCOUNT
        for store in list(regions.values())
        for bucket in list(store.buckets.values())
    }


def save() -> None:
    root = durable.folder("objects")
    if root is None or _store is None:
        return
    with _lock:
        objects = {
            name: [each for each in bucket.objects.values() if isinstance(each, S3Object)]
            for name, bucket in _buckets().items()
        }
        # Bytes first, then the index that names them, then bytes that nothing names any more.
        for name, held in objects.items():
            (root / name).mkdir(parents=True, exist_ok=True)
            there = {path.name for path in (root / name).iterdir()}
            held[:] = [each for each in held if _file(each) in there or _write(root / name / _file(each), name, each)]
        for name in _files.write(objects):
            shutil.rmtree(root / name, ignore_errors=True)
        for name, held in objects.items():
            kept = {_file(each) for each in held}
            for path in (root / name).iterdir():
                if path.name not in kept:
                    path.unlink(missing_ok=True)


def _file(each: S3Object) -> str:
    identity = f"{each.key}?{each.version_id or 'null'}?{each.internal_last_modified}"
    return hashlib.sha256(identity.encode()).hexdigest()


def _write(path: Path, bucket: str, each: S3Object) -> bool:
    """Write an object's bytes; False where it changed or went meanwhile, so that there is a next time."""
    assert _store
    before = each.internal_last_modified
    new = path.with_suffix(".new")
    with _store.open(bucket, each) as source, new.open("wb") as target:
        if source.last_modified != before:
            durable.changed()
            return False
        while data := source.read(1 << 20):
            target.write(data)
    new.replace(path)
    return True


def _put_back(bucket: S3Bucket) -> None:
    assert _store
    root = durable.folder("objects")
    for each in _files.read(bucket.name) or []:
        assert root
        path = root / bucket.name / _file(each)
        if not path.exists():
            continue
        etag, checksum = each.etag, each.checksum_value
        with _store.open(bucket.name, each, mode="w") as target, path.open("rb") as source:
            target.write(source)
        each.etag, each.checksum_value = etag, checksum  # of a multipart upload it is not the bytes' own
        # What was written just now has a new time, and so a new name.
        path.replace(root / bucket.name / _file(each))
        bucket.objects.set(each.key, each)
