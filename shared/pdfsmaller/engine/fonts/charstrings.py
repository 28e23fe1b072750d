"""Type 2 charstrings (Adobe Technical Note 5177): without their subroutines, in their shortest form, and compared.

The work is done in Lua (``charstrings.lua``), for many glyphs at once. Guarantees: time and memory are bounded by a
``Budget`` that the caller shares over all glyphs of a program, whatever the subroutines call. Coordinates are multiples
of 1/65536, the finest that a charstring can say, so that nothing is rounded along a path. Non-goals: arithmetic and
storage operators, which fonts do not use.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.engine.lua import PerThread, new_function
from pdfsmaller.records import record

_FOLDER = Path(__file__).parent
_PARTS = ("draw", "encode", "flatten", "numbers", "type1", "writer")


class Budget:
    """How many operators and operands one program may cost, all glyphs and calls together."""

    def __init__(self, tokens: int = 2_500_000) -> None:
        self.left = tokens


@record(frozen=True)
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


def flatten(
    codes: Sequence[bytes],
    which: bytes,
    local: Sequence[Sequence[bytes]],
    shared: Sequence[bytes],
    budget: Budget,
    used: Sequence[Used],
) -> list[Flat]:
    """Put the subroutines that charstrings call in place.

    Args:
        which: the number of each glyph's font dictionary.
        local: the subroutines of each font dictionary.
        shared: global subroutines.
        used: of each font dictionary; gains the subroutines called.

    Raises:
        FontError: a charstring is damaged, uses arithmetic, or the budget is spent.
    """
    lists = [shared, *local]
    firsts = list(accumulate(map(len, lists), initial=len(codes)))
    data, bounds = _joined([*codes, *(subr for subrs in lists for subr in subrs)])
    sets = array("i", [number for first, subrs in zip(firsts, lists, strict=False) for number in (first, len(subrs))])
    found = _call("flatten", data, bounds, len(codes), sets.tobytes(), which, budget.left)
    bodies, lengths, widths, parts, called, left = found
    budget.left = int(left)
    for number, subrs in enumerate(lists):
        start = firsts[number] - len(codes)
        numbers = {place for place, byte in enumerate(called[start : start + len(subrs)]) if byte}
        for one in used if number == 0 else used[number - 1 : number]:
            if number == 0:
                one.shared |= numbers
            else:
                one.local |= numbers
    return [
        Flat(body, None if math.isnan(width) else width, pair)
        for body, width, pair in zip(_cut(bodies, lengths), array("d", widths), _pairs(parts), strict=True)
    ]


def from_type1(
    codes: Sequence[bytes], subrs: Mapping[int, bytes], len_iv: int, weights: Sequence[float], budget: Budget
) -> list[tuple[Flat, float]]:
    """Type 1 charstrings as the plainest Type 2 ones that draw the same, and their widths.

    Args:
        codes, subrs: as they are stored.
        len_iv: how many bytes stand before each, -1 where they are not encrypted.
        weights: of the designs of a multiple master.

    Raises:
        FontError: a charstring is damaged, has more hints than one of Type 2 can have, or the budget is spent.
    """
    data, bounds = _joined([*codes, *subrs.values()])
    numbers, shares = array("i", subrs), array("d", weights)
    found = _call("type1", data, bounds, len(codes), numbers.tobytes(), len_iv, shares.tobytes(), budget.left)
    bodies, lengths, widths, parts, left = found
    budget.left = int(left)
    flats = [Flat(body, None, pair) for body, pair in zip(_cut(bodies, lengths), _pairs(parts), strict=True)]
    return list(zip(flats, array("d", widths), strict=True))


def tidied(flats: Sequence[Flat]) -> list[Flat]:
    """The charstrings with the same outlines and hints in the shortest operators there are, or as they are."""
    plain = [flat.body for flat in flats if flat.parts is None]
    bodies, lengths = _call("tidy", *_joined(plain))
    new = iter(_cut(bodies, lengths))
    return [flat if flat.parts is not None else Flat(next(new), flat.width) for flat in flats]


def same_drawings(ones: Sequence[Flat], others: Sequence[Flat]) -> bool:
    """Whether charstrings have the same outlines and hints in pairs, whatever their operators.

    Raises:
        FontError: one of them is damaged.
    """
    pairs = [(one, other) for one, other in zip(ones, others, strict=True) if one.body != other.body]
    if any(one.parts != other.parts for one, other in pairs):
        return False
    if not pairs:
        return True
    sides = (_joined([pair[side].body for pair in pairs]) for side in (0, 1))
    with_parts = bytes(one.parts is not None for one, _ in pairs)
    return bool(_call("same", *(part for side in sides for part in side), with_parts))


def _made() -> dict[str, Callable[..., Any]]:
    made = new_function(*(_FOLDER / f"{part}.lua" for part in ("charstrings", *_PARTS)))
    return dict(zip(("flatten", "tidy", "same", "type1"), made, strict=True))


_programs = PerThread(_made)


def _call(name: str, *arguments: object) -> Any:
    try:
        found = _programs.get()[name](*arguments)
    except ImportError:
        raise FontError("no_luajit") from None
    if isinstance(found, tuple) and found[0] is None:
        raise FontError(found[1].decode())
    return found


def _joined(pieces: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The pieces one behind the other, and where each begins and the last ends."""
    return b"".join(pieces), array("i", accumulate(map(len, pieces), initial=0)).tobytes()


def _cut(joined: bytes, lengths: bytes) -> list[bytes]:
    bounds = accumulate(array("i", lengths), initial=0)
    return [joined[start:end] for start, end in pairwise(bounds)]


def _pairs(codes: bytes) -> list[tuple[int, int] | None]:
    """The codes of base and accent of each glyph that has them."""
    numbers = array("h", codes)
    return [None if base < 0 else (base, accent) for base, accent in zip(numbers[::2], numbers[1::2], strict=True)]


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
