"""The result looked at as a reader would: are pages of every source still what they were?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.comparison import reasons, summarize
from pdfsmaller.engine.compress import VERIFY_GRACE_SECONDS
from pdfsmaller.engine.merge.source import Ready, SourceFailed, Warn
from pdfsmaller.engine.options import Verify
from pdfsmaller.engine.report import ComparisonSummary
from pdfsmaller.engine.verify import compare_pages
from pdfsmaller.errors import EngineFailed

#: The check of a sample looks at the first and the last page of each of so many sources, of more only at the last.
FEW_SOURCES = 10


def check(ready: list[Ready], result: Path, verify: Verify, deadline: Deadline, warn: Warn) -> ComparisonSummary:
    """Compare pages of the result with those they were copied from, in text and pixels.

    Returns:
        What was compared. Pages that could not be are named in a warning, too.

    Raises:
        SourceFailed: a page is not what it was. Of a damaged source readers may show different things in the first
            place; then there is only a warning.
    """
    if verify == "off":
        return ComparisonSummary(mode="off")
    base = 0
    comparisons = []
    until = max(deadline.at, time.monotonic()) + VERIFY_GRACE_SECONDS
    for source in ready:
        places: Sequence[int] = range(len(source.picks))
        if verify == "sample":
            places = sorted({*places[:1], *places[-1:]} if len(ready) <= FEW_SOURCES else places[-1:])
        pairs = [(source.picks[place], base + place) for place in places]
        comparison = compare_pages(
            source.path, result, pairs, passwords=(source.password, None), deadline=until, not_shown=source.not_shown
        )
        comparisons.append(comparison)
        found = comparison.differences
        if found and source.damaged:
            warn("repaired", f"{source.name} is damaged: other readers may have shown it differently.")
        elif found:
            message = f"Merging went wrong, so there is no result. {found[0].message}"
            raise SourceFailed(source, EngineFailed(message))
        base += len(source.picks)
    summary = summarize(verify, comparisons)
    if summary.skipped:
        warn("not_compared", f"Pages that could not be compared with those they come from: {reasons(summary.skipped)}.")
    return summary
