"""Shadings turned gray (ISO 32000-1, 8.7.4.5): their functions sampled as levels, their meshes' colours as one each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

from pdfsmaller.engine.color.functions import read_function
from pdfsmaller.engine.color.gray import GraySpace, Level
from pdfsmaller.engine.streams import read_decoded
from pdfsmaller.limits import Limits

SAMPLES = 1024
SAMPLES_A_SIDE = 64
#: Vertices of a mesh cost microseconds each; larger ones stay.
MAX_MESH_BYTES = 4_000_000
# By type and whether the first patch or vertex stands alone: points and colours of one record.
_RECORDS = {4: ((1, 1), (1, 1)), 5: ((1, 1), (1, 1)), 6: ((12, 4), (8, 2)), 7: ((16, 4), (12, 2))}


class LeftAlone(Exception):
    """This shading cannot be turned."""


def turn_shading(pdf: Pdf, shading: Dictionary | Stream, space: GraySpace, level: Level, limits: Limits) -> None:
    """Make a shading gray.

    Args:
        space: the shading's.
        level: what its colours amount to; may be coarser than the space's own.

    Raises:
        LeftAlone: nothing was changed.
        NotAFunction: nothing was changed; a function is damaged.
    """
    kind = int(shading["/ShadingType"])
    if "/Function" in shading:
        shading["/Function"] = _sampled(pdf, shading, kind, level, limits)
    elif kind in _RECORDS and isinstance(shading, Stream):
        _turn_mesh(shading, kind, space.components, level, limits)
    else:
        raise LeftAlone
    shading["/ColorSpace"] = Name.DeviceGray


def _sampled(pdf: Pdf, shading: Dictionary | Stream, kind: int, level: Level, limits: Limits) -> Object:
    function = read_function(shading["/Function"], limits)
    if kind == 1:
        x0, x1, y0, y1 = _floats(shading, "/Domain", [0, 1, 0, 1])
        sides = [n / (SAMPLES_A_SIDE - 1) for n in range(SAMPLES_A_SIDE)]
        points: list[Sequence[float]] = [(x0 + s * (x1 - x0), y0 + t * (y1 - y0)) for t in sides for s in sides]
        domain, size = [x0, x1, y0, y1], [SAMPLES_A_SIDE, SAMPLES_A_SIDE]
    else:
        start, end = _floats(shading, "/Decode", [])[-2:] if kind > 3 else _floats(shading, "/Domain", [0, 1])
        points = [(start + n * (end - start) / (SAMPLES - 1),) for n in range(SAMPLES)]
        domain, size = [start, end], [SAMPLES]
    data = bytes(_byte(level, function(point)) for point in points)
    return pdf.make_stream(
        data, FunctionType=0, Domain=Array(domain), Range=Array([0, 1]), Size=Array(size), BitsPerSample=8
    )


def _byte(level: Level, components: Sequence[float]) -> int:
    return round(min(1.0, max(0.0, level(components))) * 255)


def _floats(shading: Dictionary | Stream, key: str, default: list[int]) -> list[float]:
    return [float(value) for value in shading[key].as_list()] if key in shading else [float(value) for value in default]


def _turn_mesh(shading: Stream, kind: int, components: int, level: Level, limits: Limits) -> None:
    coordinate, component = int(shading["/BitsPerCoordinate"]), int(shading["/BitsPerComponent"])
    flag = int(shading["/BitsPerFlag"]) if kind != 5 else 0
    if coordinate % 8 or component not in (8, 16) or flag not in (0, 8):
        raise LeftAlone  # records that begin within a byte
    decode = _floats(shading, "/Decode", [])
    data = read_decoded(shading, limits)
    if len(data) > MAX_MESH_BYTES or len(decode) < 4 + 2 * components:
        raise LeftAlone
    read = _color_reader(decode[4:], component, components, level)
    point_bytes, color_bytes = coordinate // 4, components * component // 8
    result, at = bytearray(), 0
    while at < len(data):
        points, colors = _RECORDS[kind][bool(flag and data[at] & 3)]
        head = flag // 8 + points * point_bytes
        if at + head + colors * color_bytes > len(data):
            break  # what is left over is padding
        result += data[at : at + head]
        at += head
        for _ in range(colors):
            result.append(read(data[at : at + color_bytes]))
            at += color_bytes
    shading.write(bytes(result))
    shading["/BitsPerComponent"] = 8
    shading["/Decode"] = Array([*decode[:4], 0, 1])


def _color_reader(decode: list[float], bits: int, components: int, level: Level) -> Callable[[bytes], int]:
    width, most = bits // 8, (1 << bits) - 1
    pairs = [(decode[2 * n], decode[2 * n + 1]) for n in range(components)]

    def read(data: bytes) -> int:
        raw = [int.from_bytes(data[n * width : (n + 1) * width], "big") for n in range(components)]
        return _byte(level, [low + value * (high - low) / most for value, (low, high) in zip(raw, pairs, strict=True)])

    return read
