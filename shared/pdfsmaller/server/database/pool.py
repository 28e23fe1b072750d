"""The connections that one process keeps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pool:
    """How many connections a process keeps, and how.

    Attributes:
        size: so many stay open.
        max_overflow: so many more are opened while all are in use.
        recycle_seconds: one that is older is opened anew.
        pre_ping: whether one is tried before it is used: it costs a round trip, and spares its user the error of one
            that has been cut.
    """

    size: int = 3
    max_overflow: int = 5
    recycle_seconds: float = 1_800.0
    pre_ping: bool = True
