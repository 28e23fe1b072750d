"""The one place where the parts are put together: which adapter stands behind which port.

There are two worlds. On AWS, and on emulators of it, jobs are in DynamoDB and SQS and files in S3; on a server of one's
own (DATABASE_URL) jobs are in a database and files in a folder or in a store that speaks S3. What one of them needs is
imported there alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pdfsmaller.access.keys import Keys
from pdfsmaller.errors import CannotServe, DiskFull, StoreUnavailable
from pdfsmaller.jobs.moves import Jobs
from pdfsmaller.services import audit, ends, figures
from pdfsmaller.services.webhooks import tell
from pdfsmaller.services.world import World

if TYPE_CHECKING:
    from pdfsmaller.access.ports import Counters, KeyStore
    from pdfsmaller.jobs.collections import Collection
    from pdfsmaller.jobs.ports import Figures, JobStore, Line, Messages, Queue, Storage, Workers
    from pdfsmaller.jobs.upkeep import Upkeep
    from pdfsmaller.server.database.base import Database
    from pdfsmaller.settings import Settings

#: What STORAGE_URL begins with where files are in a store that speaks S3.
_S3 = "s3://"
#: Of the queue of callbacks; template.yaml has the same. A request ends well within it.
CALLBACK_VISIBILITY_SECONDS = 120
#: A message waits its turn by being received and put back: the row counts attempts, and this only ends what is poison.
CALLBACK_MAX_RECEIVE_COUNT = 1_000


class _Adapters(NamedTuple):
    store: JobStore
    queue: Queue
    storage: Storage
    callbacks: Messages
    keys: KeyStore
    counters: Counters
    together: Callable[[], AbstractContextManager[None]]
    workers: Workers | None = None
    line: Line | None = None
    figures: Figures | None = None


def wire(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    listeners: Sequence[ends.Listener] = (ends.log,),
) -> World:
    """The world that ``settings`` name. Nothing is connected to before it is used.

    Args:
        clock: the host's, in seconds since the epoch, for stores that have none.
        listeners: who hears of every job's end, in this order, before the audit, the figures and those who asked for a
            callback.
    """
    adapters = _own_server(settings, clock) if settings.database_url else _aws(settings, clock)
    jobs, heard = Jobs(adapters.store), audit.listener(names=settings.audit_file_names)
    counted = [figures.listener(adapters.figures)] if settings.metrics_enabled else []
    return World(
        settings=settings,
        jobs=jobs,
        ends=ends.Ends(jobs, (*listeners, heard, *counted, tell.listener(adapters.callbacks))),
        queue=adapters.queue,
        storage=adapters.storage,
        callbacks=adapters.callbacks,
        keys=Keys(adapters.keys, clock),
        counters=adapters.counters,
        together=adapters.together,
        workers=adapters.workers,
        line=adapters.line,
        figures=adapters.figures,
    )


def connect_early() -> None:
    """Connect now, where that makes the first request quicker: where a function starts on Lambda."""
    from pdfsmaller.aws import clients

    clients.connect_early()


def prepare(settings: Settings, *, processes: int) -> None:
    """Make a server's database ready: its tables, in this version's form; and its folder of files. Nothing stays
    connected.

    Args:
        processes: how many will use it here.

    Raises:
        CannotServe: they cannot be used, or the tables are those of a newer version.
        StoreUnavailable: the database does not answer.
    """
    from pdfsmaller.server.database import migrations

    _make_sure(settings, processes, migrations.upgrade)


def check(settings: Settings, *, processes: int) -> None:
    """Return where a server's database and folder are ready. As ``prepare``, but tables that are missing or older are
    an error.
    """
    from pdfsmaller.server.database import migrations

    _make_sure(settings, processes, migrations.check)


def upkeep(settings: Settings) -> Upkeep | None:
    """A server's database as those see it who look after it; None on AWS, which does so itself."""
    if not settings.database_url:
        return None
    from pdfsmaller.server.database.upkeep import SqlUpkeep

    return SqlUpkeep(_database(settings))


def copy_away(path: Path, url: str) -> None:
    """Copy a file to where a URL of a bucket leads, ``s3://bucket/prefix``, under its own name.

    Raises:
        CannotServe: boto3 is missing, or the store refuses it.
        StoreUnavailable.
    """
    _require_boto3(f"BACKUP_UPLOAD_URL={_S3}")
    from pdfsmaller.aws.elsewhere import copy_away

    bucket, _, prefix = url.removeprefix(_S3).partition("/")
    copy_away(path, bucket, f"{prefix.strip('/')}/{path.name}".lstrip("/"))


def _make_sure(settings: Settings, processes: int, of_tables: Callable[[Database], None]) -> None:
    _check_folder(settings)
    database = _database(settings)
    try:
        database.require_suitable(processes)
        of_tables(database)
    finally:
        database.close()


def _aws(settings: Settings, clock: Callable[[], float]) -> _Adapters:
    from pdfsmaller.aws.access import DynamoCounters, DynamoKeyStore
    from pdfsmaller.aws.job_store import DynamoJobStore
    from pdfsmaller.aws.line import AwsLine
    from pdfsmaller.aws.queue import SqsMessages, SqsQueue

    return _Adapters(
        DynamoJobStore(settings.jobs_table, clock),
        SqsQueue(settings.compress_queue_url, settings.dead_letter_queue_url),
        _s3(settings, announces=True),
        SqsMessages(settings.callback_queue_url),
        DynamoKeyStore(settings.jobs_table),
        DynamoCounters(settings.jobs_table, clock),
        nullcontext,
        line=AwsLine(settings.jobs_table, settings.compress_queue_url, clock),
    )


def _own_server(settings: Settings, clock: Callable[[], float]) -> _Adapters:
    from pdfsmaller.server.database.access import SqlCounters, SqlKeyStore
    from pdfsmaller.server.database.figures import SqlFigures
    from pdfsmaller.server.database.job_store import SqlJobStore
    from pdfsmaller.server.database.queue import SqlQueue
    from pdfsmaller.server.database.schema import callbacks
    from pdfsmaller.server.database.workers import SqlWorkers

    database = _database(settings, clock)
    queue = SqlQueue(database, visibility_seconds=settings.lease_seconds, max_receive_count=settings.max_receive_count)
    told = SqlQueue(
        database,
        visibility_seconds=CALLBACK_VISIBILITY_SECONDS,
        max_receive_count=CALLBACK_MAX_RECEIVE_COUNT,
        table=callbacks,
    )
    return _Adapters(
        SqlJobStore(database),
        queue,
        _storage(settings),
        told,
        SqlKeyStore(database),
        SqlCounters(database),
        database.together,
        SqlWorkers(database),
        figures=SqlFigures(database),
    )


def _database(settings: Settings, clock: Callable[[], float] = time.time) -> Database:
    from pdfsmaller.server.database import opened
    from pdfsmaller.server.database.pool import Pool

    pool = Pool(
        size=settings.database_pool_size,
        max_overflow=settings.database_max_overflow,
        recycle_seconds=settings.database_pool_recycle_seconds,
        pre_ping=settings.database_pool_pre_ping,
    )
    return opened(settings.database_url, pool, clock=clock)


def _storage(settings: Settings) -> Storage:
    if settings.storage_url.startswith(_S3):
        _require_boto3(f"STORAGE_URL={_S3}")
        return _s3(settings, announces=False)
    from pdfsmaller.server.folder.storage import FolderStorage

    return FolderStorage(
        Path(settings.storage_url.removeprefix("file://")),
        settings.secret_key,
        max_bytes=settings.storage_max_bytes,
        full_percent=settings.storage_full_percent,
        group_reads=bool(settings.x_accel_prefix),
    )


def _require_boto3(what: str) -> None:
    """Return where a place in S3 can be used. ``what``: names it as whoever asks for it does."""
    if find_spec("boto3") is None:
        raise CannotServe(f"{what} needs boto3: pip install 'pdfsmaller[server,s3]'.")


def _check_folder(settings: Settings) -> None:
    """Return where the folder of files can be written to; what is elsewhere may come later."""
    if settings.storage_url.startswith(_S3):
        return
    try:
        storage = _storage(settings)
        for bucket in (storage.uploads, storage.results):
            storage.probe(bucket)
    except (StoreUnavailable, DiskFull) as exc:
        raise CannotServe(f"STORAGE_URL is {settings.storage_url}: {exc.message}") from None


def _s3(settings: Settings, *, announces: bool) -> Storage:
    from pdfsmaller.aws.storage import S3Storage

    return S3Storage(
        settings.uploads_bucket, settings.results_bucket, settings.s3_public_endpoint_url, announces=announces
    )


def files_in_s3(settings: Settings) -> bool:
    """Whether the service's files are in S3, which copies what is in its other buckets by itself."""
    return not settings.database_url or settings.storage_url.startswith(_S3)


def collection(address: str) -> Collection:
    """The documents outside of the service that lie at an address.

    Args:
        address: ``s3://bucket/prefix``, the ``s3://…/manifest.json`` of an S3 Inventory, or a folder.

    Raises:
        CollectionUnusable, InvalidInventory, StoreUnavailable.
        CannotServe: what it needs is not installed.
    """
    if not address.startswith(_S3):
        from pdfsmaller.services.backfill.folder import FolderCollection

        return FolderCollection(Path(address))
    _require_boto3(address)
    from pdfsmaller.aws import collections, inventory

    bucket, _, key = address.removeprefix(_S3).partition("/")
    if key.rpartition("/")[2] == inventory.MANIFEST:
        return inventory.InventoryCollection(bucket, key)
    return collections.S3Collection(bucket, key if not key or key.endswith("/") else f"{key}/")
