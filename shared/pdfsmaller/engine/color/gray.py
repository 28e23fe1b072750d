"""The gray level that a colour has, in every colour space whose meaning is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pikepdf
from pikepdf import Array, Name, Object

from pdfsmaller.engine.color.functions import NotAFunction, read_function
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.images.color import read_color_space
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

#: A colour's components to its level: 0 is black, 1 is white.
Level = Callable[[Sequence[float]], float]

MAX_COMPONENTS = 32


@record(frozen=True)
class GraySpace:
    """A colour space that can be turned gray.

    Attributes:
        components: of one colour.
        level: what they amount to.
        initial: the components in force when the space is set (ISO 32000-1, 8.6.5 to 8.6.6).
        gray: colours are gray levels already.
    """

    components: int
    level: Level
    initial: tuple[float, ...]
    gray: bool = False


def level_of(components: Sequence[float]) -> float:
    """The level of DeviceGray, DeviceRGB or DeviceCMYK components (ISO 32000-1, 10.3.2 and 10.3.3)."""
    values = [min(1.0, max(0.0, value)) for value in components]
    if len(values) == 1:
        return values[0]
    weighted = 0.3 * values[0] + 0.59 * values[1] + 0.11 * values[2]
    return weighted if len(values) == 3 else 1 - min(1.0, weighted + values[3])


def read_gray_space(space: Object | None, limits: Limits, depth: int = 0) -> GraySpace | None:
    """How colours of a space turn gray, or None where that is not known.

    Raises:
        LimitExceeded: a tint transform's samples are over ``max_stream_bytes``.
    """
    with tolerate("color_space", NotAFunction):
        return _read(space, limits, depth)
    return None


def _read(space: Object | None, limits: Limits, depth: int) -> GraySpace | None:
    kind = str(space[0]) if isinstance(space, Array) and len(space) else str(space)
    if depth > 4:
        return None
    if kind == "/Lab":
        return GraySpace(3, _lab_level, (0.0, 0.0, 0.0))
    if isinstance(space, Array) and kind in ("/Indexed", "/I"):
        return _indexed(space, limits, depth)
    if isinstance(space, Array) and kind in ("/Separation", "/DeviceN"):
        return _tinted(space, limits, depth)
    known = read_color_space(space)
    if known is None or known.family == "other" or known.palette is not None:
        return None
    initial = (0.0,) * known.components
    if known.family == "cmyk" and kind != "/ICCBased":
        initial = (0.0, 0.0, 0.0, 1.0)
    return GraySpace(known.components, level_of, initial, gray=known.family == "gray")


def _lab_level(components: Sequence[float]) -> float:
    """L* is lightness; gray levels are sRGB's (IEC 61966-2-1)."""
    lightness = min(100.0, max(0.0, components[0]))
    light = ((lightness + 16) / 116) ** 3 if lightness > 8 else lightness / 903.3
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def _indexed(space: Array, limits: Limits, depth: int) -> GraySpace | None:
    base, known = _read(space[1], limits, depth + 1), read_color_space(space)
    if base is None:
        return None
    if known is not None and known.palette is not None:
        table = known.palette
    else:
        table = space[3].read_bytes() if isinstance(space[3], pikepdf.Stream) else bytes(space[3])
    lab = str(space[1][0] if isinstance(space[1], Array) else space[1]) == "/Lab"
    entries = min(int(space[2]) + 1, len(table) // base.components, 256)
    if entries < 1:
        return None
    scale = 100 / 255 if lab else 1 / 255  # of Lab, only the first component counts
    levels = [
        base.level([value * scale for value in table[n * base.components : (n + 1) * base.components]])
        for n in range(entries)
    ]
    return GraySpace(1, lambda values: levels[min(max(int(values[0]), 0), entries - 1)], (0.0,))


def _tinted(space: Array, limits: Limits, depth: int) -> GraySpace | None:
    names = [space[1]] if isinstance(space[1], Name) else space[1].as_list()
    count = len(names)
    if not 1 <= count <= MAX_COMPONENTS or all(str(name) == "/None" for name in names):
        return None
    alternate, transform = _read(space[2], limits, depth + 1), read_function(space[3], limits)
    if alternate is None or len(transform([1.0] * count)) != alternate.components:
        return None
    return GraySpace(count, lambda values: alternate.level(transform(values)), (1.0,) * count)
