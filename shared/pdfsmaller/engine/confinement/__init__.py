"""What keeps a document that takes over the engine's process from reaching anything else.

``confine`` is called once, after the libraries are loaded and before a document is opened. Each bound holds by itself;
what a system lacks or refuses (macOS, an old kernel, a sandbox around this one) is logged and left out, and the bounds
that hold are named in the job's report:

========================  ==========================================================================================
``rlimit_as``             address space
``rlimit_cpu``            processor time: ends the process even where its parent cannot
``rlimit_fsize``          the size of a file that is written
``rlimit_nofile``         open files
``no_new_privs``          no program can give more rights than the process has
``landlock``              files: libraries, fonts and the job's inputs can be read, only the job's folder written
``seccomp``               system calls: no sockets, no programs, no processes, none of the kernel's rarer parts
========================  ==========================================================================================

The last three are Linux's. They stay for the life of the process, and need no privileges. One process more may be
started before the last of them (``render.second_process``), and is bound in the same way.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from pdfsmaller.engine.confinement import landlock, rlimits, seccomp
from pdfsmaller.limits import Limits
from pdfsmaller.linux import Refused, no_new_privs

__all__ = ["BOUNDS", "confine"]

#: What ``confine`` returns where everything holds.
BOUNDS = (*rlimits.NAMES, "no_new_privs", "landlock", "seccomp")

logger = logging.getLogger(__name__)


def confine(
    limits: Limits,
    *,
    sources: Iterable[Path],
    folder: Path,
    branch: Callable[[Callable[[], object]], None] | None = None,
) -> list[str]:
    """Bound this process for good; the names of the bounds that hold.

    Args:
        limits: memory, time, sizes and numbers of files.
        sources: files that may be read.
        folder: what may be written, with everything in it.
        branch: called where all holds but ``seccomp``, with what puts that on a process: the last moment at which this
            one can start another, which has to call it.
    """
    held = rlimits.apply(limits)
    if sys.platform == "linux":
        readable = [*sources]
        held += _held("no_new_privs", no_new_privs)
        held += _held("landlock", lambda: landlock.restrict(readable, folder))
        if branch is not None:
            branch(_deny_calls)
        held += _deny_calls()  # the last: it may refuse what the others need
    return held


def _deny_calls() -> list[str]:
    return _held("seccomp", seccomp.restrict)


def _held(name: str, restrict: Callable[[], None]) -> list[str]:
    """The name, where the bound holds."""
    try:
        restrict()
    except (OSError, Refused) as exc:
        logger.warning("%s does not hold: %s", name, exc)
        return []
    return [name]
