"""How the fork server (``engine.fork_server``) begins: as a process of its own, or as a branch of this one (Linux)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import IO, NoReturn, Protocol

from pdfsmaller.sandbox.branches import Branch
from pdfsmaller.sandbox.environment import clean_environment


class Server(Protocol):
    """Its process."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""

    def kill(self) -> None:
        """End it, unless it has ended."""

    def wait(self) -> int:
        """Its exit code, once it has ended."""


def fresh(modules: Sequence[str], control: int, stderr: IO[bytes]) -> Server:
    """A new interpreter with a clean environment.

    Args:
        modules: what it loads beside what every job uses.
        control: the descriptor of its end of the socket on which it is asked.

    Raises:
        OSError: the system starts no more processes.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "pdfsmaller.engine.fork_server", str(control), *modules],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env=clean_environment(),
        pass_fds=[control],
        start_new_session=True,
    )


def branch(control: int, stderr: IO[bytes]) -> Server:
    """A copy of this process, as ``branches.Branch`` says.

    Args:
        control: as for ``fresh``.

    Raises:
        OSError: the system starts no more processes.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        return Branch(_serve, (nothing, nothing, stderr.fileno()), [control])
    finally:
        os.close(nothing)


def _serve(control: int) -> NoReturn:
    from pdfsmaller.engine import fork_server

    fork_server.serve(control)
