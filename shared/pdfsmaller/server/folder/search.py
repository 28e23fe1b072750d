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
    walk = [(*start, _children(bucket, start[0]))]
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
            walk.append(((*path, name), key, _children(bucket, (*path, name))))


def unfinished(bucket: int, before: float) -> Iterator[bool]:
    """Of every writing that has not ended: whether it was begun before a time (seconds since the epoch) and is removed.

    Folders that have been empty for as long are removed too.
    """
    walk: list[_Path] = [()]
    while walk:
        path = walk.pop()
        walk += [(*path, name) for _, name in _children(bucket, path) if not name.endswith(names.FACTS)]
        begun = defaultdict(list)
        for name in _names(bucket, path):
            if found := names.token_in(name):
                begun[found].append(name)
        for (stem, token), files in begun.items():
            known = _facts(bucket, path, stem)
            if known is None or known.token != token:
                yield _remove(bucket, path, files, before)
        _prune(bucket, path, before)


def _names(bucket: int, path: _Path) -> list[str]:
    """All names in a folder; none where it is no folder (any more)."""
    with suppress(FileNotFoundError, NotADirectoryError), Branch(os.dup(bucket), path) as branch:
        return _listed(branch.folder)
    return []


def _listed(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def _children(bucket: int, path: _Path) -> Iterator[tuple[bytes, str]]:
    """Objects and folders in a folder: what each adds to a key, in that order, and the name of facts or folder."""
    children = []
    for name in _names(bucket, path):
        stem = name.removesuffix(names.FACTS if name.endswith(names.FACTS) else names.MORE)
        if (text := names.text_of(stem)) is not None:
            children.append((text + b"/" if name == stem else text, name))
    return iter(sorted(children))


def _facts(bucket: int, path: _Path, stem: str) -> Facts | None:
    with suppress(FileNotFoundError), Branch(os.dup(bucket), path) as branch:
        return facts.read(stem, branch.folder)
    return None


def _remove(bucket: int, path: _Path, files: list[str], before: float) -> bool:
    """Remove a writing's files, unless one of them was touched since."""
    with suppress(FileNotFoundError), Branch(os.dup(bucket), path) as branch:
        touched = [os.stat(name, dir_fd=branch.folder, follow_symlinks=False).st_mtime for name in files]
        if max(touched) >= before:
            return False
        for name in files:
            os.unlink(name, dir_fd=branch.folder)
    return True


def _prune(bucket: int, path: _Path, before: float) -> None:
    with suppress(FileNotFoundError, NotADirectoryError), Branch(os.dup(bucket), path) as branch:
        if path and not _listed(branch.folder) and os.fstat(branch.folder).st_mtime < before:
            branch.prune()
