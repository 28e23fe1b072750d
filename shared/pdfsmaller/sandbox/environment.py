"""What an engine process gets of its caller's environment, and what it must not see of its caller."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

#: What it may know. Everything else (AWS_*, SECRET_KEY …) stays here.
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")
#: Of glibc's allocator: each takes address space, which is bounded.
ARENAS = 2


def clean_environment() -> dict[str, str]:
    """The environment of an engine process."""
    env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # sys.path, not PYTHONPATH: Lambda's runtime adds its layers to the former only.
    env |= {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "MALLOC_ARENA_MAX": str(ARENAS)}
    env["PYTHONSAFEPATH"] = "1"  # a json.py in the current folder is not ours
    return env


def forget_environment() -> None:
    """Leave of this process's environment what an engine process may know, also where the system keeps what it was
    started with (Linux).
    """
    import ctypes

    kept = {name: value for name, value in clean_environment().items() if name in _PASSED_ON}
    os.environ.clear()
    with suppress(OSError, ValueError, IndexError):
        begin, end = map(int, Path("/proc/self/stat").read_text().rpartition(")")[2].split()[47:49])
        if 0 < begin < end:
            ctypes.memset(begin, 0, end - begin)
    os.environ.update(kept)


def hide_from_children() -> None:
    """Keep this process's memory and environment from others of its user: they hold the credentials.

    Linux only (``PR_SET_DUMPABLE``); it does not bind root, and leaves no core dump.
    """
    if sys.platform == "linux":
        from pdfsmaller.linux import set_dumpable

        with suppress(OSError):
            set_dumpable(False)
