"""Which character codes of which font a document shows.

Every content stream is read: pages, forms nested in them, tiling patterns, Type 3 glyphs, soft-mask groups, the
appearances of annotations in all their states, and forms that none of these names. The font in force follows ``Tf``,
``gs``, ``q`` and ``Q`` and is handed on to forms (ISO 32000-1, 8.10.1). A resource is looked up in the stream's own
resources, then in those of what contains it, then in the form's defaults (``/DR``), since readers do.

Guarantee: when ``Usage.complete`` is set, no code of an embedded font can be shown that is not listed, but for text
that is typed into fields (see ``typable``). Non-goals: clipping, visibility, layers. What is hidden counts as shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.document import inherited_resources
from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.fonts.cmap import CMap, read_cmap, split_two_bytes
from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.streams import read_decoded
from pdfsmaller.limits import Limits

#: A font: its object, or the text of a dictionary that is no object of its own.
FontKey = ObjGen | bytes

_OPERATORS = "Tf Tj TJ ' \" q Q gs Do"
_SHOWING = frozenset({"Tj", "TJ", "'", '"'})
# Streams without any of these neither show text nor lead to something that does.
_WORTH_READING = re.compile(rb"T[jJ]|['\"]|Do|gs")
# Strings of two-byte codes are taken apart this many bytes at a time.
_PENDING_BYTES = 1 << 16
# As for images: sane documents nest a few levels, generated ones some dozens.
MAX_DEPTH = 28
MAX_VISITS = 200_000


@dataclass(slots=True)
class FontUse:
    """What is shown of one font.

    Attributes:
        font: its dictionary.
        composite: it is a Type 0 font.
        cmap: a composite font's, or None where it cannot be read.
        reason: why the codes are not known, or None.
        shown: the codes shown of a simple font.
        pages: the pages that show it, counted from zero.
    """

    font: Dictionary
    composite: bool
    cmap: CMap | None = None
    reason: str | None = None
    shown: set[int] = field(default_factory=set)
    pages: set[int] = field(default_factory=set)
    _codes: set[tuple[int, int]] = field(default_factory=set)
    _pending: bytearray = field(default_factory=bytearray)

    def show(self, text: bytes) -> None:
        """Note a string."""
        if not self.composite:
            self.shown.update(text)
        elif self.cmap is None:
            return
        elif self.cmap.two_bytes() and len(text) % 2 == 0:
            self._pending += text
            if len(self._pending) > _PENDING_BYTES:
                self._split_pending()
        else:
            try:
                self._codes |= split_two_bytes(text) if self.cmap.two_bytes() else self.cmap.split(text)
            except FontError as exc:
                self.cmap, self.reason = None, exc.reason

    def cids(self) -> set[int]:
        """The CIDs shown of a composite font."""
        self._split_pending()
        return self.cmap.cids(self._codes) if self.cmap is not None else set()

    def _split_pending(self) -> None:
        self._codes |= split_two_bytes(bytes(self._pending))
        self._pending.clear()


@dataclass(slots=True)
class Usage:
    """What a walk found.

    Attributes:
        fonts: every font that text is shown with.
        complete: nothing was in the way of seeing all of them.
    """

    fonts: dict[FontKey, FontUse] = field(default_factory=dict)
    complete: bool = True


def font_key(font: Object) -> FontKey:
    """What stands for a font object."""
    return font.objgen if font.is_indirect else font.unparse()


def find_usage(pdf: Pdf, limits: Limits, deadline: Deadline) -> Usage:
    """Walk the whole document, as far as there is time.

    Raises:
        LimitExceeded: a content stream is over ``max_stream_bytes``.
    """
    return _Walk(pdf, limits, deadline).run()


class _Scope:
    """The resources that names in a content stream refer to: its own, then those around it."""

    __slots__ = ("depth", "entries", "key", "parent")

    def __init__(self, resources: Object | None, parent: _Scope | None, key: object) -> None:
        self.parent = parent
        self.depth: int = parent.depth + 1 if parent else 0
        self.key: tuple[object, object] = (key, parent.key if parent else None)
        self.entries: dict[str, dict[str, Object]] = {}
        if isinstance(resources, Dictionary):
            for category in ("/Font", "/XObject", "/ExtGState", "/Pattern"):
                named = entry(resources, category)
                if isinstance(named, Dictionary):
                    self.entries[category] = dict(named.items())

    def find(self, category: str, name: str) -> tuple[Object | None, int]:
        """A resource, and the depth of the scope it is from (-1: there is none)."""
        scope: _Scope | None = self
        while scope is not None:
            found = scope.entries.get(category, {}).get(name)
            if found is not None:
                return found, scope.depth
            scope = scope.parent
        return None, -1


@dataclass(slots=True)
class _Visit:
    """What reading a stream came to.

    Attributes:
        fonts: the fonts it shows, with all that it leads to.
        reach: the least depth of a scope that a name was found in.
        inherits: it shows text with the font that was in force before it.
    """

    fonts: set[FontKey] = field(default_factory=set)
    reach: int = MAX_DEPTH * 2
    inherits: bool = False

    def add(self, other: _Visit) -> None:
        self.fonts |= other.fonts
        self.reach = min(self.reach, other.reach)
        self.inherits |= other.inherits


# The font in force where that depends on how a reader draws: text shown with it cannot be told.
_UNKNOWN = b"?"


class _Walk:
    def __init__(self, pdf: Pdf, limits: Limits, deadline: Deadline) -> None:
        self.pdf, self.limits, self.deadline = pdf, limits, deadline
        self.usage = Usage()
        self.visits = 0
        self.active: set[ObjGen] = set()
        # By stream: the font and the scope that a visit depended on (None = on none), and what it came to.
        self.done: dict[ObjGen, list[tuple[FontKey | None, object, _Visit]]] = {}
        self.cmaps: dict[ObjGen, CMap | str] = {}
        form = pdf.Root.get("/AcroForm")
        self.defaults = _Scope(form.get("/DR") if isinstance(form, Dictionary) else None, None, "defaults")

    def run(self) -> Usage:
        for number, page in enumerate(self.pdf.pages):
            if self.deadline.passed():
                self.usage.complete = False
                break
            self._guard(partial(self._page, page, number))
        self._guard(self._rest)
        return self.usage

    def _guard(self, step: Callable[[], None]) -> None:
        with tolerate("page") as attempt:
            step()
        if attempt.failed:  # it may show text in ways that were not seen
            self.usage.complete = False

    def _page(self, page: pikepdf.Page, number: int) -> None:
        resources = inherited_resources(page.obj)
        key = resources.objgen if resources is not None and resources.is_indirect else page.obj.objgen
        scope = _Scope(resources, self.defaults, key)
        contents = page.obj.get("/Contents")
        streams = contents.as_list() if isinstance(contents, Array) else [contents]
        data = b"\n".join(read_decoded(stream, self.limits) for stream in streams if isinstance(stream, Stream))
        visit = self._content(page, data, scope, None, 0)
        visit.add(self._patterns(scope, 0))
        annots = page.obj.get("/Annots")
        for annot in annots.as_list() if isinstance(annots, Array) else []:
            if isinstance(annot, Dictionary):
                for stream in _appearances(annot):
                    visit.add(self._form(stream, scope, None, 0))
        for font in visit.fonts:
            self.usage.fonts[font].pages.add(number)

    def _rest(self) -> None:
        """Forms and patterns that nothing led to: some reader may know a way."""
        names = self.pdf.Root.get("/Names")
        if isinstance(names, Dictionary) and "/Templates" in names:
            self.usage.complete = False
        for obj in self.pdf.objects:
            if isinstance(obj, Stream) and obj.objgen not in self.done:
                if entry(obj, "/Subtype") == "/Form" or entry(obj, "/PatternType") == 1:
                    self._form(obj, self.defaults, None, 0)
            elif isinstance(obj, Dictionary) and entry(obj, "/Subtype") == "/Type3":
                self._glyphs(obj, self.defaults, 0)

    def _form(self, form: Stream, around: _Scope, font: FontKey | None, depth: int) -> _Visit:
        """A form, pattern or glyph, read once for every font and scope that make a difference to it."""
        objgen = form.objgen
        known = self.done.setdefault(objgen, [])
        for needs_font, needs_scope, visit in known:
            if needs_font in (None, font) and needs_scope in (None, around.key):
                return visit
        if objgen in self.active:
            return _Visit()  # readers do not draw a form within itself
        self.visits += 1
        if depth > MAX_DEPTH or self.visits > MAX_VISITS:
            raise ValueError("nested too deeply")
        resources = entry(form, "/Resources")
        own = isinstance(resources, Dictionary)
        scope = _Scope(resources, around, objgen) if own else around
        self.active.add(objgen)
        try:
            visit = self._content(form, read_decoded(form, self.limits), scope, font, depth)
            if own:
                visit.add(self._patterns(scope, depth))
        finally:
            self.active.discard(objgen)
        contained = own and visit.reach >= scope.depth
        known.append((font if visit.inherits else None, None if contained else around.key, visit))
        return visit

    def _patterns(self, scope: _Scope, depth: int) -> _Visit:
        visit = _Visit()
        for pattern in scope.entries.get("/Pattern", {}).values():
            if isinstance(pattern, Stream):
                visit.add(self._form(pattern, scope, _UNKNOWN, depth + 1))
        return visit

    def _glyphs(self, font: Dictionary, around: _Scope, depth: int) -> _Visit:
        """What the glyphs of a Type 3 font show."""
        visit = _Visit()
        resources = font.get("/Resources")
        scope = _Scope(resources, around, font_key(font)) if isinstance(resources, Dictionary) else around
        procedures = font.get("/CharProcs")
        for glyph in dict(procedures.items()).values() if isinstance(procedures, Dictionary) else []:
            if isinstance(glyph, Stream):
                visit.add(self._form(glyph, scope, _UNKNOWN, depth + 1))
        visit.add(self._patterns(scope, depth + 1))
        return visit

    def _content(
        self, owner: pikepdf.Page | Stream, data: bytes, scope: _Scope, font: FontKey | None, depth: int
    ) -> _Visit:
        visit = _Visit()
        if not _WORTH_READING.search(data):
            return visit
        inherited = True
        stack: list[tuple[FontKey | None, bool]] = []
        for instruction in pikepdf.parse_content_stream(owner, _OPERATORS):
            operator = str(instruction.operator)
            operands = instruction.operands
            if operator in _SHOWING:
                visit.inherits |= inherited
                if font == _UNKNOWN:
                    self.usage.complete = False
                elif font is not None and operands:
                    self._show(font, operands[-1], visit, scope, depth)
            elif operator == "q":
                stack.append((font, inherited))
            elif operator == "Q":
                if stack:
                    font, inherited = stack.pop()
            elif operands and isinstance(operands[0], Name):
                name = str(operands[0])
                if operator == "Tf":
                    found, reach = scope.find("/Font", name)
                    visit.reach = min(visit.reach, reach)
                    font, inherited = self._font(found), False
                elif operator == "gs":
                    found, reach = scope.find("/ExtGState", name)
                    visit.reach = min(visit.reach, reach)
                    if isinstance(found, Dictionary):
                        mask = found.get("/SMask")
                        group = mask.get("/G") if isinstance(mask, Dictionary) else None
                        if isinstance(group, Stream):
                            self._nested(group, scope, font, inherited, depth, visit)
                        setting = found.get("/Font")
                        if isinstance(setting, Array) and len(setting):
                            font, inherited = self._font(setting[0]), False
                elif operator == "Do":
                    found, reach = scope.find("/XObject", name)
                    visit.reach = min(visit.reach, reach)
                    if isinstance(found, Stream) and found.get("/Subtype") == "/Form":
                        self._nested(found, scope, font, inherited, depth, visit)
        return visit

    def _nested(
        self, form: Stream, scope: _Scope, font: FontKey | None, inherited: bool, depth: int, visit: _Visit
    ) -> None:
        inner = self._form(form, scope, font, depth + 1)
        visit.fonts |= inner.fonts
        visit.reach = min(visit.reach, inner.reach)
        visit.inherits |= inner.inherits and inherited

    def _font(self, font: Object | None) -> FontKey | None:
        if not isinstance(font, Dictionary):
            return None
        key = font_key(font)
        if key not in self.usage.fonts:
            use = FontUse(font, font.get("/Subtype") == "/Type0")
            if use.composite:
                cmap = self._cmap(font.get("/Encoding"))
                use.cmap, use.reason = (None, cmap) if isinstance(cmap, str) else (cmap, None)
            self.usage.fonts[key] = use
        return key

    def _cmap(self, encoding: Object | None) -> CMap | str:
        key = encoding.objgen if isinstance(encoding, Stream) else (0, 0)
        if key == (0, 0) or key not in self.cmaps:
            try:
                self.cmaps[key] = read_cmap(encoding, self.limits)
            except FontError as exc:
                self.cmaps[key] = exc.reason
        return self.cmaps[key]

    def _show(self, key: FontKey, text: Object, visit: _Visit, scope: _Scope, depth: int) -> None:
        use = self.usage.fonts[key]
        if key not in visit.fonts:
            visit.fonts.add(key)
            if use.font.get("/Subtype") == "/Type3":
                visit.add(self._glyphs(use.font, scope, depth))
        if isinstance(text, String):
            use.show(bytes(text))
        elif isinstance(text, Array):
            strings = [bytes(item) for item in text.as_list() if isinstance(item, String)]
            for string in strings if use.composite else [b"".join(strings)]:
                use.show(string)


def _appearances(annot: Dictionary) -> Iterator[Stream]:
    states = annot.get("/AP")
    for state in dict(states.items()).values() if isinstance(states, Dictionary) else []:
        if isinstance(state, Stream):
            yield state
        elif isinstance(state, Dictionary):
            yield from (value for _, value in state.items() if isinstance(value, Stream))
