"""``serve``, ``worker`` and ``cleanup``: which processes each holds, and what must be so before they start."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from flask import Flask

from pdfsmaller import wire
from pdfsmaller.errors import CannotServe, InvalidSettings
from pdfsmaller.http.app import create_app
from pdfsmaller.http.held import Capacity
from pdfsmaller.processes import logs, web
from pdfsmaller.processes.addresses import DIRECTLY, is_loopback, own_url
from pdfsmaller.processes.data_folder import DataFolder, settings_with
from pdfsmaller.processes.supervisor import Part, Supervisor
from pdfsmaller.processes.teller import Teller
from pdfsmaller.processes.worker import Worker
from pdfsmaller.services.cleanup import CleanupService
from pdfsmaller.services.watch import WatchService
from pdfsmaller.services.webhooks import signature
from pdfsmaller.settings import Settings

logger = logging.getLogger(__name__)

#: Cleanup's schedule; template.yaml has the same (CleanupRate).
_CLEANUP_SECONDS = 60.0
#: Watched files that wait or run: the workers always have a next one, and nobody else waits behind a whole folder.
_WATCHED_PER_WORKER = 2
_PROCESSORS = os.cpu_count() or 1


def serve(
    *,
    host: str | None,
    port: int | None,
    data: Path,
    workers: int | None,
    open_to_all: bool,
    say: Callable[[str], None],
) -> None:
    """Everything on one host: page, API, workers, cleanup, watched folder; until SIGTERM or Ctrl-C.

    Args:
        host: the address to listen on; None for HOST.
        port: its port; None for PORT.
        data: where everything is kept that the environment does not put elsewhere.
        workers: jobs that run at a time; None for WORKER_CONCURRENCY.
        open_to_all: whether anybody who reaches a host other than loopback may use it without an API key.
        say: tells the operator a line.

    Raises:
        CannotServe.
    """
    folder = DataFolder(data)
    with ExitStack() as stack:
        stack.enter_context(folder.held())
        settings = _settings(folder, "serve")
        host = settings.host if host is None else host
        workers = workers or settings.worker_concurrency or _PROCESSORS
        if not settings.api_keys_required and not open_to_all and not is_loopback(host):
            raise CannotServe(
                f"On {host} anybody who reaches this machine could use the service. Set API_KEYS_REQUIRED=true and "
                f"make a key (pdfsmaller keys create NAME --data {data}), or say --open."
            )
        listener = stack.enter_context(web.listen(host, settings.port if port is None else port))
        parts = [
            Part("web", partial(web.serve, listener, settings, partial(_app, settings))),
            *_workers(settings, workers),
            Part("cleanup", partial(_clean_up, settings, _CLEANUP_SECONDS)),
            Part("inbox", partial(_watch, settings, folder, workers)),
        ]
        wire.prepare(settings, processes=len(parts))
        supervisor = Supervisor(parts)
        address = own_url(host, listener.getsockname()[1])
        supervisor.run(_Announcement(address, partial(_tell, say, address, folder)))


def work(*, data: Path | None, workers: int | None, say: Callable[[str], None]) -> None:
    """Workers alone, until SIGTERM or Ctrl-C.

    Args:
        data: the folder of a ``serve`` on this host; None where the environment names database and storage.
        workers: jobs that run at a time; None for WORKER_CONCURRENCY.
        say: tells the operator a line.

    Raises:
        CannotServe.
    """
    settings = _settings(DataFolder(data) if data else None, "worker")
    workers = workers or settings.worker_concurrency or _PROCESSORS
    wire.check(settings, processes=workers)
    say(f"Workers: {workers}. Ctrl-C stops them, once what runs is done.")
    Supervisor(_workers(settings, workers)).run()


def clean_up(*, data: Path | None) -> dict[str, int]:
    """One run of cleanup; how much of what was done. ``data`` as for ``work``.

    Raises:
        CannotServe.
    """
    settings = _settings(DataFolder(data) if data else None, "cleanup")
    wire.check(settings, processes=1)
    world = wire.wire(settings)
    counts = CleanupService(world).run()
    Teller(world).drain()
    return counts


def keep_clean(*, data: Path | None, every_seconds: float) -> None:
    """Cleanup again and again, and callbacks told as they are due, until SIGTERM or Ctrl-C. ``data`` as for ``work``.

    Args:
        every_seconds: between the end of one run and the next.

    Raises:
        CannotServe.
    """
    settings = _settings(DataFolder(data) if data else None, "cleanup")
    wire.check(settings, processes=1)
    Supervisor([Part("cleanup", partial(_clean_up, settings, every_seconds))]).run()


def webhook_secret(*, data: Path | None, owner: str | None, say: Callable[[str], None]) -> None:
    """Say what a receiver of callbacks needs to know that they are from here. ``data`` as for ``work``.

    Args:
        owner: the id of the API key whose callbacks they are; None for those of callers without one.

    Raises:
        CannotServe: there is no secret.
    """
    settings = settings_with(DataFolder(data) if data else None)
    if not signature.has_root(settings):
        raise InvalidSettings("Neither WEBHOOK_SECRET nor SECRET_KEY is set → set one, or give --data.")
    say(signature.written(signature.secret(settings, owner)))


def _settings(folder: DataFolder | None, service: str) -> Settings:
    """Those of a server of one's own. From here on the process logs as they say, as ``service``."""
    settings = settings_with(folder)
    if not settings.database_url:
        raise InvalidSettings("DATABASE_URL and STORAGE_URL name no server of one's own → set both, or give --data.")
    logs.begin(settings, service)
    return settings


# The parts. Each makes its own world, in its own process: no connection is shared.


def _workers(settings: Settings, count: int) -> list[Part]:
    return [Part(f"worker {number}", partial(_work, settings)) for number in range(1, count + 1)]


def _app(settings: Settings, capacity: Capacity) -> Flask:
    return create_app(wire.wire(settings), capacity)


def _work(settings: Settings) -> None:
    Worker(wire.wire(settings)).run(_until_told())


def _clean_up(settings: Settings, every_seconds: float) -> None:
    stop, world = _until_told(), wire.wire(settings)
    service = CleanupService(world)
    telling = threading.Thread(target=Teller(world).run, args=(stop,), name="callbacks")
    telling.start()
    while not stop.is_set():
        service.run(lambda: not stop.is_set())
        stop.wait(every_seconds)
    telling.join()


def _watch(settings: Settings, folder: DataFolder, workers: int) -> None:
    world, at_once = wire.wire(settings), _WATCHED_PER_WORKER * workers
    WatchService(world, folder.inbox, folder.results, folder.marks, at_once=at_once).run(_until_told())


def _until_told() -> threading.Event:
    """Set by SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return stop


# What the operator sees


@dataclass(slots=True)
class _Announcement:
    """Says once that the service is there, and workers with it."""

    address: str
    say: Callable[[], None]
    said: bool = False

    def __call__(self) -> None:
        if not self.said and _is_healthy(self.address):
            self.said = True
            self.say()


def _is_healthy(address: str) -> bool:
    try:
        with DIRECTLY.open(f"{address}/health", timeout=1) as answer:
            return bool(json.load(answer)["status"] == "healthy")
    except (OSError, ValueError):
        return False


def _tell(say: Callable[[str], None], address: str, folder: DataFolder) -> None:
    say(f"PDF Smaller is up at {address}")
    say(f"  curl -L -F files=@your.pdf -F preset=ebook {address}/api/compress -o smaller.pdf")
    say(f"  or drop files into {folder.inbox} and find them in {folder.results}")
    say("Ctrl-C stops it, once what runs is done.")
