"""Type 2 charstrings (Adobe Technical Note 5177): taken apart without their subroutines, drawn, and written.

Guarantees: time and memory are bounded by a ``Budget`` that the caller shares over all glyphs of a program, whatever
the subroutines call. Non-goals: arithmetic and storage operators, which fonts do not use.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field
from functools import lru_cache

from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.records import record

HSTEM, VSTEM, VMOVETO, RLINETO, HLINETO, VLINETO, RRCURVETO, CALLSUBR, RETURN = 1, 3, 4, 5, 6, 7, 8, 10, 11
ESCAPE, ENDCHAR, HSTEMHM, HINTMASK, CNTRMASK, RMOVETO, HMOVETO, VSTEMHM = 12, 14, 18, 19, 20, 21, 22, 23
RCURVELINE, RLINECURVE, VVCURVETO, HHCURVETO, CALLGSUBR, VHCURVETO, HVCURVETO = 24, 25, 26, 27, 29, 30, 31
DOTSECTION, HFLEX, FLEX, HFLEX1, FLEX1 = 0, 34, 35, 36, 37  # after ESCAPE

# Operands that an interpreter has room for (TN 5177, appendix B).
STACK = 48
# The specification allows 10 levels of subroutines, renderers allow some more.
_DEPTH = 16
# What no font needs in one charstring, but room for those that go beyond the specification's 48 and 96.
_MOST_OPERANDS = 513
_MOST_STEMS = 255
# To cut so many bytes out of a program costs as much as to read an operand.
_BYTES_PER_TOKEN = 256
# … and a call as much as this many.
_CALL = 4

_OPERAND = re.compile(rb"[\x20-\xf6]|[\xf7-\xfe].|\x1c..|\xff....", re.DOTALL)
_RUN = re.compile(rb"(?:" + _OPERAND.pattern + rb")+", re.DOTALL)


class Budget:
    """How many operators and operands one program may cost, all glyphs and calls together."""

    def __init__(self, tokens: int = 2_500_000) -> None:
        self.left = tokens

    def spend(self, tokens: int) -> None:
        self.left -= tokens
        if self.left < 0:
            raise FontError("charstrings too long")


@record()
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


@record()
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


def operands_at(code: bytes, at: int) -> tuple[list[bytes], int]:
    """The operands that begin there, as they are written, and what follows them."""
    run = _RUN.match(code, at)
    return (_OPERAND.findall(code, at, run.end()), run.end()) if run is not None else ([], at)


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
    stack: list[bytes] = []  # operands as they are written
    returns: list[tuple[bytes, int]] = []
    width: float | None = None
    parts: tuple[int, int] | None = None
    width_known = False
    stems = at = 0
    while True:
        operands, at = operands_at(code, at)
        stack += operands
        budget.spend(len(operands) + 1)
        if len(stack) > _MOST_OPERANDS:
            raise FontError("charstring damaged")
        if at >= len(code):
            # Some fonts leave out the last return or endchar.
            if not returns:
                break
            code, at = returns.pop()
            continue
        op = code[at]
        at += 1
        if op in (CALLSUBR, CALLGSUBR):
            if not stack:
                raise FontError("charstring damaged")
            subrs, called = (local, used.local) if op == CALLSUBR else (shared, used.shared)
            number = number_at(stack.pop(), 0) + bias(subrs)
            if not 0 <= number < len(subrs) or len(returns) >= _DEPTH:
                raise FontError("charstring calls what is not there")
            called.add(int(number))
            returns.append((code, at))
            code, at = subrs[int(number)], 0
            budget.spend(_CALL + len(code) // _BYTES_PER_TOKEN)
            continue
        if op == RETURN:
            at = len(code)
            continue
        if not width_known:
            width_known = True
            if op in STEMS or op == ENDCHAR:
                has_width = len(stack) % 2 == 1
            else:
                has_width = len(stack) > _MOVES.get(op, _MOST_OPERANDS)
            if has_width:
                width = number_at(stack.pop(0), 0)
        if op in STEMS:
            stems += len(stack) // 2
            if stems > _MOST_STEMS:
                raise FontError("charstring damaged")
            out += b"".join(stack) + bytes((op,))
            if op in (HINTMASK, CNTRMASK):
                size = (stems + 7) // 8
                out += code[at : at + size]
                at += size
                if at > len(code):
                    raise FontError("charstring damaged")
        elif op in _PATH_OPERATORS:
            out += b"".join(stack)
            out.append(op)
        elif op == ENDCHAR:
            if len(stack) >= 4:
                codes = [number_at(value, 0) for value in stack[-2:]]
                if any(not 0 <= value < 256 or value != int(value) for value in codes):
                    raise FontError("charstring damaged")
                parts = (int(codes[0]), int(codes[1]))
                out += b"".join(stack[-4:])
            break
        elif op == ESCAPE:
            second = code[at] if at < len(code) else -1
            if second in (HFLEX, FLEX, HFLEX1, FLEX1):
                out += b"".join(stack) + bytes((op, second))
            elif second != DOTSECTION:
                raise FontError("arithmetic in a charstring" if 3 <= second <= 30 else "charstring damaged")
            at += 1
        else:
            raise FontError("charstring damaged")
        stack.clear()
    out.append(ENDCHAR)
    return Flat(bytes(out), width, parts)


#: Operators that declare stems; the masks may, too.
STEMS = frozenset({HSTEM, VSTEM, HSTEMHM, VSTEMHM, HINTMASK, CNTRMASK})
_MOVES = {RMOVETO: 2, HMOVETO: 1, VMOVETO: 1}
_PATH_OPERATORS = frozenset(
    {VMOVETO, RLINETO, HLINETO, VLINETO, RRCURVETO, RMOVETO, HMOVETO}
    | {RCURVELINE, RLINECURVE, VVCURVETO, HHCURVETO, VHCURVETO, HVCURVETO}
)


def with_width(flat: Flat, extra: float | None) -> bytes:
    """The charstring with its width as ``extra`` over nominalWidthX, None for defaultWidthX."""
    return flat.body if extra is None else encode_number(extra) + flat.body


# Few different numbers make up most of a font.
@lru_cache(maxsize=16_384)
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
