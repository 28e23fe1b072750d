"""How a PDF is cut into parts."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from pdfsmaller.engine.merge.ranges import is_range
from pdfsmaller.engine.options import TARGET_SIZE_MAX, TARGET_SIZE_MIN, CompressOptions, parse_size
from pdfsmaller.errors import InvalidOption

#: The ways to cut, of which there is exactly one.
WAYS = ("pages", "every", "outline_level", "max_size")
EVERY_MAX = 1_000_000
LEVEL_MAX = 100

SYNTAX = (
    "page ranges, each a part of its own, such as 1-3,4- (-1 is the last page, 5- goes to the end; + joins ranges to one "
    "part: 1-3+7,8-)"
)


def part_ranges(text: str) -> list[str]:
    """The parts of ``1-3+7,8-``, each as ranges in the syntax of ``merge.ranges``."""
    return [part.replace("+", ",") for part in text.split(",")]


def _parts(value: Any) -> Any:
    if isinstance(value, str) and not all(part.strip() and is_range(part) for part in part_ranges(value)):
        raise ValueError("no page ranges")
    return value


class SplitOptions(CompressOptions):
    """How a PDF is cut into parts. The options of compression count where ``optimize`` is true."""

    pages: Annotated[
        str | None,
        BeforeValidator(_parts),
        Field(
            description="Page ranges, each a part of its own: 1-3,4- makes two; 1-3+7,8- joins pages 1 to 3 and 7 to one "
            "part."
        ),
    ] = None
    every: Annotated[int | None, Field(ge=1, le=EVERY_MAX, description="Parts of so many pages each.")] = None
    outline_level: Annotated[
        int | None,
        Field(
            ge=1,
            le=LEVEL_MAX,
            description="A new part at each entry of the outline (bookmark) of this level or a higher one; 1 is the "
            "outermost.",
        ),
    ] = None
    max_size: Annotated[
        int | None,
        BeforeValidator(parse_size),
        Field(
            ge=TARGET_SIZE_MIN,
            le=TARGET_SIZE_MAX,
            description="Parts of at most so many bytes (also 10MB; powers of 1,000), with as many pages each as fit.",
        ),
    ] = None
    optimize: Annotated[bool, Field(description="Compress the document before it is cut.")] = True
    decrypt: Annotated[
        bool,
        Field(
            description="Leave the parts open to everybody. Otherwise parts of an encrypted PDF are encrypted as it was, "
            "and open with its password."
        ),
    ] = False

    @model_validator(mode="after")
    def _is_cut_in_one_way(self) -> SplitOptions:
        if self.target_size is not None:
            raise InvalidOption("target_size", self.target_size, ["(leave it out; max_size bounds each part)"])
        given = [name for name in WAYS if getattr(self, name) is not None]
        if len(given) != 1:
            ways = f"{', '.join(WAYS[:-1])} or {WAYS[-1]}"
            message = f"How the PDF is to be cut is not said: give one of {ways}."
            if given:
                message = f"{' and '.join(given)} cannot go together: give one of {ways}."
            raise InvalidOption(
                given[-1] if given else WAYS[0], getattr(self, given[-1]) if given else "", WAYS, message
            )
        return self
