"""How a PDF is cut into parts."""

from __future__ import annotations

from typing import Any

from pdfsmaller.engine.merge.ranges import is_range
from pdfsmaller.engine.options import TARGET_SIZE_MAX, TARGET_SIZE_MIN, DocumentOptions, OutputOptions, Shown, option
from pdfsmaller.engine.units import parse_size
from pdfsmaller.errors import InvalidOption
from pdfsmaller.records import record

#: The ways to cut, of which there is exactly one.
WAYS = ("pages", "every", "outline_level", "max_size")
EVERY_MAX = 100_000
LEVEL_MAX = 100

#: How a part of several ranges is told from several parts: a comma ends a part, a plus sign goes on with it.
SYNTAX = "page ranges, each a part of its own, such as 1-3,4- (1-3+7,8- joins 1 to 3 and 7; -1 is the last page)"


def part_ranges(text: str) -> list[str]:
    """The parts of ``1-3+7,8-``, each as ranges in the syntax of ``merge.ranges``."""
    return [part.replace("+", ",") for part in text.split(",")]


def _parts(value: Any) -> Any:
    if isinstance(value, str) and not all(part.strip() and is_range(part) for part in part_ranges(value)):
        raise ValueError("not page ranges")
    return value


@record(frozen=True, kw_only=True)
class SplitOptions(DocumentOptions, OutputOptions):
    """How a PDF is cut into parts. The options of compression count where ``optimize`` is true."""

    pages: str | None = option(
        "Page ranges, each a part of its own; + joins several to one part: 1-3+7,8- makes two.",
        Shown("RANGES", SYNTAX, label="Pages of each part", placeholder="e.g. 1-3,4-"),
        default=None,
        read=_parts,
    )
    every: int | None = option(
        "Parts of this many pages each.",
        Shown("N", label="Pages in each part"),
        default=None,
        low=1,
        high=EVERY_MAX,
    )
    outline_level: int | None = option(
        "A new part at each entry of the outline (bookmark) of this level or a higher one; 1 is the "
        "outermost. What comes before the first is a part, too.",
        Shown("LEVEL", label="Level of the outline"),
        default=None,
        low=1,
        high=LEVEL_MAX,
    )
    max_size: int | None = option(
        "Parts of at most this many bytes (powers of 1,000), with as many pages each as fit.",
        Shown(
            "SIZE",
            f"bytes from {TARGET_SIZE_MIN} to {TARGET_SIZE_MAX}, or text such as 500KB or 10MB",
            as_text=True,
            label="Each part at most",
            placeholder="e.g. 10MB",
        ),
        default=None,
        read=parse_size,
        low=TARGET_SIZE_MIN,
        high=TARGET_SIZE_MAX,
    )
    optimize: bool = option("Compress the PDF before it is cut.", default=True)
    decrypt: bool = option(
        "Leave the parts open to everybody. Otherwise parts of an encrypted PDF are encrypted as it "
        "was, and open with its password.",
        default=False,
    )

    def __post_init__(self) -> None:
        """Raises InvalidOption: there is one way to cut, and no other."""
        super().__post_init__()
        given = [name for name in WAYS if getattr(self, name) is not None]
        if len(given) != 1:
            ways = f"{', '.join(WAYS[:-1])} or {WAYS[-1]}"
            if given:
                message = f"{' and '.join(given)} cannot go together. Give one of {ways}."
                raise InvalidOption(given[-1], getattr(self, given[-1]), ["(leave it out)"], message)
            raise InvalidOption(WAYS[0], "", WAYS, f"How to cut the PDF is missing. Give one of {ways}.")
