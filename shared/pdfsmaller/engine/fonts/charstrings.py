"""Type 2 charstrings (Adobe Technical Note 5177): taken apart without their subroutines, drawn, and written.

Guarantees: time and memory are bounded by a ``Budget`` that the caller shares over all glyphs of a program, whatever
the subroutines call. Non-goals: arithmetic and storage operators, which fonts do not use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pdfsmaller.engine.fonts.errors import FontError

HSTEM, VSTEM, VMOVETO, RLINETO, HLINETO, VLINETO, RRCURVETO, CALLSUBR, RETURN = 1, 3, 4, 5, 6, 7, 8, 10, 11
ESCAPE, ENDCHAR, HSTEMHM, HINTMASK, CNTRMASK, RMOVETO, HMOVETO, VSTEMHM = 12, 14, 18, 19, 20, 21, 22, 23
RCURVELINE, RLINECURVE, VVCURVETO, HHCURVETO, CALLGSUBR, VHCURVETO, HVCURVETO = 24, 25, 26, 27, 29, 30, 31
DOTSECTION, HFLEX, FLEX, HFLEX1, FLEX1 = 0, 34, 35, 36, 37  # after ESCAPE

# Operands that an interpreter has room for (TN 5177, appendix B).
STACK = 48
# The specification allows 10 levels of subroutines, renderers allow some more.
_DEPTH = 16
# What no font needs in one charstring, but room for those that overflow the specification's stack.
_MOST_OPERANDS = 513


class Budget:
    """How many operators and operands one program may cost, all glyphs and calls together."""

    def __init__(self, tokens: int = 2_500_000) -> None:
        self.left = tokens

    def spend(self, tokens: int) -> None:
        self.left -= tokens
        if self.left < 0:
            raise FontError("charstrings too long")


@dataclass(slots=True)
class Flat:
    """One glyph's charstring with every subroutine put in place, and without its width.

    Attributes:
        body: the charstring; it ends with ``endchar``.
        width: what it adds to nominalWidthX, None for defaultWidthX.
        parts: codes in StandardEncoding of the base and the accent, where ``endchar`` builds an accented letter.
    """

    body: bytes
    width: float | None
    parts: tuple[int, int] | None = None


@dataclass(slots=True)
class Used:
    """Subroutines that charstrings called, local ones and global ones."""

    local: set[int] = field(default_factory=set)
    shared: set[int] = field(default_factory=set)


def bias(subrs: Sequence[bytes]) -> int:
    """What is added to the operand of a call (TN 5177, section 4.7)."""
    return 107 if len(subrs) < 1_240 else 1_131 if len(subrs) < 33_900 else 32_768


def number_at(data: bytes | bytearray, at: int) -> float:
    """The value of the operand that begins there."""
    byte = data[at]
    if byte == 28:
        return int.from_bytes(data[at + 1 : at + 3], signed=True)
    if byte < 247:
        return byte - 139
    if byte < 251:
        return (byte - 247) * 256 + data[at + 1] + 108
    if byte < 255:
        return (251 - byte) * 256 - data[at + 1] - 108
    fixed = int.from_bytes(data[at + 1 : at + 5], signed=True)
    return fixed / 65_536 if fixed & 0xFFFF else fixed >> 16


def flatten(code: bytes, local: Sequence[bytes], shared: Sequence[bytes], budget: Budget, used: Used) -> Flat:
    """Put the subroutines that a charstring calls in place.

    Args:
        local: subroutines of the glyph's font dictionary.
        shared: global subroutines.
        used: gains the subroutines called.

    Raises:
        FontError: the charstring is damaged, uses arithmetic, or the budget is spent.
    """
    out = bytearray()
    starts: list[int] = []  # where in `out` the operands on the stack begin
    returns: list[tuple[bytes, int]] = []
    width: float | None = None
    parts: tuple[int, int] | None = None
    width_known = False
    stems = 0
    at, end, spent = 0, len(code), 0
    while True:
        if at >= end:
            # Some fonts leave out the last return or endchar.
            if not returns:
                break
            code, at = returns.pop()
            end = len(code)
            continue
        byte = code[at]
        spent += 1
        if byte >= 32 or byte == 28:
            size = 1 if 32 <= byte < 247 else 3 if byte == 28 else 5 if byte == 255 else 2
            starts.append(len(out))
            out += code[at : at + size]
            at += size
            if at > end or len(starts) > _MOST_OPERANDS:
                raise FontError("charstring damaged")
            continue
        at += 1
        if byte in (CALLSUBR, CALLGSUBR):
            if not starts:
                raise FontError("charstring damaged")
            subrs, called = (local, used.local) if byte == CALLSUBR else (shared, used.shared)
            number = number_at(out, starts[-1]) + bias(subrs)
            if not 0 <= number < len(subrs) or len(returns) >= _DEPTH:
                raise FontError("charstring calls what is not there")
            del out[starts.pop() :]
            budget.spend(spent)
            spent = 0
            called.add(int(number))
            returns.append((code, at))
            code, at = subrs[int(number)], 0
            end = len(code)
            continue
        if byte == RETURN:
            at = end
            continue
        if not width_known:
            width_known = True
            odd = len(starts) % 2 == 1
            extra = (
                odd
                if byte in (HSTEM, VSTEM, HSTEMHM, VSTEMHM, HINTMASK, CNTRMASK, ENDCHAR)
                else len(starts) > 2
                if byte == RMOVETO
                else len(starts) > 1
                if byte in (HMOVETO, VMOVETO)
                else False
            )
            if extra:
                width = number_at(out, starts[0])
                size = (starts[1] if len(starts) > 1 else len(out)) - starts[0]
                del out[starts[0] : starts[0] + size]
                starts = [start - size for start in starts[1:]]
        if byte in (HSTEM, VSTEM, HSTEMHM, VSTEMHM):
            stems += len(starts) // 2
            out.append(byte)
        elif byte in (HINTMASK, CNTRMASK):
            stems += len(starts) // 2
            size = (stems + 7) // 8
            out.append(byte)
            out += code[at : at + size]
            at += size
            if at > end:
                raise FontError("charstring damaged")
        elif byte == ENDCHAR:
            if len(starts) >= 4:
                codes = [number_at(out, start) for start in starts[-2:]]
                if any(not 0 <= value < 256 or value != int(value) for value in codes):
                    raise FontError("charstring damaged")
                parts = (int(codes[0]), int(codes[1]))
            break
        elif byte == ESCAPE:
            second = code[at] if at < end else -1
            if second not in (DOTSECTION, HFLEX, FLEX, HFLEX1, FLEX1):
                raise FontError("arithmetic in a charstring" if 3 <= second <= 30 else "charstring damaged")
            at += 1
            if second == DOTSECTION:
                del out[starts[0] if starts else len(out) :]
            else:
                out += bytes((byte, second))
        elif byte in _PATH_OPERATORS:
            out.append(byte)
        else:
            raise FontError("charstring damaged")
        starts.clear()
    budget.spend(spent)
    if parts is None:
        # Operands without an operator would be taken for an accented letter.
        del out[starts[0] if starts else len(out) :]
    out.append(ENDCHAR)
    return Flat(bytes(out), width, parts)


_PATH_OPERATORS = frozenset(
    {VMOVETO, RLINETO, HLINETO, VLINETO, RRCURVETO, RMOVETO, HMOVETO}
    | {RCURVELINE, RLINECURVE, VVCURVETO, HHCURVETO, VHCURVETO, HVCURVETO}
)


def with_width(flat: Flat, extra: float | None) -> bytes:
    """The charstring with its width as ``extra`` over nominalWidthX, None for defaultWidthX."""
    return flat.body if extra is None else encode_number(extra) + flat.body


def encode_number(value: float) -> bytes:
    """A number as an operand: an integer, or to the nearest 1/65536.

    Raises:
        FontError: it is out of a charstring's range.
    """
    if value == int(value):
        value = int(value)
        if -107 <= value <= 107:
            return bytes((value + 139,))
        if -1_131 <= value <= 1_131:
            high, low = divmod(abs(value) - 108, 256)
            return bytes(((247 if value > 0 else 251) + high, low))
        if -32_768 <= value <= 32_767:
            return b"\x1c" + value.to_bytes(2, signed=True)
        raise FontError("charstring number out of range")
    fixed = round(value * 65_536)
    if not -(2**31) <= fixed < 2**31:
        raise FontError("charstring number out of range")
    return b"\xff" + fixed.to_bytes(4, signed=True)
