"""PNG as a container: libpng's rows and palettes taken out of it."""

from __future__ import annotations

import struct


def chunks(png: bytes) -> dict[bytes, bytes]:
    """A PNG's chunks by type, those of the same type joined."""
    found: dict[bytes, list[bytes]] = {}
    position = 8
    while position + 12 <= len(png):
        length = struct.unpack(">I", png[position : position + 4])[0]
        found.setdefault(png[position + 4 : position + 8], []).append(png[position + 8 : position + 8 + length])
        position += 12 + length
    return {kind: b"".join(parts) for kind, parts in found.items()}


def without_filter_bytes(rows: bytes | bytearray, height: int) -> bytes:
    """PNG rows of which none is filtered, without the byte before each that says so."""
    length = len(rows) // height
    return b"".join(rows[start + 1 : start + length] for start in range(0, len(rows), length))
