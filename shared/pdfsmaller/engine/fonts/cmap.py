"""CMaps in PDF: from the bytes of a shown string to CIDs, and from codes to Unicode (ISO 32000-1, 9.7.5 and 9.10.3).

Identity-H, Identity-V and CMaps embedded as streams are read. The other predefined ones are not: their tables, some
megabytes, are not at hand, and a font that uses one is left alone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import field
from itertools import pairwise

from pikepdf import Name, Object, Stream

from pdfsmaller.engine.damage import raised_as
from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.engine.streams import read_decoded
from pdfsmaller.engine.structure.syntax import name_text
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

_TOKEN = re.compile(rb"%[^\r\n]*|<([0-9A-Fa-f\s]*)>|\[|\]|/[^\s<>\[\]()/%{}]*|[^\s<>\[\]()/%{}]+")
# CMaps build on one another by usecmap; real chains have one link.
MAX_CHAIN = 6
# A composite font has at most 65,536 CIDs; the largest CMaps of Adobe's have some 20,000 ranges in 500 KB.
MAX_CID = 65_535
MAX_RANGES = 100_000
MAX_BYTES = 4_000_000


@record()
class CMap:
    """From strings to CIDs.

    Attributes:
        spaces: the codespace ranges: length in bytes, lowest and highest code.
        ranges: length in bytes, first code, last code, CID of the first; in order, no code in two of them.
        identity: every two bytes are a CID.
    """

    spaces: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    ranges: list[tuple[int, int, int, int]] = field(default_factory=list)
    identity: bool = False

    def cids(self, codes: Iterable[tuple[int, int]]) -> set[int]:
        """What codes, as pairs of length and value, stand for; 0 among them where one stands for nothing."""
        if self.identity:
            return {value for _, value in codes}
        starts = [(length, first) for length, first, _, _ in self.ranges]
        found = {0}
        for length, value in codes:
            index = bisect_right(starts, (length, value)) - 1
            if index >= 0:
                its_length, first, last, cid = self.ranges[index]
                if its_length == length and value <= last and cid + value - first <= MAX_CID:
                    found.add(cid + value - first)
        return found

    def two_bytes(self) -> bool:
        """Whether every code has two bytes."""
        return self.identity or (bool(self.spaces) and all(length == 2 for length, _, _ in self.spaces))

    def split(self, text: bytes) -> set[tuple[int, int]]:
        """The codes of a string.

        Raises:
            FontError: it has bytes outside the codespace: readers differ in how they go on.
        """
        found = set()
        at = 0
        while at < len(text):
            for length, low, high in self.spaces:
                code = text[at : at + length]
                if len(code) == length and all(a <= b <= c for a, b, c in zip(low, code, high, strict=True)):
                    found.add((length, int.from_bytes(code)))
                    at += length
                    break
            else:
                raise FontError("codes")
        return found


def read_cmap(encoding: Object | None, limits: Limits, depth: int = 0) -> CMap:
    """The CMap of a Type 0 font.

    Args:
        encoding: the font's ``/Encoding``.

    Raises:
        FontError: it is predefined (``predefined_cmap``) or damaged.
        LimitExceeded: ``max_stream_bytes``.
    """
    if isinstance(encoding, Name):
        return _predefined(name_text(encoding)[1:])
    if not isinstance(encoding, Stream) or depth > MAX_CHAIN:
        raise FontError("cmap")
    cmap = CMap()
    used = encoding.get("/UseCMap")
    if used is not None:
        cmap = _copy(read_cmap(used, limits, depth + 1))
    operands: list[bytes] = []
    for hexadecimal, word in _tokens(encoding, limits):
        if hexadecimal is not None:
            operands.append(hexadecimal)
        elif word == b"usecmap":
            if used is None:
                cmap = _copy(_predefined(operands[-1][1:].decode("latin-1") if operands else ""))
        elif word.startswith(b"begin"):
            operands = []
        elif word == b"endcodespacerange":
            cmap.spaces += _spaces(operands)
        elif word in (b"endcidrange", b"endcidchar", b"endnotdefrange", b"endnotdefchar"):
            cmap.ranges += _ranges(operands, 2 if word.endswith(b"char") else 3)
            if len(cmap.ranges) > MAX_RANGES:
                raise FontError("cmap")
        elif word in (b"endbfrange", b"endbfchar"):
            raise FontError("cmap")  # meant for text, not for glyphs: readers differ in what they make of it here
        else:
            operands.append(word)
    if not cmap.identity and not cmap.spaces:
        raise FontError("cmap")
    cmap.ranges = sorted(set(cmap.ranges))
    for before, after in pairwise(cmap.ranges):
        if before[0] == after[0] and after[1] <= before[2]:
            raise FontError("cmap")  # one code, two CIDs: readers differ in which one counts
    return cmap


def read_to_unicode(stream: Object | None, limits: Limits) -> dict[int, set[int]]:
    """What Unicode values a ``/ToUnicode`` CMap gives one-byte codes; empty where it has none or is damaged.

    Raises:
        LimitExceeded: ``max_stream_bytes``.
    """
    found: dict[int, set[int]] = {}
    if not isinstance(stream, Stream):
        return found
    operands: list[bytes] = []
    try:
        for hexadecimal, word in _tokens(stream, limits):
            if hexadecimal is not None:
                operands.append(hexadecimal)
            elif word.startswith(b"begin"):
                operands = []
            elif word == b"endbfchar":
                for code, value in zip(operands[::2], operands[1::2], strict=False):
                    _note_unicode(found, int.from_bytes(code), value, 0)
            elif word == b"endbfrange":
                _note_ranges(found, operands)
            else:
                operands.append(word)
    except FontError:
        return found
    return found


def _note_ranges(found: dict[int, set[int]], operands: list[bytes]) -> None:
    at = 0
    while at + 2 < len(operands):
        first, last = int.from_bytes(operands[at]), min(int.from_bytes(operands[at + 1]), 255)
        if operands[at + 2] == b"[":
            at += 3
            for code in range(first, last + 1):
                if at < len(operands) and operands[at] != b"]":
                    _note_unicode(found, code, operands[at], 0)
                    at += 1
            while at < len(operands) and operands[at] != b"]":
                at += 1
            at += 1
        else:
            for code in range(first, last + 1):
                _note_unicode(found, code, operands[at + 2], code - first)
            at += 3


def _note_unicode(found: dict[int, set[int]], code: int, value: bytes, offset: int) -> None:
    if code < 256 and len(value) >= 2:
        found.setdefault(code, set()).add(int.from_bytes(value[:2]) + offset)


def _tokens(stream: Stream, limits: Limits) -> Iterable[tuple[bytes | None, bytes]]:
    """Hexadecimal strings, decoded, or other words."""
    with raised_as(FontError("cmap")):
        data = read_decoded(stream, limits)
    if len(data) > MAX_BYTES:
        raise FontError("cmap")
    for match in _TOKEN.finditer(data):
        if match[1] is not None:
            digits = b"".join(match[1].split())
            yield bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode()), b""
        elif not match[0].startswith(b"%"):
            yield None, match[0]


def _predefined(name: str) -> CMap:
    if name in ("Identity-H", "Identity-V", "Identity"):
        return CMap([(2, b"\0\0", b"\xff\xff")], [(2, 0, 0xFFFF, 0)], identity=True)
    raise FontError("predefined_cmap")


def _copy(cmap: CMap) -> CMap:
    """What a CMap adds to is no longer the identity."""
    return CMap(list(cmap.spaces), list(cmap.ranges))


def _spaces(operands: list[bytes]) -> list[tuple[int, bytes, bytes]]:
    pairs = zip(operands[::2], operands[1::2], strict=False)
    return [(len(low), low, high) for low, high in pairs if len(low) == len(high) and 1 <= len(low) <= 4]


def _ranges(operands: list[bytes], size: int) -> list[tuple[int, int, int, int]]:
    """Triples of first code, last code and CID; or pairs of a code and its CID."""
    found = []
    for at in range(0, len(operands) - size + 1, size):
        first, last, cid = operands[at], operands[at + size - 2], operands[at + size - 1]
        if not cid.isdigit():
            raise FontError("cmap")
        found.append((len(first), int.from_bytes(first), int.from_bytes(last), int(cid)))
    return found
