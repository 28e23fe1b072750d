"""Bounds on what this process may use, by ``setrlimit``."""

from __future__ import annotations

import logging
import math
import os
import resource
import sys
import time

from pdfsmaller.limits import Limits

logger = logging.getLogger(__name__)

NAMES = ("rlimit_as", "rlimit_cpu", "rlimit_fsize", "rlimit_nofile")
# macOS takes a limit on address space and ignores it; the parent looks at the resident size there.
_IGNORED = {"rlimit_as"} if sys.platform == "darwin" else set()


def apply(limits: Limits) -> list[str]:
    """Set every bound; the names of those that hold. None can be raised again."""
    seconds = math.ceil(time.process_time() + limits.hard_seconds * _processors())
    wanted = {
        "rlimit_as": (resource.RLIMIT_AS, limits.memory_bytes),
        "rlimit_cpu": (resource.RLIMIT_CPU, seconds),
        "rlimit_fsize": (resource.RLIMIT_FSIZE, limits.max_file_bytes),
        "rlimit_nofile": (resource.RLIMIT_NOFILE, limits.max_open_files),
        "rlimit_core": (resource.RLIMIT_CORE, 0),
    }
    held = []
    for name, (what, most) in wanted.items():
        _, allowed = resource.getrlimit(what)
        # The signal for too much processor time comes at the lower limit; at the upper one the kernel just kills.
        upper = most + 1 if name == "rlimit_cpu" else most
        if allowed != resource.RLIM_INFINITY:
            most, upper = min(most, allowed), min(upper, allowed)
        try:
            resource.setrlimit(what, (most, upper))
        except (ValueError, OSError) as exc:
            logger.warning("%s does not hold: %s", name, exc)
            continue
        if name in NAMES and name not in _IGNORED:
            held.append(name)
    return held


def _processors() -> int:
    """How many of this process's threads can run at once."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
