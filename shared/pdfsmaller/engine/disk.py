"""Telling a full disk from other failures."""

from __future__ import annotations

import errno
import os

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_TEXTS = tuple(os.strerror(number).lower() for number in _FULL)


def is_disk_full(exc: BaseException) -> bool:
    """Whether an exception, or one that it came from, means a full disk: the C libraries tell it in their texts."""
    seen: BaseException | None = exc
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _FULL:
            return True
        if any(text in str(seen).lower() for text in _FULL_TEXTS):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
