"""A font program made anew: the smallest with every glyph that is shown, proved to be the same.

Each kind of program has its own way: TrueType by its tables, Type 1 into CFF, bare CFF by its charstrings, OpenType
around CFF by both. The proof compares the new program, read again, with the old one for every glyph kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field, replace
from functools import cached_property

from pikepdf import Dictionary, Stream

from pdfsmaller.engine.deflate import zlib_compress
from pdfsmaller.engine.fonts.cff import blank_cff, cff_info, cff_outlines_equal, subset_cff
from pdfsmaller.engine.fonts.cmap import read_to_unicode
from pdfsmaller.engine.fonts.embedded import Embedded
from pdfsmaller.engine.fonts.encodings import differences, names_by_code, with_alike
from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.engine.fonts.lookup import Reached, reach
from pdfsmaller.engine.fonts.sfnt import (
    Sfnt,
    TrueType,
    is_truetype,
    read_tables,
    same_codes,
    same_glyphs,
    subset_opentype,
    subset_truetype,
    without_idle_instructions,
)
from pdfsmaller.engine.fonts.type1 import type1_encoding, type1_names, type1_outlines_equal, type1_to_cff
from pdfsmaller.engine.fonts.usage import FontKey, font_key
from pdfsmaller.engine.streams import read_decoded
from pdfsmaller.limits import Limits
from pdfsmaller.records import record


@record(frozen=True)
class FontShown:
    """A simple font or CIDFont with what is shown of it.

    Attributes:
        codes: the codes shown of a simple font.
        cids: the CIDs shown of a CIDFont.
        unicode: every font through which it is used has ``/ToUnicode``.
    """

    font: Dictionary
    subtype: str
    codes: frozenset[int]
    cids: frozenset[int]
    unicode: bool


@record(frozen=True)
class NewProgram:
    """A new program, proved, not yet packed.

    Attributes:
        smaller: it lacks glyphs of the old one.
        glyphs: the names of its glyphs, where it has names.
        cids: its CIDs, where CIDFonts show it.
        united: it has those of other subsets of the same font.
        reached: of TrueType: what the codes shown lead to; None where it must not be united with others.
        gids: of TrueType that CIDFonts alone show: for each of these the glyph index of every CID shown.
        gid_maps: where indices change, the new ``/CIDToGIDMap`` of each CIDFont of each document (0: the only one).
        alone: what it is where it is not united with others: those may call instructions that none of its glyphs does.
            None: ``data``.
    """

    data: bytes
    file: str
    subtype: str | None
    smaller: bool
    glyphs: frozenset[str] | None = None
    cids: frozenset[int] | None = None
    united: bool = False
    reached: Reached | None = None
    gids: dict[FontKey, dict[int, int]] | None = None
    gid_maps: Mapping[tuple[int, FontKey], bytes] = field(default_factory=dict)
    alone: bytes | None = None

    @cached_property
    def packed(self) -> int:
        """About how many bytes it takes deflated, where it is not united with others."""
        return len(zlib_compress(self.alone or self.data, "fast"))


#: A new program is worth it when it saves at least this share of the old one's bytes as stored, and so many bytes.
MIN_SAVED_SHARE = 0.03
MIN_SAVED_BYTES = 64


def worth_it(before: int, after: int) -> bool:
    """Whether so many bytes instead of so many are worth a change."""
    return before - after >= max(MIN_SAVED_BYTES, before * MIN_SAVED_SHARE)


def rebuild(program: Embedded, shown: list[FontShown], why_whole: str | None, limits: Limits) -> NewProgram:
    """The smallest program with all that is shown, proved.

    Args:
        shown: what each of its fonts shows.
        why_whole: why all of its glyphs are to stay, or None.

    Raises:
        FontError: it stays as it is, and why.
        LimitExceeded: a stream is over ``max_stream_bytes``.
    """
    data = read_decoded(program.stream, limits)
    if program.file == "/FontFile" and all(font.subtype in ("/Type1", "/MMType1") for font in shown):
        return _type1(data, shown, whole=bool(why_whole))
    if why_whole:
        raise FontError(why_whole)
    if is_truetype(data) and program.file in ("/FontFile2", "/FontFile3"):
        return _truetype(data, shown, program, limits)
    if data[:4] == b"OTTO" and "head" in read_tables(data):
        return _opentype(data, shown, program, limits)
    if program.file == "/FontFile3":
        return _cff(data, shown)
    raise FontError("unlike_its_key")


def _truetype(data: bytes, shown: list[FontShown], program: Embedded, limits: Limits) -> NewProgram:
    before = TrueType(data)
    reached = Reached()
    glyphs: set[int] = set()
    cmap = False
    cids: set[int] = set()
    gids: dict[FontKey, dict[int, int]] = {}
    for font in shown:
        if font.subtype == "/CIDFontType2":
            cid_map = _cid_map(font.font, limits)
            cids |= font.cids
            gids[font_key(font.font)] = gid_of = {cid: glyph_of(cid_map, cid) for cid in font.cids}
            glyphs |= set(gid_of.values())
            cmap |= not font.unicode  # where nothing else tells the text, some readers ask the program
        elif font.subtype in ("/TrueType", "/Type1"):
            cmap = True
            reached.add(_reach(before, font, limits))
        else:
            raise FontError("unlike_its_key")
    glyphs |= reached.glyphs
    result = subset_truetype(before, glyphs, cmap=cmap, names=reached.by_name)
    after = TrueType(result)
    if not same_glyphs(before, after, glyphs) or (cmap and not same_codes(before, after, reached.codes)):
        raise FontError("proof_failed")
    if after.names and any(before.names.get(name) != after.names.get(name) for name in reached.names):
        raise FontError("proof_failed")
    kept = before.with_parts(glyphs)
    listed = frozenset(cids | {0}) if gids else None
    drawn = sum(1 for glyph in range(before.count) if before.offsets[glyph] < before.offsets[glyph + 1])
    subtype = str(program.stream.get("/Subtype")) if program.file == "/FontFile3" else None
    alone = without_idle_instructions(after)
    new = NewProgram(result, program.file, subtype, smaller=drawn > len(kept), cids=listed, alone=alone)
    if program.file != "/FontFile2" or any(font.subtype == "/CIDFontType2" and not font.unicode for font in shown):
        return new  # not to be united: some readers take the text from all codes that lead to a glyph
    reached.glyphs = glyphs
    return replace(new, reached=reached, gids=gids if len(gids) == len(shown) else None)


def _cid_map(font: Dictionary, limits: Limits) -> bytes | None:
    """``/CIDToGIDMap``, None for the identity."""
    cid_map = font.get("/CIDToGIDMap")
    return read_decoded(cid_map, limits) if isinstance(cid_map, Stream) else None


def _type1(data: bytes, shown: list[FontShown], *, whole: bool) -> NewProgram:
    available, built_in = type1_names(data), type1_encoding(data)
    _check_missing(shown, built_in, set(available))
    names = None if whole else glyph_names(shown, built_in, available)
    result = type1_to_cff(data, names)
    if not type1_outlines_equal(data, result, names):
        raise FontError("proof_failed")
    kept = frozenset(cff_info(result).names)
    return NewProgram(result, "/FontFile3", "/Type1C", smaller=len(kept) < len(set(available)), glyphs=listed(kept))


def _check_missing(shown: list[FontShown], built_in: dict[int, str], available: set[str]) -> None:
    """Raises FontError where an encoding gives a code a name that the program lacks, but the program gives it a glyph:
    pdfium shows that of CFF and not that of Type 1."""
    for font in shown:
        encoding = font.font.get("/Encoding")
        if isinstance(encoding, Dictionary) and "/BaseEncoding" not in encoding:
            given = {code: {name} for code, name in differences(encoding).items() if code in font.codes}
        elif encoding is not None:
            given = names_by_code(encoding, font.codes)
        else:
            continue
        for code, names in given.items():
            if code in built_in and names and names.isdisjoint(available) and not with_alike(names, available):
                raise FontError("encoding")


def _cff(data: bytes, shown: list[FontShown]) -> NewProgram:
    info = cff_info(data)
    if all(font.subtype == "/CIDFontType0" for font in shown):
        cids = frozenset(cid for font in shown for cid in font.cids)
        if info.cid_keyed:
            result = subset_cff(data, cids=cids)
            same = cff_outlines_equal(data, result, cids=cids & set(info.cids))
            kept = frozenset(cff_info(result).cids)
        else:
            gids = {cid for cid in cids if cid < info.glyphs}
            result = subset_cff(data, gids=gids, retain_gids=True)
            same = cff_outlines_equal(data, result, gids=gids)
            kept = frozenset(cff_info(result).cids)
        new = NewProgram(result, "/FontFile3", "/CIDFontType0C", smaller=len(kept) < info.glyphs, cids=kept)
    elif not info.cid_keyed and all(font.subtype in ("/Type1", "/MMType1") for font in shown):
        names = glyph_names(shown, info.encoding, info.names)
        result = subset_cff(data, names=names)
        same = cff_outlines_equal(data, result, names=names)
        kept_names = frozenset(cff_info(result).names)
        smaller = len(kept_names) < info.glyphs
        new = NewProgram(result, "/FontFile3", "/Type1C", smaller=smaller, glyphs=listed(kept_names))
    else:
        raise FontError("unlike_its_key")
    if not same:
        raise FontError("proof_failed")
    return new


def _opentype(data: bytes, shown: list[FontShown], program: Embedded, limits: Limits) -> NewProgram:
    """CFF within OpenType stays within it, and every glyph at its index: readers differ in whether they go by that,
    by CID or by name, and some draw bare CFF with other hints."""
    info, before = cff_info(data), Sfnt(data)
    reached = Reached()
    cmap = False
    gid_of = {cid: gid for gid, cid in enumerate(info.cids)}
    for font in shown:
        if font.subtype in ("/CIDFontType0", "/CIDFontType2"):
            cid_map = _cid_map(font.font, limits)
            for cid in font.cids:
                reached.glyphs |= {cid, glyph_of(cid_map, cid), gid_of.get(cid, 0)}
            cmap |= not font.unicode
        else:
            cmap = True
            reached.add(_reach(before, font, limits))
            names = glyph_names([font], info.encoding, info.names)
            reached.glyphs |= {gid for gid, name in enumerate(info.names) if name in names}
    kept = {gid for gid in reached.glyphs if gid < info.glyphs}
    cff = blank_cff(data, kept)
    after_info = cff_info(cff)
    result = subset_opentype(before, cff, after_info.glyphs, kept, cmap=cmap)
    after = Sfnt(result)
    same = cff_outlines_equal(data, cff, gids=kept) and (not cmap or same_codes(before, after, reached.codes))
    for gid in kept:
        same &= before.metrics(gid) == after.metrics(gid)
        same &= info.cids[gid : gid + 1] == after_info.cids[gid : gid + 1]
        same &= info.names[gid : gid + 1] == after_info.names[gid : gid + 1]
    if not same:
        raise FontError("proof_failed")
    subtype = str(program.stream.get("/Subtype")) if program.file == "/FontFile3" else None
    return NewProgram(result, program.file, subtype, smaller=len(kept) + 1 < info.glyphs)


def _reach(program: Sfnt, font: FontShown, limits: Limits) -> Reached:
    """What the codes of a simple font lead to."""
    given = names_by_code(font.font.get("/Encoding"), font.codes)
    unicode = read_to_unicode(font.font.get("/ToUnicode"), limits)
    found = reach(program, given, unicode, symbolic=_symbolic(font.font))
    with_text = unicode.keys() | {code for code in given if "/Encoding" in font.font and given[code]}
    found.by_name |= not with_text >= font.codes  # some readers then take the text from the names
    return found


def glyph_names(shown: list[FontShown], built_in: dict[int, str], available: Collection[str]) -> set[str]:
    """The names of all glyphs that some reader may show for the codes shown."""
    wanted: set[str] = set()
    for font in shown:
        for given in names_by_code(font.font.get("/Encoding"), font.codes).values():
            wanted |= given
        wanted |= {built_in[code] for code in font.codes if code in built_in}
    return with_alike(wanted, available)


def _symbolic(font: Dictionary) -> bool:
    """Whether the descriptor says so (ISO 32000-1, table 123)."""
    descriptor = font.get("/FontDescriptor")
    flags = descriptor.get("/Flags", 0) if isinstance(descriptor, Dictionary) else 0
    return bool(int(flags) & 4)


def glyph_of(cid_map: bytes | None, cid: int) -> int:
    """The glyph index of a CID (ISO 32000-1, table 117, CIDToGIDMap)."""
    return cid if cid_map is None else int.from_bytes(cid_map[2 * cid : 2 * cid + 2])


def listed(names: Collection[str]) -> frozenset[str]:
    return frozenset(names) - {".notdef"}
