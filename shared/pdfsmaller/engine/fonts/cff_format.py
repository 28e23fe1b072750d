"""The Compact Font Format (Adobe Technical Note 5176): from bytes to a model of one font and back.

Guarantees: reading checks every offset and count against the data, so that it costs no more than the data is long
(glyphs and subroutines are cut out only when asked for); writing gives the shortest form of every table.
Charstrings are plain bytes here. Non-goals: CFF2, several fonts in one program, synthetic fonts.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import cache
from itertools import accumulate, count, pairwise, starmap, takewhile
from operator import le
from types import MappingProxyType

from fontTools.encodings.StandardEncoding import StandardEncoding

from pdfsmaller.engine.fonts.cff_strings import ISO_ADOBE, PREDEFINED_CHARSETS, STANDARD_STRINGS
from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.records import record

# Operators of DICTs (TN 5176, tables 9, 10 and 23); 12 n is written 0x0C00 + n.
FONT_BBOX, CHARSET, ENCODING, CHAR_STRINGS, PRIVATE, SUBRS = 5, 15, 16, 17, 18, 19
DEFAULT_WIDTH, NOMINAL_WIDTH = 20, 21
BLUE_VALUES, OTHER_BLUES, FAMILY_BLUES, FAMILY_OTHER_BLUES, STD_HW, STD_VW = 6, 7, 8, 9, 10, 11
BLUE_SCALE, BLUE_SHIFT, BLUE_FUZZ = 0x0C09, 0x0C0A, 0x0C0B
STEM_SNAP_H, STEM_SNAP_V, FORCE_BOLD = 0x0C0C, 0x0C0D, 0x0C0E
LANGUAGE_GROUP, EXPANSION_FACTOR = 0x0C11, 0x0C12
PAINT_TYPE, CHARSTRING_TYPE = 0x0C05, 0x0C06
FONT_MATRIX, STROKE_WIDTH, SYNTHETIC_BASE = 0x0C07, 0x0C08, 0x0C14
ROS, CID_COUNT, FD_ARRAY, FD_SELECT, FONT_NAME = 0x0C1E, 0x0C22, 0x0C24, 0x0C25, 0x0C26

# What a renderer reads of a Top DICT besides offsets. Names, notices and identifiers of the whole font say nothing
# true of a subset inside a PDF, whose own dictionaries name the font.
_TOP_KEPT = frozenset({FONT_BBOX, PAINT_TYPE, FONT_MATRIX, STROKE_WIDTH, CID_COUNT})
_PRIVATE_KEPT = frozenset(
    {
        *(BLUE_VALUES, OTHER_BLUES, FAMILY_BLUES, FAMILY_OTHER_BLUES, STD_HW, STD_VW, DEFAULT_WIDTH, NOMINAL_WIDTH),
        *(BLUE_SCALE, BLUE_SHIFT, BLUE_FUZZ, STEM_SNAP_H, STEM_SNAP_V, FORCE_BOLD, LANGUAGE_GROUP, EXPANSION_FACTOR),
    }
)
_DEFAULTS: dict[int, tuple[float, ...]] = {
    FONT_BBOX: (0, 0, 0, 0),
    PAINT_TYPE: (0,),
    STROKE_WIDTH: (0,),
    DEFAULT_WIDTH: (0,),
    NOMINAL_WIDTH: (0,),
    BLUE_SCALE: (0.039625,),
    BLUE_SHIFT: (7,),
    BLUE_FUZZ: (1,),
    FORCE_BOLD: (0,),
    LANGUAGE_GROUP: (0,),
    EXPANSION_FACTOR: (0.06,),
}
_DEFAULT_MATRIX = (0.001, 0.0, 0.0, 0.001, 0.0, 0.0)
_STANDARD_SIDS = {name: sid for sid, name in enumerate(STANDARD_STRINGS)}
_STANDARD = len(STANDARD_STRINGS)

#: An operand of a DICT: an integer, or a real number as it is written (with its leading 30), so that copies are exact.
Operand = int | bytes
Entries = dict[int, list[Operand]]


class Index(Sequence[bytes]):
    """The items of an INDEX, cut out of the data when asked for.

    Attributes:
        end: where it ends in the data.
    """

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._offsets: Sequence[int] = ()
        count = _number(data, at, 2)
        self.end = self._base = at + 2
        if not count:
            return
        size = _number(data, at + 2, 1)
        self._base = at + 2 + (count + 1) * size  # offsets count from 1
        if not 1 <= size <= 4 or self._base >= len(data):
            raise FontError("CFF INDEX damaged")
        written = data[at + 3 : self._base + 1]
        if size == 3:
            self._offsets = [int.from_bytes(written[place : place + 3]) for place in range(0, len(written), 3)]
        else:
            self._offsets = struct.unpack(f">{count + 1}{'BH I'[size - 1]}", written)
        self.end = self._base + self._offsets[-1]
        if self._offsets[0] != 1 or self.end > len(data) or not all(starmap(le, pairwise(self._offsets))):
            raise FontError("CFF INDEX damaged")

    def __len__(self) -> int:
        return max(0, len(self._offsets) - 1)

    def __getitem__(self, item: int) -> bytes:  # type: ignore[override]
        if not 0 <= item < len(self):
            raise IndexError(item)
        return self._data[self._base + self._offsets[item] : self._base + self._offsets[item + 1]]


@record()
class FontDict:
    """One font dictionary: its hints for all glyphs, and the subroutines of its charstrings."""

    private: Entries = field(default_factory=dict)
    subrs: Sequence[bytes] = ()
    own: Entries = field(default_factory=dict)  # of CID-keyed fonts: the Font DICT's own entries
    name: bytes = b""

    def width(self, op: int) -> float:
        """``DEFAULT_WIDTH`` or ``NOMINAL_WIDTH``."""
        value = self.private.get(op)
        return real(value[0]) if value else 0.0


@record()
class Cff:
    """One CFF font.

    Attributes:
        name: the PostScript name.
        top: entries of the Top DICT that a renderer reads, offsets and strings left out.
        charstrings: one for each glyph.
        global_subrs: shared by all font dictionaries.
        fonts: the font dictionaries; exactly one when name-keyed.
        fd_of: the font dictionary of each glyph (None = the first for all).
        names: of each glyph, when name-keyed.
        encoding: code to glyph index, when name-keyed.
        ros: registry, ordering and supplement, when CID-keyed.
        cids: of each glyph, when CID-keyed.
    """

    name: bytes
    top: Entries
    charstrings: Sequence[bytes]
    global_subrs: Sequence[bytes]
    fonts: list[FontDict]
    fd_of: bytes | None = None
    names: list[str] = field(default_factory=list)
    encoding: dict[int, int] = field(default_factory=dict)
    ros: tuple[bytes, bytes, int] | None = None
    cids: list[int] = field(default_factory=list)

    def number_of(self, gid: int) -> int:
        """The number of a glyph's font dictionary."""
        return self.fd_of[gid] if self.fd_of is not None else 0

    def font_of(self, gid: int) -> FontDict:
        return self.fonts[self.number_of(gid)]

    def matrix(self) -> tuple[float, ...]:
        """Glyph space to text space."""
        return tuple(real(v) for v in self.top[FONT_MATRIX]) if FONT_MATRIX in self.top else _DEFAULT_MATRIX


def real(value: Operand) -> float:
    """The value of an operand."""
    if isinstance(value, int):
        return float(value)
    digits = "".join("0123456789.EM -F"[nibble] for byte in value[1:] for nibble in (byte >> 4, byte & 15))
    try:
        return float(digits.partition("F")[0].replace("M", "E-").replace(" ", ""))
    except ValueError:
        raise FontError("CFF DICT damaged") from None


def operand(value: float) -> Operand:
    """A number as an operand, in its shortest form."""
    if value == int(value) and abs(value) < 2**31:
        return int(value)
    text = repr(value).upper().replace("E-0", "E-").replace("E+", "E").replace("E-", "C")
    if text.startswith(("0.", "-0.")):
        text = text.replace("0.", ".", 1)
    # The digits of a real number are nibbles (TN 5176, table 5): a is the point, b is E, c is E-, e is minus.
    nibbles = text.translate(str.maketrans(".EC-", "abce")) + "f"
    return b"\x1e" + bytes.fromhex(nibbles + "f" * (len(nibbles) % 2))


@cache
def standard_encoding() -> Mapping[int, str]:
    """Adobe's StandardEncoding, code to name."""
    return MappingProxyType({code: name for code, name in enumerate(StandardEncoding) if name != ".notdef"})


def read_cff(data: bytes) -> Cff:
    """The first font of a CFF program.

    Raises:
        FontError: it is damaged, or has what is not understood here.
    """
    if len(data) < 8 or data[0] != 1:
        raise FontError("not a CFF program")
    name_index = Index(data, data[2])
    top_index = Index(data, name_index.end)
    strings = Index(data, top_index.end)
    global_subrs = Index(data, strings.end)
    if not top_index or not name_index:
        raise FontError("CFF without a font")
    top = read_dict(top_index[0])
    if SYNTHETIC_BASE in top:
        raise FontError("synthetic CFF font")
    if top.get(CHARSTRING_TYPE, [2]) != [2]:
        raise FontError("CFF charstrings not of type 2")
    charstrings = Index(data, _offset(top, CHAR_STRINGS))
    if not charstrings:
        raise FontError("CFF without glyphs")
    kept = {op: values for op, values in top.items() if op in _TOP_KEPT}
    if FONT_MATRIX in kept and len(kept[FONT_MATRIX]) != 6:
        raise FontError("CFF DICT damaged")
    font = Cff(name_index[0], kept, charstrings, global_subrs, [])
    count = len(charstrings)
    if ROS in top:
        registry, ordering, supplement = _integers(top[ROS], 3)
        font.ros = (_string(strings, registry), _string(strings, ordering), supplement)
        font.fonts = [_read_font_dict(data, read_dict(item), strings) for item in Index(data, _offset(top, FD_ARRAY))]
        if not 1 <= len(font.fonts) <= 256:
            raise FontError("CFF FDArray damaged")
        font.fd_of = _read_fd_select(data, _offset(top, FD_SELECT), count, len(font.fonts))
        font.cids = _read_charset(data, _offset(top, CHARSET), count)
    else:
        font.fonts = [_read_font_dict(data, {PRIVATE: top.get(PRIVATE, [])}, strings)]
        at = _integers(top.get(CHARSET, [0]), 1)[0]
        if at <= 2:
            predefined = PREDEFINED_CHARSETS[at]
            if count > len(predefined):
                raise FontError("CFF charset damaged")
            font.names = list(predefined[:count])
        else:
            sids = _read_charset(data, at, count)
            font.names = [
                STANDARD_STRINGS[sid] if sid < _STANDARD else _string(strings, sid).decode("latin-1") for sid in sids
            ]
        font.encoding = _read_encoding(data, _integers(top.get(ENCODING, [0]), 1)[0], font.names, strings)
        if len({font.names[gid] for gid in font.encoding.values()}) != len(set(font.encoding.values())):
            raise FontError("CFF glyph name twice")
    return font


def read_dict(data: bytes) -> Entries:
    """The entries of a DICT."""
    entries: Entries = {}
    operands: list[Operand] = []
    at, end = 0, len(data)
    while at < end:
        byte = data[at]
        if byte <= 21:
            if byte == 12:
                at += 1
                byte = 0x0C00 + _number(data, at, 1)
            # The first of two equal operators wins nowhere in the specification; readers take the last.
            entries[byte] = operands
            operands = []
            at += 1
        elif byte == 30:
            stop = at + 1
            while stop < end and data[stop] & 15 != 15 and data[stop] >> 4 != 15:
                stop += 1
            if stop == end or stop - at > 40:
                raise FontError("CFF DICT damaged")
            operands.append(data[at : stop + 1])
            at = stop + 1
        else:
            size = 3 if byte == 28 else 5 if byte == 29 else 1 if 32 <= byte <= 246 else 2 if 247 <= byte < 255 else 0
            if not size or at + size > end:
                raise FontError("CFF DICT damaged")
            if size == 1:
                operands.append(byte - 139)
            elif size == 2:
                operands.append(
                    (byte - 247) * 256 + data[at + 1] + 108 if byte < 251 else -(byte - 251) * 256 - data[at + 1] - 108
                )
            else:
                operands.append(int.from_bytes(data[at + 1 : at + size], signed=True))
            at += size
        if len(operands) > 48:
            raise FontError("CFF DICT damaged")
    return entries


def write_cff(font: Cff) -> bytes:
    """The font as a program, every table in its shortest form.

    Raises:
        FontError: it has more glyphs, names or codes than the format can hold.
    """
    if not font.charstrings or len(font.charstrings) > 65_535:
        raise FontError("CFF glyph count")
    strings = _Strings()
    top: Entries = {}
    if font.ros is not None:
        registry, ordering, supplement = font.ros
        top[ROS] = [strings.sid(registry.decode("latin-1")), strings.sid(ordering.decode("latin-1")), supplement]
    top |= without_defaults(font.top, keep_matrix=font.ros is not None)
    # (operator, table): their offsets are known only when everything before them is laid out.
    tables: list[tuple[int, bytes]] = []
    if font.ros is not None:
        tables.append((CHARSET, _write_charset(font.cids)))
        tables.append((FD_SELECT, _write_fd_select(font.fd_of or bytes(len(font.charstrings)))))
    else:
        charset = [strings.sid(name) for name in font.names]
        if charset != list(range(len(charset))) or len(charset) > len(ISO_ADOBE):
            tables.append((CHARSET, _write_charset(charset)))
        else:
            top[CHARSET] = [0]  # the default, but some readers want it said
        encoding = _write_encoding(font, strings)
        if encoding:
            tables.append((ENCODING, encoding))
    tables.append((CHAR_STRINGS, write_index(font.charstrings)))
    privates = [_write_private(one) for one in font.fonts]
    fd_names = [strings.sid(one.name.decode("latin-1")) if one.name else None for one in font.fonts]
    head = b"\x01\x00\x04\x04" + write_index([font.name])
    rest = write_index(strings.added) + write_index(font.global_subrs)
    # Offsets are operands of the DICT that stands before what they point to, and the larger they are the longer it
    # gets: lengths can only grow from one round to the next, and they are bounded.
    planned = 0
    while True:
        at = len(head) + planned + len(rest)
        for op, table in tables:
            top[op] = [at]
            at += len(table)
        placed: list[list[Operand]] = []
        for dictionary, subrs in privates:
            placed.append([len(dictionary), at])
            at += len(dictionary) + len(subrs)
        fd_array = b""
        if font.ros is not None:
            dictionaries = [
                write_dict({**({FONT_NAME: [name]} if name is not None else {}), **one.own, PRIVATE: place})
                for one, name, place in zip(font.fonts, fd_names, placed, strict=True)
            ]
            fd_array = write_index(dictionaries)
            top[FD_ARRAY] = [at]
        else:
            top[PRIVATE] = placed[0]
        top_index = write_index([write_dict(top)])
        if len(top_index) == planned:
            break
        planned = len(top_index)
    parts = [head, top_index, rest, *(table for _, table in tables)]
    parts += [part for private in privates for part in private]
    return b"".join([*parts, fd_array])


def write_index(items: Sequence[bytes]) -> bytes:
    """An INDEX of the items."""
    if not items:
        return b"\0\0"
    if len(items) > 65_535:
        raise FontError("CFF INDEX too long")
    ends = list(accumulate(map(len, items), initial=1))
    size = max(1, (ends[-1].bit_length() + 7) // 8)
    offsets = b"".join(end.to_bytes(size) for end in ends)
    return b"".join((len(items).to_bytes(2), bytes((size,)), offsets, *items))


def write_dict(entries: Mapping[int, Sequence[Operand]]) -> bytes:
    """A DICT of the entries, in their order."""
    out = bytearray()
    for op, operands in entries.items():
        for value in operands:
            out += value if isinstance(value, bytes) else _write_integer(value)
        out += bytes((op,)) if op < 0x0C00 else bytes((12, op - 0x0C00))
    return bytes(out)


def _write_integer(value: int) -> bytes:
    if -107 <= value <= 107:
        return bytes((value + 139,))
    if 108 <= abs(value) <= 1131:
        high, low = divmod(abs(value) - 108, 256)
        return bytes(((247 if value > 0 else 251) + high, low))
    if -32_768 <= value <= 32_767:
        return b"\x1c" + value.to_bytes(2, signed=True)
    if not -(2**31) <= value < 2**31:
        raise FontError("CFF number out of range")
    return b"\x1d" + value.to_bytes(4, signed=True)


class _Strings:
    """String identifiers: the standard ones, and those that this font adds."""

    def __init__(self) -> None:
        self.added: list[bytes] = []
        self._sids: dict[str, int] = {}

    def sid(self, text: str) -> int:
        standard = _STANDARD_SIDS.get(text)
        if standard is not None:
            return standard
        if text not in self._sids:
            self._sids[text] = _STANDARD + len(self.added)
            self.added.append(text.encode("latin-1", "replace"))
        if self._sids[text] > 64_999:
            raise FontError("CFF has too many strings")
        return self._sids[text]


def without_defaults(entries: Entries, *, keep_matrix: bool) -> Entries:
    """Entries without those that say what is so without them, real numbers in their shortest form."""
    kept = {}
    for op, values in entries.items():
        default = _DEFAULTS.get(op, () if op != FONT_MATRIX or keep_matrix else _DEFAULT_MATRIX)
        if not values or (default and tuple(map(real, values)) == default):
            continue
        kept[op] = [operand(real(value)) if isinstance(value, bytes) else value for value in values]
    return kept


def _write_private(font: FontDict) -> tuple[bytes, bytes]:
    """The Private DICT and the local subroutines that follow it."""
    entries = without_defaults(font.private, keep_matrix=False)
    if not font.subrs:
        return write_dict(entries), b""
    length = len(write_dict(entries))
    for size in range(2, 5):  # the offset's own length counts
        written = write_dict({**entries, SUBRS: [length + size]})
        if len(written) == length + size:
            return written, write_index(font.subrs)
    raise FontError("CFF Private DICT too long")


def _ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Runs of numbers that rise by one: (first, how many follow)."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][0] + runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((number, 0))
    return runs


def _write_charset(numbers: Sequence[int]) -> bytes:
    """SIDs or CIDs of all glyphs but the first."""
    runs = _ranges(numbers[1:])
    forms = [b"\0" + b"".join(number.to_bytes(2) for number in numbers[1:])]
    forms.append(b"\2" + b"".join(first.to_bytes(2) + left.to_bytes(2) for first, left in runs))
    if all(left < 256 for _, left in runs):
        forms.append(b"\1" + b"".join(first.to_bytes(2) + bytes((left,)) for first, left in runs))
    return min(forms, key=len)


def _write_fd_select(fd_of: bytes) -> bytes:
    starts = [0, *(gid for gid in range(1, len(fd_of)) if fd_of[gid] != fd_of[gid - 1])]
    ranges = b"".join(start.to_bytes(2) + fd_of[start : start + 1] for start in starts)
    by_range = b"\3" + len(starts).to_bytes(2) + ranges + len(fd_of).to_bytes(2)
    return min(b"\0" + fd_of, by_range, key=len)


def _write_encoding(font: Cff, strings: _Strings) -> bytes:
    """The custom encoding, or nothing where StandardEncoding means the same for the glyphs there are."""
    gid_of: dict[str, int] = {}
    for gid, name in enumerate(font.names):
        gid_of.setdefault(name, gid)
    standard = {code: gid_of[name] for code, name in standard_encoding().items() if name in gid_of}
    wanted = {code: gid for code, gid in font.encoding.items() if gid}
    if wanted == standard:
        return b""
    first_code: dict[int, int] = {}
    for code, gid in sorted(wanted.items()):
        first_code.setdefault(gid, code)
    # Codes are given in the order of the glyphs: the first glyph without one ends them. The rest, and second codes of a
    # glyph, are a supplement by name.
    codes = [first_code[gid] for gid in takewhile(first_code.__contains__, count(1))]
    extra = [(code, gid) for code, gid in sorted(wanted.items()) if gid > len(codes) or first_code[gid] != code]
    runs = _ranges(codes)
    forms = []
    if len(codes) < 256:
        forms.append((0, bytes((len(codes), *codes))))
    if len(runs) < 256:
        forms.append((1, bytes((len(runs), *(value for run in runs for value in run)))))
    if not forms or len(extra) > 255:
        raise FontError("CFF encoding too long")
    form, body = min(forms, key=lambda one: len(one[1]))
    if not extra:
        return bytes((form,)) + body
    supplement = b"".join(bytes((code,)) + strings.sid(font.names[gid]).to_bytes(2) for code, gid in extra)
    return bytes((form | 0x80,)) + body + bytes((len(extra),)) + supplement


def _number(data: bytes, at: int, size: int) -> int:
    if at < 0 or at + size > len(data):
        raise FontError("CFF cut short")
    return int.from_bytes(data[at : at + size])


def _integers(values: Sequence[Operand], count: int) -> list[int]:
    found = [int(real(value)) for value in values[-count:]]
    if len(found) != count or any(value < 0 for value in found):
        raise FontError("CFF DICT damaged")
    return found


def _offset(entries: Entries, op: int) -> int:
    at = _integers(entries.get(op, []), 1)[0]
    if at < 4:
        raise FontError("CFF DICT damaged")
    return at


def _string(strings: Index, sid: int) -> bytes:
    if sid < _STANDARD:
        return STANDARD_STRINGS[sid].encode("ascii")
    if sid - _STANDARD >= len(strings):
        raise FontError("CFF string missing")
    return strings[sid - _STANDARD]


def _read_font_dict(data: bytes, entries: Entries, strings: Index) -> FontDict:
    # Subsets leave out that of a font dictionary without glyphs.
    length, at = _integers(entries.get(PRIVATE) or [0, 0], 2)
    if at + length > len(data):
        raise FontError("CFF cut short")
    private = read_dict(data[at : at + length])
    font = FontDict({op: values for op, values in private.items() if op in _PRIVATE_KEPT})
    offset = _integers(private.get(SUBRS, [0]), 1)[0]
    if offset:
        font.subrs = Index(data, at + offset)
    if FONT_MATRIX in entries:
        font.own = {FONT_MATRIX: entries[FONT_MATRIX]}
    if FONT_NAME in entries:
        font.name = _string(strings, _integers(entries[FONT_NAME], 1)[0])
    return font


def _read_charset(data: bytes, at: int, count: int) -> list[int]:
    form = _number(data, at, 1)
    at += 1
    numbers = [0]
    if form == 0:
        if at + 2 * (count - 1) > len(data):
            raise FontError("CFF cut short")
        numbers += struct.unpack_from(f">{count - 1}H", data, at)
    elif form in (1, 2):
        while len(numbers) < count:
            first, left = _number(data, at, 2), _number(data, at + 2, form)
            at += 2 + form
            numbers += range(first, first + left + 1)
        del numbers[count:]
    else:
        raise FontError("CFF charset damaged")
    if max(numbers) > 65_535:
        raise FontError("CFF charset damaged")
    return numbers


def _read_fd_select(data: bytes, at: int, count: int, fonts: int) -> bytes:
    form = _number(data, at, 1)
    if form == 0:
        chosen = data[at + 1 : at + 1 + count]
    elif form == 3:
        ranges = _number(data, at + 1, 2)
        at += 3
        pieces = []
        for _ in range(ranges):
            first, which, following = _number(data, at, 2), _number(data, at + 2, 1), _number(data, at + 3, 2)
            if following < first:
                raise FontError("CFF FDSelect damaged")
            pieces.append(bytes((which,)) * (following - first))
            at += 3
        chosen = b"".join(pieces)
    else:
        raise FontError("CFF FDSelect damaged")
    if len(chosen) != count or max(chosen) >= fonts:
        raise FontError("CFF FDSelect damaged")
    return chosen


def _read_encoding(data: bytes, at: int, names: list[str], strings: Index) -> dict[int, int]:
    gid_of: dict[str, int] = {}
    for gid, name in enumerate(names):
        gid_of.setdefault(name, gid)
    if at == 0:
        return {code: gid_of[name] for code, name in standard_encoding().items() if gid_of.get(name)}
    if at == 1:
        raise FontError("CFF Expert encoding")
    form, number = _number(data, at, 1), _number(data, at + 1, 1)
    at += 2
    codes: list[int] = []
    if form & 0x7F == 0:
        codes += data[at : at + number]
        at += number
    elif form & 0x7F == 1:
        for _ in range(number):
            first, left = _number(data, at, 1), _number(data, at + 1, 1)
            codes += range(first, first + left + 1)
            at += 2
    else:
        raise FontError("CFF encoding damaged")
    encoding: dict[int, int] = {}
    for gid, code in enumerate(codes[: len(names) - 1], 1):
        if code < 256:
            encoding[code] = gid
    if form & 0x80:
        number = _number(data, at, 1)
        at += 1
        for _ in range(number):
            name = _string(strings, _number(data, at + 1, 2)).decode("latin-1")
            if name in gid_of:
                encoding[_number(data, at, 1)] = gid_of[name]
            at += 3
    return encoding
