"""``pdfsmaller admin``, but backup and restore: the database's tables, the workers, the room on the disk."""

from __future__ import annotations

from pathlib import Path

from pdfsmaller import wire
from pdfsmaller.errors import CannotServe
from pdfsmaller.jobs.upkeep import Schema, Upkeep
from pdfsmaller.jobs.workers import WorkerInfo
from pdfsmaller.operating.place import Place, place


def init(*, data: Path | None) -> Schema:
    """Make the database's tables and the folders that are missing, and see that all of them can be used; as often as
    one likes.

    Args:
        data: the folder of a ``serve``; None where the environment names database and storage.

    Raises:
        CannotServe, StoreUnavailable.
    """
    here = place(data)
    database = here.database("init", "deploy template.yaml, which makes table, queues and buckets.")
    wire.prepare(here.settings, processes=1)
    if folder := here.backups():
        make_folder(folder)
    return database.schema()


def schema(*, data: Path | None) -> Schema:
    """Which version the database's tables are of. ``data`` and errors as for ``init``."""
    return _tables(place(data)).schema()


def migrate(to: str | None, *, data: Path | None) -> tuple[Schema, Schema]:
    """Bring the database's tables to a version; as they were, and as they are. ``data`` and errors as for ``init``.

    Args:
        to: None for this program's.

    Raises:
        WrongSchema: they are newer.
    """
    database = _tables(place(data))
    before = database.schema()
    return before, database.migrate(to)


def vacuum(*, data: Path | None) -> tuple[int, int]:
    """Give back the room of what is gone from the database, and count anew what searching goes by; what it took on the
    disk before, and what it takes, in bytes. ``data`` and errors as for ``init``.
    """
    here = place(data)
    database = here.database("vacuum", "DynamoDB does so by itself.")
    wire.check(here.settings, processes=1)
    before = database.size()
    database.tidy()
    return before, database.size()


def workers(*, data: Path | None) -> list[WorkerInfo]:
    """The workers that were seen lately. ``data`` and errors as for ``init``."""
    here = place(data)
    here.database("workers", "Lambda starts them; see the function's ConcurrentExecutions in CloudWatch.")
    return alive(here)


def alive(here: Place) -> list[WorkerInfo]:
    """The workers of a service that were seen within a lease's time; none on AWS, where nobody knows them."""
    known = here.ready().workers
    return known.alive(here.settings.lease_seconds) if known else []


def make_folder(folder: Path) -> None:
    """A folder for its owner alone, where it is not there yet.

    Raises:
        CannotServe.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise CannotServe(f"The folder {folder} cannot be made ({exc.strerror}). Make it, or set BACKUP_DIR.") from None


def _tables(here: Place) -> Upkeep:
    return here.database("migrate", "DynamoDB's table has no schema; deploy template.yaml.")
