"""``pdfsmaller admin status``: how a service stands, as far as its store knows."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdfsmaller import __version__
from pdfsmaller.jobs.states import Status
from pdfsmaller.operating.backups import all_in
from pdfsmaller.operating.place import Place, place

if TYPE_CHECKING:
    from pdfsmaller.jobs.ports import Messages
    from pdfsmaller.services.world import World


def status(*, data: Path | None) -> dict[str, Any]:
    """How a service stands. What is nothing for its kind of store is None.

    Args:
        data: the folder of a ``serve``; None where the environment names the store.

    Returns:
        ``version`` of this program; ``store`` (``sqlite``, ``postgresql``, ``aws``); ``schema`` (``found``,
        ``wanted``); ``jobs``, how many are in which state; ``queues``, what is in each whose address is set;
        ``workers``; ``storage`` (``used_ratio``, 0 to 1); ``database`` (``bytes``); ``backups`` (``folder``,
        ``count``, ``last_at`` in seconds since the epoch, ``last_bytes``). Where the tables are not this program's
        only what holds without them is there.

    Raises:
        CannotServe, StoreUnavailable.
    """
    here = place(data)
    told: dict[str, Any] = {
        "version": __version__,
        "store": here.upkeep.kind if here.upkeep else "aws",
        "schema": None,
        "database": None,
        "backups": None,
        "jobs": None,
        "queues": None,
        "workers": None,
        "storage": None,
    }
    if here.upkeep:
        schema = here.upkeep.schema()
        told["schema"] = {"found": schema.found, "wanted": schema.wanted}
        told["database"] = {"bytes": here.upkeep.size()}
        told["backups"] = _backups(here)
        if not schema.is_current:
            return told
    return told | _of_world(here, here.world)


def _of_world(here: Place, world: World) -> dict[str, Any]:
    queues: dict[str, Messages] = {}
    if here.knows_queues:
        queues["jobs"] = world.queue
    if here.settings.callback_queue_url or not here.is_on_aws:
        queues["callbacks"] = world.callbacks
    workers = world.workers
    return {
        "jobs": {str(state): world.jobs.count(state) for state in Status},
        "queues": {name: _queue(queue) for name, queue in queues.items()},
        "workers": [asdict(worker) for worker in workers.alive(world.settings.lease_seconds)] if workers else None,
        "storage": {"used_ratio": world.storage.used_ratio()},
    }


def _queue(queue: Messages) -> dict[str, Any]:
    return queue.depth() | asdict(queue.backlog())


def _backups(here: Place) -> dict[str, Any] | None:
    folder = here.backups()
    if folder is None:
        return None
    found = all_in(folder)
    last = found[-1] if found else None
    return {
        "folder": str(folder),
        "count": len(found),
        "last_at": last.made_at if last else None,
        "last_bytes": last.bytes if last else None,
    }
