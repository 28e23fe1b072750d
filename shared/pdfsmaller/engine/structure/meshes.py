"""Meshes of shadings (types 4 to 7; ISO 32000-1, 8.7.4.5) on a grid of 65,536 steps across the mesh.

Drawing programs store the coordinates of gradient meshes in 32 bits, whose lower half is noise to any device: it does
not deflate, and is most of such a drawing's file. On a page of 980 points' width no point moves further than content
may (``content.rewrite.MOST_TOLERANCE``); points that were the same stay the same: patches still meet without gaps.

Flags and colours stay as they are. Left alone: meshes whose fields are no whole bytes, or whose data do not end with a
whole vertex or patch.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pikepdf import Array, Object, Pdf, Stream

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.streams import GENERAL, filters_of, read_decoded
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

#: Larger meshes are left alone: every coordinate is a number in Python.
MAX_BYTES = 4_000_000
_STEPS = 0xFFFF
# How coordinates of so many bits are read; 32 bits are what every program writes that writes more than 16.
_WIDE_BITS, _WIDE_BYTES = 32, 4
# (points, colours) of what begins a shape, and of what goes on from the shape before it, by the shading's type.
_SHAPES = {4: ((1, 1), (1, 1)), 5: ((1, 1), (1, 1)), 6: ((12, 4), (8, 2)), 7: ((16, 4), (12, 2))}
_LATTICE = 5


def thin_meshes(pdf: Pdf, limits: Limits) -> None:
    """Store the coordinates of all meshes in half their bits.

    Raises:
        LimitExceeded: a mesh is over ``max_stream_bytes``.
    """
    for obj in pdf.objects:
        if isinstance(obj, Stream) and entry(obj, "/ShadingType") in _SHAPES:
            with tolerate("shading"):
                _thin(obj, limits)


@record(frozen=True)
class _Layout:
    """How a mesh's data is laid out, in bytes.

    Attributes:
        flag: of the flag before a vertex or patch.
        color: of one colour.
        shapes: (points, colours) after a flag of 0, and after any other.
    """

    flag: int
    color: int
    shapes: tuple[tuple[int, int], tuple[int, int]]

    def records(self, data: bytes) -> Iterator[tuple[int, int, int]]:
        """(start, end of the coordinates, end) of every vertex or patch. Raises ValueError for what is none."""
        at = 0
        while at < len(data):
            continued = self.flag and data[at]
            if continued > 3:
                raise ValueError("flag")
            points, colors = self.shapes[bool(continued)]
            coordinates = at + self.flag + points * 2 * _WIDE_BYTES
            end = coordinates + colors * self.color
            yield at, coordinates, end
            at = end
        if at != len(data):
            raise ValueError("length")


def _thin(stream: Stream, limits: Limits) -> None:
    """Store one mesh again. Raises what damage raises."""
    decode = [float(value) for value in stream["/Decode"].as_list()]
    layout = _layout(stream, len(decode) // 2 - 2)
    if layout is None or any(f.name not in GENERAL for f in filters_of(stream)):
        return
    data = read_decoded(stream, limits)
    if len(data) > MAX_BYTES:
        return
    records = list(layout.records(data))
    xs: list[int] = []
    ys: list[int] = []
    for start, middle, _ in records:
        found = struct.unpack(f">{(middle - start) // _WIDE_BYTES}I", data[start + layout.flag : middle])
        xs += found[::2]
        ys += found[1::2]
    if not xs:
        return
    ranges = []
    for values, low, high in ((xs, decode[0], decode[1]), (ys, decode[2], decode[3])):
        least, most = min(values), max(values)
        step = (high - low) / (2**_WIDE_BITS - 1)
        ranges += [low + least * step, low + most * step]
        scale = _STEPS / max(most - least, 1)
        values[:] = [round((value - least) * scale) for value in values]
    pieces, at = [], 0
    for start, middle, end in records:
        count = (middle - start) // (2 * _WIDE_BYTES)
        flat = [value for point in zip(xs[at : at + count], ys[at : at + count], strict=True) for value in point]
        pieces += [data[start : start + layout.flag], struct.pack(f">{len(flat)}H", *flat), data[middle:end]]
        at += count
    stream.write(b"".join(pieces))
    stream["/BitsPerCoordinate"] = 16
    stream["/Decode"] = Array([*map(_real, ranges), *stream["/Decode"].as_list()[4:]])


def _real(value: float) -> Object:
    return Object.parse(f"{value:.7f}".encode())


def _layout(stream: Stream, components: int) -> _Layout | None:
    """None where it is not laid out in whole bytes, or has been thinned already."""
    kind = int(stream["/ShadingType"])
    bits = int(stream["/BitsPerComponent"])
    flag = 0 if kind == _LATTICE else int(stream["/BitsPerFlag"])
    if int(stream["/BitsPerCoordinate"]) != _WIDE_BITS or bits not in (8, 16) or flag not in (0, 8) or components < 1:
        return None
    return _Layout(flag // 8, bits // 8 * components, _SHAPES[kind])
