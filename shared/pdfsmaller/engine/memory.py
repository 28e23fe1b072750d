"""Telling a lack of memory from other failures."""

from __future__ import annotations


def ran_out_of_memory(exc: BaseException) -> bool:
    """Whether an exception means that memory ran out: the C and C++ libraries report that as errors of their own."""
    said = str(exc).lower()
    return isinstance(exc, MemoryError) or "memory" in said or "bad_alloc" in said
