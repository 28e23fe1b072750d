"""Page ranges as people write them: ``1-3,7,-1``.

Pages count from 1; ``-1`` is the last page, ``-2`` the one before. ``5-`` goes on to the end, ``7-3`` backwards, and a
page may come twice. Nothing at all means every page.
"""

from __future__ import annotations

import re

from pdfsmaller.errors import InvalidPageRange

_NUMBER = r"-?[1-9]\d{0,8}"
_PART = re.compile(rf"\s*(?P<first>{_NUMBER})\s*(?:(?P<dash>-)\s*(?P<last>{_NUMBER})?\s*)?")

SYNTAX = "page ranges such as 1-3,7,-1 (-1 is the last page, 5- goes to the end)"


def is_range(text: str) -> bool:
    """Whether a text is made like page ranges; the document may still lack those pages."""
    return all(_PART.fullmatch(part) for part in text.split(","))


def select(text: str, count: int, name: str, most: int) -> list[int]:
    """The pages that ``text`` picks from a document, as indices from 0.

    Args:
        text: well-formed ranges (``is_range``), or blank for all pages.
        count: how many pages the document has.
        name: what to call the document in messages.
        most: how many pages may be picked.

    Raises:
        InvalidPageRange: a page that the document does not have, or more than ``most`` of them.
    """
    if not text.strip():
        return list(range(count))
    picked: list[int] = []
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if not match:
            raise InvalidPageRange(f"{name}: {part.strip()!r} is no page range. Write {SYNTAX}.")
        first = _index(match["first"], count, name)
        last = first
        if match["dash"]:
            last = _index(match["last"] or "-1", count, name)
        step = 1 if last >= first else -1
        picked += range(first, last + step, step)
        if len(picked) > most:
            raise InvalidPageRange(f"{name}: the ranges pick more than {most:,} pages.")
    return picked


def _index(number: str, count: int, name: str) -> int:
    page = int(number)
    index = page - 1 if page > 0 else count + page
    if not 0 <= index < count:
        raise InvalidPageRange(f"{name} has {count:,} page{'s' * (count != 1)}; there is no page {page}.")
    return index
