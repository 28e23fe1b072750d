"""Which pages each part gets, known from the document alone; parts of a size are found by writing them (``sizes``)."""

from __future__ import annotations

from collections.abc import Sequence

from pikepdf import Pdf

from pdfsmaller.engine.merge.ranges import select
from pdfsmaller.engine.merge.remote import Remote, RemotePage
from pdfsmaller.engine.split import names
from pdfsmaller.engine.split.options import SplitOptions, part_ranges
from pdfsmaller.engine.split.outline import Start, starts
from pdfsmaller.errors import LimitExceeded
from pdfsmaller.limits import Limits
from pdfsmaller.records import record


@record(frozen=True)
class Part:
    """One part as it is to be: its file's name, and its pages as indices from 0."""

    name: str
    pages: Sequence[int]


def plan(pdf: Pdf, name: str, options: SplitOptions, limits: Limits) -> list[Part] | None:
    """The parts, in order; None where they are to be of a size.

    Args:
        name: the document's name.

    Raises:
        InvalidPageRange: a page that the document does not have.
        InvalidOutlineLevel: an outline without such a level, or none.
        LimitExceeded: ``max_parts``.
    """
    count = len(pdf.pages)
    pages: list[Sequence[int]]
    if options.max_size is not None:
        return None
    if options.outline_level is not None:
        found = starts(pdf, options.outline_level)
        if found[0].page > 0:
            found.insert(0, Start(0, ""))  # what comes before the first entry
        check_number(len(found), limits)
        ends = [start.page for start in found[1:]] + [count]
        pages = [range(start.page, end) for start, end in zip(found, ends, strict=True)]
        called = names.titled(name, [start.title for start in found])
    elif options.pages is not None:
        ranges = part_ranges(options.pages)
        check_number(len(ranges), limits)
        pages = [select(text, count, "The document", limits.max_pages) for text in ranges]
        called = names.numbered(name, len(pages))
    else:
        step = options.every or 1
        check_number(-(-count // step), limits)
        pages = [range(start, min(start + step, count)) for start in range(0, count, step)]
        called = names.numbered(name, len(pages))
    return [Part(*part) for part in zip(called, pages, strict=True)]


def check_number(parts: int, limits: Limits) -> None:
    """Refuse more parts than there may be.

    Raises:
        LimitExceeded: ``max_parts``.
    """
    if parts > limits.max_parts:
        raise LimitExceeded(
            "max_parts",
            limits.max_parts,
            f"The PDF would be cut into more than {limits.max_parts:,} parts. Make them larger.",
        )


def found_in(parts: Sequence[Part]) -> Remote:
    """Finds pages in the parts: in the first that has one."""
    places: dict[int, RemotePage] = {}
    for part in parts:
        for place, page in enumerate(part.pages):
            places.setdefault(page, RemotePage(part.name, place))
    return places.get


def in_words(pages: Sequence[int]) -> str:
    """Pages as people write them, counted from 1: ``1-3,7``."""
    runs: list[list[int]] = []
    for page in pages:
        if runs and page == runs[-1][1] + 1:
            runs[-1][1] = page
        else:
            runs.append([page, page])
    return ",".join(f"{first + 1}" if first == last else f"{first + 1}-{last + 1}" for first, last in runs)
