"""The C library's ``syscall`` and ``prctl``: what Python has no function for."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

_PR_SET_NO_NEW_PRIVS = 38


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


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
