"""ZIP files of what jobs made: every file as it is, for PDFs are compressed already."""

from __future__ import annotations

import shutil
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

_CHUNK_BYTES = 1 << 20


def write(target: IO[bytes], entries: Iterable[tuple[str, Path]], at: float) -> int:
    """Write a ZIP of files, each read when its turn comes, in the form for more than 4 GB (ZIP64) where it needs that.

    Args:
        entries: what each is called in it, and where it lies.
        at: the time that all of them get, in seconds since the epoch.

    Returns:
        Its size in bytes. ``target`` is at its start then.
    """
    when = time.gmtime(at)[:6]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, path in entries:
            entry = zipfile.ZipInfo(name, when)
            entry.file_size = path.stat().st_size  # says which form its header needs
            entry.external_attr = 0o644 << 16
            with path.open("rb") as source, archive.open(entry, "w") as copy:
                shutil.copyfileobj(source, copy, _CHUNK_BYTES)
    size = target.tell()
    target.seek(0)
    return size
