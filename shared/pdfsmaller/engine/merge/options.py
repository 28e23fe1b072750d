"""How PDFs become one."""

from __future__ import annotations

import json
from typing import Any, Literal

from pdfsmaller.engine.merge.ranges import SYNTAX, is_range
from pdfsmaller.engine.options import DocumentOptions, OnError, Shown, SingleOptions, on_error_option, option
from pdfsmaller.errors import InvalidOption
from pdfsmaller.records import record

Outline = Literal["per-source", "joined", "none"]


def _ranges(value: Any) -> Any:
    """Page ranges from a list, from a JSON array as text, or from one text."""
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.lstrip().startswith("[") else [value]
        except RecursionError:
            raise ValueError("nested too deeply") from None
    return [_range(item) for item in value] if isinstance(value, list) else value


def _range(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, str) and value.strip() and not is_range(value):
        raise ValueError("not a page range")
    return value


def _lines(value: Any) -> Any:
    """Several passwords as the lines of one text."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    return value


@record(frozen=True, kw_only=True)
class MergeOptions(DocumentOptions, SingleOptions):
    """How PDFs become one. The options of compression count where ``optimize`` is true."""

    password: str | None = option(
        "Opens encrypted files: several passwords, one a line, are each tried on each. "
        "Never taken from object metadata.",
        Shown(allowed="text", repeated=True, label="Password"),
        default=None,
        read=_lines,
        secret=True,
    )
    optimize: bool = option("Compress what is merged.", default=True)
    pages: list[str] = option(
        "Page ranges, one for each file in order, blank for all its pages: a form field repeated, or a "
        "JSON array; FILE:1-3 on the command line.",
        Shown("RANGES", SYNTAX, repeated=True, per_input=True),
        default_factory=list,
        read=_ranges,
    )
    outline: Outline = option(
        "Each file's outline under an entry of its own (per-source), one after the other (joined), or none.",
        Shown("HOW"),
        default="per-source",
    )
    on_error: OnError = on_error_option()
    decrypt: bool = option(
        "Leave the result open to everybody. Otherwise it is encrypted like the first encrypted file.",
        default=False,
    )

    def check_inputs(self, count: int) -> None:
        if self.pages and len(self.pages) != count:
            raise InvalidOption(
                "pages", f"{len(self.pages)} of them", [f"one for each of the {count} files, in order", "none"]
            )
