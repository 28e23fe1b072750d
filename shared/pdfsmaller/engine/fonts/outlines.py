"""Glyph outlines as Type 1 charstrings draw them, and as the plainest Type 2 charstring that draws the same.

Coordinates are multiples of 1/65536, the finest that a Type 2 charstring can say, so that nothing is rounded along a
path. Shorter operators are ``charstrings.tidied``'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Literal, NamedTuple

from pdfsmaller.engine.fonts.charstrings import Flat, encode_number
from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.records import record

#: A stem: its edge and its width (−20 and −21 mark an edge without another side).
Stem = tuple[float, float]
# Stems of one direction that fit on the stack beside a width, and stems that a charstring may have in all.
_MOST_STEMS_AT_ONCE = 23
_MOST_STEMS = 96
_ENDCHAR, _HSTEMHM, _HINTMASK, _CNTRMASK = 14, 18, 19, 20
_DRAWING = {"move": b"\x15", "line": b"\x05", "curve": b"\x08", "flex": b"\x0c\x23"}


class Hints(NamedTuple):
    """Stems in force together."""

    horizontal: frozenset[Stem] = frozenset()
    vertical: frozenset[Stem] = frozenset()


NO_HINTS = Hints()


class Segment(NamedTuple):
    """A piece of a path: where it leads to, by which hints.

    Attributes:
        kind: ``flex`` is two curves that are drawn as a line below ``depth`` hundredths of a pixel.
        points: x and y of one point, of three for a curve, of six for a flex.
    """

    kind: Literal["move", "line", "curve", "flex"]
    points: tuple[float, ...]
    hints: Hints
    depth: float = 0


@record()
class Outline:
    """One glyph.

    Attributes:
        width: its advance.
        segments: its path; moves that draw nothing are left out.
        counters: groups of stems that ask for equal counters.
        parts: of an accented letter: where the accent goes (x, y), then the codes in StandardEncoding of the base and
            of the accent.
    """

    width: float = 0
    segments: list[Segment] = field(default_factory=list)
    counters: list[Hints] = field(default_factory=list)
    parts: tuple[float, float, int, int] | None = None

    def add(self, segment: Segment) -> None:
        """Go on with a segment; a move after a move takes its place."""
        if segment.kind == "move" and self.segments and self.segments[-1].kind == "move":
            self.segments[-1] = segment
        else:
            self.segments.append(segment)

    def finish(self) -> None:
        if self.segments and self.segments[-1].kind == "move":
            self.segments.pop()


def charstring(outline: Outline) -> Flat:
    """A Type 2 charstring with an operator for each segment, without its width.

    Raises:
        FontError: a coordinate is out of range, or there are more hints than a charstring can have.
    """
    if outline.parts is not None:
        parts = (outline.parts[2], outline.parts[3])
        return Flat(b"".join(map(encode_number, outline.parts)) + bytes((_ENDCHAR,)), None, parts)
    sets = list(dict.fromkeys(segment.hints for segment in outline.segments))
    horizontal = sorted(set().union(*(one.horizontal for one in sets)))
    vertical = sorted(set().union(*(one.vertical for one in sets)))
    stems = [*((False, stem) for stem in horizontal), *((True, stem) for stem in vertical)]
    if max(len(horizontal), len(vertical)) > _MOST_STEMS_AT_ONCE or len(stems) > _MOST_STEMS:
        raise FontError("too many stems")
    counters = [mask for mask in (_mask(stems, group) for group in outline.counters) if any(mask)]
    masks = {one: _mask(stems, one) for one in sets} if stems else {}
    out = bytearray()
    if horizontal:
        out += _edges(horizontal) + bytes((_HSTEMHM,))
    out += _edges(vertical)  # understood from the mask that follows
    for mask in counters:
        out += bytes((_CNTRMASK,)) + mask
    x: float = 0
    y: float = 0
    hints = None
    for segment in outline.segments:
        if stems and segment.hints != hints:
            hints = segment.hints
            out += bytes((_HINTMASK,)) + masks[hints]
        for at in range(0, len(segment.points), 2):
            px, py = segment.points[at : at + 2]
            out += encode_number(px - x) + encode_number(py - y)
            x, y = px, py
        if segment.kind == "flex":
            out += encode_number(segment.depth)
        out += _DRAWING[segment.kind]
    out.append(_ENDCHAR)
    return Flat(bytes(out), None)


def _edges(stems: Iterable[Stem]) -> bytes:
    at: float = 0
    found = []
    for edge, width in stems:
        found += [encode_number(edge - at), encode_number(width)]
        at = edge + width
    return b"".join(found)


def _mask(stems: Sequence[tuple[bool, Stem]], hints: Hints) -> bytes:
    bits = 0
    for vertical, stem in stems:
        bits = bits << 1 | (stem in (hints.vertical if vertical else hints.horizontal))
    size = (len(stems) + 7) // 8
    return (bits << (8 * size - len(stems))).to_bytes(size)
