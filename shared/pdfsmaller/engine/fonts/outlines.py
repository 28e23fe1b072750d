"""Glyph outlines between the two charstring languages: path segments in absolute coordinates, each with its hints.

``encode`` writes them as a Type 2 charstring in its short forms, ``draw`` reads them from one. Coordinates are
multiples of 1/65536, the finest that a Type 2 charstring can say, so that nothing is rounded along a path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field
from functools import lru_cache, partial
from typing import Literal, NamedTuple

from pdfsmaller.engine.fonts import charstrings as t2
from pdfsmaller.engine.fonts.charstrings import encode_number, number_at
from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.records import record

#: A stem: its edge and its width (−20 and −21 mark an edge without another side).
Stem = tuple[float, float]
# Stems of one direction that fit on the stack beside a width, and stems that a charstring may have in all.
_MOST_STEMS_AT_ONCE = 23
_MOST_STEMS = 96
# The depth that the short forms of a flex stand for, in hundredths of a pixel.
_USUAL_DEPTH = 50


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
        declared: horizontal and vertical stems in the order of their declaration, where that is known: some producers
            write them unsorted, and which of two that overlap is obeyed may depend on it.
    """

    width: float = 0
    segments: list[Segment] = field(default_factory=list)
    counters: list[Hints] = field(default_factory=list)
    parts: tuple[float, float, int, int] | None = None
    declared: tuple[list[Stem], list[Stem]] | None = field(default=None, compare=False)

    def add(self, segment: Segment) -> None:
        """Go on with a segment; a move after a move takes its place."""
        if segment.kind == "move" and self.segments and self.segments[-1].kind == "move":
            self.segments[-1] = segment
        else:
            self.segments.append(segment)

    def finish(self) -> None:
        if self.segments and self.segments[-1].kind == "move":
            self.segments.pop()


def encode(outline: Outline) -> bytes:
    """A Type 2 charstring without its width.

    Raises:
        FontError: a coordinate is out of range.
    """
    if outline.parts is not None:
        return b"".join(map(encode_number, outline.parts)) + bytes((t2.ENDCHAR,))
    out, masks = _encode_stems(outline)
    x: float = 0
    y: float = 0
    pending: list[tuple[float, ...]] = []  # lines and curves, as differences
    hints = outline.segments[0].hints if outline.segments else NO_HINTS
    for segment in outline.segments:
        points = segment.points
        if segment.hints != hints:
            hints = segment.hints
            if masks:
                _encode_path(out, pending)
                pending = []
                out.append(t2.HINTMASK)
                out += masks[hints]
        deltas: list[float] = []
        for px, py in zip(points[::2], points[1::2], strict=True):
            deltas += (px - x, py - y)
            x, y = px, py
        if segment.kind in ("line", "curve"):
            pending.append(tuple(deltas))
            continue
        _encode_path(out, pending)
        pending = []
        if segment.kind == "move":
            dx, dy = deltas
            if dy == 0:
                out += encode_number(dx) + bytes((t2.HMOVETO,))
            elif dx == 0:
                out += encode_number(dy) + bytes((t2.VMOVETO,))
            else:
                out += encode_number(dx) + encode_number(dy) + bytes((t2.RMOVETO,))
        else:
            _encode_flex(out, deltas, segment.depth)
    _encode_path(out, pending)
    out.append(t2.ENDCHAR)
    return bytes(out)


def _encode_stems(outline: Outline) -> tuple[bytearray, dict[Hints, bytes]]:
    """The declaration of all stems with the first mask, and the mask of each set where there are several."""
    out = bytearray()
    sets = list(dict.fromkeys(segment.hints for segment in outline.segments))
    if outline.declared is not None:
        horizontal, vertical = outline.declared
    else:
        horizontal = sorted(set().union(*(one.horizontal for one in sets)))
        vertical = sorted(set().union(*(one.vertical for one in sets)))
    stems = [*((False, stem) for stem in horizontal), *((True, stem) for stem in vertical)]
    # A glyph with more than fits is drawn without hints.
    if not stems or max(len(horizontal), len(vertical)) > _MOST_STEMS_AT_ONCE or len(stems) > _MOST_STEMS:
        return out, {}
    masks: dict[Hints, bytes] = {}
    if len(sets) > 1:
        masks = {one: _mask(stems, one) for one in sets}
    counters = [mask for mask in (_mask(stems, group) for group in outline.counters) if any(mask)]
    with_masks = bool(masks or counters)
    if horizontal:
        _encode_edges(out, horizontal)
        out.append(t2.HSTEMHM if with_masks else t2.HSTEM)
    if vertical:
        _encode_edges(out, vertical)
        if not with_masks:
            out.append(t2.VSTEM)  # else understood from the mask that follows
    for mask in counters:
        out.append(t2.CNTRMASK)
        out += mask
    if masks:
        out.append(t2.HINTMASK)
        out += masks[sets[0]]
    return out, masks


def _encode_edges(out: bytearray, stems: Sequence[Stem]) -> None:
    at: float = 0
    for edge, width in stems:
        out += encode_number(edge - at) + encode_number(width)
        at = edge + width


def _mask(stems: Sequence[tuple[bool, Stem]], hints: Hints) -> bytes:
    bits = 0
    for vertical, stem in stems:
        bits = bits << 1 | (stem in (hints.vertical if vertical else hints.horizontal))
    size = (len(stems) + 7) // 8
    return (bits << (8 * size - len(stems))).to_bytes(size)


def _encode_flex(out: bytearray, d: Sequence[float], depth: float) -> None:
    dx1, dy1, dx2, dy2, dx3, dy3, dx4, dy4, dx5, dy5, dx6, dy6 = d
    across, up = sum(d[0:10:2]), sum(d[1:10:2])
    usual = depth == _USUAL_DEPTH
    args: Sequence[float]
    if usual and dy1 == dy3 == dy4 == dy6 == 0 and dy2 == -dy5:
        args, op = (dx1, dx2, dy2, dx3, dx4, dx5, dx6), t2.HFLEX
    elif usual and dy3 == dy4 == 0 and up + dy6 == 0:
        args, op = (dx1, dy1, dx2, dy2, dx3, dx4, dx5, dy5, dx6), t2.HFLEX1
    elif usual and abs(across) > abs(up) and up + dy6 == 0:
        args, op = (*d[:10], dx6), t2.FLEX1
    elif usual and abs(across) <= abs(up) and across + dx6 == 0:
        args, op = (*d[:10], dy6), t2.FLEX1
    else:
        args, op = (*d, depth), t2.FLEX
    for value in args:
        out += encode_number(value)
    out += bytes((t2.ESCAPE, op))


def _encode_path(out: bytearray, pieces: Sequence[tuple[float, ...]]) -> None:
    """Lines (of two differences) and curves (of six), each operator taking as many as it can."""
    at, count = 0, len(pieces)
    previous_op, previous_args = 0, 0  # to join a last curve to lines, a last line to curves
    while at < count:
        take = _lines if len(pieces[at]) == 2 else _curves
        op, args, at = take(pieces, at)
        if op == t2.RRCURVETO and len(args) == 6 and previous_op == t2.RLINETO and previous_args + 6 <= t2.STACK:
            out.pop()
            op = t2.RLINECURVE
        elif op == t2.RLINETO and len(args) == 2 and previous_op == t2.RRCURVETO and previous_args + 2 <= t2.STACK:
            out.pop()
            op = t2.RCURVELINE
        for value in args:
            out += encode_number(value)
        out.append(op)
        previous_op, previous_args = op, len(args)


def _lines(pieces: Sequence[tuple[float, ...]], at: int) -> tuple[int, list[float], int]:
    """The operator for the lines from here on, its operands, and what follows them."""
    args: list[float] = []
    count = len(pieces)
    dx, dy = pieces[at]
    if dx and dy:
        while at < count and len(pieces[at]) == 2 and len(args) < t2.STACK:
            dx, dy = pieces[at]
            # One level or upright line between slanted ones is shorter among them.
            if not (dx and dy) and not (
                at + 1 < count and len(pieces[at + 1]) == 2 and pieces[at + 1][0] and pieces[at + 1][1]
            ):
                break
            args += (dx, dy)
            at += 1
        return t2.RLINETO, args, at
    level = dy == 0
    op = t2.HLINETO if level else t2.VLINETO
    while at < count and len(pieces[at]) == 2 and len(args) < t2.STACK:
        dx, dy = pieces[at]
        if (dy if level else dx) != 0:
            break
        args.append(dx if level else dy)
        level = not level
        at += 1
    return op, args, at


def _curves(pieces: Sequence[tuple[float, ...]], at: int) -> tuple[int, list[float], int]:
    """The operator for the curves from here on, its operands, and what follows them."""
    args: list[float] = []
    count = len(pieces)
    dx1, dy1, _, _, dx3, dy3 = pieces[at]
    if (dy1 == 0 and dx3 == 0) or (dx1 == 0 and dy3 == 0):
        level = dy1 == 0 and dx3 == 0
        op = t2.HVCURVETO if level else t2.VHCURVETO
        while at < count and len(pieces[at]) == 6 and len(args) <= t2.STACK - 5:
            dx1, dy1, dx2, dy2, dx3, dy3 = pieces[at]
            if (dy1 if level else dx1) != 0:
                break
            at += 1
            args += (dx1 if level else dy1, dx2, dy2, dy3 if level else dx3)
            if (dx3 if level else dy3) != 0:
                args.append(dx3 if level else dy3)
                break
            level = not level
        return op, args, at
    if dy3 == 0 or dx3 == 0:
        level = dy3 == 0
        op = t2.HHCURVETO if level else t2.VVCURVETO
        if (dy1 if level else dx1) != 0:
            args.append(dy1 if level else dx1)
        first = at
        while at < count and len(pieces[at]) == 6 and len(args) <= t2.STACK - 4:
            dx1, dy1, dx2, dy2, dx3, dy3 = pieces[at]
            if (dy3 if level else dx3) != 0 or (at > first and (dy1 if level else dx1) != 0):
                break
            args += (dx1, dx2, dy2, dx3) if level else (dy1, dx2, dy2, dy3)
            at += 1
        return op, args, at
    if dy1 == 0 or dx1 == 0:
        level = dy1 == 0
        op = t2.HVCURVETO if level else t2.VHCURVETO
        dx1, dy1, dx2, dy2, dx3, dy3 = pieces[at]
        return op, [dx1, dx2, dy2, dy3, dx3] if level else [dy1, dx2, dy2, dx3, dy3], at + 1
    while at < count and len(pieces[at]) == 6 and len(args) <= t2.STACK - 6:
        dx1, dy1, _, _, dx3, dy3 = pieces[at]
        if not (dx1 or dy1) or (args and (not dx3 or not dy3)):
            break
        args += pieces[at]
        at += 1
    return t2.RRCURVETO, args, at


def draw(flat: t2.Flat) -> Outline:
    """The outline of a Type 2 charstring without subroutines; its width is left at 0.

    Raises:
        FontError: the charstring is damaged.
    """
    body = flat.body
    horizontal: list[Stem] = []
    vertical: list[Stem] = []
    outline = Outline(declared=(horizontal, vertical))
    hints = NO_HINTS
    masked = False
    x: float = 0
    y: float = 0
    for op, args, mask in _operators(body):
        if op in t2.STEMS:
            side = horizontal if op in (t2.HSTEM, t2.HSTEMHM) else vertical
            at: float = 0
            for edge, width in zip(args[::2], args[1::2], strict=False):
                side.append((at + edge, width))
                at += edge + width
            if op in (t2.HINTMASK, t2.CNTRMASK):
                chosen = _chosen(horizontal, vertical, mask)
                if op == t2.CNTRMASK:
                    outline.counters.append(chosen)
                else:
                    hints, masked = chosen, True
            if not masked:
                hints = Hints(frozenset(horizontal), frozenset(vertical))
            continue
        if op == t2.ENDCHAR:
            if flat.parts is not None:
                outline.parts = (*args[-4:-2], *flat.parts)  # type: ignore[assignment]
            break
        for kind, deltas, depth in _pieces(op, args):
            if len(deltas) != _NUMBERS[kind]:
                raise FontError("charstring damaged")
            if kind == "curve":
                dx1, dy1, dx2, dy2, dx3, dy3 = deltas
                x1, y1 = x + dx1, y + dy1
                x2, y2 = x1 + dx2, y1 + dy2
                x, y = x2 + dx3, y2 + dy3
                outline.segments.append(Segment(kind, (x1, y1, x2, y2, x, y), hints))
                continue
            if kind == "line":
                x, y = x + deltas[0], y + deltas[1]
                outline.segments.append(Segment(kind, (x, y), hints))
                continue
            points: list[float] = []
            for dx, dy in zip(deltas[::2], deltas[1::2], strict=True):
                x, y = x + dx, y + dy
                points += (x, y)
            outline.add(Segment(kind, tuple(points), hints, depth))
    outline.finish()
    return outline


def tidied(flat: t2.Flat) -> t2.Flat:
    """The charstring with the same outline and hints in the shortest operators there are, or as it is."""
    try:
        outline = _drawn(flat.body, flat.parts)
        tidy = t2.Flat(encode(outline), flat.width, flat.parts)
        shorter = len(tidy.body) < len(flat.body) and same_drawing(flat, tidy)
        if shorter and _drawn(tidy.body, tidy.parts).declared == outline.declared:
            return tidy
    except FontError:
        pass  # drawn by readers that forgive more
    return flat


def same_drawing(one: t2.Flat, other: t2.Flat) -> bool:
    """Whether two charstrings have the same outline and hints, whatever their operators.

    Raises:
        FontError: one of them is damaged.
    """
    return one.body == other.body or (one.parts == other.parts and _same(one.body, other.body, one.parts))


# A glyph that was tidied is compared again when its program is proved.
@lru_cache(maxsize=8_192)
def _same(one: bytes, other: bytes, parts: tuple[int, int] | None) -> bool:
    return _drawn(one, parts) == _drawn(other, parts)


@lru_cache(maxsize=4)
def _drawn(body: bytes, parts: tuple[int, int] | None) -> Outline:
    """The last outlines, not to be changed."""
    return draw(t2.Flat(body, None, parts))


def _chosen(horizontal: Sequence[Stem], vertical: Sequence[Stem], mask: bytes) -> Hints:
    bits = int.from_bytes(mask)
    top = 8 * len(mask) - 1
    on = [bits >> (top - number) & 1 for number in range(len(horizontal) + len(vertical))]
    return Hints(
        frozenset(stem for stem, bit in zip(horizontal, on, strict=False) if bit),
        frozenset(stem for stem, bit in zip(vertical, on[len(horizontal) :], strict=False) if bit),
    )


def _operators(body: bytes) -> Iterator[tuple[int, list[float], bytes]]:
    """Operators (those after an escape as 0x0C00 more) with their operands and hint mask."""
    at, end, stems = 0, len(body), 0
    while at < end:
        operands, at = t2.operands_at(body, at)
        if at >= end:
            raise FontError("charstring damaged")
        op = body[at]
        at += 1
        mask = b""
        if op in t2.STEMS:
            stems += len(operands) // 2
            if op in (t2.HINTMASK, t2.CNTRMASK):
                mask = body[at : at + (stems + 7) // 8]
                at += len(mask)
        elif op == t2.ESCAPE:
            op = 0x0C00 + body[at]
            at += 1
        yield op, list(map(_value, operands)), mask


# Few different operands make up most of a font.
_value = lru_cache(maxsize=16_384)(partial(number_at, at=0))
_NUMBERS = {"move": 2, "line": 2, "curve": 6, "flex": 12}
_Piece = tuple[Literal["move", "line", "curve", "flex"], Sequence[float], float]


def _pieces(op: int, args: list[float]) -> Iterator[_Piece]:
    """What a path operator draws, as differences."""
    try:
        yield from _PIECES[op](args)
    except (KeyError, ValueError, IndexError):
        raise FontError("charstring damaged") from None


def _draw_lines(args: list[float]) -> Iterator[_Piece]:
    for at in range(0, len(args), 2):
        yield "line", args[at : at + 2], 0


def _draw_alternating(args: list[float], level: bool) -> Iterator[_Piece]:
    for value in args:
        yield "line", (value, 0) if level else (0, value), 0
        level = not level


def _draw_curves(args: list[float]) -> Iterator[_Piece]:
    for at in range(0, len(args), 6):
        yield "curve", args[at : at + 6], 0


def _draw_parallel(args: list[float], level: bool) -> Iterator[_Piece]:
    aside: float = 0
    if len(args) % 4:
        aside, args = args[0], args[1:]
    for at in range(0, len(args), 4):
        a, dx2, dy2, b = args[at : at + 4]
        yield "curve", (a, aside, dx2, dy2, b, 0) if level else (aside, a, dx2, dy2, 0, b), 0
        aside = 0


def _draw_turning(args: list[float], level: bool) -> Iterator[_Piece]:
    last = args.pop() if len(args) % 4 else 0
    for at in range(0, len(args), 4):
        a, dx2, dy2, b = args[at : at + 4]
        aside = last if at + 4 == len(args) else 0
        yield "curve", (a, 0, dx2, dy2, aside, b) if level else (0, a, dx2, dy2, b, aside), 0
        level = not level


def _draw_flex1(d: list[float]) -> Iterator[_Piece]:
    across, up = sum(d[0:10:2]), sum(d[1:10:2])
    end = (d[10], -up) if abs(across) > abs(up) else (-across, d[10])
    yield "flex", (*d[:10], *end), _USUAL_DEPTH


def _draw_hflex(d: list[float]) -> Iterator[_Piece]:
    yield "flex", (d[0], 0, d[1], d[2], d[3], 0, d[4], 0, d[5], -d[2], d[6], 0), _USUAL_DEPTH


def _draw_hflex1(d: list[float]) -> Iterator[_Piece]:
    yield "flex", (*d[:4], d[4], 0, d[5], 0, d[6], d[7], d[8], -(d[1] + d[3] + d[7])), _USUAL_DEPTH


_PIECES: dict[int, Callable[[list[float]], Iterable[_Piece]]] = {
    t2.RMOVETO: lambda args: [("move", args[-2:], 0)],
    t2.HMOVETO: lambda args: [("move", (args[-1], 0), 0)],
    t2.VMOVETO: lambda args: [("move", (0, args[-1]), 0)],
    t2.RLINETO: _draw_lines,
    t2.HLINETO: lambda args: _draw_alternating(args, True),
    t2.VLINETO: lambda args: _draw_alternating(args, False),
    t2.RRCURVETO: _draw_curves,
    t2.RCURVELINE: lambda args: (*_draw_curves(args[:-2]), *_draw_lines(args[-2:])),
    t2.RLINECURVE: lambda args: (*_draw_lines(args[:-6]), *_draw_curves(args[-6:])),
    t2.HHCURVETO: lambda args: _draw_parallel(args, True),
    t2.VVCURVETO: lambda args: _draw_parallel(args, False),
    t2.HVCURVETO: lambda args: _draw_turning(args, True),
    t2.VHCURVETO: lambda args: _draw_turning(args, False),
    0x0C00 + t2.HFLEX: _draw_hflex,
    0x0C00 + t2.HFLEX1: _draw_hflex1,
    0x0C00 + t2.FLEX1: _draw_flex1,
    0x0C00 + t2.FLEX: lambda args: [("flex", args[:12], args[12])],
}
