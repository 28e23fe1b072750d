"""What a comparison of two files came to: what differs, what was compared, and what could not be and why.

That nothing differs says something only of what was looked at. So a ``Comparison`` names the pages that it compared in
text and looks, and gives each page that it was to compare and could not a reason with a stable name; whoever acts on
it treats ``unproven`` pages as if they differed in whatever may be lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import field
from typing import Literal

from pdfsmaller.engine.report import ComparisonSummary
from pdfsmaller.records import record

#: Why a page was not compared in text and looks:
#: ``time_limit``: time was up before its turn came;
#: ``unreadable``: the renderer cannot open the original, or this page of it;
#: ``no_text``: the original's text cannot be read;
#: ``not_rendered``: the original's page cannot be rendered;
#: ``large_image``: it shows an image that would take too long to decode;
#: ``blank``: the original is damaged, and the renderer finds nothing on this page, where others do;
#: ``unknown_filter``: it shows a stream whose filter the renderer does not know, so that both would be blank there.
PageSkip = Literal["time_limit", "unreadable", "no_text", "not_rendered", "large_image", "blank", "unknown_filter"]

#: Why a part of the structure was not compared, or not all of it:
#: ``unreadable``: it is broken in the original;
#: ``too_large``: only its beginning was compared.
StructureSkip = Literal["unreadable", "too_large"]


@record(frozen=True)
class Difference:
    """One thing that is not as it was.

    Attributes:
        kind: what: ``unreadable``, ``pages``, ``boxes``, ``annotations``, ``outline``, ``destinations``, ``names``,
            ``fields``, ``tags``, ``language``, ``labels``, ``attachments``, ``layers``, ``metadata``, ``catalog``,
            ``encryption``, ``text`` or ``looks``.
        page: the page it is on, counted from zero, or None.
        message: in words, for a report.
    """

    kind: str
    page: int | None
    message: str


@record()
class Comparison:
    """What came of comparing two files. Pages are the original's, counted from zero.

    Attributes:
        pages: how many the original has.
        differences: what is not as it was, worst first.
        compared: pages compared in text and looks, whether they differ or not.
        skipped: pages that were to be compared so and could not be, with the reason.
        structure_skipped: parts of the structure (by a difference's kind) that could not be compared whole, likewise.
    """

    pages: int
    differences: list[Difference] = field(default_factory=list)
    compared: set[int] = field(default_factory=set)
    skipped: dict[int, PageSkip] = field(default_factory=dict)
    structure_skipped: dict[str, StructureSkip] = field(default_factory=dict)

    @property
    def unproven(self) -> set[int]:
        """The pages of which nothing is known.

        Those of a sample stand for the pages between them, unless time was up or none of them could be compared.
        """
        if self.compared and "time_limit" not in self.skipped.values():
            return set(self.skipped)
        return set(range(self.pages)) - self.compared


def summarize(mode: Literal["sample", "full"], comparisons: Iterable[Comparison]) -> ComparisonSummary:
    """Comparisons of one result with all it was made of, as one entry for the report."""
    compared, skipped, structure = 0, Counter[str](), set[str]()
    for comparison in comparisons:
        compared += len(comparison.compared)
        skipped.update(comparison.skipped.values())
        structure |= comparison.structure_skipped.keys()
    return ComparisonSummary(
        mode=mode, pages=compared, skipped=dict(sorted(skipped.items())), structure_skipped=sorted(structure)
    )


def reasons(skipped: dict[str, int]) -> str:
    """Counts by reason, in words."""
    return ", ".join(f"{count:,} ({reason})" for reason, count in sorted(skipped.items()))
