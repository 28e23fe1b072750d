"""At which scale a document's content is shown: how many points of a page a unit of a form's space is, at most.

Scales are bounds from above: where the same form is drawn at several, the largest counts; where anything is not known
the scale is infinite, so that nothing drawn through it is ever rounded.
"""

from __future__ import annotations

import math
from dataclasses import field

from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.walk.events import Matrix
from pdfsmaller.engine.walk.graph import Document
from pdfsmaller.records import record

#: A form that contains itself would grow for ever.
MAX_RAISES = 40


def find_scales(document: Document) -> dict[ObjGen, float]:
    """The largest scale at which every stream of a document is shown, in points to a unit of its space. What is not
    listed may be shown at any.
    """
    if not document.complete:
        return {page.node.objgen: page.unit for page in document.pages}
    scales = _Scales()
    for node in document.nodes:
        drawn = scales.drawn.setdefault(node.objgen, {})
        for edge in node.forms:
            _note(drawn, edge.node.objgen, _times(enlargement(edge.matrix), enlargement(edge.node.matrix)))
        # A pattern's space is that of the stream which uses it, whatever its CTM (ISO 32000-1, 8.7.3.1).
        for pattern in node.patterns:
            _note(drawn, pattern.objgen, enlargement(pattern.matrix))
    for glyph in document.type3:
        scales.show(glyph.objgen, math.inf)
    for page in document.pages:
        scales.show(page.node.objgen, page.unit)
        for appearance in page.appearances:
            node = appearance.node
            scales.show(node.objgen, _times(page.unit, _times(enlargement(appearance.fit), enlargement(node.matrix))))
    return scales.at


def _note(drawn: dict[ObjGen, float], objgen: ObjGen, scale: float) -> None:
    drawn[objgen] = max(scale, drawn.get(objgen, 0.0))


@record()
class _Scales:
    """The known scales, and who is drawn by whom.

    Attributes:
        at: the largest scale by object.
        drawn: what every stream draws, with the scale relative to its own.
    """

    at: dict[ObjGen, float] = field(default_factory=dict)
    drawn: dict[ObjGen, dict[ObjGen, float]] = field(default_factory=dict)
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
            waiting += [(part, _times(wanted, by)) for part, by in self.drawn.get(target, {}).items()]


def _times(scale: float, by: float) -> float:
    return math.inf if math.inf in (scale, by) else scale * by


def enlargement(matrix: Matrix | None) -> float:
    """By how much a matrix enlarges at most: its larger singular value; infinite where the matrix is not known."""
    if matrix is None:
        return math.inf
    a, b, c, d = matrix
    x, y, xy = a * a + b * b, c * c + d * d, a * c + b * d
    return math.sqrt((x + y + math.hypot(x - y, 2 * xy)) / 2)
