"""Which character codes of which font a document shows.

Every content stream that was walked counts: pages, forms nested in them, tiling patterns, Type 3 glyphs, soft-mask
groups, the appearances of annotations in all their states, and forms that none of these names. The font in force
follows ``Tf``, ``gs``, ``q`` and ``Q`` and is handed on to forms (ISO 32000-1, 8.10.1).

Guarantee: when ``Usage.complete`` is set, no code of an embedded font can be shown that is not listed, but for text
that is typed into fields (see ``typable``). Non-goals: clipping, visibility, layers. What is hidden counts as shown.
"""

from __future__ import annotations

from array import array
from dataclasses import field, replace

from pikepdf import Dictionary, Object, Pdf, Stream

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.fonts.cmap import CMap, read_cmap
from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.walk.events import Shown
from pdfsmaller.engine.walk.graph import Document, Font, Node
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

#: A font: its object, or the text of a dictionary that is no object of its own.
FontKey = ObjGen | bytes


@record()
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
    _pairs: set[int] = field(default_factory=set)

    def show(self, text: Shown) -> None:
        """Note what is shown with it."""
        if not self.composite:
            self.shown.update(text.codes)
        elif self.cmap is None:
            return
        elif self.cmap.two_bytes():
            self._pairs.update(array("H", text.pairs))
        elif text.codes and not text.strings:  # the font was handed on: where its codes end, nobody looked
            self.cmap, self.reason = None, "codes"
        else:
            try:
                for string in text.strings:
                    self._codes |= self.cmap.split(string)
            except FontError as exc:
                self.cmap, self.reason = None, exc.reason

    def codes(self) -> set[int]:
        """The codes shown, of whatever length."""
        return self.shown | {code for _, code in self._codes} | set(self._pairs)

    def cids(self) -> set[int]:
        """The CIDs shown of a composite font."""
        if self.cmap is None:
            return set()
        return self.cmap.cids(self._codes | {(2, code) for code in self._pairs})


@record()
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


def find_usage(pdf: Pdf, document: Document, limits: Limits) -> Usage:
    """What the streams of a document show.

    Raises:
        LimitExceeded: a CMap is over ``max_stream_bytes``.
    """
    return _Showing(pdf, document, limits).run()


def usage_in(copy: Pdf, usage: Usage) -> Usage | None:
    """The same of a copy of the document, or None where that cannot be told: fonts that are no objects of their own are
    known only from where they are used.
    """
    fonts: dict[FontKey, FontUse] = {}
    for key, use in usage.fonts.items():
        font = copy.get_object(key) if isinstance(key, tuple) else None
        if not isinstance(font, Dictionary):
            return None
        fonts[key] = replace(use, font=font)
    return Usage(fonts, usage.complete)


class _Showing:
    def __init__(self, pdf: Pdf, document: Document, limits: Limits) -> None:
        self.pdf, self.document, self.limits = pdf, document, limits
        self.usage = Usage(complete=document.complete)
        # By node and the font in force where it is drawn, as far as that matters: the fonts it shows.
        self.done: dict[tuple[Node, FontKey | str | None], frozenset[FontKey]] = {}
        self.active: set[Node] = set()
        self.cmaps: dict[ObjGen, CMap | str] = {}

    def run(self) -> Usage:
        for page in self.document.pages:
            with tolerate("page") as attempt:
                fonts = self._shown(page.node, None)
                for appearance in page.appearances:
                    fonts |= self._shown(appearance.node, None)
                for font in fonts:
                    self.usage.fonts[font].pages.add(page.number)
            self.usage.complete &= not attempt.failed
        with tolerate("page") as attempt:
            for edge in self.document.rest:
                self._shown(edge.node, edge.font)
            names = self.pdf.Root.get("/Names")
            if isinstance(names, Dictionary) and "/Templates" in names:
                self.usage.complete = False
        self.usage.complete &= not attempt.failed
        return self.usage

    def _shown(self, node: Node, font: Font) -> frozenset[FontKey]:
        """The fonts that a stream shows, with all that it leads to, where a font is in force."""
        if node.events is None:
            self.usage.complete = False
        if not node.fonts:
            return frozenset()
        key = (node, (font_key(font) if isinstance(font, Dictionary) else font) if node.inherits else None)
        known = self.done.get(key)
        if known is not None:
            return known
        if node in self.active:
            return frozenset()  # readers do not draw a form within itself
        self.active.add(node)
        fonts: set[FontKey] = set()
        try:
            for source, text in node.text:
                fonts |= self._note(font if source == "outside" else source, text)
            for edge in node.forms:
                fonts |= self._shown(edge.node, font if edge.font == "outside" else edge.font)
            for inner in (*node.patterns, *node.glyphs):
                fonts |= self._shown(inner, "unknown")
        finally:
            self.active.discard(node)
        self.done[key] = frozenset(fonts)
        return self.done[key]

    def _note(self, font: Font, text: Shown) -> set[FontKey]:
        if font == "unknown":
            self.usage.complete = False
        if not isinstance(font, Dictionary):
            return set()
        key = font_key(font)
        if key not in self.usage.fonts:
            use = FontUse(font, font.get("/Subtype") == "/Type0")
            if use.composite:
                cmap = self._cmap(font.get("/Encoding"))
                use.cmap, use.reason = (None, cmap) if isinstance(cmap, str) else (cmap, None)
            self.usage.fonts[key] = use
        self.usage.fonts[key].show(text)
        return {key}

    def _cmap(self, encoding: Object | None) -> CMap | str:
        key = encoding.objgen if isinstance(encoding, Stream) else (0, 0)
        if key == (0, 0) or key not in self.cmaps:
            try:
                self.cmaps[key] = read_cmap(encoding, self.limits)
            except FontError as exc:
                self.cmaps[key] = exc.reason
        return self.cmaps[key]
