"""An S3 Inventory as a place: what S3 itself wrote down of a bucket, in place of a listing of millions of keys.

``manifest.json`` names the columns and the files, which are CSV, compressed by gzip, with keys that are URL-encoded.
Its own MD5 lies beside it (``manifest.checksum``), those of the files are in it: nothing is used that is not whole. An
inventory is a day old or more, so each object's version is looked at again when it is read.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import unquote_plus

from pdfsmaller.aws import clients
from pdfsmaller.aws.answers import error_code, unquoted
from pdfsmaller.aws.collections import S3Collection, usable
from pdfsmaller.aws.unavailable import reading
from pdfsmaller.errors import InvalidInventory
from pdfsmaller.jobs.collections import Original

#: The name of an inventory's manifest, and of what lies beside it.
MANIFEST, CHECKSUM = "manifest.json", "manifest.checksum"
#: A manifest names files, not objects: larger ones are something else.
_MANIFEST_MAX_BYTES = 100_000_000
_CHUNK_BYTES = 1 << 20
#: Files up to this size are held in memory while they are checked and read, in bytes.
_IN_MEMORY_BYTES = 50_000_000
_NEEDED = ("Key", "Size", "ETag")
_ARN = "arn:aws:s3:::"
_YES = "true"
#: The longest field of a row, in characters: a key has 1,024 bytes, each encoded in up to three.
_FIELD_MAX_CHARS = 131_072


@dataclass(frozen=True, slots=True)
class _File:
    key: str
    md5: str


class InventoryCollection(S3Collection):
    """The bucket that an inventory is of, listed by it. A later inventory of a bucket lists the same collection.

    Args:
        bucket, key: where its ``manifest.json`` lies.

    Raises:
        InvalidInventory, CollectionUnusable, StoreUnavailable.
    """

    def __init__(self, bucket: str, key: str) -> None:
        self._manifest = f"s3://{bucket}/{key}"
        body = _read(bucket, key)
        said = _read(bucket, key.removesuffix(MANIFEST) + CHECKSUM).decode("ascii", "replace").strip().strip('"')
        if hashlib.md5(body, usedforsecurity=False).hexdigest() != said.lower():
            raise self._invalid(f"it does not have the MD5 that {CHECKSUM} says", "Fetch it anew from S3.")
        try:
            manifest = json.loads(body)
            source, held = str(manifest["sourceBucket"]), str(manifest["destinationBucket"]).removeprefix(_ARN)
            self._columns = [name.strip() for name in str(manifest["fileSchema"]).split(",")]
            kind = manifest["fileFormat"]
            self._files = [_File(str(item["key"]), str(item["MD5checksum"]).lower()) for item in manifest["files"]]
        except (ValueError, KeyError, TypeError) as exc:
            raise self._invalid(f"it is no manifest of S3 ({type(exc).__name__}: {exc})") from exc
        if kind != "CSV":
            raise self._invalid(f"its files are {kind}", "Have S3 write the inventory as CSV.")
        if missing := [name for name in _NEEDED if name not in self._columns]:
            raise self._invalid(
                f"it has no {' and no '.join(missing)}", "Choose Size and ETag among the inventory's fields."
            )
        self._held = held
        super().__init__(source)

    def list(self) -> Iterator[Original]:
        for file in self._files:
            with self._fetched(file) as data:
                yield from self._rows(file, data)

    def _fetched(self, file: _File) -> IO[bytes]:
        """A file of the inventory, whole."""
        from botocore.exceptions import ClientError

        spooled = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - the caller closes it
        digest = hashlib.md5(usedforsecurity=False)
        try:
            body = clients.s3().get_object(Bucket=self._held, Key=file.key)["Body"]
        except ClientError as exc:
            raise self._invalid(f"its file {file.key} cannot be read ({error_code(exc)})") from exc
        with reading(), closing(body):
            for chunk in body.iter_chunks(_CHUNK_BYTES):
                digest.update(chunk)
                spooled.write(chunk)
        if digest.hexdigest() != file.md5:
            raise self._invalid(f"its file {file.key} does not have the MD5 that the manifest says")
        spooled.seek(0)
        return spooled

    def _rows(self, file: _File, data: IO[bytes]) -> Iterator[Original]:
        """The objects of one file: of several versions the latest, and no folder."""
        csv.field_size_limit(_FIELD_MAX_CHARS)
        try:
            with gzip.open(data) as unpacked, io.TextIOWrapper(unpacked, "utf-8", newline="") as text:
                for number, row in enumerate(csv.reader(text), 1):
                    if len(row) != len(self._columns):
                        raise self._invalid(
                            f"row {number} of {file.key} has {len(row)} columns and not {len(self._columns)}"
                        )
                    facts = dict(zip(self._columns, row, strict=True))
                    if facts.get("IsLatest", _YES) == _YES and facts.get("IsDeleteMarker", "") != _YES:
                        original = Original(unquote_plus(facts["Key"]), int(facts["Size"]), unquoted(facts["ETag"]))
                        if not original.name.endswith("/"):
                            yield original
        except (OSError, EOFError, ValueError, csv.Error, zlib.error) as exc:
            raise self._invalid(f"{file.key} cannot be read ({type(exc).__name__}: {exc})") from exc

    def _invalid(self, why: str, remedy: str = "Take another inventory of the bucket.") -> InvalidInventory:
        return InvalidInventory(f"The inventory {self._manifest} cannot be used: {why}. {remedy}")


def _read(bucket: str, key: str) -> bytes:
    """A small object. Raises InvalidInventory where it cannot be read, CollectionUnusable where none can."""
    from botocore.exceptions import ClientError

    part: dict[str, Any] = {"Range": f"bytes=0-{_MANIFEST_MAX_BYTES - 1}"}
    with usable(f"s3://{bucket}/{key}"):
        try:
            body = clients.s3().get_object(Bucket=bucket, Key=key, **part)["Body"]
            with reading(), closing(body):
                return bytes(body.read())
        except ClientError as exc:
            raise InvalidInventory(
                f"s3://{bucket}/{key} cannot be read ({error_code(exc)}). An inventory has a {MANIFEST} "
                f"and a {CHECKSUM} beside it."
            ) from exc
