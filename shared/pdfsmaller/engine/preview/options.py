"""Which pages are pictured, and how large."""

from __future__ import annotations

from typing import Any

from pdfsmaller.engine.merge.ranges import SYNTAX, is_range
from pdfsmaller.engine.options import Options, Shown, option
from pdfsmaller.records import record

#: Pages pictured where nobody says which: as many as somebody looks through.
FIRST_PAGES = 50
WIDTH_MIN, WIDTH_MAX = 16, 2_000


def _ranges(value: Any) -> Any:
    if isinstance(value, str) and not is_range(value):
        raise ValueError("not page ranges")
    return value


@record(frozen=True, kw_only=True)
class PreviewOptions(Options):
    """How pages are pictured."""

    pages: str | None = option(
        f"Page ranges. Without them the first {FIRST_PAGES} pages.",
        Shown("RANGES", SYNTAX),
        default=None,
        read=_ranges,
    )
    width: int = option("Pixels of each picture's longer side.", Shown("N"), default=320, low=WIDTH_MIN, high=WIDTH_MAX)
    password: str | None = option(
        "Opens an encrypted PDF. Never taken from object metadata.",
        Shown(allowed="text", label="Password"),
        default=None,
        secret=True,
    )
