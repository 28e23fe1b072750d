"""How gunicorn runs the page and the API: the one list of its options, for ``gunicorn_conf`` and for ``web``.

Processes of threads: the API neither parses nor codes anything, so a process has a processor to itself for a few
milliseconds a request; a body that comes in slowly, or a caller who waits, costs a thread of its own, and there are
many. The application is loaded before the processes are forked, which opens no connection: each opens its own.

A process that has answered many requests makes room for a fresh one. gunicorn would start that one when the old one is
gone; here it comes first, so that the old one can take its time: waits, streams and slow bodies come to their end. When
the server is stopped, waits and streams end at once.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from pdfsmaller.http.held import Capacity
from pdfsmaller.processes import figures
from pdfsmaller.processes.addresses import address
from pdfsmaller.processes.web_log import WebLog
from pdfsmaller.settings import Settings

BACKLOG = 1_024
#: Slow bodies, waits and streams that may be under way at a time, in all processes together; more of them queue.
_THREADS = 320
#: So many of them may be streams, and so many waits: room is left for everybody else.
_STREAMS, _WAITS = 128, 160
_CONNECTIONS = 1_000
#: How many times its share a process bears: connections are not dealt out evenly. Of 125 streams at once four processes
#: with just their share refused 23 although there was room elsewhere, with twice it 7; who is refused asks instead.
_UNEVEN = 2
_MOST_PROCESSES_BY_DEFAULT = 4
#: What nothing is heard of for so long is killed. No request has to end within it.
_TIMEOUT_SECONDS = 120
#: How long requests under way may go on once the server is told to stop.
GRACEFUL_SECONDS = 30
#: And where another process is there already, after a reload too: longer than any stream, and than an upload may take.
_HANDING_OVER_SECONDS = 1_800
#: Longer than nginx keeps its connections to us (its own 60 seconds, or less): who closes first must be nginx, or a
#: request meets a closed one.
_KEEP_ALIVE_SECONDS = 75
_REQUESTS_OF_A_PROCESS, _JITTER = 20_000, 5_000
#: Memory, where there is some: the sign of life of a process must not wait for a disk.
MEMORY = Path("/dev/shm")


class _Process:
    """What this process of gunicorn's knows of its own end."""

    def __init__(self) -> None:
        self.told_to_stop = False
        self.parent = 0  # none yet
        self._succeeded = threading.Lock()

    def is_ending(self) -> bool:
        """Whether nobody may be held any longer: it was told to stop, or its parent is gone without a word."""
        return self.told_to_stop or self.parent not in (0, os.getppid())

    def take_time(self, worker: Any) -> None:
        """Have it end only once everybody is served. Its parent has a bound of its own, for when all is stopped."""
        worker.cfg.set("graceful_timeout", _HANDING_OVER_SECONDS)

    def call_successor(self, worker: Any) -> None:
        """Have its parent start one process more, once."""
        if self._succeeded.acquire(blocking=False):
            self.take_time(worker)
            os.kill(self.parent, signal.SIGTTIN)


_process = _Process()


def options(settings: Settings) -> dict[str, Any]:
    """gunicorn's options, by their names in its configuration file."""
    workers = processes(settings)
    return {
        "bind": address(settings.host, settings.port),
        "backlog": BACKLOG,
        "workers": workers,
        "worker_class": "gthread",
        "threads": _share(_THREADS, workers),
        "worker_connections": _share(_CONNECTIONS, workers),
        "preload_app": True,
        "timeout": _TIMEOUT_SECONDS,
        "graceful_timeout": GRACEFUL_SECONDS,
        "keepalive": _KEEP_ALIVE_SECONDS,
        "max_requests": _REQUESTS_OF_A_PROCESS,
        "max_requests_jitter": _JITTER,
        "worker_tmp_dir": str(MEMORY) if MEMORY.is_dir() else None,
        "logger_class": WebLog,
        "accesslog": "-",
        "loglevel": settings.lowest_level.lower(),
        "proc_name": "pdfsmaller-upload",
        # A request's scheme and address are TRUSTED_PROXIES' to say, and nobody else's.
        "secure_scheme_headers": {},
        "control_socket_disable": True,
        "post_worker_init": _begin,
        "pre_request": _before_request,
        "post_request": _after_request,
        "child_exit": _after_process,
        "on_exit": lambda _: figures.end(),
    }


def processes(settings: Settings) -> int:
    """WORKERS, or what fits the processors."""
    return settings.workers or max(1, min(os.cpu_count() or 1, _MOST_PROCESSES_BY_DEFAULT))


def capacity(workers: int) -> Capacity:
    """What each of so many processes can bear."""
    return Capacity(_share(_STREAMS, workers), _share(_WAITS, workers), _process.is_ending)


def _share(number: int, workers: int) -> int:
    return number if workers == 1 else max(1, int(_UNEVEN * number / workers))


# What is done in gunicorn's processes. A worker here is one of those; they are gunicorn's own objects.


def _begin(worker: Any) -> None:
    _process.parent = worker.ppid
    stop = signal.getsignal(signal.SIGTERM)

    def tell(signum: int, frame: FrameType | None) -> None:
        _process.told_to_stop = True
        _process.take_time(worker)
        if callable(stop):
            stop(signum, frame)

    signal.signal(signal.SIGTERM, tell)
    signal.siginterrupt(signal.SIGTERM, False)


def _before_request(worker: Any, request: Any) -> None:
    if worker.nr + 1 >= worker.max_requests:
        _process.call_successor(worker)


def _after_request(worker: Any, request: Any, environ: Any, response: Any) -> None:
    if worker.nr >= worker.max_requests:
        _process.call_successor(worker)


def _after_process(server: Any, worker: Any) -> None:
    """One that had called a successor is not replaced again; and its figures are nobody's now."""
    if server.num_workers > server.cfg.workers:
        server.num_workers -= 1
    figures.forget(worker.pid)
