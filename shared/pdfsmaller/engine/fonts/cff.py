"""Bare CFF programs (``/FontFile3`` of Type1C, CIDFontType0C or OpenType): read, subset, compared, united.

Guarantees: outlines and hints of what is kept stay exactly, whatever operators say them; every function raises nothing
but ``FontError``; what a damaged or hostile program can cost is bounded. Non-goals: CFF2, variable fonts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate
from typing import TypeVar

from pdfsmaller.engine.deflate import zlib_compress
from pdfsmaller.engine.fonts.cff_format import (
    CID_COUNT,
    DEFAULT_WIDTH,
    FONT_BBOX,
    NOMINAL_WIDTH,
    Cff,
    FontDict,
    operand,
    read_cff,
    real,
    standard_encoding,
    without_defaults,
    write_cff,
)
from pdfsmaller.engine.fonts.charstrings import Budget, Flat, Used, bias, flatten, same_drawings, tidied, with_width
from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.records import record

# Charstrings of more than this, in bytes, are kept with their subroutines as they are: to follow every call takes
# about a second for each megabyte.
_MOST_FOLLOWED = 1_500_000
# Some producers use a few operators alone: a sample of so many glyphs tells whether writing all anew pays.
_SAMPLE = 24
_TIDY_ENOUGH = 0.99
_WIDTHS = (DEFAULT_WIDTH, NOMINAL_WIDTH)
# The charstring of a glyph that draws nothing: endchar.
_BLANK = b"\x0e"
_IDENTITY = (b"Adobe", b"Identity", 0)
_Key = TypeVar("_Key", str, int)


@record(frozen=True)
class CffInfo:
    """What a PDF needs to know of a CFF program to find its glyphs.

    Attributes:
        glyphs: how many there are.
        cid_keyed: glyphs are known by CID, not by name.
        names: each glyph's name by GID (empty when CID-keyed).
        cids: each glyph's CID by GID (empty when name-keyed).
        encoding: the built-in encoding, code to glyph name (empty when CID-keyed).
    """

    glyphs: int
    cid_keyed: bool
    names: tuple[str, ...]
    cids: tuple[int, ...]
    encoding: dict[int, str]


def cff_info(program: bytes) -> CffInfo:
    """The glyphs of a CFF program (bare, or the ``CFF`` table of an OpenType font).

    Raises:
        FontError: the program is damaged or not understood.
    """
    font = _read(program)
    encoding = {code: font.names[gid] for code, gid in font.encoding.items()}
    return CffInfo(len(font.charstrings), font.ros is not None, tuple(font.names), tuple(font.cids), encoding)


def subset_cff(
    program: bytes,
    *,
    names: Collection[str] | None = None,
    gids: Collection[int] | None = None,
    cids: Collection[int] | None = None,
    retain_gids: bool = False,
) -> bytes:
    """A bare CFF with the glyphs asked for (all, when none of the three is given) and nothing else.

    What the three select adds up; ``.notdef`` and the parts of accented letters are kept as well; what the program
    does not have is passed over. Names, CIDs, widths, hints and the built-in encoding of what is kept stay.

    Args:
        program: bare CFF, or an OpenType font, whose ``CFF`` table alone is kept.
        names: glyph names (of a name-keyed program).
        gids: glyph indices.
        cids: CIDs (of a CID-keyed program).
        retain_gids: glyphs are still found by the index that they have in ``program``, as a CIDFontType0 finds those
            of a name-keyed program. The result is CID-keyed, each CID the index of before: that is what a PDF reader
            takes for the same, and leaves no room between the glyphs. Otherwise glyphs are renumbered.

    Raises:
        FontError: the program is damaged or not understood.
    """
    font = _read(program)
    kept = _chosen(font, names, gids, cids)
    kept, flats, used = _followed(font, kept)
    orders = [kept]
    if font.ros is None and not retain_gids:
        orders.append(_in_code_order(font, kept))
    tidy = _tidied(kept, flats)
    forms = [form for order in orders for form in _forms(font, order, flats, tidy, used)]
    if retain_gids and font.ros is None:
        if flats is None or any(flats[gid].parts for gid in kept):
            raise FontError("accented letters of parts in a font by glyph index")
        for form in forms:
            _key_by_cid(form, kept)
    return _smallest(forms)


def _followed(font: Cff, kept: list[int]) -> tuple[list[int], dict[int, Flat] | None, list[Used]]:
    """The glyphs with the parts they are made of, what each of them does, and the subroutines that they use.

    Where there is too much to follow, the glyphs alone, and nothing is known of what they do.
    """
    used = [Used() for _ in font.fonts]
    if sum(len(font.charstrings[gid]) for gid in kept) > _MOST_FOLLOWED:
        return kept, None, used
    flats = _flats(font, kept, Budget(), used)
    return sorted(flats), flats, used


def blank_cff(program: bytes, gids: Collection[int]) -> bytes:
    """A bare CFF in which only these glyphs (and ``.notdef``, and parts of accented letters) draw anything.

    All keep their index, which is what an OpenType font around it goes by; those after the last one kept are gone.
    Blank ones have no name and no code.

    Raises:
        FontError: the program is damaged or not understood.
    """
    font = replace(_read(program))
    kept = _chosen(font, None, gids, None)
    kept, flats, used = _followed(font, kept)
    order, drawn = range(kept[-1] + 1), set(kept)
    font.charstrings = [font.charstrings[gid] if gid in drawn else _BLANK for gid in order]
    if font.ros is None:
        font.names = [name if gid in drawn else ".notdef" for gid, name in zip(order, font.names, strict=False)]
        font.encoding = {code: gid for code, gid in font.encoding.items() if gid in drawn}
    if flats is not None:
        blank = Flat(_BLANK, None)
        flats = {gid: flats.get(gid, blank) for gid in order}
    return _smallest(_forms(font, order, flats, _tidied(order, flats), used))


def cff_outlines_equal(
    before: bytes,
    after: bytes,
    *,
    names: Collection[str] | None = None,
    gids: Collection[int] | None = None,
    cids: Collection[int] | None = None,
    encoding: bool = True,
) -> bool:
    """Whether ``after`` has the given glyphs of ``before`` (all, when none are given) with equal outlines, hints,
    widths and codes.

    Glyphs are matched by name or CID. Where ``after`` alone is CID-keyed, its CIDs are the indices of ``before``.
    Codes are not compared where ``encoding`` is False.

    Raises:
        FontError: one of the programs is damaged or not understood.
    """
    old, new = _read(before), _read(after)
    if old.matrix() != new.matrix():
        return False
    kept = _chosen(old, names, gids, cids)
    if len(kept) == len(old.charstrings) and _is_copy(old, new):
        return True
    old_flats = _flats(old, kept, Budget(), [Used() for _ in old.fonts])
    if old.ros is not None or new.ros is not None:
        new_of = _first_of(new.cids)
        pairs = [(gid, new_of.get(old.cids[gid] if old.ros is not None else gid)) for gid in old_flats]
    else:
        by_name = _first_of(new.names)
        pairs = [(gid, by_name.get(old.names[gid])) for gid in old_flats]
        # A code of `.notdef` and one that leads nowhere are the same.
        codes = {code: gid for code, gid in old.encoding.items() if gid in old_flats}
        wanted_names = {code: old.names[gid] for code, gid in codes.items() if gid}
        found_names = {code: new.names[gid] for code, gid in new.encoding.items() if gid and code in codes}
        if encoding and wanted_names != found_names:
            return False
    wanted = [new_gid for _, new_gid in pairs if new_gid is not None]
    if len(wanted) != len(pairs):
        return False
    new_flats = _flats(new, wanted, Budget(), [Used() for _ in new.fonts])
    old_hints, new_hints = [_hints(one) for one in old.fonts], [_hints(one) for one in new.fonts]
    return all(
        _near(_width(old, gid, old_flats[gid]), _width(new, new_gid, new_flats[new_gid]))
        and old_hints[old.number_of(gid)] == new_hints[new.number_of(new_gid)]
        for gid, new_gid in zip(old_flats, wanted, strict=True)
    ) and same_drawings([*old_flats.values()], [new_flats[gid] for gid in wanted])


def union_cff(programs: Sequence[bytes], *, encoding: bool = True) -> bytes:
    """One bare CFF with the glyphs of several subsets of one font.

    Args:
        encoding: whether some reader finds glyphs by the built-in encoding. Where none does, a code may mean another
            glyph in each program, and the result has none of them.

    Raises:
        FontError: a program is damaged or not understood, or they are not subsets of one font: a glyph, a code of the
            built-in encoding, the matrix or the hints for all glyphs differ.
    """
    fonts = [_read(program) for program in programs]
    if not fonts:
        raise FontError("no fonts to unite")
    first, budget = fonts[0], Budget()
    united = Cff(first.name, dict(first.top), [], (), [], ros=first.ros)
    glyphs: dict[str, tuple[Flat, float, int]] = {}
    codes: dict[int, str] = {}
    for font in fonts:
        if _kind(font) != _kind(first):
            raise FontError("fonts of different kinds")
        if _as_a_whole(font) != _as_a_whole(first):
            raise FontError("fonts differ as a whole")
        if FONT_BBOX in font.top and FONT_BBOX in united.top:
            united.top[FONT_BBOX] = _enclosing(united.top[FONT_BBOX], font.top[FONT_BBOX])
        if CID_COUNT in font.top:
            united.top[CID_COUNT] = max(united.top.get(CID_COUNT, []), font.top[CID_COUNT], key=lambda v: real(v[0]))
        flats = _flats(font, range(len(font.charstrings)), budget, [Used() for _ in font.fonts])
        known_flats = []
        for gid, flat in flats.items():
            key = font.names[gid] if font.ros is None else str(font.cids[gid])
            width, number = _width(font, gid, flat), _place(united.fonts, font.font_of(gid))
            known = glyphs.setdefault(key, (flat, width, number))
            known_flats.append(known[0])
            if known[2] != number or not _near(known[1], width):
                raise FontError("a glyph differs")
        if not same_drawings(known_flats, [*flats.values()]):
            raise FontError("a glyph differs")
        for code, gid in font.encoding.items():
            if codes.setdefault(code, font.names[gid]) != font.names[gid] and encoding:
                raise FontError("a code differs")
    united.fd_of = bytes(glyph[2] for glyph in glyphs.values())
    listed = list(glyphs.values())
    if first.ros is None:
        united.names = list(glyphs)
        gid_of = _first_of(united.names)
        found = codes if encoding else standard_encoding()
        united.encoding = {code: gid_of[name] for code, name in found.items() if name in gid_of}
        order = _in_code_order(united, range(len(listed)))
    else:
        united.cids = list(map(int, glyphs))
        order = sorted(range(len(listed)), key=lambda gid: united.cids[gid])
    return write_cff(_rebuilt(united, order, [listed[gid][:2] for gid in order]))


# A program is looked at, cut and compared in turn: the last ones are remembered, not to be changed.
@lru_cache(maxsize=4)
def _read(program: bytes) -> Cff:
    return read_cff(_bare(program))


def _bare(program: bytes) -> bytes:
    """The program, or the ``CFF`` table of an OpenType font."""
    if program[:4] != b"OTTO":
        return program
    for at in range(12, 12 + 16 * int.from_bytes(program[4:6]), 16):
        if program[at : at + 4] == b"CFF ":
            start, length = (int.from_bytes(program[place : place + 4]) for place in (at + 8, at + 12))
            return program[start : start + length]
    raise FontError("OpenType without CFF")


def _chosen(
    font: Cff, names: Collection[str] | None, gids: Collection[int] | None, cids: Collection[int] | None
) -> list[int]:
    """The glyphs asked for by index, ``.notdef`` first."""
    count = len(font.charstrings)
    if names is None and gids is None and cids is None:
        return sorted((_first_of(font.names) if font.ros is None else _first_of(font.cids)).values())
    kept = {0} | {gid for gid in gids or () if 0 <= gid < count}
    if names:
        gid_of = _first_of(font.names)
        kept |= {gid_of[name] for name in names if name in gid_of}
    if cids:
        gid_of_cid = _first_of(font.cids)
        kept |= {gid_of_cid[cid] for cid in cids if cid in gid_of_cid}
    return sorted(kept)


def _first_of(keys: Iterable[_Key]) -> dict[_Key, int]:
    """The first index of each key: what readers take where a font has one twice."""
    found: dict[_Key, int] = {}
    for index, key in enumerate(keys):
        found.setdefault(key, index)
    return found


def _flats(font: Cff, kept: Iterable[int], budget: Budget, used: Sequence[Used]) -> dict[int, Flat]:
    """The charstrings without subroutines, those of the parts of accented letters too."""
    flats: dict[int, Flat] = {}
    standard, gid_of = standard_encoding(), _first_of(font.names)
    local = [one.subrs for one in font.fonts]
    waiting = list(dict.fromkeys(kept))
    while waiting:
        codes, which = [font.charstrings[gid] for gid in waiting], bytes(map(font.number_of, waiting))
        found = flatten(codes, which, local, font.global_subrs, budget, used)
        flats |= zip(waiting, found, strict=True)
        parts = [gid_of.get(standard.get(code, "")) for flat in found for code in flat.parts or ()]
        waiting = list(dict.fromkeys(part for part in parts if part is not None and part not in flats))
        if None in parts:
            raise FontError("part of an accented letter missing")
    return flats


def _in_code_order(font: Cff, kept: Iterable[int]) -> list[int]:
    """``.notdef``, the glyphs of the built-in encoding by their codes, then the rest: what CFF encodes shortest."""
    code_of: dict[int, int] = {}
    for code, gid in sorted(font.encoding.items()):
        code_of.setdefault(gid, code)
    return sorted(kept, key=lambda gid: (gid != 0, code_of.get(gid, 256), font.names[gid]))


def _width(font: Cff, gid: int, flat: Flat) -> float:
    own = font.font_of(gid)
    return own.width(DEFAULT_WIDTH) if flat.width is None else own.width(NOMINAL_WIDTH) + flat.width


def _is_copy(old: Cff, new: Cff) -> bool:
    """Whether two fonts are the same glyph by glyph, their subroutines too: a large font that was only re-packed."""
    return (
        (old.ros, old.cids, old.names, old.encoding) == (new.ros, new.cids, new.names, new.encoding)
        and len(old.fonts) == len(new.fonts)
        and old.fd_of == new.fd_of
        and all(
            _hints(one) == _hints(other)
            and [one.width(op) for op in _WIDTHS] == [other.width(op) for op in _WIDTHS]
            and list(one.subrs) == list(other.subrs)
            for one, other in zip(old.fonts, new.fonts, strict=True)
        )
        and list(old.global_subrs) == list(new.global_subrs)
        and list(old.charstrings) == list(new.charstrings)
    )


def _near(one: float, other: float) -> bool:
    """Whether two widths are the same but for how finely a charstring can say them."""
    return abs(one - other) < 0.001


def _hints(font: FontDict) -> dict[int, tuple[float, ...]]:
    """What a Private DICT says to the renderer, and the font dictionary's matrix."""
    entries = without_defaults({**font.private, **font.own}, keep_matrix=True)
    return {op: tuple(map(real, v)) for op, v in entries.items() if op not in _WIDTHS}


def _forms(
    font: Cff,
    kept: Sequence[int],
    flats: dict[int, Flat] | None,
    tidy: Mapping[int, Flat] | None,
    used: Sequence[Used],
) -> list[Cff]:
    """The font cut to these glyphs in every form that may turn out the smallest."""
    if flats is None:
        return [_with_subrs(font, kept, None)]
    forms = [_with_subrs(font, kept, used), _without_subrs(font, kept, flats)]
    if tidy is not None:
        forms.append(_without_subrs(font, kept, tidy))
    return forms


def _tidied(kept: Sequence[int], flats: Mapping[int, Flat] | None) -> dict[int, Flat] | None:
    """The glyphs in the shortest operators, or None where a sample tells that this does not pay."""
    if flats is None:
        return None
    sample = kept[:: max(1, len(kept) // _SAMPLE)]
    tidy = dict(zip(sample, tidied([flats[gid] for gid in sample]), strict=True))
    before = sum(len(flats[gid].body) for gid in sample)
    if sum(len(flat.body) for flat in tidy.values()) >= _TIDY_ENOUGH * before:
        return None
    rest = [gid for gid in kept if gid not in tidy]
    return tidy | dict(zip(rest, tidied([flats[gid] for gid in rest]), strict=True))


def _smallest(forms: Iterable[Cff]) -> bytes:
    """The program that is smallest in the file, deflated."""
    return min(map(write_cff, forms), key=lambda data: len(zlib_compress(data, "fast")))


def _with_subrs(font: Cff, kept: Sequence[int], used: Sequence[Used] | None) -> Cff:
    """The charstrings as they are; subroutines that nothing calls become empty."""
    shared = set().union(*(one.shared for one in used)) if used is not None else None
    fonts = [
        FontDict(one.private, _emptied(one.subrs, used[number].local if used is not None else None), one.own, one.name)
        for number, one in enumerate(font.fonts)
    ]
    charstrings = [font.charstrings[gid] for gid in kept]
    return _of_glyphs(font, kept, charstrings, _emptied(font.global_subrs, shared), fonts)


def _emptied(subrs: Sequence[bytes], used: set[int] | None) -> Sequence[bytes]:
    if used is None:
        return subrs
    if not used:
        return ()
    # Calls count from the middle: a list cut short must not fall below the length that sets it (TN 5177, 4.7).
    least = {107: 0, 1_131: 1_240, 32_768: 33_900}[bias(subrs)]
    return [subrs[number] if number in used else b"" for number in range(max(max(used) + 1, least))]


def _without_subrs(font: Cff, kept: Sequence[int], flats: Mapping[int, Flat]) -> Cff:
    return _rebuilt(font, kept, [(flats[gid], _width(font, gid, flats[gid])) for gid in kept])


def _rebuilt(font: Cff, kept: Sequence[int], glyphs: Sequence[tuple[Flat, float]]) -> Cff:
    """The font with these charstrings, and with the widths that take the least room as the common ones."""
    widths: list[Counter[float]] = [Counter() for _ in font.fonts]
    which = [font.number_of(gid) for gid in kept]
    for number, (_, width) in zip(which, glyphs, strict=True):
        widths[number][width] += 1
    common = [common_widths(counted) for counted in widths]
    fonts = []
    for one, (default, nominal) in zip(font.fonts, common, strict=True):
        private = {**one.private, DEFAULT_WIDTH: [operand(default)], NOMINAL_WIDTH: [operand(nominal)]}
        fonts.append(FontDict(private, (), one.own, one.name))
    charstrings = []
    for number, (flat, width) in zip(which, glyphs, strict=True):
        default, nominal = common[number]
        charstrings.append(with_width(flat, None if width == default else width - nominal))
    return _of_glyphs(font, kept, charstrings, (), fonts)


def common_widths(widths: Counter[float]) -> tuple[float, float]:
    """The defaultWidthX and nominalWidthX with which charstrings give these widths in the fewest bytes."""
    if not widths:
        return 0, 0
    default = widths.most_common(1)[0][0]
    # Beyond some hundred widths, the frequent ones decide.
    rest = [(width, times) for width, times in widths.most_common(200) if width != default]
    if not rest or any(width != int(width) for width, _ in rest):
        return default, 0

    rest.sort()
    ordered = [width for width, _ in rest]
    before = list(accumulate((times for _, times in rest), initial=0))

    def cost(nominal: float) -> int:
        # How long operands are (TN 5176, table 3): one byte, two beyond 107, three beyond 1,131.
        ends = ((bisect_left(ordered, nominal - far), bisect_right(ordered, nominal + far)) for far in (107, 1_131))
        return sum(before[low] + before[-1] - before[high] for low, high in ends)

    # A run of widths costs one byte each where the lowest of them is 107 below the nominal width.
    return default, min(sorted({width + 107 for width, _ in rest} | {0}), key=cost)


def _of_glyphs(
    font: Cff, kept: Sequence[int], charstrings: Sequence[bytes], shared: Sequence[bytes], fonts: Sequence[FontDict]
) -> Cff:
    """The font with the glyphs that are kept, and with the font dictionaries that they use."""
    which = [font.number_of(gid) for gid in kept]
    numbers = {old: new for new, old in enumerate(sorted(set(which)))}
    result = Cff(font.name, font.top, charstrings, shared, [fonts[old] for old in numbers], ros=font.ros)
    result.fd_of = bytes(numbers[old] for old in which)
    if font.ros is not None:
        result.cids = [font.cids[gid] for gid in kept]
        return result
    result.names = [font.names[gid] for gid in kept]
    new_gid = {gid: number for number, gid in enumerate(kept)}
    result.encoding = {code: new_gid[gid] for code, gid in font.encoding.items() if gid in new_gid}
    return result


def _key_by_cid(font: Cff, cids: Sequence[int]) -> None:
    font.ros, font.cids = _IDENTITY, list(cids)
    font.names, font.encoding = [], {}


def _kind(font: Cff) -> tuple[bytes, bytes] | None:
    """What a font's glyphs are known by: names, or the CIDs of a character collection."""
    return font.ros[:2] if font.ros is not None else None


def _as_a_whole(font: Cff) -> list[Mapping[int, tuple[float, ...]]]:
    """What must be equal for glyphs to stand in one font, whatever glyphs those are."""
    entries = without_defaults(font.top, keep_matrix=True)
    top = {op: tuple(map(real, values)) for op, values in entries.items() if op not in (FONT_BBOX, CID_COUNT)}
    return [top] if font.ros is not None else [top, _hints(font.fonts[0])]


def _enclosing(one: Sequence[int | bytes], other: Sequence[int | bytes]) -> list[int | bytes]:
    if len(one) != 4 or len(other) != 4:
        raise FontError("CFF DICT damaged")
    sides = zip((min, min, max, max), map(real, one), map(real, other), strict=True)
    return [operand(choose(a, b)) for choose, a, b in sides]


def _place(fonts: list[FontDict], font: FontDict) -> int:
    """The number of the font dictionary that says the same, added where there is none."""
    hints = _hints(font)
    for number, one in enumerate(fonts):
        if _hints(one) == hints:
            return number
    if len(fonts) == 256:
        raise FontError("too many font dictionaries")
    fonts.append(FontDict(font.private, (), font.own, font.name))
    return len(fonts) - 1


def glyphs_drawn(
    program: bytes, names: Collection[str]
) -> tuple[dict[str, tuple[Flat, float]], dict[int, str], tuple[float, ...]]:
    """Charstrings and widths by name of a name-keyed program, its built-in encoding and its matrix.

    Raises:
        FontError: the program is damaged or not understood.
    """
    font = _read(program)
    flats = _flats(font, _chosen(font, names, None, None), Budget(), [Used() for _ in font.fonts])
    drawn = {font.names[gid]: (flat, _width(font, gid, flat)) for gid, flat in flats.items()}
    return drawn, {code: font.names[gid] for code, gid in font.encoding.items()}, font.matrix()
