"""At which scale a document's content is shown: how many points of a page a unit of a form's space is, at most.

Scales are bounds from above: where the same form is drawn at several, the largest counts; where anything is not known
the scale is infinite, so that nothing drawn through it is ever rounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pikepdf import Array, Dictionary, Object, Stream

from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.objgen import ObjGen

#: A form that contains itself would grow for ever.
MAX_RAISES = 40


@dataclass(slots=True)
class Scales:
    """The known scales, and who is drawn by whom.

    Attributes:
        at: the largest scale by object.
        drawn: what every stream draws, with the scale relative to its own.
    """

    at: dict[ObjGen, float] = field(default_factory=dict)
    drawn: dict[ObjGen, list[tuple[ObjGen, float]]] = field(default_factory=dict)
    _raised: dict[ObjGen, int] = field(default_factory=dict)

    def show(self, objgen: ObjGen, scale: float) -> None:
        """Note that a stream is shown at a scale, and all that it draws with it."""
        waiting = [(objgen, scale)]
        while waiting:
            target, wanted = waiting.pop()
            if wanted <= self.at.get(target, 0.0):
                continue
            self._raised[target] = self._raised.get(target, 0) + 1
            if self._raised[target] > MAX_RAISES:
                wanted = math.inf
            self.at[target] = wanted
            waiting += [(part, _times(wanted, by)) for part, by in self.drawn.get(target, [])]


def _times(scale: float, by: float) -> float:
    return math.inf if math.inf in (scale, by) else scale * by


def drawn_by(resources: object, uses: Mapping[tuple[str, bytes], float] | None) -> list[tuple[ObjGen, float]]:
    """The streams that a stream draws, each with its scale relative to the stream's own space.

    Args:
        resources: the stream's.
        uses: what it was seen to show at which scale; None where it could not be read.
    """
    found = []
    sure = uses is not None and not any(b"#" in name for _, name in uses)
    for target, operator, name in _targets(resources):
        if not operator:
            at: float | None = 1.0
        elif uses is None or not sure or not is_plain(name):
            at = math.inf
        else:
            at = uses.get((operator, name[1:].encode()))
        if at is not None:
            found.append((target.objgen, _times(at, enlargement(entry(target, "/Matrix")))))
    return found


def _targets(resources: object) -> Iterator[tuple[Stream, str, str]]:
    for name, value in named(resources, "/XObject").items():
        if isinstance(value, Stream) and entry(value, "/Subtype") == "/Form":
            yield value, "Do", name
    for name, value in named(resources, "/ExtGState").items():
        mask = entry(value, "/SMask") if isinstance(value, Dictionary) else None
        group = mask.get("/G") if isinstance(mask, Dictionary) else None
        if isinstance(group, Stream):
            yield group, "gs", name
    for value in named(resources, "/Pattern").values():
        # A pattern's space is that of the stream which uses it, whatever its CTM (ISO 32000-1, 8.7.3.1).
        if isinstance(value, Stream):
            yield value, "", ""


def is_plain(name: str) -> bool:
    """Whether a name holds nothing that content may spell in more than one way (``#20``) but for sport."""
    return name.isascii() and name.isprintable() and not set(name[1:]) & set(" ()<>[]{}/%#")


def numbers(values: object, count: int) -> list[float] | None:
    """Exactly ``count`` finite numbers, or None."""
    try:
        found = [float(value) for value in values.as_list()] if isinstance(values, Array) else []
    except (TypeError, ValueError, OverflowError):
        return None
    return found if len(found) == count and all(map(math.isfinite, found)) else None


def enlargement(matrix: object) -> float:
    """By how much a matrix enlarges at most: its larger singular value. No matrix is 1, a damaged one infinite."""
    if matrix is None:
        return 1.0
    found = numbers(matrix, 6)
    if found is None:
        return math.inf
    a, b, c, d = found[:4]
    x, y, xy = a * a + b * b, c * c + d * d, a * c + b * d
    return math.sqrt((x + y + math.hypot(x - y, 2 * xy)) / 2)


def named(holder: object, category: str) -> dict[str, Object]:
    """The entries of a category of resources; none where it is missing or no dictionary."""
    found = entry(holder, category) if isinstance(holder, Dictionary) else None
    return dict(found.items()) if isinstance(found, Dictionary) else {}


def appearances(page: Dictionary) -> Iterator[tuple[Stream, float]]:
    """The appearances of a page's annotations, each with the scale at which the page shows it."""
    annots = page.get("/Annots")
    for annot in annots.as_list() if isinstance(annots, Array) else []:
        states = annot.get("/AP") if isinstance(annot, Dictionary) else None
        for shown in states.values() if isinstance(states, Dictionary) else []:
            for stream in (
                [shown] if isinstance(shown, Stream) else shown.values() if isinstance(shown, Dictionary) else []
            ):
                if isinstance(stream, Stream):
                    yield stream, _appearance_scale(stream, annot.get("/Rect"))


def _appearance_scale(stream: Stream, rect: object) -> float:
    """An appearance is fitted to the annotation's rectangle (ISO 32000-1, 12.5.5, algorithm 8.1)."""
    box, place = numbers(stream.get("/BBox"), 4), numbers(rect, 4)
    matrix = numbers(stream.get("/Matrix"), 6) if "/Matrix" in stream else [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    if box is None or place is None or matrix is None:
        return math.inf
    a, b, c, d = matrix[:4]
    corners = [(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]
    xs, ys = [x * a + y * c for x, y in corners], [x * b + y * d for x, y in corners]
    width, height = max(xs) - min(xs), max(ys) - min(ys)
    if width <= 0 or height <= 0:
        return math.inf
    fit = max(abs(place[2] - place[0]) / width, abs(place[3] - place[1]) / height)
    return fit * enlargement(entry(stream, "/Matrix"))
