"""The parts looked at as a reader would: are their pages still what they were?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.comparison import Comparison, reasons, summarize
from pdfsmaller.engine.compress import VERIFY_GRACE_SECONDS
from pdfsmaller.engine.merge.source import Ready, Warn
from pdfsmaller.engine.options import Verify
from pdfsmaller.engine.report import ComparisonSummary
from pdfsmaller.engine.verify import compare_pages
from pdfsmaller.errors import EngineFailed

#: The check of a sample looks at the first and the last page of each of the first so many parts, of others at the last.
FEW_PARTS = 10
#: … and of those after so many, only at every tenth: each look opens the whole document.
MANY_PARTS, EVERY_OF_MANY = 50, 10


class Check:
    """Compares pages of each part with those they were copied from, in text and pixels.

    Args:
        source: the document as it is cut.
        places: where pages of the whole document are in it.
        verify: how many pages are compared: none, some of each part, or all.
        deadline: comparing may go on for ``VERIFY_GRACE_SECONDS`` after it.
    """

    def __init__(
        self,
        source: Ready,
        places: Callable[[Sequence[int]], list[int]],
        verify: Verify,
        deadline: Deadline,
        warn: Warn,
    ) -> None:
        self._source, self._places, self._verify, self._warn = source, places, verify, warn
        self._until = max(deadline.at, time.monotonic()) + VERIFY_GRACE_SECONDS
        self._comparisons: list[Comparison] = []
        self._parts = 0

    def compare(self, part: Path, pages: Sequence[int], password: str | None) -> None:
        """Compare a part.

        Args:
            pages: those in it, as indices in the whole document.
            password: what opens the part.

        Raises:
            EngineFailed: a page is not what it was. Of a damaged document readers may show different things in the
                first place; then there is only a warning.
        """
        self._parts += 1
        sample = self._verify == "sample"
        if self._verify == "off" or (sample and self._parts > MANY_PARTS and self._parts % EVERY_OF_MANY):
            return
        places = list(range(len(pages)))
        if sample:
            places = sorted({places[0], places[-1]} if self._parts <= FEW_PARTS else places[-1:])
        sources = self._places([pages[place] for place in places])
        comparison = compare_pages(
            self._source.path,
            part,
            zip(sources, places, strict=True),
            passwords=(self._source.password, password),
            deadline=self._until,
            not_shown=self._source.not_shown,
        )
        self._comparisons.append(comparison)
        if comparison.differences and self._source.damaged:
            self._warn("repaired", "The PDF is damaged: other readers may have shown it differently.")
        elif comparison.differences:
            message = f"Splitting went wrong, so there is no result. {comparison.differences[0].message}"
            raise EngineFailed(message)

    def summary(self) -> ComparisonSummary:
        """What was compared. Pages that could not be are named in a warning, too."""
        if self._verify == "off":
            return ComparisonSummary(mode="off")
        summary = summarize(self._verify, self._comparisons)
        if summary.skipped:
            self._warn(
                "not_compared",
                f"Pages that could not be compared with those they come from: {reasons(summary.skipped)}.",
            )
        return summary
