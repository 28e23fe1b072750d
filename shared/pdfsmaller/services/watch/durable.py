"""Files that stand after a power cut: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Have a file's bytes, or a folder's names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: Path, data: bytes, *, by_way_of: Path) -> None:
    """Write a file in place of a former one.

    Args:
        by_way_of: where it lies until it is whole, on the same file system.
    """
    by_way_of.write_bytes(data)
    sync(by_way_of)
    move(by_way_of, path)


def move(source: Path, target: Path) -> None:
    """Put a file, whose bytes are on the disk, in the place of another one."""
    source.replace(target)
    sync(target.parent)


def make_folder(path: Path) -> None:
    """Make a folder, and those on the way to it, where they are not there."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)
