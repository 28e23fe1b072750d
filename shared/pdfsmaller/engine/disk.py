"""Telling that no more can be written, for want of room or over a limit, from other failures."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

_FULL = (errno.ENOSPC, errno.EDQUOT)
#: The C libraries whose errors' texts end in that of the system's error.
_LIBRARIES = ("pikepdf", "pyvips")


def is_disk_full(exc: BaseException) -> bool:
    """Whether an exception, or one that it came from, means a full disk."""
    return _has_errno(exc, _FULL)


def is_over_file_size(exc: BaseException) -> bool:
    """Whether an exception, or one that it came from, means a file larger than ``Limits.max_file_bytes``."""
    return _has_errno(exc, (errno.EFBIG,))


def cannot_write(exc: BaseException) -> bool:
    """Whether it means one or the other: nothing is then wrong with what was being read."""
    return _has_errno(exc, (*_FULL, errno.EFBIG))


def _has_errno(exc: BaseException, numbers: tuple[int, ...]) -> bool:
    texts = [os.strerror(number).lower() for number in numbers]
    for each in _chain(exc):
        if isinstance(each, OSError) and each.errno in numbers:
            return True
        if type(each).__module__.partition(".")[0] in _LIBRARIES and any(text in str(each).lower() for text in texts):
            return True
    return False


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """An exception and those it came from, as a traceback shows them: each once, for they may come in a circle."""
    current: BaseException | None = exc
    seen: set[int] = set()
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
