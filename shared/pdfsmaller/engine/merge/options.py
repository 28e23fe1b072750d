"""How PDFs become one."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr

from pdfsmaller.engine.merge.ranges import SYNTAX, is_range
from pdfsmaller.engine.options import DocumentOptions, OnErrorOption, Shown, SingleOptions
from pdfsmaller.errors import InvalidOption

Outline = Literal["per-source", "joined", "none"]


def _listed(value: Any) -> Any:
    """A list from a JSON array as text, or from one text."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [value]
    try:
        return json.loads(value)
    except RecursionError:
        raise ValueError("nested too deeply") from None


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


class MergeOptions(DocumentOptions, SingleOptions):
    """How PDFs become one. The options of compression count where ``optimize`` is true."""

    password: Annotated[
        SecretStr | None,
        BeforeValidator(_lines),
        Field(
            exclude=True,
            description="Opens encrypted files: several passwords, one a line, are each tried on each. "
            "Never taken from object metadata.",
        ),
        Shown(allowed="text", repeated=True, label="Password"),
    ] = None
    optimize: Annotated[bool, Field(description="Compress what is merged.")] = True
    pages: Annotated[
        list[Annotated[str, BeforeValidator(_range)]],
        BeforeValidator(_listed),
        Shown("RANGES", SYNTAX, repeated=True, per_input=True),
    ] = Field(
        default_factory=list,
        description="Page ranges, one for each file in order, blank for all its pages: a form field repeated, or a "
        "JSON array; FILE:1-3 on the command line.",
    )
    outline: Annotated[
        Outline,
        Field(
            description="Each file's outline under an entry of its own (per-source), one after the other (joined), or "
            "none."
        ),
        Shown("HOW"),
    ] = "per-source"
    on_error: OnErrorOption = "fail"
    decrypt: Annotated[
        bool,
        Field(
            description="Leave the result open to everybody. Otherwise it is encrypted like the first encrypted file."
        ),
    ] = False

    def check_inputs(self, count: int) -> None:
        if self.pages and len(self.pages) != count:
            raise InvalidOption(
                "pages", f"{len(self.pages)} of them", [f"one for each of the {count} files, in order", "none"]
            )
