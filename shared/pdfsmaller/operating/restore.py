"""``pdfsmaller admin restore``: a backup put in place of what is there.

All of the backup is read and compared with its manifest before anything is written. Then come the files, under keys
that nothing else has, and last the tables, in one step: a restore that dies half-way has changed no row, and is begun
again.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pdfsmaller.errors import BadBackup, StoreInUse, StoreNotEmpty
from pdfsmaller.jobs.keys import JOBS
from pdfsmaller.operating import archive
from pdfsmaller.operating.archive import Archive, Manifest
from pdfsmaller.operating.backup import bucket_of, require_all
from pdfsmaller.operating.place import Place, place
from pdfsmaller.processes.data_folder import DataFolder

if TYPE_CHECKING:
    from pdfsmaller.jobs.upkeep import Upkeep

#: Tables whose rows somebody would miss; others are filled by processes that run, or say what these are.
_MISSED = ("jobs", "api_keys")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, and how many files of jobs that nobody knows any more were deleted."""

    manifest: Manifest
    deleted: int


def restore(
    file: Path, *, data: Path | None, replace: bool = False, other_key: bool = False, keep_version: bool = False
) -> Restored:
    """Put a backup into a store.

    Args:
        file: the backup.
        data: the folder of a ``serve``; None where the environment names database and storage.
        replace: whether what is there may go: all rows, and files of jobs that are not in the backup.
        other_key: whether SECRET_KEY may be another one than that of the backup.
        keep_version: leave the tables as they were, for an older program, and not as this one needs them.

    Raises:
        BadBackup: it is none, damaged, or of a newer version; or it belongs to another SECRET_KEY.
        StoreNotEmpty: there is something, and ``replace`` is not given.
        StoreInUse: processes of the service run.
        CannotServe, StoreUnavailable.
    """
    with archive.opened(file) as backup:
        folder = DataFolder(data) if data else None
        with folder.held() if folder else nullcontext():
            _bring_key(backup, folder)
            here = place(data)
            database = here.database("restore", "aws dynamodb restore-table-to-point-in-time brings the table back.")
            _require_suitable(backup.manifest, here, database, other_key=other_key)
            _require_room(here, database, replace=replace)
            _put_files(backup, here)
            database.replace(
                backup.manifest.schema, backup.tables(), taken_at=backup.manifest.taken_at, keep_version=keep_version
            )
            require_all(backup.manifest, database)
            deleted = _delete_unknown(here) if replace else 0
            database.close()
    return Restored(backup.manifest, deleted)


def _bring_key(backup: Archive, folder: DataFolder | None) -> None:
    """Lay the backup's SECRET_KEY into a data folder that has none yet, where the backup brings one."""
    if folder and not os.environ.get("SECRET_KEY") and (key := backup.secret()):
        folder.bring_key(key)


def _require_suitable(manifest: Manifest, here: Place, database: Upkeep, *, other_key: bool) -> None:
    if manifest.schema not in database.schema().known:
        raise BadBackup(
            f"The backup's tables are of version {manifest.schema[:32]}, made by PDF Smaller {manifest.product[:32]}, "
            "which is newer than this one. Restore it with that version or a later one."
        )
    own = archive.fingerprint(here.settings.secret_key)
    if manifest.key != own and not other_key:
        raise BadBackup(
            f"The backup belongs to the SECRET_KEY with the fingerprint {manifest.key}, and the one here has {own}. "
            "Set that key; or say --other-key: passwords of jobs that have not ended cannot be read then, and links "
            "and callback secrets that were given out are no longer valid."
        )


def _require_room(here: Place, database: Upkeep, *, replace: bool) -> None:
    if database.schema().found is None:
        return
    in_use = database.is_in_use()
    if in_use is None and here.world.workers:
        in_use = bool(here.world.workers.alive(here.settings.lease_seconds))
    if in_use:
        raise StoreInUse(
            "Other processes use the database. Stop the service on all hosts first: `serve`, or web, workers, cleanup."
        )
    counts = database.counts()
    if not replace and any(counts.get(name) for name in _MISSED):
        raise StoreNotEmpty(
            f"There are {counts.get('jobs', 0):,} jobs and {counts.get('api_keys', 0):,} API keys, which would be "
            "lost. Make a backup of them, and say --replace if they may go."
        )


def _put_files(backup: Archive, here: Place) -> None:
    storage = here.world.storage
    for member, file in backup.manifest.files():
        with backup.open(member) as source:
            storage.put_file(
                bucket_of(storage, file),
                file.key,
                source,
                media_type=file.media_type,
                metadata=dict(file.metadata),
            )


def _delete_unknown(here: Place) -> int:
    """Delete files of jobs that there are no rows of; how many."""
    world, deleted = here.world, 0
    for bucket in (world.storage.uploads, world.storage.results):
        job_id, known = "", True
        for found in world.storage.list(bucket, JOBS):
            if (of := found.key.split("/")[1]) != job_id:
                job_id, known = of, world.jobs.get(of) is not None
            if not known:
                world.storage.delete(bucket, found.key)
                deleted += 1
    return deleted
