"""Type 1 programs (``/FontFile``) into bare CFF (``/FontFile3 /Type1C``), hints kept.

Guarantees: integer coordinates stay as they are, fractions are kept to 1/65536; stems, hint replacement, flex and
counter hints of stem3 go on; every function raises nothing but ``FontError``; what a damaged or hostile program can
cost is bounded. Left out: dotsection and the counter hints of OtherSubrs 12 and 13, which renderers ignore, and
vertical advances, which CFF does not have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
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
from pdfsmaller.engine.fonts.charstrings import Budget, Flat, from_type1, same_drawings, tidied, with_width
from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.engine.fonts.type1_format import Type1, read_type1

# Operators and operands of all glyphs: ten times what the largest fonts have.
_MOST_TOKENS = 1_000_000
# A glyph that draws nothing: endchar.
_BLANK = Flat(b"\x0e", None)

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
    wanted = font.charstrings if glyphs is None else sorted(set(glyphs) & font.charstrings.keys())
    found: dict[str, tuple[Flat, float]] = {} if ".notdef" in font.charstrings else {".notdef": (_BLANK, 0)}
    waiting = [name for name in dict.fromkeys([".notdef", *wanted]) if name not in found]
    standard, budget = standard_encoding(), Budget(_MOST_TOKENS)
    while waiting:
        codes = [font.charstrings[name] for name in waiting]
        drawn = from_type1(codes, font.subrs, font.len_iv, weights, budget)
        found |= zip(waiting, drawn, strict=True)
        parts = dict.fromkeys(standard.get(code, "") for flat, _ in drawn for code in flat.parts or ())
        waiting = [name for name in parts if name not in found]
        if not font.charstrings.keys() >= set(waiting):
            raise FontError("part of an accented letter missing")
    return found
