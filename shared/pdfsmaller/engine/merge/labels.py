"""Page labels: every page keeps the one it had (i, ii, iii, 1, 2 …)."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from pikepdf import Dictionary, Name, String

from pdfsmaller.engine.merge.source import Source
from pdfsmaller.engine.merge.trees import read_numbers, write_numbers
from pdfsmaller.engine.structure.writer import PdfWriter
from pdfsmaller.records import record


@record(frozen=True)
class _Label:
    """One page's label: style and prefix in PDF syntax, and its number."""

    manner: bytes
    number: int


class Labels:
    """The labels of all pages, in the order of the result."""

    def __init__(self) -> None:
        self._labels: list[_Label | None] = []
        self._any = False

    def take(self, source: Source, indices: list[int]) -> None:
        """The labels of the pages taken, given as indices from 0, in their order and as often as they come."""
        ranges = (
            sorted(
                (start, value)
                for start, value in dict(read_numbers(source.part("/PageLabels"))).items()
                if isinstance(value, Dictionary)
            )
            if source.part("/PageLabels") is not None
            else []
        )
        self._any = self._any or bool(ranges)
        starts = [start for start, _ in ranges]
        for place, index in enumerate(indices):
            where = bisect_right(starts, index) - 1
            label = _label(ranges[where][1], index - starts[where]) if where >= 0 else _Label(b"/S /D", index + 1)
            if place == 0:
                self._labels.append(None)  # a document's first page begins a range, whatever came before it
            self._labels.append(label)

    def write(self, writer: PdfWriter) -> int | None:
        """The number tree's number, or None where no document had labels."""
        if not self._any:
            return None
        entries: dict[int, bytes] = {}
        page, above = 0, None
        for label in self._labels:
            if label is not None:
                if above is None or (label.manner, label.number) != (above.manner, above.number + 1):
                    entries[page] = b"<< %s /St %d >>" % (label.manner, max(1, label.number))
                page += 1
            above = label
        return write_numbers(writer, entries)


def _label(given: Dictionary, offset: int) -> _Label:
    style, prefix, start = given.get("/S"), given.get("/P"), given.get("/St", 1)
    manner = b" ".join(
        (key + b" " + _syntax(value))
        for key, value, kind in ((b"/S", style, Name), (b"/P", prefix, String))
        if isinstance(value, kind)
    )
    return _Label(manner, (start if isinstance(start, int) else 1) + offset)


def _syntax(value: Any) -> bytes:
    syntax: bytes = value.unparse(resolved=True)
    return syntax
