"""Memory: telling its lack from other failures, and giving it back."""

from __future__ import annotations

import ctypes
import gc
import re
import resource
import sys
from contextlib import suppress
from functools import cache
from typing import Any

# What is less than this is not worth giving back.
_WORTH_BYTES = 20_000_000


# How the C and C++ libraries say it, in errors of their own: at the start of a line, or after the name of who says so.
# Their other messages about memory blame the file ("memory not allocated": libtiff), or say how they read it.
_LACK = re.compile(
    r"std::bad_alloc|\[Errno 12\]"
    r"|(?:^|: )(?:(?:out of|not enough|insufficient) memory"
    r"|(?:could not|failed to|cannot|can't) allocate memory"
    r"|can't start new thread"
    r"|memory allocation (?:error|failed|failure))",
    re.IGNORECASE | re.MULTILINE,
)


def ran_out_of_memory(exc: BaseException) -> bool:
    """Whether an exception means that memory ran out: the C and C++ libraries report that as errors of their own."""
    return isinstance(exc, MemoryError) or _LACK.search(str(exc)) is not None


def equal_bytes(one: ctypes.Array[Any], other: ctypes.Array[Any]) -> bool:
    """Whether two arrays of C have the same bytes: Python would copy them to compare them."""
    size = ctypes.sizeof(one)
    return size == ctypes.sizeof(other) and _memcmp()(one, other, ctypes.c_size_t(size)) == 0


@cache
def _memcmp() -> Any:
    return ctypes.CDLL(None).memcmp


_resident_before = 0

# glibc asks the system for each block of more than 128 KB anew, and gives back what is free beyond that, until larger
# ones have been freed: then it keeps up to 32 MB, and 64 MB, in its heap. Pictures come and go from the first on; a
# scanned page's own pixels do not stay, since each thread keeps its heap (audit-letter-zh-scan, preset ebook,
# 2026-11-30: 32 MB took 382 to 449 MB at the most, 8 MB 377 to 383, 4 MB 350 and 5 % more processor time). libdeflate's
# best levels take a block of 8.6 MB for each stream: with 8 MB, three of four page faults were theirs, and a fifth of
# the processor time the system's (tracemonkey-paper: 119,000, with 9 MB 30,000). Photographs of 11 MB come and go as
# often (debian-edu-manual: 277,000 with 9 MB, 120,000 with 12; audit-letter 350 to 368 MB with either).
_MMAP_THRESHOLD, _KEPT_BLOCK_BYTES = -3, 12 << 20
_TRIM_THRESHOLD, _KEPT_FREE_BYTES = -1, 64 << 20


def begin() -> None:
    """What this process has now is its own, and no document's to be given back."""
    global _resident_before
    gc.freeze()  # looking through all modules for garbage takes longer than many a small document's images
    if sys.platform != "linux":
        return
    _resident_before = _resident()
    with suppress(OSError, AttributeError):  # it is glibc's
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_THRESHOLD, _KEPT_BLOCK_BYTES)
        libc.mallopt(_TRIM_THRESHOLD, _KEPT_FREE_BYTES)


def give_back() -> None:
    """Let the system have what one document needed, before the next: glibc would keep it in pieces.

    Where that can be asked (Linux), only once there is something to give: looking for it takes longer than a small
    document.
    """
    global _resident_before
    if sys.platform != "linux":
        gc.collect()
        return
    if _resident() < _resident_before + _WORTH_BYTES:
        return
    gc.collect()
    trim()
    _resident_before = _resident()


def trim() -> None:
    """Let the system have what is free of the C libraries' memory, where that can be asked (glibc)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def address_space() -> int:
    """This process's, in bytes (Linux)."""
    return _statm(0)


def _resident() -> int:
    """This process's resident memory, in bytes."""
    return _statm(1)


def _statm(field: int) -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123 - read a thousand times
        return int(file.read().split()[field]) * resource.getpagesize()
