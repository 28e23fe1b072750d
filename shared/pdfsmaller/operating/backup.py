"""``pdfsmaller admin backup``: one file of the database and of what unfinished jobs need, made while all runs.

The tables are read first, as they stood at one moment, and then the files: whatever a row names was there by then. A
file that is gone when its turn comes belongs to a job that has ended meanwhile.

A backup gets its name when it has been written down to the disk and then restored, into an empty database of its own:
what has such a name can be restored.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pdfsmaller import __version__, media, wire
from pdfsmaller.errors import (
    BackupFailed,
    BadBackup,
    CannotServe,
    DiskFull,
    InvalidSettings,
    PdfSmallerError,
    StoreUnavailable,
)
from pdfsmaller.jobs.figures import Figure
from pdfsmaller.jobs.keys import input_key, inputs_prefix, report_key
from pdfsmaller.jobs.rows import to_job
from pdfsmaller.jobs.states import Status
from pdfsmaller.operating import archive, backups
from pdfsmaller.operating.admin import make_folder
from pdfsmaller.operating.archive import Manifest, StoredFile, Writer
from pdfsmaller.operating.place import Place, place
from pdfsmaller.operations import OPERATIONS
from pdfsmaller.services.figures import BACKUP
from pdfsmaller.services.giving_up import was_given_up
from pdfsmaller.services.watch import durable

if TYPE_CHECKING:
    from pdfsmaller.jobs.model import Job
    from pdfsmaller.jobs.ports import Storage
    from pdfsmaller.jobs.upkeep import TableRow, Upkeep
    from pdfsmaller.settings import Settings

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_INSTEAD = (
    "switch on point-in-time recovery of the table (aws dynamodb update-continuous-backups) and versioning of the "
    "buckets, or use AWS Backup."
)


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made and checked: where, its size in bytes, what is in it, and which older ones went."""

    path: Path
    bytes: int
    manifest: Manifest
    has_secret: bool
    deleted: tuple[Path, ...]


def backup(*, data: Path | None, to: Path | None = None, results: bool = False, with_secret: bool = False) -> Made:
    """Make a backup, check it by restoring it, delete those that are too old, and copy it away where that is set.

    Args:
        data: the folder of a ``serve``; None where the environment names database and storage.
        to: the folder that it goes to instead of BACKUP_DIR.
        results: whether what ended jobs made comes along.
        with_secret: whether SECRET_KEY does.

    Raises:
        BackupFailed: and nothing is left of it; or it stands, and could not be copied away.
        CannotServe, StoreUnavailable.
    """
    here = place(data)
    database = here.database("backup", _INSTEAD)
    folder = here.backups(to)
    if folder is None:
        raise InvalidSettings("BACKUP_DIR is not set → set it, or give --to or --data.")
    make_folder(folder)
    with backups.alone(folder), _room(folder) as room:
        path = backups.new_name(folder)
        part = room / "part"
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            manifest = _write(target, here, database, room, results=results, with_secret=with_secret)
            target.flush()
            os.fsync(target.fileno())
        size = part.stat().st_size
        _check(part, here.settings)
        part.rename(path)
        durable.sync(folder)
        deleted = backups.rotate(folder, here.settings.backup_keep_days, path)
    if here.settings.backup_upload_url:
        _copy_away(path, here.settings)
    _tell(here, database)
    return Made(path, size, manifest, with_secret, tuple(deleted))


@contextmanager
def _room(folder: Path) -> Iterator[Path]:
    """A folder for what is being written; nothing of it stays.

    Raises:
        BackupFailed: there is no room on the disk, or it cannot be written to.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=backups.UNFINISHED, dir=folder) as room:
            yield Path(room)
    except DiskFull:
        raise _full(folder) from None
    except OSError as exc:
        if exc.errno in _FULL:
            raise _full(folder) from None
        raise BackupFailed(f"The folder {folder} cannot be written to ({exc.strerror}). No backup was made.") from None


def _full(folder: Path) -> BackupFailed:
    return BackupFailed(
        f"The disk is full, that of {folder} or that of TMPDIR. No backup was made, and the former ones stand. Make "
        "room there, or keep fewer (BACKUP_KEEP_DAYS)."
    )


def _write(
    target: IO[bytes], here: Place, database: Upkeep, room: Path, *, results: bool, with_secret: bool
) -> Manifest:
    storage, key = here.world.storage, here.settings.secret_key
    needed = _Needed(storage, results)
    with database.snapshot() as snapshot:
        version, writer = snapshot.version, Writer(target, snapshot.taken_at)
        for name, rows in snapshot.tables():
            writer.table(name, needed.noted(rows) if name == "jobs" else rows)
    gone: list[str] = []
    copy = room / "file"
    for file in needed.files():
        bucket = bucket_of(storage, file)
        known = storage.head(bucket, file.key)
        if known and storage.download(bucket, file.key, copy, etag=known.etag):
            with copy.open("rb") as source:
                writer.file(replace(file, metadata=known.metadata), source, copy.stat().st_size)
        else:
            gone.append(file.key)
    if with_secret and key:
        writer.secret(key)
    return writer.close(product=__version__, schema=version, key=archive.fingerprint(key), gone=gone)


def bucket_of(storage: Storage, file: StoredFile) -> str:
    """The bucket that a file of a backup belongs into."""
    return storage.uploads if file.bucket == archive.UPLOADS else storage.results


class _Needed:
    """Which files go along: the inputs of jobs that have not ended, or may be redriven; what ended ones made where that
    is wanted.
    """

    def __init__(self, storage: Storage, results: bool) -> None:
        self._storage, self._results = storage, results
        self._known: list[StoredFile] = []
        self._coming: list[tuple[str, str]] = []  # of jobs whose inputs may not all be there: prefix, media type

    def noted(self, rows: Iterable[TableRow]) -> Iterator[TableRow]:
        """The rows of jobs, as they are read."""
        for row in rows:
            self._note(to_job(json.loads(row["content"])))
            yield row

    def _note(self, job: Job) -> None:
        if job.status is Status.AWAITING_UPLOAD:
            self._coming.append((inputs_prefix(job.job_id), _input_type(job)))
        elif not job.status.is_final or was_given_up(job):
            for index in range(job.input_count):
                self._known.append(StoredFile(archive.UPLOADS, input_key(job.job_id, index), _input_type(job)))
        elif self._results and job.status is Status.SUCCEEDED:
            made = {result.key: result.media_type for result in (*job.results, job.download) if result}
            made[report_key(job.job_id, job.attempt)] = media.JSON
            self._known += [StoredFile(archive.RESULTS, key, media_type) for key, media_type in made.items()]

    def files(self) -> Iterator[StoredFile]:
        """All of them; what has come meanwhile of those that were not all there too."""
        yield from self._known
        for prefix, media_type in self._coming:
            for found in self._storage.list(self._storage.uploads, prefix):
                yield StoredFile(archive.UPLOADS, found.key, media_type)


def _input_type(job: Job) -> str:
    known = OPERATIONS.get(job.operation)  # one of another version may have others
    return known.inputs.media_type if known else media.ANY


def _check(part: Path, settings: Settings) -> None:
    """Restore a backup into an empty database, and count what is there then.

    Raises:
        BackupFailed: something is missing.
    """
    with tempfile.TemporaryDirectory() as scratch, archive.opened(part) as found:
        database = wire.upkeep(settings.model_copy(update={"database_url": f"sqlite:///{scratch}/jobs.db"}))
        assert database
        try:
            database.replace(found.manifest.schema, found.tables(), taken_at=found.manifest.taken_at)
            require_all(found.manifest, database)
        except (CannotServe, StoreUnavailable) as exc:
            raise BackupFailed(f"The backup could not be restored, so it was deleted: {exc.message}") from exc
        finally:
            database.close()


def require_all(manifest: Manifest, database: Upkeep) -> None:
    """Return where a database has as many rows as a backup says.

    Raises:
        BadBackup.
    """
    counts = database.counts()
    for name, rows in manifest.tables.items():
        if counts.get(name, 0) != rows:
            raise BadBackup(f"The table {name} should have {rows:,} rows, and {counts.get(name, 0):,} came back.")


def _copy_away(path: Path, settings: Settings) -> None:
    try:
        wire.copy_away(path, settings.backup_upload_url)
    except (CannotServe, StoreUnavailable, OSError) as exc:
        why = exc.message if isinstance(exc, PdfSmallerError) else str(exc)
        raise BackupFailed(
            f"The backup {path} stands, and could not be copied to {settings.backup_upload_url}: {why}"
        ) from exc


def _tell(here: Place, database: Upkeep) -> None:
    """Have the figure say that there is a backup, where the tables have a place for it."""
    if here.world.figures and database.schema().is_current:
        here.world.figures.set(Figure(BACKUP.name, time.time()))
