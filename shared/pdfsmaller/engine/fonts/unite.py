"""Subsets of one font become one program for all the fonts that show them, as joined documents have them.

A group of subsets is tried as one program, and what does not fit in is left out of it. Every member is proved again:
all that its fonts show is as it was, and a code that had no glyph still has none. What counts is bytes: the new
program, deflated, with all that changes beside it, must be smaller than those it stands for.

Three kinds are united: name-keyed CFF (of Type 1 programs too), CID-keyed CFF, and TrueType, whose subsets either agree
in their glyph indices or get new ones behind a ``/CIDToGIDMap``. Left alone: OpenType around CFF, TrueType whose simple
fonts give one code to different glyphs, and CIDFonts without ``/ToUnicode``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from pikepdf import Dictionary, Name, Object

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.damage import raised_as
from pdfsmaller.engine.deflate import zlib_compress
from pdfsmaller.engine.fonts.cff import cff_info, cff_outlines_equal, union_cff
from pdfsmaller.engine.fonts.encodings import differences
from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.engine.fonts.rebuild import FontShown, NewProgram, glyph_names, glyph_of, listed, worth_it
from pdfsmaller.engine.fonts.sfnt import TrueType, same_codes, same_glyphs
from pdfsmaller.engine.fonts.sfnt_union import Subset, same_renumbered, union_in_place, union_renumbered
from pdfsmaller.engine.fonts.usage import FontKey
from pdfsmaller.records import record

#: So many times programs are tried as one; beyond it, a document joins more subsets of a font than is worth it.
MAX_UNIONS = 400
#: A program's key in the descriptor and the digest of its data.
Identity = tuple[str, bytes]
#: What stands for a program where several documents are at hand: the number of the document, and what it is there.
Key = tuple[int, Identity]
# What a `/CIDToGIDMap` takes beside its data: the object, and the reference to it.
_MAP_BYTES = 60
_ONE_BYTE = 256


@record(frozen=True)
class Candidate:
    """A new program that may become part of a union.

    Attributes:
        identity: of the old program.
        name: of its fonts, without a subset's tag.
        stored: bytes of the old program in the file.
        shown: what its fonts show, all of which is known.
        document: which of several it is from.
    """

    identity: Identity
    name: str
    new: NewProgram
    stored: int
    shown: Sequence[FontShown]
    document: int = 0

    @property
    def key(self) -> Key:
        return self.document, self.identity


@record(frozen=True)
class _Kind:
    """How programs of one kind are joined, and what proves it for one of them."""

    join: Callable[[Sequence[Candidate]], NewProgram]
    same: Callable[[Candidate, NewProgram, Sequence[Candidate]], bool]


def unite(candidates: Sequence[Candidate], deadline: Deadline) -> dict[Key, NewProgram]:
    """The unions, by what they stand for."""
    families: dict[tuple[str, str], list[Candidate]] = {}
    for one in candidates:
        kind = _kind_of(one.new)
        if kind:
            families.setdefault((kind, one.name), []).append(one)
    found: dict[Key, NewProgram] = {}
    for (kind, _), family in families.items():
        ways = list(_KINDS[kind])
        while ways and len(family) > 1:
            best = _best(family, ways, deadline)
            if not best.found:
                break  # by no way
            found |= best.found
            family = best.alone
            ways.remove(best.kind)
    return found


def _best(family: Sequence[Candidate], ways: Sequence[_Kind], deadline: Deadline) -> _Search:
    """The search that saves most: two that are the same in one way may be the same as a third in the other way only."""
    best = _Search(ways[0], family, deadline)
    for kind in ways[1:]:
        if best.alone:
            best = max(best, _Search(kind, family, deadline), key=lambda search: search.saved)
    return best


def _kind_of(new: NewProgram) -> str:
    if new.subtype in ("/Type1C", "/CIDFontType0C"):
        return new.subtype
    return "TrueType" if new.reached is not None else ""


class _Search:
    """The groups of one family that can be one program.

    Attributes:
        found: the unions, by what they stand for.
        alone: those that stay as they are.
        saved: bytes that the unions save.
    """

    def __init__(self, kind: _Kind, family: Sequence[Candidate], deadline: Deadline) -> None:
        self.kind, self.deadline = kind, deadline
        self.tries = self.saved = 0
        self.found: dict[Key, NewProgram] = {}
        self.alone: list[Candidate] = []
        self._unite(list(family))

    def _unite(self, family: list[Candidate]) -> None:
        while len(family) > 1:
            members, union = self._largest(family)
            if union is None:
                self.alone.append(family[0])
                family = family[1:]
                continue
            before, after = _bytes(members, union)
            if worth_it(before, after):
                self.found |= {one.key: union for one in members}
                self.saved += before - after
            else:
                self.alone += members
            family = [one for one in family if one not in members]
        self.alone += family

    def _largest(self, family: list[Candidate]) -> tuple[list[Candidate], NewProgram | None]:
        """The first of a family and those that can be one program with it, proved."""
        union = self._proved(family)
        if union is not None:
            return family, union
        first = family[0]
        fitting = [one for one in family[1:] if self._proved([first, one]) is not None]
        members, union = [first, *fitting], self._proved([first, *fitting]) if fitting else None
        if union is not None or len(fitting) < 2:
            return members, union
        members = [first]
        for one in fitting:
            tried = self._proved([*members, one])
            if tried is not None:
                members, union = [*members, one], tried
        return members, union

    def _proved(self, members: list[Candidate]) -> NewProgram | None:
        self.tries += 1
        if self.deadline.passed() or self.tries > MAX_UNIONS:
            return None
        try:
            with raised_as(FontError("damaged")):
                union = self.kind.join(members)
                if all(self.kind.same(one, union, members) for one in members):
                    return union
        except FontError:
            pass
        return None


def _bytes(members: Sequence[Candidate], union: NewProgram) -> tuple[int, int]:
    """What some programs take in the file, each once, and what their union takes."""
    before = sum({one.new.data: min(one.new.packed, one.stored) for one in members}.values())
    after = union.packed + sum(len(zlib_compress(table, "fast")) + _MAP_BYTES for table in union.gid_maps.values())
    return before, after


# --- CFF ------------------------------------------------------------------------------------------------------------


def _join_named(members: Sequence[Candidate]) -> NewProgram:
    data = union_cff([one.new.data for one in members], encoding=_encoded(members))
    glyphs = listed(cff_info(data).names)
    return NewProgram(data, "/FontFile3", "/Type1C", smaller=True, glyphs=glyphs, united=True)


def _same_named(one: Candidate, union: NewProgram, members: Sequence[Candidate]) -> bool:
    info, kept = cff_info(union.data), set(cff_info(one.new.data).names)
    if not glyph_names(list(one.shown), info.encoding, info.names) <= kept:
        return False  # a code that had no glyph would get one
    return cff_outlines_equal(one.new.data, union.data, names=kept, encoding=_encoded(members))


def _encoded(members: Sequence[Candidate]) -> bool:
    """Whether any code shown with these programs may be looked up in their own encoding."""
    return not all(_explicit(font.font.get("/Encoding"), font.codes) for one in members for font in one.shown)


def _explicit(encoding: Object | None, codes: Collection[int]) -> bool:
    """Whether a font's encoding names the glyph of every one of these codes by itself."""
    if isinstance(encoding, Name):
        return True
    if not isinstance(encoding, Dictionary):
        return False
    return "/BaseEncoding" in encoding or differences(encoding).keys() >= set(codes)


def _join_cids(members: Sequence[Candidate]) -> NewProgram:
    data = union_cff([one.new.data for one in members])
    return NewProgram(data, "/FontFile3", "/CIDFontType0C", smaller=True, united=True)


def _same_cids(one: Candidate, union: NewProgram, _members: Sequence[Candidate]) -> bool:
    kept = set(cff_info(one.new.data).cids)
    absent = {cid for font in one.shown for cid in font.cids} - kept
    return absent.isdisjoint(cff_info(union.data).cids) and cff_outlines_equal(one.new.data, union.data, cids=kept)


# --- TrueType -------------------------------------------------------------------------------------------------------


def _subsets(members: Sequence[Candidate]) -> list[Subset]:
    return [Subset(TrueType(one.new.data), one.new.reached.glyphs) for one in members if one.new.reached is not None]


def _join_in_place(members: Sequence[Candidate]) -> NewProgram:
    return NewProgram(union_in_place(_subsets(members)), "/FontFile2", None, smaller=True, united=True)


def _same_in_place(one: Candidate, union: NewProgram, _members: Sequence[Candidate]) -> bool:
    old, new, reached = TrueType(one.new.data), TrueType(union.data), one.new.reached
    if reached is None or not _present(reached.glyphs, old, new.count) or not same_glyphs(old, new, reached.glyphs):
        return False
    if not old.cmaps:
        return True
    # pdfium goes by whether a subtable has a glyph for any one byte.
    bytewise = [[any(code < _ONE_BYTE for code in table.glyphs) for table in font.cmaps] for font in (old, new)]
    return bytewise[0] == bytewise[1] and same_codes(old, new, reached.codes)


def _present(glyphs: Collection[int], old: TrueType, count: int) -> bool:
    """Whether no glyph that the old program lacks could be one of the new one's."""
    return all(glyph < old.count or glyph >= count for glyph in glyphs)


def _join_renumbered(members: Sequence[Candidate]) -> NewProgram:
    data, maps = union_renumbered(_subsets(members))
    tables: dict[tuple[int, FontKey], bytes] = {}
    for one, new_of in zip(members, maps, strict=True):
        if one.new.gids is None:
            raise FontError("a font by codes")
        for key, gids in one.new.gids.items():
            table = bytearray(2 * max(gids, default=0) + 2)
            for cid, gid in gids.items():
                if gid not in new_of:
                    raise FontError("a glyph is missing")
                table[2 * cid : 2 * cid + 2] = new_of[gid].to_bytes(2)
            tables[one.document, key] = bytes(table)
    return NewProgram(data, "/FontFile2", None, smaller=True, united=True, gid_maps=tables)


def _same_renumbered(one: Candidate, union: NewProgram, _members: Sequence[Candidate]) -> bool:
    old, new = TrueType(one.new.data), TrueType(union.data)
    return all(
        same_renumbered(
            old, new, {(gid, glyph_of(union.gid_maps[one.document, key], cid)) for cid, gid in gids.items()}
        )
        for key, gids in (one.new.gids or {}).items()
    )


_KINDS: dict[str, Sequence[_Kind]] = {
    "/Type1C": (_Kind(_join_named, _same_named),),
    "/CIDFontType0C": (_Kind(_join_cids, _same_cids),),
    "TrueType": (_Kind(_join_in_place, _same_in_place), _Kind(_join_renumbered, _same_renumbered)),
}
