"""Finding images and how large each is shown.

Scope: pages with their nested forms, tiling patterns, soft-mask groups and annotation appearances. Every image gets
the largest size, in points, at which any placement shows it; from that follows its effective dpi. An image whose
placements cannot all be known (inside Type 3 glyphs, in a document too deep to walk) is marked so and never resampled.

Non-goals: clipping and visibility. An image that is drawn but hidden counts as drawn.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.document import inherited_resources
from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.streams import read_decoded
from pdfsmaller.errors import LimitExceeded
from pdfsmaller.limits import Limits

Matrix = tuple[float, float, float, float, float, float]
Role = Literal["image", "soft_mask", "stencil"]

IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
POINTS_PER_INCH = 72.0
# Forms nest a handful of levels deep in real files. The budget bounds "a form that shows a form twice, n times over".
MAX_DEPTH = 24
MAX_VISITS = 100_000
# Inline images below this stay inline: an object of its own costs about as much as it saves.
INLINE_MIN_BYTES = 1024
_MASKS: tuple[tuple[str, Role], ...] = (("/SMask", "soft_mask"), ("/Mask", "stencil"))
_OPERATORS = "q Q cm Do gs BI ID EI"
_MAYBE_INLINE = re.compile(rb"\bBI\b.{0,2000}?\bID\b", re.DOTALL)


@dataclass(slots=True)
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

    def shown(self, matrix: Matrix, page: int, page_pt: float) -> None:
        """Take note of a placement: ``matrix`` maps the unit square to points on the page."""
        a, b, c, d, _, _ = matrix
        self.width_pt = max(self.width_pt, math.hypot(a, b))
        self.height_pt = max(self.height_pt, math.hypot(c, d))
        self.page_pt = min(self.page_pt or page_pt, page_pt)
        self.pages.add(page)


@dataclass(slots=True)
class Found:
    """What a walk found.

    Attributes:
        images: all of them, by object.
        inline_pages: pages whose content holds large inline images.
        matted: images with the soft mask that their colours are premultiplied with (``/Matte``); both must keep the
            same size.
    """

    images: dict[ObjGen, FoundImage] = field(default_factory=dict)
    inline_pages: list[int] = field(default_factory=list)
    matted: list[tuple[ObjGen, ObjGen]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Event:
    """Something drawn by a content stream, with the matrix in force relative to the stream's own space."""

    kind: Literal["image", "form"]
    target: Stream
    objgen: ObjGen
    matrix: Matrix


@dataclass(frozen=True, slots=True)
class _Form:
    """What a form says of itself, read once."""

    matrix: Matrix
    resources: Dictionary | None


def multiply(m: Matrix, n: Matrix) -> Matrix:
    """``m × n``: apply m first, then n (ISO 32000-1, 8.3.4)."""
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
        m[4] * n[0] + m[5] * n[2] + n[4],
        m[4] * n[1] + m[5] * n[3] + n[5],
    )


def externalize_inline_images(pdf: Pdf, pages: list[int]) -> None:
    """Make large inline images of these pages objects of their own, which can then be shared and re-encoded.

    Run on two copies of the same file with the same pages, the new objects get the same numbers.
    """
    for number in pages:
        pdf.pages[number].externalize_inline_images(min_size=INLINE_MIN_BYTES)


def find_images(pdf: Pdf, limits: Limits) -> Found:
    """Walk the whole document.

    Raises:
        LimitExceeded: a content stream is over ``max_stream_bytes``.
    """
    return _Walk(pdf, limits).run()


class _Walk:
    def __init__(self, pdf: Pdf, limits: Limits) -> None:
        self.pdf = pdf
        self.limits = limits
        self.found = Found()
        self.visits = 0
        self.complete = True
        self.page = 0
        self.page_pt = 0.0
        self.page_has_inline = False
        # (form, resources it inherits) → what it draws. Bounded by the number of forms in the file.
        self.events: dict[tuple[ObjGen, int], list[_Event]] = {}
        # An image with its masks: they are shown together.
        self.together: dict[ObjGen, list[FoundImage]] = {}
        self.forms: dict[ObjGen, _Form] = {}
        self.done: set[tuple[ObjGen, tuple[int, ...]]] = set()

    def run(self) -> Found:
        for number, page in enumerate(self.pdf.pages):
            self.page = number
            self.page_has_inline = False
            self.done.clear()
            with tolerate("page") as attempt:
                self._page(page)
            if attempt.failed:  # it may show images in ways that were not seen
                self.complete = False
            if self.page_has_inline:
                self.found.inline_pages.append(number)
        self._glyphs()
        if not self.complete:
            for image in self.found.images.values():
                image.resample = False
        return self.found

    def _page(self, page: pikepdf.Page) -> None:
        unit = _number(page.obj.get("/UserUnit"), 1.0)
        box = _numbers(page.cropbox, 4) or [0.0, 0.0, 0.0, 0.0]
        self.page_pt = max(abs(box[2] - box[0]), abs(box[3] - box[1])) * unit
        base: Matrix = (unit, 0.0, 0.0, unit, 0.0, 0.0)
        resources = page.resources if "/Resources" in page.obj else inherited_resources(page.obj)
        events = self._content(page, resources, page.obj.get("/Contents"))
        self._replay_events(events, base, resources, 0)
        annots = page.obj.get("/Annots")
        for annot in annots.as_list() if isinstance(annots, Array) else []:
            if isinstance(annot, Dictionary):
                self._annotation(annot, base)

    def _annotation(self, annot: Dictionary, base: Matrix) -> None:
        """Appearances are fitted to the annotation's rectangle (ISO 32000-1, 12.5.5, algorithm 8.1)."""
        appearances = annot.get("/AP")
        if not isinstance(appearances, Dictionary):
            return
        for state in ("/N", "/R", "/D"):
            shown = entry(appearances, state)
            streams = [shown] if isinstance(shown, Stream) else []
            if not streams and isinstance(shown, Dictionary):
                streams = [value for _, value in shown.items() if isinstance(value, Stream)]
            for stream in streams:
                fit = _fit(_numbers(stream.get("/BBox"), 4), _matrix(stream), _numbers(annot.get("/Rect"), 4))
                self._form(stream, multiply(fit, base), None, 0)

    def _form(
        self, form: Stream, ctm: Matrix, inherited: Dictionary | None, depth: int, objgen: ObjGen | None = None
    ) -> None:
        """Everything a form draws, ``ctm`` being the matrix in force where it is drawn."""
        self.visits += 1
        if depth > MAX_DEPTH or self.visits > MAX_VISITS:
            self.complete = False
            return
        objgen = objgen or form.objgen
        about = self.forms.get(objgen)
        if about is None:
            about = self.forms[objgen] = _Form(_matrix(form), _dictionary(entry(form, "/Resources")))
        matrix = multiply(about.matrix, ctm)
        # The same form at the same scale shows nothing new; this also ends loops.
        key = (objgen, tuple([round(v * 1000) for v in matrix[:4]]))
        if key in self.done:
            return
        self.done.add(key)
        resources = about.resources if about.resources is not None else inherited
        cache = (objgen, 0 if about.resources is not None else id(inherited))
        if cache not in self.events:
            self.events[cache] = self._content(form, resources, form)
        self._replay_events(self.events[cache], matrix, resources, depth + 1)

    def _replay_events(self, events: list[_Event], base: Matrix, resources: Dictionary | None, depth: int) -> None:
        for event in events:
            matrix = multiply(event.matrix, base)
            if event.kind == "image":
                self._image(event.target, event.objgen, matrix)
            else:
                self._form(event.target, matrix, resources, depth, event.objgen)

    def _image(self, image: Stream, objgen: ObjGen, matrix: Matrix) -> None:
        together = self.together.get(objgen)
        if together is None:
            stencil = bool(image.get("/ImageMask", False))
            together = [self._note(image, "stencil" if stencil else "image")]
            for key, role in _MASKS:
                mask = image.get(key)
                if isinstance(mask, Stream):
                    together.append(self._note(mask, role))
                    if "/Matte" in mask:
                        self.found.matted.append((objgen, mask.objgen))
            self.together[objgen] = together
        for found in together:
            found.shown(matrix, self.page, self.page_pt)

    def _note(self, image: Stream, role: Role) -> FoundImage:
        found = self.found.images.get(image.objgen)
        if found is None:
            found = self.found.images[image.objgen] = FoundImage(image.objgen, role, _pixels(image))
        elif found.role != role:
            # One object used as an image here and as a mask there: leave its pixels alone.
            found.resample = False
        return found

    def _content(
        self, owner: pikepdf.Page | Stream, resources: Dictionary | None, contents: pikepdf.Object | None
    ) -> list[_Event]:
        """What a content stream draws by ``Do``, and through soft-mask groups set by ``gs``."""
        xobjects = _by_name(resources, "/XObject")
        masks = {name: group for name, group in _mask_groups(resources)}
        data = _bounded_content(contents, self.limits)
        inline = bool(_MAYBE_INLINE.search(data))
        drawn = any(isinstance(value, Stream) for value in xobjects.values())
        # A pattern's space is that of the content stream which uses it, whatever the CTM (ISO 32000-1, 8.7.3.1).
        patterns = [value for value in _values(resources, "/Pattern") if isinstance(value, Stream)]
        events = [_Event("form", pattern, pattern.objgen, IDENTITY) for pattern in patterns]
        if not (inline or masks or drawn):
            return events
        ctm = IDENTITY
        stack: list[Matrix] = []
        for instruction in pikepdf.parse_content_stream(owner, _OPERATORS):
            if isinstance(instruction, pikepdf.ContentStreamInlineImage):
                if not isinstance(owner, Stream) and _inline_size(instruction) >= INLINE_MIN_BYTES:
                    self.page_has_inline = True
                continue
            operator = str(instruction.operator)
            if operator == "q":
                stack.append(ctm)
            elif operator == "Q":
                ctm = stack.pop() if stack else IDENTITY
            elif operator == "cm":
                numbers = _numbers(instruction.operands, 6)
                if numbers:
                    ctm = multiply((numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]), ctm)
            elif instruction.operands and isinstance(instruction.operands[0], Name):
                name = str(instruction.operands[0])
                if operator == "gs" and name in masks:
                    events.append(_Event("form", masks[name], masks[name].objgen, ctm))
                elif operator == "Do":
                    target = xobjects.get(name)
                    if isinstance(target, Stream):
                        subtype = str(target.get("/Subtype"))
                        if subtype in ("/Image", "/Form"):
                            kind: Literal["image", "form"] = "image" if subtype == "/Image" else "form"
                            events.append(_Event(kind, target, target.objgen, ctm))
        return events

    def _glyphs(self) -> None:
        """Images that Type 3 glyphs show have no known size: whatever was found for them, they keep their pixels."""
        for font in _type3_fonts(self.pdf):
            for value in _values(_dictionary(font.get("/Resources")), "/XObject"):
                if isinstance(value, Stream) and value.get("/Subtype") == "/Image":
                    stencil = bool(value.get("/ImageMask", False))
                    self._note(value, "stencil" if stencil else "image").resample = False


def _type3_fonts(pdf: Pdf) -> Iterator[Dictionary]:
    for page in pdf.pages:
        for font in _values(inherited_resources(page.obj), "/Font"):
            if isinstance(font, Dictionary) and font.get("/Subtype") == "/Type3":
                yield font


def _mask_groups(resources: Dictionary | None) -> Iterator[tuple[str, Stream]]:
    for name, state in _by_name(resources, "/ExtGState").items():
        mask = state.get("/SMask") if isinstance(state, Dictionary) else None
        group = mask.get("/G") if isinstance(mask, Dictionary) else None
        if isinstance(group, Stream):
            yield name, group


def _bounded_content(contents: pikepdf.Object | None, limits: Limits) -> bytes:
    """A page's or form's content, each of its streams and all of them together within ``max_stream_bytes``.

    The parser itself has no bound, so this is read first.
    """
    streams = contents.as_list() if isinstance(contents, Array) else [contents]
    parts = []
    total = 0
    for stream in streams:
        if isinstance(stream, Stream):
            with tolerate("content") as attempt:
                part = read_decoded(stream, limits)
            if attempt.failed:
                continue
            total += len(part)
            if total > limits.max_stream_bytes:
                raise LimitExceeded(
                    "max_stream_bytes",
                    limits.max_stream_bytes,
                    f"A page's content decodes to more than {limits.max_stream_bytes:,} bytes.",
                )
            parts.append(part)
    return b"\n".join(parts)


def _pixels(image: Stream) -> tuple[int, int]:
    return int(_number(image.get("/Width"), 0.0)), int(_number(image.get("/Height"), 0.0))


def _inline_size(instruction: pikepdf.ContentStreamInlineImage) -> int:
    with tolerate("inline_image"):
        return len(instruction.iimage.read_raw_bytes()) if hasattr(instruction.iimage, "read_raw_bytes") else 1 << 20
    return 1 << 20


def _dictionary(value: pikepdf.Object | None) -> Dictionary | None:
    return value if isinstance(value, Dictionary) else None


def _by_name(resources: Dictionary | None, category: str) -> dict[str, pikepdf.Object]:
    entries = entry(resources, category) if resources is not None else None
    return dict(entries.items()) if isinstance(entries, Dictionary) else {}


def _values(resources: Dictionary | None, category: str) -> list[pikepdf.Object]:
    return list(_by_name(resources, category).values())


def _number(value: object, default: float) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return default


def _numbers(values: object, count: int) -> list[float] | None:
    """Exactly ``count`` finite numbers, or None."""
    try:
        numbers = [float(v) for v in values]  # type: ignore[attr-defined]
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def _matrix(stream: Stream) -> Matrix:
    m = _numbers(entry(stream, "/Matrix"), 6)
    return (m[0], m[1], m[2], m[3], m[4], m[5]) if m else IDENTITY


def _fit(bbox: list[float] | None, matrix: Matrix, rect: list[float] | None) -> Matrix:
    """The scale that maps a transformed appearance box onto an annotation's rectangle."""
    if not bbox or not rect:
        return IDENTITY
    corners = [(x, y) for x in (bbox[0], bbox[2]) for y in (bbox[1], bbox[3])]
    xs = [x * matrix[0] + y * matrix[2] for x, y in corners]
    ys = [x * matrix[1] + y * matrix[3] for x, y in corners]
    width, height = max(xs) - min(xs), max(ys) - min(ys)
    if width <= 0 or height <= 0:
        return IDENTITY
    return (abs(rect[2] - rect[0]) / width, 0.0, 0.0, abs(rect[3] - rect[1]) / height, 0.0, 0.0)
