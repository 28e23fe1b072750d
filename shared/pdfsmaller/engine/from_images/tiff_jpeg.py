"""The JPEG strips of a TIFF page joined to one JPEG, without decoding: each ends where a restart marker may stand.

That works for what scanners write: baseline strips with the same tables, each as high as a whole number of blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

from pdfsmaller.engine.from_images.jpeg import jpeg_segments
from pdfsmaller.records import record

_SOF0, _DHT, _EOI, _SOS, _DQT, _DRI = 0xC0, 0xC4, 0xD9, 0xDA, 0xDB, 0xDD
_BLOCK = 8
_INTERVAL_MAX = 65_535


@record(frozen=True)
class _Strip:
    """One strip's tables, frame and scan headers (with their markers), and its coded data."""

    tables: bytes
    frame: bytes
    scan: bytes
    coded: bytes

    @property
    def height(self) -> int:
        return int.from_bytes(self.frame[5:7], "big")

    @property
    def width(self) -> int:
        return int.from_bytes(self.frame[7:9], "big")

    @property
    def unit(self) -> tuple[int, int]:
        """Width and height of what is coded together, in pixels."""
        factors = self.frame[11::3]
        if len(factors) == 1:
            return _BLOCK, _BLOCK
        return _BLOCK * max(f >> 4 for f in factors), _BLOCK * max(f & 15 for f in factors)


def join_strips(strips: Sequence[bytes], height: int) -> bytes | None:
    """One JPEG of so many rows, or None where the strips are of another kind.

    Args:
        strips: from top to bottom, each a JPEG; tables that the first has may be missing in the others.
        height: of all strips together, in pixels.
    """
    parts = [_take_apart(strip) for strip in strips]
    first = parts[0]
    if first is None or len(first.frame) < 13 or not all(first.unit):
        return None
    coded = bytearray()
    for index, part in enumerate(parts):
        if part is None or part.scan != first.scan or part.tables not in (b"", first.tables):
            return None
        last = index == len(parts) - 1
        if (part.frame[:5], part.frame[7:]) != (first.frame[:5], first.frame[7:]):
            return None
        if not last and part.height != first.height:
            return None
        coded += part.coded
        if not last:
            coded += bytes((0xFF, 0xD0 + index % 8))
    across, down = first.unit
    interval = -(-first.width // across) * (first.height // down)
    if first.height % down or interval > _INTERVAL_MAX:
        return None
    restart = b"\xff\xdd\0\x04" + interval.to_bytes(2, "big")
    frame = first.frame[:5] + height.to_bytes(2, "big") + first.frame[7:]
    return b"\xff\xd8" + first.tables + restart + frame + first.scan + bytes(coded) + b"\xff\xd9"


def _take_apart(strip: bytes) -> _Strip | None:
    tables, frame, scan = b"", b"", b""
    coded_from = 0
    for marker, start, end in jpeg_segments(strip):
        if marker == _EOI:
            return _Strip(tables, frame, scan, strip[coded_from : start - 2]) if frame and scan else None
        segment = strip[start - 4 : end]
        if scan or marker == _DRI or (marker in range(_SOF0 + 1, 0xD0) and marker != _DHT):
            return None  # several scans, restarts of its own, progressive and other kinds
        if marker == _SOF0:
            frame = segment
        elif marker in (_DHT, _DQT):
            tables += segment
        elif marker == _SOS:
            scan, coded_from = segment, end
    return None
