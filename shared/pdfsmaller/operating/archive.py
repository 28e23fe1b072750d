"""A backup's file: a tar whose members are read where they lie, and that nothing is ever unpacked from by its name.

::

    tables/{table}/{n}.jsonl.gz    rows, a JSON object a line, by the names of their columns; in pieces
    files/{n}                      the bytes of an object of the storage
    secret.key                     SECRET_KEY, where that was asked for
    manifest.json                  what there is, every member's size and SHA-256; last, so that no half file has one

Rows are packed, and files are not: those are documents and pictures, which are packed already.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter

from pdfsmaller.errors import BadBackup
from pdfsmaller.jobs.keys import JOBS
from pdfsmaller.jobs.upkeep import TableRow

#: The form described above. A change that former versions cannot read is a new one.
FORMAT = 1
UPLOADS, RESULTS = "uploads", "results"  # buckets, whatever a storage calls its own
MANIFEST = "manifest.json"
SECRET = "secret.key"
#: A piece of a table is closed once it has so many bytes.
_PIECE_BYTES = 4_000_000
#: The longest line: a job's row has 400 KB at most.
_LINE_BYTES = 4_000_000
_MANIFEST_BYTES = 1_000_000_000
_TABLE = re.compile(r"tables/([a-z][a-z_]{0,62})/\d{6}\.jsonl\.gz")
_FILE = re.compile(r"files/\d+")
_MODE = 0o600


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An object of the storage: its bucket (``UPLOADS`` or ``RESULTS``), key, media type and metadata."""

    bucket: str
    key: str
    media_type: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the file: its name, size in bytes and SHA-256; the object that it is, where it is one."""

    name: str
    bytes: int
    sha256: str
    file: StoredFile | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    Attributes:
        product: the version of PDF Smaller that made it.
        schema: the version of the tables.
        taken_at: the moment that the tables are as of, in seconds since the epoch.
        key: the fingerprint of SECRET_KEY; None where there was none.
        tables: how many rows each has.
        gone: keys of files that were no longer there, since their jobs had ended meanwhile.
        members: all but the manifest itself, in their order.
        format: see ``FORMAT``.
    """

    product: str
    schema: str
    taken_at: float
    key: str | None
    tables: Mapping[str, int]
    gone: tuple[str, ...]
    members: tuple[Member, ...]
    format: int = FORMAT

    def files(self) -> Iterator[tuple[Member, StoredFile]]:
        """The members that are objects of the storage."""
        for member in self.members:
            if member.file:
                yield member, member.file


_MANIFESTS = TypeAdapter(Manifest)


class Writer:
    """Writes a backup into an open file; ``close`` ends it."""

    def __init__(self, target: IO[bytes], taken_at: float) -> None:
        self._tar = tarfile.TarFile(fileobj=target, mode="w", format=tarfile.PAX_FORMAT)
        self._taken_at = taken_at
        self._members: list[Member] = []
        self._tables: dict[str, int] = {}
        self._files = 0

    def table(self, name: str, rows: Iterable[TableRow]) -> None:
        """Write a table."""
        self._tables[name], pieces, left = 0, 0, iter(rows)
        while piece := self._piece(name, left):
            self._add(f"tables/{name}/{pieces:06}.jsonl.gz", io.BytesIO(piece), len(piece))
            pieces += 1

    def _piece(self, name: str, rows: Iterator[TableRow]) -> bytes:
        """The next rows, packed; empty where there are none."""
        piece, before = io.BytesIO(), self._tables[name]
        with gzip.GzipFile(fileobj=piece, mode="wb", compresslevel=1, mtime=0) as packed:
            for row in rows:
                packed.write(json.dumps(row, separators=(",", ":")).encode() + b"\n")
                self._tables[name] += 1
                if piece.tell() >= _PIECE_BYTES:
                    break
        return piece.getvalue() if self._tables[name] > before else b""

    def file(self, file: StoredFile, source: IO[bytes], size: int) -> None:
        """Write an object of the storage."""
        self._add(f"files/{self._files:06}", source, size, file)
        self._files += 1

    def secret(self, key: str) -> None:
        """Write SECRET_KEY."""
        self._add(SECRET, io.BytesIO(key.encode()), len(key.encode()))

    def close(self, *, product: str, schema: str, key: str | None, gone: Iterable[str]) -> Manifest:
        """Write the manifest and the end; it. The arguments are those of ``Manifest``."""
        manifest = Manifest(product, schema, self._taken_at, key, self._tables, tuple(gone), tuple(self._members))
        text = _MANIFESTS.dump_json(manifest, indent=1)
        self._tar.addfile(self._info(MANIFEST, len(text)), io.BytesIO(text))
        self._tar.close()
        return manifest

    def _add(self, name: str, source: IO[bytes], size: int, file: StoredFile | None = None) -> None:
        hashed = _Hashing(source)
        self._tar.addfile(self._info(name, size), hashed)
        self._tar.getmembers().clear()  # which it would keep for reading
        self._members.append(Member(name, size, hashed.hexdigest(), file))

    def _info(self, name: str, size: int) -> tarfile.TarInfo:
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = size, int(self._taken_at), _MODE
        return info


class _Hashing:
    """A file as it is read, and the SHA-256 of what was."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self._hash = source, hashlib.sha256()
        self.hexdigest = self._hash.hexdigest

    def read(self, size: int = -1) -> bytes:
        read = self._source.read(size)
        self._hash.update(read)
        return read


class Archive:
    """A backup that was found whole, as it is read."""

    def __init__(self, manifest: Manifest, tar: tarfile.TarFile, members: Mapping[str, tarfile.TarInfo]) -> None:
        self.manifest, self._tar, self._members = manifest, tar, members

    def tables(self) -> Iterator[tuple[str, Iterator[TableRow]]]:
        """The rows of all tables, in pieces: a table's name comes as often as it has some."""
        for member in self.manifest.members:
            if match := _TABLE.fullmatch(member.name):
                yield match[1], self._rows(member)

    def _rows(self, member: Member) -> Iterator[TableRow]:
        with gzip.GzipFile(fileobj=self.open(member)) as lines:
            while line := lines.readline(_LINE_BYTES):
                try:
                    row = json.loads(line)
                except ValueError:
                    row = None
                if not isinstance(row, dict):
                    raise BadBackup(f"{member.name} of the backup holds what is no row of a table.")
                yield row

    def secret(self) -> str | None:
        """SECRET_KEY, where it was put there."""
        for member in self.manifest.members:
            if member.name == SECRET:
                return self.open(member).read().decode()
        return None

    def open(self, member: Member) -> BufferedReader:
        """A member's bytes."""
        opened = self._tar.extractfile(self._members[member.name])
        assert isinstance(opened, BufferedReader)  # a regular file, as was seen
        return opened


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """A backup, once all of it was read and found as its manifest says.

    Raises:
        BadBackup: it is none, is not whole, or is of a newer form.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            yield _verified(tar)
    except tarfile.TarError as exc:
        raise BadBackup(f"{path} is no backup, or not a whole one ({exc}).") from None
    except (gzip.BadGzipFile, zlib.error, EOFError) as exc:
        raise BadBackup(f"{path} is damaged ({exc}).") from None
    except OSError as exc:
        if exc.filename != str(path):
            raise
        raise BadBackup(f"{path} cannot be read ({exc.strerror}).") from None


def _verified(tar: tarfile.TarFile) -> Archive:
    members: dict[str, tarfile.TarInfo] = {}
    for info in tar:
        if info.type != tarfile.REGTYPE or info.name in members or not _is_ours(info.name):
            raise BadBackup(f"The file holds {info.name[:100]!r}, which no backup does. Nothing was done with it.")
        members[info.name] = info
    if MANIFEST not in members:
        raise BadBackup("The file has no manifest: it is no backup, or the end of it is missing.")
    manifest_info = members.pop(MANIFEST)
    archive = Archive(_manifest(tar, manifest_info), tar, members)
    named = [member.name for member in archive.manifest.members]
    if sorted(named) != sorted(members):
        raise BadBackup("The file does not hold what its manifest says. It is damaged.")
    for member in archive.manifest.members:
        is_of_size = members[member.name].size == member.bytes
        if not is_of_size or hashlib.file_digest(archive.open(member), "sha256").hexdigest() != member.sha256:
            raise BadBackup(f"{member.name} of the backup is not what its manifest says. It is damaged.")
    return archive


def _is_ours(name: str) -> bool:
    return name in (MANIFEST, SECRET) or bool(_TABLE.fullmatch(name) or _FILE.fullmatch(name))


def _manifest(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Manifest:
    source = tar.extractfile(info)
    assert source  # a regular file, as was seen
    try:
        found = json.loads(source.read(_MANIFEST_BYTES))
        form, product = int(found["format"]), str(found["product"])
        if form > FORMAT:
            raise BadBackup(
                f"The backup is of form {form}, made by PDF Smaller {product[:32]}; this one knows {FORMAT}. Restore "
                "it with that version or a later one."
            )
        manifest = _MANIFESTS.validate_python(found)
    except (ValueError, KeyError, TypeError):
        raise BadBackup("The backup's manifest cannot be read. It is damaged.") from None
    for member in manifest.members:
        file = member.file
        known = file is None or (file.bucket in (UPLOADS, RESULTS) and file.key.startswith(JOBS))
        if not known or bool(file) is not bool(_FILE.fullmatch(member.name)):
            raise BadBackup(f"The backup's manifest says of {member.name[:100]!r} what cannot be.")
    return manifest


def fingerprint(key: str) -> str | None:
    """What tells a SECRET_KEY from others, and nobody what it is; None for none."""
    return hashlib.sha256(b"pdfsmaller backup\n" + key.encode()).hexdigest()[:16] if key else None
