"""Entries of dictionaries that are mostly not there."""

from __future__ import annotations

from typing import Any

from pikepdf import Object


def entry(holder: Object, key: str) -> Any:
    """What ``holder.get(key)`` gives. To say that there is none, that throws an exception within, which takes the time
    of four answers.

    Raises:
        pikepdf.PdfError, ValueError: ``holder`` is neither a dictionary nor a stream, or damaged.
    """
    return holder.get(key) if key in holder else None
