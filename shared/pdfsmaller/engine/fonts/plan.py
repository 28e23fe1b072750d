"""What is to become of a document's fonts: which codes each program shows, what it becomes, and what changes with it.

Identical programs become identical ones, and subsets of one font become one program, where that is smaller.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from pikepdf import Array, Dictionary, Pdf, Stream

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.damage import raised_as, tolerate
from pdfsmaller.engine.deflate import zlib_compress
from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.fonts.embedded import Embedded, Fonts, find_embedded
from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.engine.fonts.rebuild import FontShown, NewProgram, rebuild, worth_it
from pdfsmaller.engine.fonts.to_unicode import compact
from pdfsmaller.engine.fonts.typable import Typable, typable_fonts
from pdfsmaller.engine.fonts.type3 import unused_glyphs
from pdfsmaller.engine.fonts.unite import Candidate, Identity, Key, unite
from pdfsmaller.engine.fonts.usage import FontKey, FontUse, Usage, find_usage, font_key, usage_in
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.streams import read_decoded
from pdfsmaller.engine.structure.syntax import name_text
from pdfsmaller.engine.walk.graph import walk
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

_TAGGED = re.compile(r"[A-Z]{6}\+")
# Readers know these by name even where they are embedded, and some then take the encoding for granted.
_STANDARD = re.compile(r"(?:Courier|Helvetica|Times|Symbol|ZapfDingbats|Arial|TimesNewRoman|CourierNew)(?![a-z])")


@record(frozen=True)
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
        gid_maps: the new ``/CIDToGIDMap`` of its CIDFonts where glyph indices change.
    """

    data: bytes
    file: str
    subtype: str | None
    tag: str | None
    glyphs: frozenset[str] | None
    cids: frozenset[int] | None
    pages: frozenset[int]
    gid_maps: Mapping[FontKey, bytes]


@record(frozen=True)
class Plan:
    """What is to become of a document's fonts.

    Attributes:
        changes: the new programs, by the object of the old.
        cid_maps: the new data of ``/CIDToGIDMap`` streams, by object.
        texts: the new data of ``/ToUnicode`` streams, by object.
        unused: the glyphs of Type 3 fonts that are not shown, by font.
        skipped: how many programs stay as they are, by reason.
    """

    changes: dict[ObjGen, Change]
    cid_maps: dict[ObjGen, bytes]
    texts: dict[ObjGen, bytes]
    unused: dict[ObjGen, set[str]]
    skipped: Counter[str]


def plan_changes(
    pdf: Pdf, fonts: Fonts, usage: Usage | None, limits: Limits, deadline: Deadline, pdfa: int | None
) -> Plan:
    """What becomes of every program.

    Args:
        usage: of the document that this one is a copy of, or None where it was not walked yet.

    Raises:
        LimitExceeded: a stream is over ``max_stream_bytes``.
    """
    planner = _planner(pdf, fonts, usage, limits, deadline, pdfa)
    changes: dict[ObjGen, Change] = {}
    skipped: Counter[str] = Counter()
    planner.make(deadline)
    planner.unite(deadline)
    for objgen, program in fonts.programs.items():
        try:
            with raised_as(FontError("damaged")):
                changes[objgen] = planner.change(program)
        except FontError as exc:
            skipped[exc.reason.lower().replace(" ", "_")] += 1
    typable = planner.typable.whole | planner.typable.encoded
    unused = unused_glyphs(fonts.type3, planner.usage, typable)
    return Plan(changes, planner.cid_maps(), planner.texts(pdf), unused, skipped)


def families(fonts: Fonts) -> dict[str, set[Identity]]:
    """The different programs of each name, without what tells subsets apart."""
    found: dict[str, set[Identity]] = {}
    for program in fonts.programs.values():
        found.setdefault(_family(program), set()).add(_identity(program))
    return found


def candidates(
    pdf: Pdf, names: Collection[str], limits: Limits, deadline: Deadline, pdfa: int | None
) -> list[Candidate]:
    """The programs of these names as they may be united with those of other documents.

    Raises:
        LimitExceeded: a stream is over ``max_stream_bytes``.
    """
    fonts = find_embedded(pdf)
    planner = _planner(pdf, fonts, None, limits, deadline, pdfa)
    planner.alike = {one: many for one, many in planner.alike.items() if _family(many[0]) in names}
    planner.make(deadline)
    # By its object alone a font is found again.
    return [one for one in planner.candidates() if all(font.font.is_indirect for font in one.shown)]


def adoptions(fonts: Fonts, unions: Mapping[Key, NewProgram], document: int, pdfa: int | None) -> dict[ObjGen, Change]:
    """What becomes of the programs of one of several documents for which unions stand."""
    found = {}
    for objgen, program in fonts.programs.items():
        new = unions.get((document, _identity(program)))
        if new is not None:
            glyphs = new.glyphs if pdfa == 1 else None
            maps = _gid_maps(program, new, document)
            found[objgen] = Change(new.data, new.file, new.subtype, None, glyphs, None, frozenset(), maps)
    return found


def _gid_maps(program: Embedded, new: NewProgram, document: int) -> dict[FontKey, bytes]:
    keys = [font_key(font) for font in program.fonts]
    return {key: new.gid_maps[document, key] for key in keys if (document, key) in new.gid_maps}


def _planner(
    pdf: Pdf, fonts: Fonts, usage: Usage | None, limits: Limits, deadline: Deadline, pdfa: int | None
) -> _Planner:
    """With what the whole document shows, and direct fonts added to those that were found."""
    usage = usage_in(pdf, usage) if usage is not None else None
    if usage is None:
        usage = find_usage(pdf, walk(pdf, limits, deadline), limits)
    typable = Typable()
    with tolerate("form_fields") as attempt:
        typable = typable_fonts(pdf)
    if attempt.failed:
        usage.complete = False
    for key, use in usage.fonts.items():
        if isinstance(key, bytes):
            _add_direct(fonts, use)
    return _Planner(fonts, usage, typable, limits, pdfa)


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
        self.alike: dict[Identity, list[Embedded]] = {}
        self.made: dict[Identity, NewProgram | FontError] = {}
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
                with raised_as(FontError("damaged")):
                    self.made[identity] = self._new(programs)
            except FontError as exc:
                self.made[identity] = exc

    def unite(self, deadline: Deadline) -> None:
        """Let subsets of one font, as joined documents have them, become one program where that is smaller."""
        self.made.update({identity: new for (_, identity), new in unite(self.candidates(), deadline).items()})

    def candidates(self) -> list[Candidate]:
        """New programs that may become part of a union."""
        found = []
        for identity, new in self.made.items():
            programs = self.alike[identity]
            if not isinstance(new, NewProgram) or (self.pdfa == 1 and new.cids is not None):
                continue  # of PDF/A-1, `/CIDSet` would have to be right for each font
            shown, why_whole = self._shown(programs)
            if not why_whole:
                stored = len(programs[0].stream.read_raw_bytes())
                found.append(Candidate(identity, _family(programs[0]), new, stored, shown))
        return found

    def change(self, program: Embedded) -> Change:
        """The new program.

        Raises:
            FontError: it stays as it is, and why.
        """
        new = self.made[_identity(program)]
        if isinstance(new, FontError):
            raise new
        stored = len(program.stream.read_raw_bytes())
        if not new.united and not worth_it(stored, new.packed):
            raise FontError("already_small")
        pages = {page for use in self._uses(program) for page in use.pages}
        return Change(
            new.alone or new.data,
            new.file,
            new.subtype,
            self._tag(program, new) if new.smaller else None,
            new.glyphs if self.pdfa == 1 else None,
            new.cids if self.pdfa == 1 else None,
            frozenset(pages),
            _gid_maps(program, new, 0),
        )

    def _new(self, programs: list[Embedded]) -> NewProgram:
        """What identical programs become.

        Raises:
            FontError: they stay as they are, and why.
        """
        shown, why_whole = self._shown(programs)
        return rebuild(programs[0], shown, why_whole, self.limits)

    # --- what is shown ----------------------------------------------------------------------------------------------

    def _composites(self, font: Dictionary) -> list[Dictionary]:
        return self.fonts.composites.get(font_key(font), [])

    def _uses(self, program: Embedded) -> Iterator[FontUse]:
        for font in program.fonts:
            for holder in self._composites(font) or [font]:
                use = self.usage.fonts.get(font_key(holder))
                if use is not None:
                    yield use

    def _shown(self, programs: list[Embedded]) -> tuple[list[FontShown], str | None]:
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
            found.append(FontShown(font, str(font.get("/Subtype")), frozenset(codes), frozenset(cids), unicode))
        return found, why

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
            with tolerate("cid_map") as attempt:
                data = read_decoded(streams[objgen], self.limits)
                stored = len(streams[objgen].read_raw_bytes())
            if attempt.failed:
                continue
            table = bytearray(2 * max(shown[objgen], default=0) + 2)
            for cid in shown[objgen]:
                table[2 * cid : 2 * cid + 2] = data[2 * cid : 2 * cid + 2].ljust(2, b"\0")
            if worth_it(stored, len(zlib_compress(bytes(table), "fast"))):
                found[objgen] = bytes(table)
        return found

    def texts(self, pdf: Pdf) -> dict[ObjGen, bytes]:
        """Every ``/ToUnicode`` CMap without the codes that no font shows, where that is smaller."""
        typable = self.typable.whole | self.typable.encoded
        if not self.usage.complete or any(isinstance(key, bytes) for key in typable):
            return {}
        shown: dict[ObjGen, set[int]] = {}
        streams: dict[ObjGen, Stream] = {}
        whole: set[ObjGen] = set()
        direct = [use.font for key, use in self.usage.fonts.items() if isinstance(key, bytes)]
        indirect = (obj for obj in pdf.objects if isinstance(obj, Dictionary) and not isinstance(obj, Stream))
        for font in (*direct, *indirect):
            stream = entry(font, "/ToUnicode")
            if not isinstance(stream, Stream) or "/UseCMap" in stream:
                continue
            use = self.usage.fonts.get(font_key(font))
            streams[stream.objgen] = stream
            shown.setdefault(stream.objgen, set()).update(use.codes() if use is not None else ())
            if font_key(font) in typable or (use is not None and use.reason is not None):
                whole.add(stream.objgen)
        found = {}
        for objgen in streams.keys() - whole:
            with tolerate("font") as attempt:
                data = read_decoded(streams[objgen], self.limits)
                shorter = compact(data, shown[objgen])
            if not attempt.failed and shorter != data:
                found[objgen] = shorter
        return found

    # --- names ------------------------------------------------------------------------------------------------------

    def _tag(self, program: Embedded, new: NewProgram) -> str | None:
        """Six letters for a font that is a subset from now on, or None where it was one or its name must stay."""
        holders = [*program.fonts, *(holder for font in program.fonts for holder in self._composites(font))]
        names = [_base_name(holder) for holder in holders]
        names += [name_text(descriptor.get("/FontName"))[1:] for descriptor in program.descriptors]
        if any(not name or _TAGGED.match(name) or _STANDARD.match(name) for name in names):
            return None
        if not all(holder.is_indirect for holder in holders):
            return None
        digest = hashlib.sha256(new.data).digest()
        return "".join(chr(ord("A") + byte % 26) for byte in digest[:6])


def _family(program: Embedded) -> str:
    return _TAGGED.sub("", _base_name(program.fonts[0])) if program.fonts else ""


def _base_name(font: Dictionary) -> str:
    return name_text(font.get("/BaseFont"))[1:]


def _identity(program: Embedded) -> Identity:
    data = repr(program.stream.objgen).encode()
    with tolerate("font"):
        data = program.stream.read_raw_bytes()
    return program.file, hashlib.sha256(data).digest()
