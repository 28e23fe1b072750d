"""Finding images and how large each is shown.

Every image that a page shows (``engine.walk``) gets the largest size, in points, at which any placement shows it; from
that follows its effective dpi. An image whose placements cannot all be known (inside Type 3 glyphs, in a document too
deep to walk) is marked so and never resampled.

Non-goals: clipping and visibility. An image that is drawn but hidden counts as drawn.
"""

from __future__ import annotations

import math
from dataclasses import field
from typing import Literal

from pikepdf import Stream

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.walk.events import Matrix, multiply
from pdfsmaller.engine.walk.graph import MAX_DEPTH, MAX_VISITS, Document, Node, number_of
from pdfsmaller.records import record

Role = Literal["image", "soft_mask", "stencil"]

POINTS_PER_INCH = 72.0
_MASKS: tuple[tuple[str, Role], ...] = (("/SMask", "soft_mask"), ("/Mask", "stencil"))


@record()
class FoundImage:
    """One image XObject, however often it is shown.

    Attributes:
        objgen: its object number and generation.
        size: width and height in pixels, as claimed; (0, 0) where that cannot be read.
        role: what it is for: shown by itself, the soft mask of another image, or a stencil (``/ImageMask``).
        width_pt, height_pt: the largest size it is shown at, in points; 0 while no placement is known.
        resample: False where some placement cannot be known, so that its pixels must stay.
        page_pt: the long side of the smallest page that shows it, in points; 0 while no placement is known.
        pages: pages (from 0) that show it.
    """

    objgen: ObjGen
    role: Role
    size: tuple[int, int]
    width_pt: float = 0.0
    height_pt: float = 0.0
    page_pt: float = 0.0
    resample: bool = True
    pages: set[int] = field(default_factory=set)

    def shown(self, matrix: Matrix | None, page: int, page_pt: float) -> None:
        """Take note of a placement: ``matrix`` maps the unit square to points on the page; None: it is not known."""
        if matrix is None:
            self.resample = False
        else:
            a, b, c, d = matrix
            self.width_pt = max(self.width_pt, math.hypot(a, b))
            self.height_pt = max(self.height_pt, math.hypot(c, d))
        self.page_pt = min(self.page_pt or page_pt, page_pt)
        self.pages.add(page)


@record()
class Found:
    """What a walk found.

    Attributes:
        images: all of them, by object.
        matted: images with the soft mask that their colours are premultiplied with (``/Matte``); both must keep the
            same size.
    """

    images: dict[ObjGen, FoundImage] = field(default_factory=dict)
    matted: list[tuple[ObjGen, ObjGen]] = field(default_factory=list)


def find_images(document: Document) -> Found:
    """What a walk came upon."""
    return _Placing(document).run()


class _Placing:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.found = Found()
        self.complete = document.complete
        self.visits = 0
        self.page = 0
        self.page_pt = 0.0
        # An image with its masks: they are shown together.
        self.together: dict[ObjGen, list[FoundImage]] = {}
        self.done: set[tuple[int, tuple[int, ...] | None]] = set()

    def run(self) -> Found:
        for page in self.document.pages:
            self.page, self.page_pt = page.number, page.long_side
            self.done.clear()
            base: Matrix = (page.unit, 0.0, 0.0, page.unit)
            with tolerate("page") as attempt:
                self._show(page.node, base, 0)
                for appearance in page.appearances:
                    self._show(appearance.node, _times(appearance.fit, base), 0)
            if attempt.failed:  # it may show images in ways that were not seen
                self.complete = False
        with tolerate("page"):
            for glyph in self.document.type3:  # whoever shows them
                for image, _ in glyph.images:
                    for found in self._together(image):
                        found.resample = False
        if not self.complete:
            for found in self.found.images.values():
                found.resample = False
        return self.found

    def _show(self, node: Node, ctm: Matrix | None, depth: int) -> None:
        """Everything a stream draws, ``ctm`` being the matrix in force where it is drawn."""
        if not node.pictures:
            return
        self.visits += 1
        if self.visits > MAX_VISITS:
            self.complete = False
            return
        # Beyond the limit it is certainly shown, but not known how large.
        matrix = _times(node.matrix, ctm) if depth <= MAX_DEPTH else None
        # The same form at the same scale shows nothing new; this also ends loops.
        key = (id(node), tuple([round(value * 1000) for value in matrix]) if matrix is not None else None)
        if key in self.done:
            return
        self.done.add(key)
        for image, at in node.images:
            placed = _times(at, matrix)
            for found in self._together(image):
                found.shown(placed, self.page, self.page_pt)
        for edge in node.forms:
            self._show(edge.node, _times(edge.matrix, matrix), depth + 1)
        for pattern in node.patterns:
            self._show(pattern, matrix, depth + 1)
        for glyph in node.glyphs:  # text may have any size
            self._show(glyph, None, depth + 1)

    def _together(self, image: Stream) -> list[FoundImage]:
        together = self.together.get(image.objgen)
        if together is None:
            stencil = bool(image.get("/ImageMask", False))
            together = [self._note(image, "stencil" if stencil else "image")]
            for key, role in _MASKS:
                mask = image.get(key)
                if isinstance(mask, Stream):
                    together.append(self._note(mask, role))
                    if "/Matte" in mask:
                        self.found.matted.append((image.objgen, mask.objgen))
            self.together[image.objgen] = together
        return together

    def _note(self, image: Stream, role: Role) -> FoundImage:
        found = self.found.images.get(image.objgen)
        if found is None:
            found = self.found.images[image.objgen] = FoundImage(image.objgen, role, _pixels(image))
        elif found.role != role:
            # One object used as an image here and as a mask there: leave its pixels alone.
            found.resample = False
        return found


def _times(matrix: Matrix | None, by: Matrix | None) -> Matrix | None:
    """One matrix after the other; None where either is not known or there is no telling."""
    if matrix is None or by is None:
        return None
    product = multiply(matrix, by)
    return product if all(map(math.isfinite, product)) else None


def _pixels(image: Stream) -> tuple[int, int]:
    return int(number_of(image.get("/Width"), 0.0)), int(number_of(image.get("/Height"), 0.0))
