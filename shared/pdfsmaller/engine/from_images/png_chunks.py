"""PNG's container: chunks with their lengths and checksums (PNG specification, section 5)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, bool]]:
    """Each chunk's type, its content, and whether it is undamaged. Ends at ``IEND`` or where the file does.

    A chunk that is cut short counts as damaged.
    """
    view = memoryview(data)
    position = len(SIGNATURE)
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        body = view[position + 8 : position + 8 + length]
        end = position + 12 + length
        whole = end <= len(data) and zlib.crc32(body, zlib.crc32(kind)) == struct.unpack_from(">I", data, end - 4)[0]
        yield kind, body, whole
        if kind == b"IEND":
            return
        position = end


def idat(png: bytes) -> bytes:
    """The image data of a PNG: a zlib stream of filtered rows."""
    return b"".join(body for kind, body, _ in chunks(png) if kind == b"IDAT")
