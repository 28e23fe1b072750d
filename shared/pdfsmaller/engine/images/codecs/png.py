"""PNG as a container: libpng's rows and palettes taken out of it, a PDF's predicted rows put into one to be read."""

from __future__ import annotations

import struct
import zlib

import pyvips

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# PNG's number for gray and for colour.
_KINDS = {1: 0, 3: 2}


def chunks(png: bytes) -> dict[bytes, bytes]:
    """A PNG's chunks by type, those of the same type joined."""
    found: dict[bytes, list[bytes]] = {}
    position = 8
    while position + 12 <= len(png):
        length = struct.unpack(">I", png[position : position + 4])[0]
        found.setdefault(png[position + 4 : position + 8], []).append(png[position + 8 : position + 8 + length])
        position += 12 + length
    return {kind: b"".join(parts) for kind, parts in found.items()}


def unpredicted(deflated: bytes, width: int, height: int, bands: int) -> bytes | None:
    """The samples of 8 bits of one or three bands whose rows a PDF holds as PNG predicts them; None of damaged data."""
    header = struct.pack(">IIBBBBB", width, height, 8, _KINDS[bands], 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", deflated), (b"IEND", b""))
    written = _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in parts)
    try:
        image = pyvips.Image.pngload_buffer(written, access="sequential", fail_on="warning")
        return bytes(image.write_to_memory())
    except pyvips.Error:
        return None


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def without_filter_bytes(rows: bytes | bytearray, height: int) -> bytes:
    """PNG rows of which none is filtered, without the byte before each that says so."""
    length = len(rows) // height
    return b"".join(rows[start + 1 : start + length] for start in range(0, len(rows), length))
