"""Work in threads: how many a pool of the engine has, and what is worth handing to one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WORKERS = max(1, min(4, os.cpu_count() or 1))
# Handing a piece of work to another thread takes as long as some KB of it; a thread's first Lua, 5 ms. Of 64 KB to 1 MB
# tried on the small documents of the corpus this cost the least.
PIECE_BYTES = 256_000


def spread(pool: Executor, work: Callable[[T], R], items: Sequence[T], size: Callable[[T], int]) -> Iterator[R]:
    """What work makes of each item, in their order: by threads as far as there is enough of it, otherwise here.

    Args:
        size: about how many bytes of work an item is.
    """
    pieces: list[list[T]] = []
    room = 0
    for item in items:
        if room <= 0:
            pieces.append([])
            room = PIECE_BYTES
        pieces[-1].append(item)
        room -= size(item)
    if len(pieces) <= 1:
        yield from map(work, items)
        return
    for done in pool.map(lambda piece: [work(item) for item in piece], pieces):
        yield from done
