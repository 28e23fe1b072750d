"""Brotli data (RFC 7932) decoded piece by piece, so that a bomb is noticed before it takes its memory."""

from __future__ import annotations

import mmap
from collections.abc import Iterator

import brotli

_READ, _WRITE = 65_536, 1 << 20
# The decoder takes a byte too many for damage, and writers differ over the end of line before ``endstream``.
_END_OF_LINE = 2


def decompress(data: bytes | mmap.mmap, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """What the Brotli data from ``start`` to ``end`` holds, in pieces of about a megabyte at most.

    An end of line may follow the data.

    Raises:
        brotli.error: the data is damaged or ends early; what came before was good.
    """
    end = len(data) if end is None else end
    decompressor = brotli.Decompressor()
    while not decompressor.is_finished():
        part = b""
        if decompressor.can_accept_more_data():
            part = data[start : min(start + _READ, max(start + 1, end - _END_OF_LINE))] if start < end else b""
            start += len(part)
            if not part:
                raise brotli.error("the data ends early")
        if piece := decompressor.process(part, output_buffer_limit=_WRITE):
            yield piece
