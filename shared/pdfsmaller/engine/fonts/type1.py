"""Type 1 programs (``/FontFile``) into bare CFF (``/FontFile3 /Type1C``), hints kept.

Guarantees: integer coordinates stay as they are, fractions are kept to 1/65536; stems, hint replacement, flex and
counter hints of stem3 go on; every function raises nothing but ``FontError``; what a damaged or hostile program can
cost is bounded. Left out: dotsection and the counter hints of OtherSubrs 12 and 13, which renderers ignore, and
vertical advances, which CFF does not have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from itertools import pairwise

from pdfsmaller.engine.fonts import cff_format
from pdfsmaller.engine.fonts.cff import common_widths, glyphs_drawn
from pdfsmaller.engine.fonts.cff_format import (
    Cff,
    Entries,
    FontDict,
    operand,
    standard_encoding,
    write_cff,
)
from pdfsmaller.engine.fonts.charstrings import Budget, Flat, same_drawings, tidied, with_width
from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.engine.fonts.outlines import NO_HINTS, Hints, Outline, Segment, Stem, charstring
from pdfsmaller.engine.fonts.type1_format import Type1, read_type1

# The specification allows 24 operands and 10 levels of subroutines; renderers allow more.
_STACK = 256
_DEPTH = 16
_MOST_COORDINATE = 32_000
_MOST_NUMBER = 2**31
# More of one direction than CFF can have: such a glyph goes without.
_MOST_STEMS = 97
# Operators and operands of all glyphs: ten times what the largest fonts have.
_MOST_TOKENS = 1_000_000

# Entries of the Private dictionary, and how many numbers they may have (Type 1 Font Format, chapter 5).
_PRIVATE: dict[str, tuple[int, int]] = {
    "BlueValues": (cff_format.BLUE_VALUES, 14),
    "OtherBlues": (cff_format.OTHER_BLUES, 10),
    "FamilyBlues": (cff_format.FAMILY_BLUES, 14),
    "FamilyOtherBlues": (cff_format.FAMILY_OTHER_BLUES, 10),
    "StemSnapH": (cff_format.STEM_SNAP_H, 12),
    "StemSnapV": (cff_format.STEM_SNAP_V, 12),
    "StdHW": (cff_format.STD_HW, 1),
    "StdVW": (cff_format.STD_VW, 1),
    "BlueScale": (cff_format.BLUE_SCALE, 1),
    "BlueShift": (cff_format.BLUE_SHIFT, 1),
    "BlueFuzz": (cff_format.BLUE_FUZZ, 1),
    "ForceBold": (cff_format.FORCE_BOLD, 1),
    "LanguageGroup": (cff_format.LANGUAGE_GROUP, 1),
    "ExpansionFactor": (cff_format.EXPANSION_FACTOR, 1),
}
_TOP: dict[str, tuple[int, int]] = {
    "FontBBox": (cff_format.FONT_BBOX, 4),
    "FontMatrix": (cff_format.FONT_MATRIX, 6),
    "PaintType": (cff_format.PAINT_TYPE, 1),
    "StrokeWidth": (cff_format.STROKE_WIDTH, 1),
}
_PAIRS = frozenset({"BlueValues", "OtherBlues", "FamilyBlues", "FamilyOtherBlues"})
_DELTAS = _PAIRS | {"StemSnapH", "StemSnapV"}


def type1_encoding(program: bytes) -> dict[int, str]:
    """The built-in encoding: code to glyph name, ``.notdef`` left out.

    Raises:
        FontError: the program is damaged or not understood.
    """
    return dict(_read(program).encoding)


def type1_names(program: bytes) -> list[str]:
    """The names of all glyphs, in the program's order.

    Raises:
        FontError: the program is damaged or not understood.
    """
    return list(_read(program).charstrings)


def type1_to_cff(program: bytes, glyphs: Collection[str] | None = None) -> bytes:
    """A bare, name-keyed CFF with the same outlines, widths, hints, matrix and built-in encoding.

    Args:
        program: the decoded data of ``/FontFile``; its Length1 to Length3 are not needed.
        glyphs: the names to keep, None for all. ``.notdef`` and the parts of accented letters are kept as well;
            a name that the program does not have is passed over.

    Raises:
        FontError: the program is damaged or not understood.
    """
    font = _read(program)
    drawn = _glyphs(program, None if glyphs is None else frozenset(glyphs))
    code_of: dict[str, int] = {}
    for code, name in sorted(font.encoding.items()):
        code_of.setdefault(name, code)
    names = sorted(drawn, key=lambda name: (name != ".notdef", code_of.get(name, 256), name))
    widths = [drawn[name][1] for name in names]
    default, nominal = common_widths(Counter(widths))
    private = {**_entries(font, _PRIVATE), cff_format.DEFAULT_WIDTH: [operand(default)]}
    private[cff_format.NOMINAL_WIDTH] = [operand(nominal)]
    charstrings = [
        with_width(flat, None if width == default else width - nominal)
        for flat, width in zip(tidied([drawn[name][0] for name in names]), widths, strict=True)
    ]
    cff = Cff(font.name, _entries(font, _TOP), charstrings, (), [FontDict(private)], names=names)
    gid_of = {name: gid for gid, name in enumerate(names)}
    cff.encoding = {code: gid_of[name] for code, name in font.encoding.items() if name in gid_of}
    return write_cff(cff)


def type1_outlines_equal(program: bytes, cff: bytes, glyphs: Collection[str] | None = None) -> bool:
    """Whether a CFF draws the given glyphs (None for all) of a Type 1 program with equal outlines, hints and widths,
    at equal codes.

    Raises:
        FontError: one of the programs is damaged or not understood.
    """
    font = _read(program)
    wanted = _glyphs(program, None if glyphs is None else frozenset(glyphs))
    drawn, encoding, matrix = glyphs_drawn(cff, wanted)
    codes = {code: name for code, name in font.encoding.items() if name in wanted}
    own = font.numbers("FontMatrix")
    return (
        drawn.keys() == wanted.keys()
        and all(drawn[name][1] == width for name, (_, width) in wanted.items())
        and same_drawings([flat for flat, _ in wanted.values()], [drawn[name][0] for name in wanted])
        and {code: encoding.get(code) for code in codes} == codes
        and (own is None or tuple(own) == matrix)
    )


def _entries(font: Type1, wanted: dict[str, tuple[int, int]]) -> Entries:
    """Entries of the Type 1 dictionaries as those of a CFF DICT."""
    entries: Entries = {}
    for key, (op, most) in wanted.items():
        values = font.numbers(key)
        if not values:
            continue
        if key in _DELTAS:
            if len(values) > most or (key in _PAIRS and len(values) % 2):
                continue  # what renderers cannot use either
            values = [values[0], *(round(b - a, 6) for a, b in pairwise(values))]
        elif len(values) != most:
            if op in (cff_format.FONT_MATRIX, cff_format.FONT_BBOX):
                raise FontError("Type 1 dictionary damaged")
            continue
        entries[op] = [operand(value) for value in values]
    return entries


# A program is read, converted and compared in turn: the last one is remembered.
_read = lru_cache(maxsize=1)(read_type1)


@lru_cache(maxsize=1)
def _glyphs(program: bytes, glyphs: frozenset[str] | None) -> dict[str, tuple[Flat, float]]:
    """Charstrings of Type 2 and widths of the glyphs asked for, of ``.notdef``, and of the parts of accented letters;
    not to be changed."""
    font = _read(program)
    weights = font.numbers("WeightVector") or []
    waiting = [".notdef"]
    waiting += font.charstrings if glyphs is None else sorted(set(glyphs) & font.charstrings.keys())
    found: dict[str, tuple[Flat, float]] = {}
    standard, budget = standard_encoding(), Budget(_MOST_TOKENS)
    for name in waiting:  # grows by the parts that are found
        if name in found:
            continue
        if name not in font.charstrings:
            if name != ".notdef":
                raise FontError("part of an accented letter missing")
            found[name] = charstring(Outline()), 0
            continue
        outline = _Interpreter(font, weights, budget).run(name)
        found[name] = charstring(outline), outline.width
        waiting += [standard.get(code, "") for code in (outline.parts or ())[2:]]
    return found


class _Interpreter:
    """Runs one Type 1 charstring (Type 1 Font Format, chapters 6 and 8)."""

    def __init__(self, font: Type1, weights: Sequence[float], budget: Budget) -> None:
        self.font = font
        self.budget = budget
        self.outline = Outline()
        self.x: float = 0
        self.y: float = 0
        self.bearing: tuple[float, float] = (0, 0)
        self.open = False
        self.horizontal: set[Stem] = set()
        self.vertical: set[Stem] = set()
        self.hints: Hints | None = NO_HINTS
        self.flex: list[float] | None = None
        self.stack: list[float] = []
        self.results: list[float] = []  # what OtherSubrs leave on the PostScript stack, the last first
        self.weights = weights

    def run(self, name: str) -> Outline:
        code = self.font.charstring(name)
        returns: list[tuple[bytes, int]] = []
        stack = self.stack
        at, end, spent = 0, len(code), 0
        while True:
            if at >= end:
                if not returns:
                    break
                code, at = returns.pop()
                end = len(code)
                continue
            byte = code[at]
            at += 1
            spent += 1
            if byte >= 32:
                if byte < 247:
                    stack.append(byte - 139)
                elif byte < 255:
                    if at >= end:
                        raise FontError("Type 1 charstring damaged")
                    stack.append(
                        (byte - 247) * 256 + code[at] + 108 if byte < 251 else (251 - byte) * 256 - code[at] - 108
                    )
                    at += 1
                else:
                    stack.append(int.from_bytes(code[at : at + 4], signed=True))
                    at += 4
                if len(stack) > _STACK:
                    raise FontError("Type 1 charstring damaged")
                continue
            if byte == 10:
                number = self._take(1)[0]
                self.budget.spend(spent)
                spent = 0
                if len(returns) >= _DEPTH or number != int(number):
                    raise FontError("Type 1 charstring damaged")
                returns.append((code, at))
                code, at = self.font.subr(int(number)), 0
                end = len(code)
            elif byte == 11:
                at = end
            elif byte == 14:
                break
            elif byte == 12:
                if at >= end:
                    raise FontError("Type 1 charstring damaged")
                byte = code[at]
                at += 1
                if byte == 12:
                    above, below = self._take(2)
                    if not below:
                        raise FontError("Type 1 charstring damaged")
                    stack.append(_sixteenth(above / below))
                elif byte == 16:
                    self._call_other()
                elif byte == 17:
                    stack.append(self.results.pop() if self.results else 0)
                elif byte == 6:
                    self._accented()
                    break
                elif byte in _ESCAPED:
                    _ESCAPED[byte](self)
                    stack.clear()
                else:
                    raise FontError("Type 1 charstring damaged")
            elif byte in _PLAIN:
                _PLAIN[byte](self)
                stack.clear()
            else:
                raise FontError("Type 1 charstring damaged")
        self.budget.spend(spent)
        self.outline.finish()
        return self.outline

    def _take(self, count: int) -> list[float]:
        """The topmost operands, taken off the stack."""
        if len(self.stack) < count:
            raise FontError("Type 1 charstring damaged")
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    def _set_width(self, left: float, bottom: float, width: float) -> None:
        self.outline.width = width
        self.bearing = self.x, self.y = left, bottom

    def hsbw(self) -> None:
        left, width = self._take(2)
        self._set_width(left, 0, width)

    def sbw(self) -> None:
        left, bottom, width, _ = self._take(4)
        self._set_width(left, bottom, width)

    def _accented(self) -> None:
        bearing, x, y, base, accent = self._take(5)
        if any(not 0 <= code < 256 or code != int(code) for code in (base, accent)):
            raise FontError("Type 1 charstring damaged")
        # The accent's left sidebearing point is put at x of that of the whole letter, in CFF its origin is.
        self.outline.segments.clear()
        self.outline.parts = (self.bearing[0] + x - bearing, y, int(base), int(accent))

    def _stem(self, vertical: bool, edge: float, width: float) -> Stem:
        edge += self.bearing[0 if vertical else 1]
        if width < 0 and width not in (-20, -21):
            edge, width = edge + width, -width
        stems = self.vertical if vertical else self.horizontal
        if len(stems) < _MOST_STEMS:
            stems.add((edge, width))
            self.hints = None
        return edge, width

    def stem(self, vertical: bool) -> None:
        edge, width = self._take(2)
        self._stem(vertical, edge, width)

    def stem3(self, vertical: bool) -> None:
        args = self._take(6)
        stems = frozenset(self._stem(vertical, args[at], args[at + 1]) for at in (0, 2, 4))
        if not self.outline.counters:
            self.outline.counters.append(NO_HINTS)
        # Counters are asked for once in a glyph: the first of each direction stand.
        group = self.outline.counters[0]
        if vertical and not group.vertical:
            self.outline.counters[0] = group._replace(vertical=stems)
        elif not vertical and not group.horizontal:
            self.outline.counters[0] = group._replace(horizontal=stems)

    def _in_force(self) -> Hints:
        if self.hints is None:
            self.hints = Hints(frozenset(self.horizontal), frozenset(self.vertical))
        return self.hints

    def _to(self, dx: float, dy: float) -> tuple[float, float]:
        self.x += dx
        self.y += dy
        if not (abs(self.x) <= _MOST_COORDINATE and abs(self.y) <= _MOST_COORDINATE):
            raise FontError("Type 1 coordinate out of range")
        return self.x, self.y

    def move(self, dx: float, dy: float) -> None:
        point = self._to(dx, dy)
        if self.flex is None:
            self.outline.add(Segment("move", point, self._in_force()))
            self.open = True

    def line(self, dx: float, dy: float) -> None:
        self._begin()
        self.outline.add(Segment("line", self._to(dx, dy), self._in_force()))

    def curve(self, *d: float) -> None:
        self._begin()
        points = (*self._to(d[0], d[1]), *self._to(d[2], d[3]), *self._to(d[4], d[5]))
        self.outline.add(Segment("curve", points, self._in_force()))

    def up_curve(self) -> None:
        dy1, dx2, dy2, dx3 = self._take(4)
        self.curve(0, dy1, dx2, dy2, dx3, 0)

    def level_curve(self) -> None:
        dx1, dx2, dy2, dy3 = self._take(4)
        self.curve(dx1, 0, dx2, dy2, 0, dy3)

    def _begin(self) -> None:
        """A contour that begins without a move begins where the last one ended."""
        if not self.open:
            self.outline.add(Segment("move", (self.x, self.y), self._in_force()))
            self.open = True

    def close(self) -> None:
        self.open = False

    def set_point(self) -> None:
        # It follows a flex, whose end is known here.
        self._take(2)

    def _call_other(self) -> None:
        count, number = self._take(2)
        if not 0 <= count <= len(self.stack) or count != int(count):
            raise FontError("Type 1 charstring damaged")
        args = self._take(int(count))
        self.results = []
        if number == 1:
            self.flex = []
        elif number == 2 and self.flex is not None:
            self.flex += (self.x, self.y)
        elif number == 0 and self.flex is not None:
            if len(self.flex) != 14 or len(args) != 3:
                raise FontError("Type 1 flex damaged")
            # The first point is only what the others are counted from.
            points, self.flex = tuple(self.flex[2:]), None
            self._begin()
            self.outline.add(Segment("flex", points, self._in_force(), args[0]))
            self.results = [args[2], args[1]]
        elif number == 3:
            self.horizontal.clear()
            self.vertical.clear()
            self.hints = None
            self.results = args[::-1]
        elif number in (12, 13):
            self.stack.clear()
        elif 14 <= number <= 18 and self.weights:
            self._blend(int(number), args)
        else:
            self.results = args[::-1]

    def _blend(self, number: int, args: list[float]) -> None:
        """Multiple master: the values of the first design, and what each other adds by its weight."""
        values, designs = number - 13 + (number == 18), len(self.weights)
        if len(args) != values * designs:
            raise FontError("Type 1 charstring damaged")
        blended = []
        for value in range(values):
            first = values + value * (designs - 1)
            others = args[first : first + designs - 1]
            added = sum(weight * other for weight, other in zip(self.weights[1:], others, strict=True))
            blended.append(_sixteenth(args[value] + added))
        self.results = blended[::-1]


def _sixteenth(value: float) -> float:
    """A number to the nearest 1/65536. Raises FontError where no operand of a charstring can be so large."""
    if not abs(value) <= _MOST_NUMBER:
        raise FontError("Type 1 charstring damaged")
    rounded = round(value * 65_536) / 65_536
    return int(rounded) if rounded == int(rounded) else rounded


_PLAIN: dict[int, Callable[[_Interpreter], None]] = {
    1: lambda run: run.stem(False),
    3: lambda run: run.stem(True),
    4: lambda run: run.move(0, *run._take(1)),
    5: lambda run: run.line(*run._take(2)),
    6: lambda run: run.line(run._take(1)[0], 0),
    7: lambda run: run.line(0, *run._take(1)),
    8: lambda run: run.curve(*run._take(6)),
    9: _Interpreter.close,
    13: _Interpreter.hsbw,
    15: lambda run: None,  # of no known meaning, in some early fonts; renderers pass over it
    21: lambda run: run.move(*run._take(2)),
    22: lambda run: run.move(run._take(1)[0], 0),
    30: _Interpreter.up_curve,
    31: _Interpreter.level_curve,
}
_ESCAPED: dict[int, Callable[[_Interpreter], None]] = {
    0: lambda run: None,  # dotsection
    1: lambda run: run.stem3(True),
    2: lambda run: run.stem3(False),
    7: _Interpreter.sbw,
    33: _Interpreter.set_point,
}
