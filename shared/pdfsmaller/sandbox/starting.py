"""Which child does the next job: one that a server forks, one that was started ahead, or one that is started now."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from pdfsmaller.sandbox.process import EngineProcess

if TYPE_CHECKING:
    from pdfsmaller.sandbox.forked import ForkServer

logger = logging.getLogger(__name__)

#: A server is started at most so often, in seconds: one that cannot live must not be started for each job.
_RESTART_SECONDS = 10.0
#: What is loaded to look into a PDF, which is no operation.
_INSPECT = "pdfsmaller.engine.inspect"


class _Ahead:
    """What has been started ahead of jobs."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.spare: EngineProcess | None = None
        self.server: ForkServer | None = None
        self.is_warm = False
        self.restart_at = float("-inf")

    def running_server(self) -> ForkServer | None:
        """The server, started anew where it was lost; None where there is none now."""
        with self.lock:
            if not self.is_warm:
                return None
            if self.server and not self.server.alive:
                logger.error("the fork server died: %s", self.server.close() or "it wrote nothing")
                self.server = None
            if self.server is None and time.monotonic() >= self.restart_at:
                from pdfsmaller.sandbox import servers
                from pdfsmaller.sandbox.forked import ForkServer

                self.restart_at = time.monotonic() + _RESTART_SECONDS
                self.server = ForkServer(partial(servers.fresh, _modules()))
            return self.server


_ahead = _Ahead()
_refusals_logged: set[str] = set()


def _forget() -> None:
    """A copy of this process starts its own: what is forked or waits here does one caller's jobs."""
    global _ahead
    _ahead = _Ahead()


os.register_at_fork(after_in_child=_forget)


def prepare() -> None:
    """Start a child for the next job, unless one waits already or a server forks it."""
    ahead = _ahead
    with ahead.lock:
        if not ahead.is_warm and (ahead.spare is None or not ahead.spare.alive):
            ahead.spare = EngineProcess()


def warm_up() -> None:
    """From now on have children forked by a server, which starts now, unless it runs already.

    Where there is no such server (it is Linux's) this is ``prepare``: a caller with many jobs calls it ahead of each.
    """
    if sys.platform != "linux":
        prepare()
        return
    _ahead.is_warm = True
    _ahead.running_server()


def branch(jobs: int) -> None:
    """For a process with so many jobs, which come next: the child, or for several jobs the server that forks the
    children (``warm_up``), is a copy of this process, with what that has loaded.

    For one that keeps nothing secret but its environment. Where it has several threads, they start afresh.
    """
    ahead = _ahead
    with ahead.lock:
        if sys.platform == "linux" and not (ahead.spare or ahead.server):
            from pdfsmaller.linux import thread_count
            from pdfsmaller.sandbox import branches, servers

            if thread_count() == 1 and jobs == 1:
                ahead.spare = EngineProcess(branches.BranchedChild)
            elif thread_count() == 1:
                from pdfsmaller.sandbox.forked import ForkServer

                ahead.server = ForkServer(servers.branch)
    if jobs > 1:
        warm_up()
    else:
        prepare()


@atexit.register
def cool_down() -> None:
    """End what was started ahead of jobs, and what the server has forked."""
    ahead = _ahead
    with ahead.lock:
        spare, server = ahead.spare, ahead.server
        ahead.spare, ahead.server, ahead.is_warm, ahead.restart_at = None, None, False, float("-inf")
    if spare:
        spare.close()
    if server:
        server.close()


def take() -> EngineProcess:
    """A child for one job.

    Raises:
        OSError: the system starts no more processes.
    """
    ahead = _ahead
    if server := ahead.running_server():
        from pdfsmaller.sandbox.forked import CannotFork

        try:
            return EngineProcess(server.fork)
        except CannotFork as exc:
            if str(exc) not in _refusals_logged:
                _refusals_logged.add(str(exc))
                logger.warning("jobs run in fresh processes, as the fork server does not fork: %s", exc)
    with ahead.lock:
        process, ahead.spare = ahead.spare, None
    return process if process and process.alive else EngineProcess()


def _modules() -> list[str]:
    """What jobs load beside what all of them use."""
    from pdfsmaller.operations import OPERATIONS

    names = [_INSPECT]
    for operation in OPERATIONS.values():
        names += [name.partition(":")[0] for name in (operation.entry, operation.options_class, operation.report_class)]
        names += operation.libraries
    return list(dict.fromkeys(names))
