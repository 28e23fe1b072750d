"""What each embedded font program can become: the smallest with every glyph that is shown, proved to be the same."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.fonts.cff import blank_cff, cff_info, cff_outlines_equal, subset_cff, union_cff
from pdfsmaller.engine.fonts.cmap import read_to_unicode
from pdfsmaller.engine.fonts.embedded import Embedded, Fonts
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
)
from pdfsmaller.engine.fonts.typable import Typable, typable_fonts
from pdfsmaller.engine.fonts.type1 import type1_encoding, type1_names, type1_outlines_equal, type1_to_cff
from pdfsmaller.engine.fonts.usage import FontUse, ObjGen, Usage, find_usage, font_key
from pdfsmaller.engine.streams import read_decoded
from pdfsmaller.errors import LimitExceeded
from pdfsmaller.limits import Limits

#: A new program is worth it when it saves at least this share of the old one's bytes as stored, and so many bytes.
MIN_SAVED_SHARE = 0.03
MIN_SAVED_BYTES = 64
#: So many times two programs are tried as one; beyond it, a document joins more subsets of a font than is worth it.
MAX_UNIONS = 200
#: What damaged objects make pikepdf and Python raise.
DAMAGE = (
    pikepdf.PdfError,
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    struct.error,
)

# A program's key and the digest of its data.
_Identity = tuple[str, bytes]
_TAGGED = re.compile(r"[A-Z]{6}\+")
# Readers know these by name even where they are embedded, and some then take the encoding for granted.
_STANDARD = re.compile(r"(?:Courier|Helvetica|Times|Symbol|ZapfDingbats|Arial|TimesNewRoman|CourierNew)(?![a-z])")


@dataclass(frozen=True, slots=True)
class Change:
    """A new program and what changes with it.

    Attributes:
        data: the program.
        file: the key it goes under.
        subtype: its ``/Subtype`` under ``/FontFile3``.
        tag: what goes before the names of its fonts, or None.
        glyphs: the names of its glyphs where ``/CharSet`` must list them.
        cids: its CIDs where ``/CIDSet`` must list them.
        pages: the pages that show it, counted from zero.
    """

    data: bytes
    file: str
    subtype: str | None
    tag: str | None
    glyphs: frozenset[str] | None
    cids: frozenset[int] | None
    pages: frozenset[int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to become of a document's fonts.

    Attributes:
        changes: the new programs, by the object of the old.
        cid_maps: the new data of ``/CIDToGIDMap`` streams, by object.
        skipped: how many programs stay as they are, by reason.
    """

    changes: dict[ObjGen, Change]
    cid_maps: dict[ObjGen, bytes]
    skipped: Counter[str]


@dataclass(frozen=True, slots=True)
class _Font:
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


@dataclass(frozen=True)
class _New:
    """A new program, proved, not yet packed.

    Attributes:
        smaller: it lacks glyphs of the old one.
        united: it has those of other subsets of the same font.
    """

    data: bytes
    file: str
    subtype: str | None
    smaller: bool
    glyphs: frozenset[str] | None = None
    cids: frozenset[int] | None = None
    united: bool = False

    @cached_property
    def packed(self) -> int:
        """About how many bytes it takes deflated."""
        return len(zlib.compress(self.data))


def plan_changes(pdf: Pdf, fonts: Fonts, limits: Limits, deadline: Deadline, pdfa: int | None) -> Plan:
    """What becomes of every program.

    Raises:
        LimitExceeded: a stream is over ``max_stream_bytes``.
    """
    usage = find_usage(pdf, limits, deadline)
    try:
        typable = typable_fonts(pdf)
    except DAMAGE:
        usage.complete, typable = False, Typable()
    for key, use in usage.fonts.items():
        if isinstance(key, bytes):
            _add_direct(fonts, use)
    planner = _Planner(fonts, usage, typable, limits, pdfa)
    changes: dict[ObjGen, Change] = {}
    skipped: Counter[str] = Counter()
    planner.make(deadline)
    planner.unite(deadline)
    for objgen, program in fonts.programs.items():
        try:
            changes[objgen] = planner.change(program)
        except FontError as exc:
            skipped[exc.reason.lower().replace(" ", "_")] += 1
        except DAMAGE:
            skipped["damaged"] += 1
    return Plan(changes, planner.cid_maps(), skipped)


def _add_direct(fonts: Fonts, use: FontUse) -> None:
    """Fonts that are no objects of their own are known only from where they are used."""
    if not use.composite:
        fonts.add(use.font)
        return
    for font in _descendants(use.font):
        fonts.composites.setdefault(font_key(font), []).append(use.font)
        if not font.is_indirect:
            fonts.add(font)


def _descendants(composite: Dictionary) -> Iterator[Dictionary]:
    array = composite.get("/DescendantFonts")
    for font in array.as_list() if isinstance(array, Array) else []:
        if isinstance(font, Dictionary):
            yield font


class _Planner:
    def __init__(self, fonts: Fonts, usage: Usage, typable: Typable, limits: Limits, pdfa: int | None) -> None:
        self.fonts, self.usage, self.typable, self.limits, self.pdfa = fonts, usage, typable, limits, pdfa
        # Identical programs become identical ones, which are stored once. By key and digest.
        self.alike: dict[_Identity, list[Embedded]] = {}
        self.made: dict[_Identity, _New | FontError] = {}
        for program in fonts.programs.values():
            self.alike.setdefault(_identity(program), []).append(program)

    def make(self, deadline: Deadline) -> None:
        """Make every new program.

        Raises:
            LimitExceeded: a stream is over ``max_stream_bytes``.
        """
        for identity, programs in self.alike.items():
            try:
                if deadline.passed():
                    raise FontError("time_limit")
                if not programs[0].file:
                    raise FontError("shared")
                self.made[identity] = self._new(programs)
            except LimitExceeded:
                raise
            except FontError as exc:
                self.made[identity] = exc
            except DAMAGE:
                self.made[identity] = FontError("damaged")

    def unite(self, deadline: Deadline) -> None:
        """Let subsets of one font, as joined documents have them, become one program where that is smaller."""
        families: dict[str, list[_Identity]] = {}
        for identity, new in self.made.items():
            if isinstance(new, _New) and new.subtype == "/Type1C":
                names = [_TAGGED.sub("", _base_name(font)) for font in self.alike[identity][0].fonts]
                families.setdefault(names[0] if names else "", []).append(identity)
        for family in families.values():
            tries = 0
            while len(family) > 1:
                members, others = [family[0]], []
                data = self._data(family[0])
                for identity in family[1:]:
                    tries += 1
                    try:
                        if deadline.passed() or tries > MAX_UNIONS:
                            return
                        data = union_cff([data, self._data(identity)], encoding=self._encoded([*members, identity]))
                        members.append(identity)
                    except FontError:
                        others.append(identity)
                if len(members) > 1:
                    self._adopt(members, data)
                family = others

    def _data(self, identity: _Identity) -> bytes:
        new = self.made[identity]
        return new.data if isinstance(new, _New) else b""

    def _encoded(self, identities: list[_Identity]) -> bool:
        """Whether any code shown with these programs may be looked up in their own encoding."""
        shown = [font for identity in identities for font in self._shown(self.alike[identity])[0]]
        return not all(_explicit(font.font.get("/Encoding"), font.codes) for font in shown)

    def _adopt(self, members: list[_Identity], data: bytes) -> None:
        """Take one program for several, if it is smaller and shows the same for each of them."""
        union = _New(data, "/FontFile3", "/Type1C", smaller=True, glyphs=_listed(cff_info(data).names), united=True)
        before = 0
        for identity in members:
            new = self.made[identity]
            if not isinstance(new, _New) or not self._shows_the_same(identity, new.data, data, members):
                return
            before += min(new.packed, len(self.alike[identity][0].stream.read_raw_bytes()))
        if before - union.packed >= max(MIN_SAVED_BYTES, before * MIN_SAVED_SHARE):
            for identity in members:
                self.made[identity] = union

    def _shows_the_same(self, identity: _Identity, old: bytes, new: bytes, members: list[_Identity]) -> bool:
        shown, why_whole = self._shown(self.alike[identity])
        info, kept = cff_info(new), set(cff_info(old).names)
        if why_whole or not self._names(shown, info.encoding, info.names) <= kept:
            return False  # a code that had no glyph would get one
        return cff_outlines_equal(old, new, names=kept, encoding=self._encoded(members))

    def change(self, program: Embedded) -> Change:
        """The new program.

        Raises:
            FontError: it stays as it is, and why.
        """
        new = self.made[_identity(program)]
        if isinstance(new, FontError):
            raise new
        stored = len(program.stream.read_raw_bytes())
        if not new.united and stored - new.packed < max(MIN_SAVED_BYTES, stored * MIN_SAVED_SHARE):
            raise FontError("already_small")
        pages = {page for use in self._uses(program) for page in use.pages}
        return Change(
            new.data,
            new.file,
            new.subtype,
            self._tag(program, new) if new.smaller else None,
            new.glyphs if self.pdfa == 1 else None,
            new.cids if self.pdfa == 1 else None,
            frozenset(pages),
        )

    def _new(self, programs: list[Embedded]) -> _New:
        """What identical programs become.

        Raises:
            FontError: they stay as they are, and why.
        """
        program = programs[0]
        data = read_decoded(program.stream, self.limits)
        shown, why_whole = self._shown(programs)
        if program.file == "/FontFile" and all(font.subtype in ("/Type1", "/MMType1") for font in shown):
            new = self._type1(data, shown, whole=bool(why_whole))
        elif why_whole:
            raise FontError(why_whole)
        elif is_truetype(data) and program.file in ("/FontFile2", "/FontFile3"):
            new = self._truetype(data, shown, program)
        elif data[:4] == b"OTTO" and "head" in read_tables(data):
            new = self._opentype(data, shown, program)
        elif program.file == "/FontFile3":
            new = self._cff(data, shown)
        else:
            raise FontError("unlike_its_key")
        return new

    # --- what is shown ----------------------------------------------------------------------------------------------

    def _composites(self, font: Dictionary) -> list[Dictionary]:
        return self.fonts.composites.get(font_key(font), [])

    def _uses(self, program: Embedded) -> Iterator[FontUse]:
        for font in program.fonts:
            for holder in self._composites(font) or [font]:
                use = self.usage.fonts.get(font_key(holder))
                if use is not None:
                    yield use

    def _shown(self, programs: list[Embedded]) -> tuple[list[_Font], str | None]:
        """What each font of these programs shows, and why all glyphs are to stay, if they are."""
        found = []
        why = None if self.usage.complete else "unseen"
        for font in (font for program in programs for font in program.fonts):
            codes: set[int] = set()
            cids: set[int] = set()
            unicode = True
            for holder in self._composites(font) or [font]:
                key = font_key(holder)
                if key in self.typable.whole or (key in self.typable.encoded and holder is not font):
                    why = why or "typable"
                elif key in self.typable.encoded:
                    codes.update(range(256))
                unicode &= isinstance(holder.get("/ToUnicode"), Stream)
                use = self.usage.fonts.get(key)
                if use is not None:
                    why = why or use.reason
                    codes |= use.shown
                    cids |= use.cids()
            found.append(_Font(font, str(font.get("/Subtype")), frozenset(codes), frozenset(cids), unicode))
        return found, why

    # --- new programs -----------------------------------------------------------------------------------------------

    def _truetype(self, data: bytes, shown: list[_Font], program: Embedded) -> _New:
        before = TrueType(data)
        reached = Reached()
        glyphs: set[int] = set()
        cmap = False
        cids: set[int] = set()
        keyed = False
        for font in shown:
            if font.subtype == "/CIDFontType2":
                cid_map = self._cid_map(font.font)
                keyed = True
                cids |= font.cids
                glyphs |= {glyph_of(cid_map, cid) for cid in font.cids}
                cmap |= not font.unicode  # where nothing else tells the text, some readers ask the program
            elif font.subtype in ("/TrueType", "/Type1"):
                cmap = True
                reached.add(self._reach(before, font))
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
        listed = frozenset(cids | {0}) if keyed else None
        drawn = sum(1 for glyph in range(before.count) if before.offsets[glyph] < before.offsets[glyph + 1])
        subtype = str(program.stream.get("/Subtype")) if program.file == "/FontFile3" else None
        return _New(result, program.file, subtype, smaller=drawn > len(kept), cids=listed)

    def cid_maps(self) -> dict[ObjGen, bytes]:
        """Every CIDToGIDMap without the CIDs that no font shows, where that is smaller."""
        shown: dict[ObjGen, set[int]] = {}
        whole: set[ObjGen] = set()
        streams: dict[ObjGen, Stream] = {}
        for composite in {font_key(one): one for many in self.fonts.composites.values() for one in many}.values():
            use = self.usage.fonts.get(font_key(composite))
            known = self.usage.complete and (use is None or use.reason is None)
            known &= font_key(composite) not in self.typable.whole | self.typable.encoded
            for font in _descendants(composite):
                stream = font.get("/CIDToGIDMap")
                if isinstance(stream, Stream):
                    streams[stream.objgen] = stream
                    shown.setdefault(stream.objgen, set()).update(use.cids() if use is not None else ())
                    if not known:
                        whole.add(stream.objgen)
        found = {}
        for objgen in streams.keys() - whole:
            try:
                data = read_decoded(streams[objgen], self.limits)
                stored = len(streams[objgen].read_raw_bytes())
            except DAMAGE:
                continue
            table = bytearray(2 * max(shown[objgen], default=0) + 2)
            for cid in shown[objgen]:
                table[2 * cid : 2 * cid + 2] = data[2 * cid : 2 * cid + 2].ljust(2, b"\0")
            if stored - len(zlib.compress(table)) >= max(MIN_SAVED_BYTES, stored * MIN_SAVED_SHARE):
                found[objgen] = bytes(table)
        return found

    def _cid_map(self, font: Dictionary) -> bytes | None:
        """``/CIDToGIDMap``, None for the identity."""
        cid_map = font.get("/CIDToGIDMap")
        return read_decoded(cid_map, self.limits) if isinstance(cid_map, Stream) else None

    def _type1(self, data: bytes, shown: list[_Font], *, whole: bool) -> _New:
        available = type1_names(data)
        names = None if whole else self._names(shown, type1_encoding(data), available)
        result = type1_to_cff(data, names)
        if not type1_outlines_equal(data, result, names):
            raise FontError("proof_failed")
        kept = frozenset(cff_info(result).names)
        return _New(result, "/FontFile3", "/Type1C", smaller=len(kept) < len(set(available)), glyphs=_listed(kept))

    def _cff(self, data: bytes, shown: list[_Font]) -> _New:
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
            new = _New(result, "/FontFile3", "/CIDFontType0C", smaller=len(kept) < info.glyphs, cids=kept)
        elif not info.cid_keyed and all(font.subtype in ("/Type1", "/MMType1") for font in shown):
            names = self._names(shown, info.encoding, info.names)
            result = subset_cff(data, names=names)
            same = cff_outlines_equal(data, result, names=names)
            kept_names = frozenset(cff_info(result).names)
            smaller = len(kept_names) < info.glyphs
            new = _New(result, "/FontFile3", "/Type1C", smaller=smaller, glyphs=_listed(kept_names))
        else:
            raise FontError("unlike_its_key")
        if not same:
            raise FontError("proof_failed")
        return new

    def _opentype(self, data: bytes, shown: list[_Font], program: Embedded) -> _New:
        """CFF within OpenType stays within it, and every glyph at its index: readers differ in whether they go by that,
        by CID or by name, and some draw bare CFF with other hints."""
        info, before = cff_info(data), Sfnt(data)
        reached = Reached()
        cmap = False
        gid_of = {cid: gid for gid, cid in enumerate(info.cids)}
        for font in shown:
            if font.subtype in ("/CIDFontType0", "/CIDFontType2"):
                cid_map = self._cid_map(font.font)
                for cid in font.cids:
                    reached.glyphs |= {cid, glyph_of(cid_map, cid), gid_of.get(cid, 0)}
                cmap |= not font.unicode
            else:
                cmap = True
                reached.add(self._reach(before, font))
                names = self._names([font], info.encoding, info.names)
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
        return _New(result, program.file, subtype, smaller=len(kept) + 1 < info.glyphs)

    def _reach(self, program: Sfnt, font: _Font) -> Reached:
        """What the codes of a simple font lead to."""
        given = names_by_code(font.font.get("/Encoding"), font.codes)
        unicode = read_to_unicode(font.font.get("/ToUnicode"), self.limits)
        found = reach(program, given, unicode, symbolic=_symbolic(font.font))
        told = unicode.keys() | {code for code in given if "/Encoding" in font.font and given[code]}
        found.by_name |= not told >= font.codes  # some readers then take the text from the names
        return found

    def _names(self, shown: list[_Font], built_in: dict[int, str], available: Collection[str]) -> set[str]:
        """The names of all glyphs that some reader may show for the codes shown."""
        wanted: set[str] = set()
        for font in shown:
            for given in names_by_code(font.font.get("/Encoding"), font.codes).values():
                wanted |= given
            wanted |= {built_in[code] for code in font.codes if code in built_in}
        return with_alike(wanted, available)

    # --- names ------------------------------------------------------------------------------------------------------

    def _tag(self, program: Embedded, new: _New) -> str | None:
        """Six letters for a font that is a subset from now on, or None where it was one or its name must stay."""
        holders = [*program.fonts, *(holder for font in program.fonts for holder in self._composites(font))]
        names = [_base_name(holder) for holder in holders]
        names += [str(descriptor.get("/FontName", ""))[1:] for descriptor in program.descriptors]
        if any(not name or _TAGGED.match(name) or _STANDARD.match(name) for name in names):
            return None
        if not all(holder.is_indirect for holder in holders):
            return None
        digest = hashlib.sha256(new.data).digest()
        return "".join(chr(ord("A") + byte % 26) for byte in digest[:6])


def _explicit(encoding: Object | None, codes: Collection[int]) -> bool:
    """Whether a font's encoding names the glyph of every one of these codes by itself."""
    if isinstance(encoding, Name):
        return True
    if not isinstance(encoding, Dictionary):
        return False
    return "/BaseEncoding" in encoding or differences(encoding).keys() >= set(codes)


def _base_name(font: Dictionary) -> str:
    return str(font.get("/BaseFont", ""))[1:]


def _symbolic(font: Dictionary) -> bool:
    """Whether the descriptor says so (ISO 32000-1, table 123)."""
    descriptor = font.get("/FontDescriptor")
    flags = descriptor.get("/Flags", 0) if isinstance(descriptor, Dictionary) else 0
    return bool(int(flags) & 4)


def _identity(program: Embedded) -> _Identity:
    return program.file, hashlib.sha256(program.stream.read_raw_bytes()).digest()


def glyph_of(cid_map: bytes | None, cid: int) -> int:
    """The glyph index of a CID (ISO 32000-1, table 117, CIDToGIDMap)."""
    return cid if cid_map is None else int.from_bytes(cid_map[2 * cid : 2 * cid + 2])


def _listed(names: Collection[str]) -> frozenset[str]:
    return frozenset(names) - {".notdef"}
