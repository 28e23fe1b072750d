"""Curves and tables of ICC profiles in fewer bytes, for the same colours to the eye (ICC.1, 10.6, 10.10 and 10.11).

Profiles of presses hold tables of 16 bits, which hardly deflate; the colours that they lead to are shown in 8. Curves
of 1,024 points are drawn just as well by some dozens.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache

# Where the curves of a lut8Type and a lut16Type begin, and how many entries the former's have.
_START_8, _START_16 = 48, 52
_ENTRIES = 256
_MOST_CHANNELS, _LAB = 4, 3
# In lut16Type a value of Lab is so many times what it is in lut8Type (ICC.1:2001-04, table 7), and one of a device.
_LAB_STEP, _DEVICE_STEP = 256, 257
_MOST_TABLE_BYTES = 2_000_000
# 1 for the lower byte of what is rounded up, and for the upper one of what can be.
_HALF, _BELOW_MOST = bytes(128) + b"\1" * 128, b"\1" * 255 + b"\0"
# A curve becomes the first of so many points that is near enough; points are _CURVE_START bytes into its tag.
_POINTS = (17, 33, 49, 65, 97, 129, 193, 257)
_CURVE_START = 12
_MOST_POINTS = 4096
# How far, in L*, it may be from what it stands for: a level of sRGB's 256 is 0.27 to 0.46.
_MOST_DISTANCE = 0.15
# L* is linear below (6/29)³ (CIE 15).
_LINEAR, _LINEAR_SLOPE = (6 / 29) ** 3, (29 / 3) ** 3


def narrow_table(tag: bytes) -> bytes:
    """A table of 16 bits from a device to Lab (lut16Type) as one of 8; the tag itself where it is no such table.

    What it leads to moves by half a step of Lab in 8 bits at most: 0.2 in L*, 0.5 in a* and b*.
    """
    if tag[:4] != b"mft2" or len(tag) < _START_16:
        return tag
    channels, outputs, grid = tag[8], tag[9], tag[10]
    ins, outs = struct.unpack_from(">HH", tag, _START_16 - 4)
    sizes = (channels * ins, grid**channels * outputs, outputs * outs) if channels <= _MOST_CHANNELS else (0, 0, 0)
    count = sum(sizes)
    if (
        outputs != _LAB
        or min(channels, grid, ins - 1, outs - 1) < 1
        or not 0 < 2 * count <= min(_MOST_TABLE_BYTES, len(tag) - _START_16)
    ):
        return tag
    table, end = _START_16 + 2 * sizes[0], _START_16 + 2 * (sizes[0] + sizes[1])
    before = struct.unpack_from(f">{sizes[0]}H", tag, _START_16)
    after = struct.unpack_from(f">{sizes[2]}H", tag, end)
    narrow = bytearray(b"mft1" + tag[4:_START_8])
    for start in range(0, len(before), ins):
        curve = before[start : start + ins]
        narrow += bytes(round(_at(curve, entry / (_ENTRIES - 1)) / _DEVICE_STEP) for entry in range(_ENTRIES))
    narrow += _rounded(tag[table:end])
    for start in range(0, len(after), outs):
        curve = after[start : start + outs]
        places = (entry * _LAB_STEP / 0xFFFF for entry in range(_ENTRIES))
        narrow += bytes(min(255, round(_at(curve, place) / _LAB_STEP)) for place in places)
    return bytes(narrow)


def _rounded(values: bytes) -> bytes:
    """Values of 16 bits in 8, all at once: as numbers of so many digits, of which none can carry into the next."""
    high, low = values[::2], values[1::2]
    more = int.from_bytes(low.translate(_HALF), "big") & int.from_bytes(high.translate(_BELOW_MOST), "big")
    return (int.from_bytes(high, "big") + more).to_bytes(len(high), "big")


@lru_cache(maxsize=64)
def thin_curve(tag: bytes) -> bytes:
    """A curve from a device's values to light (curveType) with the fewest points that look the same."""
    if tag[:4] != b"curv" or len(tag) < _CURVE_START:
        return tag
    (count,) = struct.unpack_from(">I", tag, 8)
    if not _POINTS[0] < count <= _MOST_POINTS or _CURVE_START + 2 * count > len(tag):
        return tag
    curve = struct.unpack_from(f">{count}H", tag, _CURVE_START)
    wanted = [_lightness(value) for value in curve]
    for points in _POINTS:
        if points >= count:
            break
        thin = [round(_at(curve, place / (points - 1))) for place in range(points)]
        found = (_lightness(_at(thin, place / (count - 1))) for place in range(count))
        if all(abs(a - b) <= _MOST_DISTANCE for a, b in zip(found, wanted, strict=True)):
            return struct.pack(f">4s4xI{points}H", b"curv", points, *thin)
    return tag


def shape_of_tables(tags: dict[bytes, bytes]) -> tuple[int, int] | None:
    """(bytes of a point, points in a row) of most of the bytes of the tables that a profile has, if any."""
    sizes: dict[tuple[int, int], int] = {}
    for tag in set(tags.values()):
        if tag[:4] in (b"mft1", b"mft2") and len(tag) >= _START_16 and min(tag[9], tag[10]) > 0:
            shape = (tag[9] * (1 if tag[:4] == b"mft1" else 2), tag[10])
            sizes[shape] = sizes.get(shape, 0) + len(tag)
    return max(sizes, key=lambda shape: sizes[shape], default=None)


def _at(curve: Sequence[float], place: float) -> float:
    """A curve's value at a place from 0 to 1, between its points."""
    position = place * (len(curve) - 1)
    low = min(int(position), len(curve) - 2)
    return curve[low] + (curve[low + 1] - curve[low]) * (position - low)


def _lightness(value: float) -> float:
    """L* of light given as 0 to 65,535."""
    light = value / 0xFFFF
    return float(116 * light ** (1 / 3) - 16 if light > _LINEAR else light * _LINEAR_SLOPE)
