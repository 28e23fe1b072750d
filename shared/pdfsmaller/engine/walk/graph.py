"""What draws what in a document: a node for every content stream, an edge for every way in which one shows another.

Pages with their nested forms, tiling patterns, soft-mask groups, glyphs of Type 3 fonts, the appearances of annotations
in all their states, and the forms, patterns and glyphs that none of these leads to. Where anything is not known, it is
marked so: a stream that cannot be read may draw all that its names can reach, at any size; beyond the limits nothing in
the document is certain (``Document.complete``).

Non-goals: clipping, visibility, layers. What is hidden counts as shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import field
from typing import Literal

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.document import inherited_resources, listed_contents
from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.streams import read_decoded
from pdfsmaller.engine.walk.events import IDENTITY, Drawn, Events, Matrix, Shown, Source, Special, read_events
from pdfsmaller.engine.walk.scope import Scope
from pdfsmaller.errors import LimitExceeded
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

#: Forms nest a handful of levels deep in real files, some dozens in generated ones.
MAX_DEPTH = 28
#: Nodes, and steps of whoever follows them: bounds "a form that shows a form twice, n times over".
MAX_VISITS = 100_000
# Depths of scopes that no scope has.
_OUTERMOST, _INNERMOST = -1, MAX_DEPTH * 2

#: A font in force: a dictionary, the one in force outside, none, or one that depends on the reader.
Font = Dictionary | Literal["outside", "unknown"] | None


@record(frozen=True)
class Edge:
    """A form or a mask's group that a stream draws.

    Attributes:
        node: what is drawn.
        matrix: in force there, relative to the space of the stream that draws it; None where it is not known.
        font: in force there.
    """

    node: Node
    matrix: Matrix | None
    font: Font


@record(eq=False)
class Node:
    """A content stream with the resources that its names stand for.

    Attributes:
        objgen: the stream's object; a page's.
        matrix: from its space to that of what draws it; None where it is damaged.
        holder: the object whose ``/Resources`` are its own, or None.
        events: what it does; None where it cannot be read: then all is drawn that its names can reach.
        images: the images it draws, each with the matrix in force.
        forms: the forms and soft masks' groups it draws.
        patterns: it may paint with.
        glyphs: of the Type 3 fonts it shows text with.
        text: what it shows, each with the font in force.
        inherits: text is shown, by it or what it draws, with the font that was in force outside.
        pictures: images are drawn, by it or what it draws.
        fonts: text is shown, by it or what it draws.
    """

    objgen: ObjGen
    matrix: Matrix | None = IDENTITY
    holder: ObjGen | None = None
    events: Events | None = None
    images: list[tuple[Stream, Matrix | None]] = field(default_factory=list)
    forms: list[Edge] = field(default_factory=list)
    patterns: dict[Node, None] = field(default_factory=dict)
    glyphs: dict[Node, None] = field(default_factory=dict)
    text: list[tuple[Font, Shown]] = field(default_factory=list)
    inherits: bool = False
    pictures: bool = False
    fonts: bool = False


@record(frozen=True)
class Appearance:
    """An annotation's, in one of its states.

    Attributes:
        node: its stream.
        fit: scales it to the annotation's rectangle (ISO 32000-1, 12.5.5, algorithm 8.1); None where it is not known.
    """

    node: Node
    fit: Matrix | None


@record()
class PageNode:
    """A page.

    Attributes:
        number: counted from zero.
        node: its content.
        appearances: its annotations'.
        unit: points to a unit of its space.
        long_side: of its crop box, in points.
    """

    number: int
    node: Node
    unit: float
    long_side: float
    appearances: list[Appearance] = field(default_factory=list)


@record()
class Document:
    """What draws what.

    Attributes:
        pages: as far as they could be walked.
        rest: forms, patterns and Type 3 glyphs that no page leads to.
        nodes: all.
        type3: glyphs' nodes, of all Type 3 fonts.
        complete: nothing was in the way of seeing everything.
        events: what each stream does, by its object, the page's for a page's content, and by the names that matter.
    """

    pages: list[PageNode] = field(default_factory=list)
    rest: list[Edge] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    type3: list[Node] = field(default_factory=list)
    complete: bool = True
    events: dict[tuple[ObjGen, Special], Events | None] = field(default_factory=dict)


def walk(pdf: Pdf, limits: Limits, deadline: Deadline | None = None, *, known: Document | None = None) -> Document:
    """Walk a document, as far as there is time.

    Args:
        known: an earlier walk, of this document or a copy of it in which only pages and forms with inline images are
            different; the other streams are not read again.

    Raises:
        LimitExceeded: a content stream is over ``max_stream_bytes``.
    """
    return _Walk(pdf, limits, deadline, known).run()


class _Walk:
    def __init__(self, pdf: Pdf, limits: Limits, deadline: Deadline | None, known: Document | None) -> None:
        self.pdf, self.limits, self.deadline = pdf, limits, deadline
        self.document = Document()
        if known is not None:
            self.document.events = {
                key: events for key, events in known.events.items() if events is not None and not events.inline
            }
        # By stream: the scope that its names depend on (None = on none), its node, how far out its names were found.
        self.done: dict[ObjGen, list[tuple[object, Node, int]]] = {}
        self.glyphs: dict[object, list[tuple[object, list[Node], int]]] = {}
        self.active: dict[ObjGen, Node] = {}
        form = pdf.Root.get("/AcroForm")
        self.defaults = Scope(form.get("/DR") if isinstance(form, Dictionary) else None, None, "defaults")

    def run(self) -> Document:
        for number, page in enumerate(self.pdf.pages):
            if self.deadline is not None and self.deadline.passed():
                self.document.complete = False
                break
            with tolerate("page") as attempt:
                self._page(page, number)
            if attempt.failed:  # it may show anything in ways that were not seen
                self.document.complete = False
        with tolerate("page") as attempt:
            self._rest()
        if attempt.failed:
            self.document.complete = False
        return self.document

    def _page(self, page: pikepdf.Page, number: int) -> None:
        unit = number_of(page.obj.get("/UserUnit"), 1.0)
        box = numbers_of(page.cropbox, 4) or [0.0, 0.0, 0.0, 0.0]
        long_side = max(abs(box[2] - box[0]), abs(box[3] - box[1])) * unit
        found = PageNode(number, Node(page.obj.objgen, holder=page.obj.objgen), unit, long_side)
        self.document.pages.append(found)
        resources = inherited_resources(page.obj)
        key = resources.objgen if resources is not None and resources.is_indirect else page.obj.objgen
        scope = Scope(resources, self.defaults, key)
        streams = [stream for stream in listed_contents(page.obj) if isinstance(stream, Stream)]
        self._content(found.node, page, streams, scope, own=True, depth=0)
        annots = page.obj.get("/Annots")
        for annot in annots.as_list() if isinstance(annots, Array) else []:
            if isinstance(annot, Dictionary) and "/AP" in annot:
                for stream in _appearances(annot):
                    shown, _ = self._stream(stream, scope, 0)
                    found.appearances.append(Appearance(shown, _fit(stream, shown.matrix, annot)))

    def _rest(self) -> None:
        """Forms, patterns and glyphs that nothing led to: some reader may know a way."""
        for obj in self.pdf.objects:
            if isinstance(obj, Stream):
                if obj.objgen not in self.done and (
                    entry(obj, "/Subtype") == "/Form" or entry(obj, "/PatternType") == 1
                ):
                    self.document.rest.append(Edge(self._stream(obj, self.defaults, 0)[0], None, None))
            elif isinstance(obj, Dictionary) and entry(obj, "/Subtype") == "/Type3":
                nodes, _ = self._glyphs(obj, self.defaults, 0)
                self.document.rest += [Edge(node, None, "unknown") for node in nodes]

    def _stream(self, stream: Stream, around: Scope, depth: int, holder: ObjGen | None = None) -> tuple[Node, int]:
        """A form's, pattern's or glyph's node, made once for every scope that makes a difference to it, and the depth
        of the outermost scope that its names were found in.

        Args:
            holder: of a glyph's resources.
        """
        objgen = stream.objgen
        if objgen in self.active:
            return self.active[objgen], _OUTERMOST
        known = self.done.setdefault(objgen, [])
        for needs_scope, node, reach in known:
            if needs_scope in (None, around.key):
                if holder is not None and node.holder not in (holder, objgen):
                    node.holder = None  # a glyph that several fonts share
                return node, reach
        if depth > MAX_DEPTH or len(self.document.nodes) > MAX_VISITS:
            self.document.complete = False
            return Node(objgen, None), _OUTERMOST
        resources = entry(stream, "/Resources")
        own = isinstance(resources, Dictionary)
        scope = Scope(resources, around, objgen) if own else around
        node = self.active[objgen] = Node(objgen, _matrix(stream), objgen if own else holder)
        try:
            _, reach = self._content(node, stream, [stream], scope, own=own, depth=depth)
        finally:
            del self.active[objgen]
        if reach > around.depth:  # it depends on nothing around it
            reach = _INNERMOST
        known.append((None if reach == _INNERMOST else around.key, node, reach))
        return node, reach

    def _glyphs(self, font: Dictionary, around: Scope, depth: int) -> tuple[list[Node], int]:
        """The glyphs of a Type 3 font, and the depth of the outermost scope that their names were found in."""
        key = font.objgen if font.is_indirect else font.unparse()
        known = self.glyphs.setdefault(key, [])
        for needs_scope, nodes, reach in known:
            if needs_scope in (None, around.key):
                return nodes, reach
        resources = font.get("/Resources")
        scope = Scope(resources, around, key) if isinstance(resources, Dictionary) else around
        holder = font.objgen if font.is_indirect and scope is not around else None
        procedures = font.get("/CharProcs")
        nodes, reach = [], _INNERMOST
        for glyph in dict(procedures.items()).values() if isinstance(procedures, Dictionary) else []:
            if isinstance(glyph, Stream):
                node, its = self._stream(glyph, scope, depth + 1, holder)
                nodes.append(node)
                reach = min(reach, its)
        for pattern in scope.own("/Pattern").values() if scope is not around else ():
            if isinstance(pattern, Stream):
                node, its = self._stream(pattern, scope, depth + 1)
                nodes.append(node)
                reach = min(reach, its)
        if reach > around.depth:
            reach = _INNERMOST
        known.append((None if reach == _INNERMOST else around.key, nodes, reach))
        self.document.type3 += nodes
        return nodes, reach

    # --- one stream ---------------------------------------------------------------------------------------------------

    def _content(
        self, node: Node, owner: pikepdf.Page | Stream, streams: list[Stream], scope: Scope, *, own: bool, depth: int
    ) -> tuple[Events | None, int]:
        """Fill a node with what its content draws.

        Args:
            own: the scope is the stream's own.

        Returns:
            The events, and the depth of the outermost scope that a name was found in.
        """
        self.document.nodes.append(node)
        follow = _Follow(self, node, scope, depth)
        events, special = self._events(node.objgen, owner, streams, Special()), Special()
        if events is not None:
            special = follow.special(events)
        if special != Special():
            events = self._events(node.objgen, owner, streams, special)
        node.events = events
        if events is None:
            node.fonts = True
            follow.everything()
        else:
            follow.all(events)
        if own:
            for pattern in scope.own("/Pattern").values():
                follow.pattern(pattern)
        return events, follow.reach

    def _events(
        self, objgen: ObjGen, owner: pikepdf.Page | Stream, streams: list[Stream], special: Special
    ) -> Events | None:
        key = (objgen, special)
        if key not in self.document.events:
            data = self._data(streams)
            self.document.events[key] = read_events(owner, data, special) if data is not None else None
        return self.document.events[key]

    def _data(self, streams: list[Stream]) -> bytes | None:
        """A page's or form's content, each of its streams and all of them together within ``max_stream_bytes``; None
        where some of it cannot be read.
        """
        parts, total = [], 0
        for stream in streams:
            with tolerate("content") as attempt:
                parts.append(read_decoded(stream, self.limits))
            if attempt.failed:
                return None
            total += len(parts[-1])
            if total > self.limits.max_stream_bytes:
                raise LimitExceeded(
                    "max_stream_bytes",
                    self.limits.max_stream_bytes,
                    f"A page's content decodes to more than {self.limits.max_stream_bytes:,} bytes.",
                )
        return b"\n".join(parts)


class _Follow:
    """Follows what one stream draws.

    Attributes:
        reach: the depth of the outermost scope that a name was found in.
    """

    def __init__(self, walk: _Walk, node: Node, scope: Scope, depth: int) -> None:
        self.walk, self.node, self.scope, self.depth = walk, node, scope, depth
        self.reach = _INNERMOST
        self.fonts: list[Font] = []

    def all(self, events: Events) -> None:
        self.fonts = [self._font(source) for source in events.sources]
        for drawn in events.drawn:
            if drawn.operator == "Do":
                self._xobject(drawn)
            elif drawn.operator == "gs":
                self._state(drawn)
            else:
                for pattern in self._find("/Pattern", drawn.name):
                    self.pattern(pattern)
        for shown in events.shown:
            font = self.fonts[shown.source]
            self.node.text.append((font, shown))
            self.node.fonts = True
            self.node.inherits |= font == "outside"
            self._glyphs(font)

    def everything(self) -> None:
        """The stream cannot be read: it may draw all that its names can reach."""
        self.reach = _OUTERMOST
        for target in self.scope.all("/XObject"):
            self._draw(target, None, "unknown")
        for state in self.scope.all("/ExtGState"):
            self._mask(state, None, "unknown")
        for pattern in self.scope.all("/Pattern"):
            self.pattern(pattern)
        for font in self.scope.all("/Font"):
            self._glyphs(font if isinstance(font, Dictionary) else None)

    def pattern(self, pattern: Object) -> None:
        """It may paint with a pattern, whose space is the stream's, whatever its CTM (ISO 32000-1, 8.7.3.1)."""
        if isinstance(pattern, Stream):
            node = self._stream(pattern)
            self.node.patterns[node] = None
            self._add(node)

    def special(self, events: Events) -> Special:
        """The names that change how the stream's text is read."""
        setting, whole_by_state = set(), set()
        for name in {drawn.name for drawn in events.drawn if drawn.operator == "gs"}:
            fonts = [_state_font(state) for state in self._find("/ExtGState", name)]
            if any(font is not None for font in fonts):
                setting.add(name[1:])
            if any(_is_whole(font) for font in fonts):
                whole_by_state.add(name[1:])
        whole = {
            source.name[1:]
            for source in events.sources
            if source.by == "Tf" and any(_is_whole(font) for font in self._find("/Font", source.name))
        }
        return Special(frozenset(setting), frozenset(whole), frozenset(whole_by_state))

    def _find(self, category: Literal["/Font", "/XObject", "/ExtGState", "/Pattern"], name: str) -> list[Object]:
        found, reach = self.scope.find(category, name)
        self.reach = min(self.reach, reach)
        return found

    def _font(self, source: Source) -> Font:
        if source.by == "":
            return "outside"
        if source.by == "?":
            return "unknown"
        if source.by == "Tf":
            fonts: list[Object | None] = list(self._find("/Font", source.name))
        else:
            fonts = [_state_font(state) for state in self._find("/ExtGState", source.name)]
        if len(fonts) > 1:
            return "unknown"
        return fonts[0] if fonts and isinstance(fonts[0], Dictionary) else None

    def _xobject(self, drawn: Drawn) -> None:
        for target in self._find("/XObject", drawn.name):
            self._draw(target, drawn.matrix, self.fonts[drawn.source])

    def _draw(self, target: Object, matrix: Matrix | None, font: Font) -> None:
        if not isinstance(target, Stream):
            return
        subtype = entry(target, "/Subtype")
        if subtype == "/Image":
            self.node.images.append((target, matrix))
            self.node.pictures = True
        elif subtype == "/Form":
            self._form(target, matrix, font)

    def _state(self, drawn: Drawn) -> None:
        for state in self._find("/ExtGState", drawn.name):
            self._mask(state, drawn.matrix, self.fonts[drawn.source])

    def _mask(self, state: Object, matrix: Matrix | None, font: Font) -> None:
        mask = entry(state, "/SMask") if isinstance(state, Dictionary) else None
        group = mask.get("/G") if isinstance(mask, Dictionary) else None
        if isinstance(group, Stream):
            self._form(group, matrix, font)

    def _form(self, form: Stream, matrix: Matrix | None, font: Font) -> None:
        node = self._stream(form)
        self.node.forms.append(Edge(node, matrix, font))
        self._add(node)
        self.node.inherits |= font == "outside" and (node.inherits or form.objgen in self.walk.active)
        if node.inherits:
            self._glyphs(font)

    def _glyphs(self, font: Font) -> None:
        if isinstance(font, Dictionary) and font.get("/Subtype") == "/Type3":
            nodes, reach = self.walk._glyphs(font, self.scope, self.depth)
            self.reach = min(self.reach, reach)
            for node in nodes:
                self._add(node)
            self.node.glyphs.update(dict.fromkeys(nodes))

    def _stream(self, stream: Stream) -> Node:
        node, reach = self.walk._stream(stream, self.scope, self.depth + 1)
        self.reach = min(self.reach, reach)
        return node

    def _add(self, node: Node) -> None:
        active = node.objgen in self.walk.active
        self.node.pictures |= node.pictures or active
        self.node.fonts |= node.fonts or active


def _state_font(state: Object) -> Object | None:
    """The font that a graphics state sets."""
    setting = entry(state, "/Font") if isinstance(state, Dictionary) else None
    return setting[0] if isinstance(setting, Array) and len(setting) else None


def _is_whole(font: Object | None) -> bool:
    """Whether codes of a font may differ in length."""
    if not isinstance(font, Dictionary) or font.get("/Subtype") != "/Type0":
        return False
    encoding = font.get("/Encoding")
    return not (isinstance(encoding, Name) and encoding in ("/Identity-H", "/Identity-V"))


def _appearances(annot: Dictionary) -> Iterator[Stream]:
    states = annot.get("/AP")
    for state in dict(states.items()).values() if isinstance(states, Dictionary) else []:
        if isinstance(state, Stream):
            yield state
        elif isinstance(state, Dictionary):
            yield from (value for _, value in state.items() if isinstance(value, Stream))


def number_of(value: object, default: float) -> float:
    """A finite number, or what stands for it where there is none."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return default
    return number if math.isfinite(number) else default


def numbers_of(values: object, count: int) -> list[float] | None:
    """Exactly ``count`` finite numbers, or None."""
    try:
        numbers = [float(value) for value in values]  # type: ignore[attr-defined]
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def _matrix(stream: Stream) -> Matrix | None:
    matrix = entry(stream, "/Matrix")
    if matrix is None:
        return IDENTITY
    m = numbers_of(matrix, 6)
    return (m[0], m[1], m[2], m[3]) if m else None


def _fit(stream: Stream, matrix: Matrix | None, annot: Dictionary) -> Matrix | None:
    bbox, rect = numbers_of(stream.get("/BBox"), 4), numbers_of(annot.get("/Rect"), 4)
    if not bbox or not rect or matrix is None:
        return None
    corners = [(x, y) for x in (bbox[0], bbox[2]) for y in (bbox[1], bbox[3])]
    xs = [x * matrix[0] + y * matrix[2] for x, y in corners]
    ys = [x * matrix[1] + y * matrix[3] for x, y in corners]
    width, height = max(xs) - min(xs), max(ys) - min(ys)
    if width <= 0 or height <= 0:
        return None
    return (abs(rect[2] - rect[0]) / width, 0.0, 0.0, abs(rect[3] - rect[1]) / height)
