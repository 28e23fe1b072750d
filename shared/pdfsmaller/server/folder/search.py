"""Walks through a bucket's folder: what objects there are, and what was begun and never finished.

Whatever else lies there (links, files of others) is passed over. However deep it goes, one folder is open at a time.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from pdfsmaller.jobs.objects import ObjectInfo
from pdfsmaller.server.folder import facts, names
from pdfsmaller.server.folder.branch import Branch

if TYPE_CHECKING:
    from pdfsmaller.server.folder.facts import Facts

#: The names of the folders from the bucket on.
_Path = tuple[str, ...]


def objects(bucket: int, prefix: bytes) -> Iterator[ObjectInfo]:
    """Every object whose key begins with ``prefix``, in the order of keys; without metadata.

    Args:
        bucket: the descriptor of the bucket's folder.
    """
    start = tuple(names.folders_of(prefix)), prefix[: prefix.rfind(b"/") + 1]
    walk = [(*start, iter(_children(_names(bucket, start[0]))))]
    while walk:
        path, beginning, children = walk[-1]
        child = next(children, None)
        if child is None:
            walk.pop()
            continue
        key, name = beginning + child[0], child[1]
        if name.endswith(names.FACTS):
            if key.startswith(prefix) and (known := _facts(bucket, path, name.removesuffix(names.FACTS))):
                with suppress(UnicodeDecodeError):
                    yield known.info(key.decode())
        elif key.startswith(prefix) or prefix.startswith(key):
            walk.append(((*path, name), key, iter(_children(_names(bucket, (*path, name))))))


def unfinished(bucket: int, before: float) -> Iterator[bool]:
    """Of every writing that has not ended: whether it was begun before a time (seconds since the epoch) and is removed.

    Folders that have been empty for as long are removed too.
    """
    walk: list[_Path] = [()]
    while walk:
        path = walk.pop()
        removed: list[bool] = []
        with suppress(FileNotFoundError, NotADirectoryError), Branch(os.dup(bucket), path) as branch:
            found = _listed(branch.folder)
            walk += [(*path, name) for _, name in _children(found) if not name.endswith(names.FACTS)]
            removed += _without_facts(branch.folder, found, before)
            if any(removed) or (not found and os.fstat(branch.folder).st_mtime < before):
                branch.prune()
        yield from removed


def _without_facts(folder: int, found: list[str], before: float) -> Iterator[bool]:
    """The part of ``unfinished`` in one folder."""
    begun = defaultdict(list)
    for name in found:
        if writing := names.token_in(name):
            begun[writing].append(name)
    for (stem, token), files in begun.items():
        known = facts.read(stem, folder)
        with suppress(FileNotFoundError):  # it has just ended
            if known is None or known.token != token:
                yield _removed(folder, files, before)
            elif left := [name for name in files if name.endswith(names.PARTS)]:
                _removed(folder, left, before)  # somebody died between the end and this


def _removed(folder: int, files: list[str], before: float) -> bool:
    """Remove a writing's files, unless one of them was touched since."""
    if max(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime for name in files) >= before:
        return False
    for name in files:
        os.unlink(name, dir_fd=folder)
    return True


def _names(bucket: int, path: _Path) -> list[str]:
    """All names in a folder; none where it is no folder (any more)."""
    with suppress(FileNotFoundError, NotADirectoryError), Branch(os.dup(bucket), path) as branch:
        return _listed(branch.folder)
    return []


def _listed(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def _children(found: list[str]) -> list[tuple[bytes, str]]:
    """Objects and folders among names: what each adds to a key, in that order, and the name of facts or folder."""
    children = []
    for name in found:
        stem = name.removesuffix(names.FACTS if name.endswith(names.FACTS) else names.MORE)
        if (text := names.text_of(stem)) is not None:
            children.append((text + b"/" if name == stem else text, name))
    return sorted(children)


def _facts(bucket: int, path: _Path, stem: str) -> Facts | None:
    with suppress(FileNotFoundError), Branch(os.dup(bucket), path) as branch:
        return facts.read(stem, branch.folder)
    return None
