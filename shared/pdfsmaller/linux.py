"""The C library's ``syscall`` and ``prctl``: what Python has no function for."""

from __future__ import annotations

import ctypes
import os
import signal
from contextlib import suppress
from functools import cache
from typing import Any

_M_ARENA_MAX = -8
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38


class Refused(Exception):
    """The system cannot do what is asked of it. The message says why."""


@cache
def _libc() -> Any:
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    return library


def syscall(number: int, *arguments: object) -> int:
    """Call the kernel; integers must be of ctypes' types where they are wider than an int.

    Raises:
        OSError: with the number and text of what went wrong.
    """
    return _checked(_libc().syscall(ctypes.c_long(number), *arguments))


def prctl(option: int, *arguments: int) -> int:
    """Set or ask for a property of this process.

    Raises:
        OSError: with the number and text of what went wrong.
    """
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return _checked(_libc().prctl(ctypes.c_int(option), *map(ctypes.c_ulong, padded)))


def no_new_privs() -> None:
    """No program that this process starts gets rights that it has not itself; Landlock and seccomp ask for that."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def set_dumpable(on: bool) -> None:
    """Whether other processes of this user may look into this one's memory and environment. Without, there is no core
    dump either. It does not bind root.
    """
    prctl(_PR_SET_DUMPABLE, on)


def die_with_parent(pid: int) -> None:
    """Have this process killed when its parent ends; at once where the parent is no longer process ``pid``."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != pid:
        os._exit(1)


def share_arenas(most: int) -> None:
    """Have threads of this process share so many arenas of glibc (what MALLOC_ARENA_MAX does from the start)."""
    with suppress(AttributeError):  # another C library
        _libc().mallopt(_M_ARENA_MAX, most)


def thread_count() -> int:
    """How many threads this process has, those of C libraries too."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - names alone


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
