"""What one content stream draws and which codes it shows, by the names in it: read once, whatever its resources are.

The reader is in Lua (``events.lua``). Where there is no LuaJIT, or where it finds syntax that it is not sure of,
pikepdf's parser reads instead.
"""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Literal

import pikepdf
from pikepdf import Array, Name, Object, Page, Stream, String

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.lua import PerThread, available, new_function
from pdfsmaller.engine.structure.syntax import name_text
from pdfsmaller.records import record

#: a, b, c and d of a transformation (ISO 32000-1, 8.3.4): where it is to does not matter here. None where it is not
#: known.
Matrix = tuple[float, float, float, float]
Operator = Literal["Do", "gs", "scn"]

IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0)
#: A stream that draws more things in different ways, or has more strings, is not read: what it uses is not known.
MAX_DRAWN, MAX_STRINGS = 100_000, 2_000_000

_SCANNER = Path(__file__).parent.parent / "content" / "scan.lua"
_OPERATORS = "q Q cm Do gs Tf Tj TJ ' \" BI ID EI sc SC scn SCN cs CS rg RG k K g G"
_SHOWING = frozenset({"Tj", "TJ", "'", '"'})
_NAMING = frozenset({"sc", "SC", "scn", "SCN"})
_GRAY = frozenset({"g", "G"})
_HEAD = struct.Struct("=4I")
_LENGTH = struct.Struct("=I")


@record(frozen=True)
class Source:
    """Where the font comes from that text is shown with.

    Attributes:
        by: the operator that sets it; "" where it is the one in force before the stream, "?" where readers differ.
        name: of the font, or of the graphics state.
    """

    by: Literal["", "Tf", "gs", "?"]
    name: str = ""


@record(frozen=True)
class Drawn:
    """Something that is drawn, a graphics state that is set, or a pattern that is painted with.

    Attributes:
        operator: ``Do``, ``gs`` or ``scn``.
        name: of the resource.
        source: where the font in force is from, by its place among the stream's sources.
        matrix: in force, relative to the stream's own space; None where readers differ.
    """

    operator: Operator
    name: str
    source: int
    matrix: Matrix | None


@record(frozen=True)
class Shown:
    """Text shown with the font from one source.

    Attributes:
        source: by its place among the stream's sources.
        codes: the one-byte codes in it.
        pairs: the two-byte codes in it, each as two bytes in the machine's order.
        strings: the strings, where they are wanted whole.
    """

    source: int
    codes: bytes
    pairs: bytes
    strings: tuple[bytes, ...] = ()


@record(frozen=True)
class Events:
    """What a stream does.

    Attributes:
        sources: of fonts, the first being the one from outside.
        drawn: each thing once for every matrix and source.
        shown: by source.
        inline_bytes: size of the largest inline image.
        colored: it sets colours, or sets a colour space.
        gray: it sets levels of DeviceGray.
        inline: it has inline images.
    """

    sources: tuple[Source, ...] = (Source(""),)
    drawn: tuple[Drawn, ...] = ()
    shown: tuple[Shown, ...] = ()
    inline_bytes: int = 0
    colored: bool = False
    gray: bool = False
    inline: bool = False


@record(frozen=True)
class Special:
    """Names in a stream's resources that change how its text is read; few documents have any.

    Attributes:
        setting_fonts: graphics states that set a font.
        whole: fonts by ``Tf`` whose strings are wanted whole, since their codes differ in length.
        whole_by_state: graphics states that set such a font.
    """

    setting_fonts: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    whole_by_state: frozenset[str] = frozenset()


def read_events(owner: Page | Stream, data: bytes, special: Special) -> Events | None:
    """What a stream does, or None where it cannot be told.

    Args:
        owner: the page or stream, for pikepdf's parser.
        data: its content, decoded.
    """
    found: Events | str = "syntax"
    if available():
        found = readers.get().read(data, special)
    if found == "syntax":
        with tolerate("content"):
            return _parsed(owner, special)
    return found if isinstance(found, Events) else None


class _Reader:
    """Reads streams in Lua; belongs to one thread."""

    def __init__(self) -> None:
        self._events = new_function(Path(__file__).parent / "events.lua", _SCANNER)

    def read(self, data: bytes, special: Special) -> Events | str:
        """What a stream does, or why it was not read."""
        result = self._events(data, _listed(special), MAX_DRAWN)
        if result[0] is None:
            return str(result[1], "latin-1")
        drawn, matrices, sources, codes, inline, colors = result
        return Events(
            tuple(map(_source, sources.split(b"\n"))),
            tuple(_drawn(drawn.split(b"\n") if drawn else [], struct.iter_unpack("=4d", matrices))),
            tuple(_shown(codes)),
            int(inline),
            bool(colors & 1),
            bool(colors & 2),
            bool(colors & 4),
        )


#: The readers of all threads.
readers = PerThread(_Reader)


def _listed(special: Special) -> bytes:
    lines = [f"G {name}" for name in special.setting_fonts]
    lines += [f"W {name}" for name in special.whole]
    lines += [f"WG {name}" for name in special.whole_by_state]
    return "\n".join(lines).encode("utf-8", "surrogateescape")


@lru_cache(4096)
def _name(data: bytes) -> str:
    """A name in content, without its slash, as ``name_text`` gives it."""
    if b"#" in data:
        return name_text(Object.parse(b"/" + data))
    return "/" + data.decode("utf-8", "surrogateescape")


@lru_cache(4096)
def _source(line: bytes) -> Source:
    if line[:2] == b"F ":
        return Source("Tf", _name(line[2:]))
    if line[:2] == b"G ":
        return Source("gs", _name(line[2:]))
    return Source("?") if line else Source("")


def _drawn(lines: Iterable[bytes], matrices: Iterable[tuple[float, ...]]) -> Iterable[Drawn]:
    for line, (a, b, c, d) in zip(lines, matrices, strict=True):
        operator, source, name = line.split(b" ", 2)
        matrix = (a, b, c, d) if math.isfinite(a + b + c + d) else None
        yield Drawn(operator.decode(), _name(name), int(source), matrix)  # type: ignore[arg-type]


def _shown(codes: bytes) -> Iterable[Shown]:
    at, source = 0, 0
    while at < len(codes):
        shown, ones, twos, count = _HEAD.unpack_from(codes, at)
        at += _HEAD.size
        middle, end = at + ones, at + ones + 2 * twos
        first, second, at = codes[at:middle], codes[middle:end], end
        strings = []
        for _ in range(count):
            (length,) = _LENGTH.unpack_from(codes, at)
            strings.append(codes[at + 4 : at + 4 + length])
            at += 4 + length
        if shown:
            yield Shown(source, first, second, tuple(strings))
        source += 1


# --- the same by pikepdf's parser -------------------------------------------------------------------------------------


def _parsed(owner: Page | Stream, special: Special) -> Events | None:
    return _Parser(special).read(owner)


class _Parser:
    def __init__(self, special: Special) -> None:
        self.special = special
        self.sources: dict[Source, int] = {Source(""): 0}
        self.drawn: dict[Drawn, None] = {}
        self.strings: dict[int, list[bytes]] = {}
        self.matrix: Matrix | None = IDENTITY
        self.source = 0

    def read(self, owner: Page | Stream) -> Events | None:
        stack: list[tuple[Matrix | None, int]] = []
        operators = set()
        inline = strings = 0
        for instruction in pikepdf.parse_content_stream(owner, _OPERATORS):
            if isinstance(instruction, pikepdf.ContentStreamInlineImage):
                inline = max(inline, len(instruction.iimage.read_raw_bytes()))
                operators.add("BI")
                continue
            operator = str(instruction.operator)
            operators.add(operator)
            operands = list(instruction.operands)
            if operator == "q":
                stack.append((self.matrix, self.source))
            elif operator == "Q":
                if stack:
                    self.matrix, self.source = stack.pop()
                elif self.matrix != IDENTITY:
                    self.matrix = None
            elif operator == "cm":
                self._transform(operands)
            elif operator == "Tf":
                names = [value for value in operands if isinstance(value, Name)]
                self._set(Source("Tf", name_text(names[0])) if (len(operands), len(names)) == (2, 1) else Source("?"))
            elif operator in _SHOWING:
                found = list(_strings(operands))
                strings += len(found)
                if found:
                    self.strings.setdefault(self.source, []).extend(found)
            elif operator in ("Do", "gs") or operator in _NAMING:
                self._named(operator, operands)
            if len(self.drawn) > MAX_DRAWN or strings > MAX_STRINGS:
                return None
        sources = tuple(self.sources)
        return Events(
            sources,
            tuple(self.drawn),
            tuple(self._shown(source, found, sources) for source, found in sorted(self.strings.items())),
            inline,
            bool(operators & {"rg", "RG", "k", "K", "cs", "CS", *_NAMING}),
            bool(operators & _GRAY),
            "BI" in operators,
        )

    def _transform(self, operands: list[Object]) -> None:
        try:
            e, f, g, h, _, _ = (float(value) for value in operands)
        except (TypeError, ValueError, OverflowError):
            self.matrix = None
        if self.matrix is not None:
            self.matrix = multiply((e, f, g, h), self.matrix)

    def _set(self, source: Source) -> None:
        self.source = self.sources.setdefault(source, len(self.sources))

    def _named(self, operator: str, operands: list[Object]) -> None:
        for name in (name_text(value) for value in operands if isinstance(value, Name)):
            if operator in _NAMING:
                self.drawn[Drawn("scn", name, self.source, IDENTITY)] = None
            elif operator == "Do":
                self.drawn[Drawn("Do", name, self.source, self.matrix)] = None
            else:
                self.drawn[Drawn("gs", name, self.source, self.matrix)] = None
                if name[1:] in self.special.setting_fonts:
                    self._set(Source("gs", name))

    def _shown(self, source: int, strings: list[bytes], sources: tuple[Source, ...]) -> Shown:
        by, name = sources[source].by, sources[source].name[1:]
        whole = name in (self.special.whole if by == "Tf" else self.special.whole_by_state if by == "gs" else ())
        pairs: dict[bytes, None] = {}
        for string in strings:
            for at in range(0, len(string) - 1, 2):
                pairs[string[at : at + 2]] = None
            if len(string) % 2:  # a last odd byte is a code of its own and the first half of one
                pairs[string[-1:] + b"\0"] = pairs[b"\0" + string[-1:]] = None
        packed = b"".join(int.from_bytes(pair).to_bytes(2, sys.byteorder) for pair in pairs)
        return Shown(source, bytes(dict.fromkeys(b"".join(strings))), packed, tuple(strings) if whole else ())


def _strings(operands: list[Object]) -> Iterable[bytes]:
    for value in operands:
        if isinstance(value, String):
            yield bytes(value)
        elif isinstance(value, Array):
            yield from (bytes(item) for item in value.as_list() if isinstance(item, String))


def multiply(m: Matrix, n: Matrix) -> Matrix:
    """``m × n``: apply m first, then n (ISO 32000-1, 8.3.4)."""
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
    )
