"""Font programs by lot, and damage to them where their structure is: tables, DICTs, INDEXes, charstrings, CMaps.

A *sound* program comes with what it must draw, known from how it was made and not from the engine's own readers. A
*damaged* one is a sound or given one of which some field, operand, token or table is another: most of it still makes
sense, so that what comes after the first check is met.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from pdfsmaller.engine.fonts.cff_format import Cff, FontDict, write_cff
from pdfsmaller.engine.fonts.charstrings import encode_number
from tests.engine.fonts.conftest import truetype
from tests.engine.fonts.programs import type1_program

#: A glyph's path: contours of points, as they are drawn (a curve's points are three in a row, marked so).
Path = list[tuple[str, tuple[float, ...]]]

NUMBERS = (0, 1, 2, 127, 128, 255, 256, 1_240, 32_767, 32_768, 65_535, 2**31 - 1, 2**32 - 1)
# Calls, returns, ends, masks, flexes, curves and a number of five bytes.
_OPERATORS = (*(bytes((op,)) for op in (8, 10, 11, 14, 19, 20, 29, 31, 255)), b"\x0c\x22", b"\x0c\x23")
_LETTERS = [chr(code) for code in range(65, 91)]


@dataclass(slots=True)
class Program:
    """One program.

    Attributes:
        kind: ``truetype``, ``cff``, ``type1`` or ``cmap``.
        paths: of a sound CFF or Type 1 program: what each glyph draws, by name, or by CID as text.
        cids: of a sound CMap: what each code stands for, as pairs of length and value.
        sound: nothing in it was changed, and renderers read it.
    """

    kind: str
    data: bytes
    paths: dict[str, Path] = field(default_factory=dict)
    cids: dict[tuple[int, int], int] = field(default_factory=dict)
    sound: bool = True


def sound(rng: random.Random) -> Program:
    """A program without fault."""
    return rng.choice((_truetype, _cff, _cff, _type1, _cmap))(rng)


def damaged(program: Program, rng: random.Random) -> Program:
    """The program with some of its structure changed."""
    data = program.data
    for _ in range(rng.choice((1, 1, 2, 4))):
        data = rng.choice(_DAMAGE[program.kind])(data, rng) or b"\0"
    return Program(program.kind, data, sound=False)


# --- sound ----------------------------------------------------------------------------------------------------------


@cache
def _truetype_of(number: int) -> bytes:
    cmaps: tuple[tuple[int, int, int], ...] = (((3, 1, 4), (1, 0, 0)), ((1, 0, 6),), ((3, 0, 4),), ((3, 10, 12),))[
        number % 4
    ]
    return truetype(post=number >= 4, cmaps=cmaps)


def _truetype(rng: random.Random) -> Program:
    return Program("truetype", _truetype_of(rng.randrange(8)))


class _Charstring:
    """A path in both charstring languages, and as it is drawn."""

    def __init__(self, rng: random.Random) -> None:
        self.t2, self.t1 = bytearray(), list[str]()
        self.path: Path = []
        self.x = self.y = 0
        for _ in range(rng.randrange(4)):
            self._contour(rng)

    def _contour(self, rng: random.Random) -> None:
        self._go("moveTo", 21, "rmoveto", rng, 1)
        for _ in range(rng.randrange(1, 6)):
            if rng.random() < 0.5:
                self._go("lineTo", 5, "rlineto", rng, 1)
            else:
                self._go("curveTo", 8, "rrcurveto", rng, 3)
        self.path.append(("closePath", ()))
        self.t1.append("closepath")

    def _go(self, kind: str, op: int, word: str, rng: random.Random, points: int) -> None:
        drawn: list[float] = []
        for _ in range(points):
            dx, dy = rng.randrange(-300, 300), rng.choice((0, rng.randrange(-1_200, 1_200)))
            self.x, self.y = self.x + dx, self.y + dy
            drawn += (self.x, self.y)
            self.t2 += encode_number(dx) + encode_number(dy)
            self.t1 += (str(dx), str(dy))
        self.t2.append(op)
        self.t1.append(word)
        self.path.append((kind, tuple(drawn)))


def _cff(rng: random.Random) -> Program:
    count = rng.randrange(1, 20)
    glyphs = [_Charstring(rng) for _ in range(count)]
    split = [bytes(glyph.t2) for glyph in glyphs]
    subrs: list[bytes] = []
    bodies = []
    for body in split:
        if len(body) < 300 and rng.random() < 0.4:  # the whole path is a subroutine
            subrs.append(body + b"\x0b")
            body = encode_number(len(subrs) - 1 - 107) + b"\x0a"
        width = encode_number(rng.randrange(-200, 900)) if rng.random() < 0.7 else b""
        bodies.append((width if body[-1:] != b"\x0a" else b"") + body + b"\x0e")
    fonts = [FontDict({20: [rng.randrange(900)], 6: [-12, 12]}, subrs, {}, b"One")]
    if rng.random() < 0.5:
        names = [".notdef", *_LETTERS[: count - 1]]
        encoding = {rng.randrange(256): gid for gid in range(1, count) if rng.random() < 0.8}
        font = Cff(b"Lot", {}, bodies, (), fonts, names=names, encoding=encoding)
        keys = names
    else:
        cids = [0, *sorted(rng.sample(range(1, 65_000), count - 1))]
        fonts += [FontDict({20: [400]}, subrs, {}, b"Two")] * rng.randrange(3)
        fd_of = bytes(rng.randrange(len(fonts)) for _ in cids)
        ros = (b"Adobe", b"Identity", 0)
        font = Cff(b"Lot", {}, bodies, (), fonts, fd_of, ros=ros, cids=cids)
        keys = [f"cid{cid:05d}" if cid else ".notdef" for cid in cids]
    return Program("cff", write_cff(font), {key: glyph.path for key, glyph in zip(keys, glyphs, strict=True)})


def _type1(rng: random.Random) -> Program:
    texts, paths = {".notdef": "0 500 hsbw endchar"}, {}
    for name in _LETTERS[: rng.randrange(1, 12)]:
        glyph = _Charstring(rng)
        stems = "10 20 hstem 30 40 vstem " if rng.random() < 0.5 else ""
        texts[name] = f"0 {rng.randrange(1_000)} hsbw {stems}{' '.join(glyph.t1)} endchar"
        paths[name] = glyph.path
    form, len_iv = rng.choice(("binary", "hex", "pfb", "bare")), rng.choice((4, 4, 0, 1, -1))
    # Not encrypted, it is read here and by few renderers.
    return Program("type1", type1_program(texts, form=form, len_iv=len_iv), paths, sound=form != "bare")


def _cmap(rng: random.Random) -> Program:
    size = rng.choice((1, 2, 2, 3))
    most = 256**size
    cids: dict[tuple[int, int], int] = {}
    ranges, at = [], 0
    for _ in range(rng.randrange(40)):
        first = at + rng.randrange(most // 50 + 1)
        # Only the last byte may change within a range (Technical Note 5014).
        last = min(first + rng.randrange(20), first | 0xFF, most - 1)
        if first >= most:
            break
        cid = rng.randrange(65_000)
        cids |= {(size, code): cid + code - first for code in range(first, last + 1)}
        ranges.append(f"<{first:0{2 * size}x}> <{last:0{2 * size}x}> {cid}")
        at = last + 1
    space = f"1 begincodespacerange <{'00' * size}> <{'ff' * size}> endcodespacerange"
    text = f"/CIDInit /ProcSet findresource begin begincmap {space}\n{len(ranges)} begincidrange\n"
    return Program("cmap", (text + "\n".join(ranges) + "\nendcidrange endcmap").encode(), cids=cids)


# --- damage ---------------------------------------------------------------------------------------------------------


def _field(data: bytes, rng: random.Random, at: int, size: int) -> bytes:
    """A number of so many bytes becomes another."""
    changed = bytearray(data)
    if 0 <= at <= len(data) - size:
        old = int.from_bytes(data[at : at + size])
        value = rng.choice((rng.choice(NUMBERS), old + rng.choice((-1, 1, 2)), rng.randrange(256**size)))
        changed[at : at + size] = (value % 256**size).to_bytes(size)
    return bytes(changed)


def _flip(data: bytes, rng: random.Random) -> bytes:
    return _field(data, rng, rng.randrange(max(1, len(data))), 1)


def _cut(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(max(1, len(data)))
    return rng.choice((data[:at], data[:at] + data[at + rng.randrange(1, 30) :]))


def _directory(data: bytes, rng: random.Random) -> bytes:
    """An sfnt's directory: a tag, a checksum, an offset or a length; or how many tables there are."""
    count = int.from_bytes(data[4:6])
    if rng.random() < 0.1:
        return _field(data, rng, 4, 2)
    return _field(data, rng, 12 + 16 * rng.randrange(max(1, min(count, 40))) + rng.choice((0, 8, 12)), 4)


#: Where the numbers stand that the rest of a table hangs on, and their sizes (OpenType).
_TABLE_FIELDS: dict[bytes, Callable[[random.Random], tuple[int, int]]] = {
    b"head": lambda rng: rng.choice(((50, 2), (18, 2), (16, 2), (36, 2))),
    b"maxp": lambda rng: (rng.choice((4, 6, 10, 28)), 2),
    b"hhea": lambda rng: (rng.choice((34, 4)), 2),
    b"loca": lambda rng: (2 * rng.randrange(60), rng.choice((2, 4))),
    b"glyf": lambda rng: (2 * rng.randrange(2_000), 2),
    b"cmap": lambda rng: (2 * rng.randrange(40), 2),
    b"post": lambda rng: (rng.choice((0, 32, 34, 36, 60, 150)), 2),
    b"hmtx": lambda rng: (2 * rng.randrange(100), 2),
}


def _table(data: bytes, rng: random.Random) -> bytes:
    """A number within a table."""
    wanted = rng.choice(list(_TABLE_FIELDS))
    for at in range(12, 12 + 16 * min(int.from_bytes(data[4:6]), 40), 16):
        if data[at : at + 4] == wanted and len(data) >= at + 16:
            place, size = _TABLE_FIELDS[wanted](rng)
            return _field(data, rng, struct.unpack_from(">I", data, at + 8)[0] + place, size)
    return data


def _composite(data: bytes, rng: random.Random) -> bytes:
    """The last glyph, made of two others, is made of itself, of what is not there, or of one part more."""
    at = data.rfind(b"\xff\xff")
    return _field(data, rng, at + rng.choice((10, 12, 14, 16, 18)), 2)


def _index(data: bytes, rng: random.Random) -> bytes:
    """Near the beginning of a CFF stand its header, its first INDEXes and the Top DICT."""
    return _field(data, rng, rng.randrange(min(60, max(1, len(data)))), rng.choice((1, 1, 2)))


def _operand(data: bytes, rng: random.Random) -> bytes:
    """An operand of five or three bytes, as offsets are in DICTs."""
    for _ in range(20):
        at = rng.randrange(max(1, len(data)))
        if data[at : at + 1] in (b"\x1c", b"\x1d"):
            return _field(data, rng, at + 1, 2 if data[at] == 28 else 4)
    return _flip(data, rng)


def _tokens(data: bytes, rng: random.Random) -> bytes:
    """Operators of charstrings where there are some bytes of another kind."""
    changed = bytearray(data)
    at = len(data) // 3 + rng.randrange(max(1, len(data) * 2 // 3))
    new = rng.choice(_OPERATORS)
    changed[at : at + len(new)] = new
    return bytes(changed)


def _words(data: bytes, rng: random.Random) -> bytes:
    """A word of a text (the clear part of Type 1, a CMap): gone, doubled, or a number instead."""
    parts = data.split(b" ")
    at = rng.randrange(min(len(parts), 60))
    parts[at : at + 1] = rng.choice(([], [parts[at]] * 2, [b"%d" % rng.choice(NUMBERS)], [b"<>"], [b"["], [b"-1"]))
    return b" ".join(parts)


def _digits(data: bytes, rng: random.Random) -> bytes:
    """A hexadecimal string: shorter, longer, or another."""
    parts = data.split(b"<")
    if len(parts) > 1:
        at = rng.randrange(1, len(parts))
        parts[at] = rng.choice((parts[at][1:], b"00" + parts[at], b"ff" + parts[at][2:], b"zz" + parts[at]))
    return b"<".join(parts)


_DAMAGE: dict[str, tuple[Callable[[bytes, random.Random], bytes], ...]] = {
    "truetype": (_directory, _table, _table, _table, _composite, _composite, _flip, _cut),
    "cff": (_index, _operand, _operand, _tokens, _tokens, _flip, _cut),
    "type1": (_words, _words, _tokens, _flip, _cut),
    "cmap": (_words, _words, _digits, _digits, _flip, _cut),
}
