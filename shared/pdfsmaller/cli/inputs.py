"""Inputs as they stand on the command line: a FILE, or FILE:VALUE where an operation has an option for each input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pdfsmaller.cli.errors import UsageError
from pdfsmaller.engine.options import Options
from pdfsmaller.errors import InvalidOption


def read_inputs(texts: Sequence[str], options: type[Options]) -> tuple[list[Path], dict[str, Any]]:
    """The paths, and what was said behind their colons as the option that it is.

    Raises:
        UsageError: a file, but nothing that the option takes after its colon.
    """
    name = options.per_input()
    if not name:
        return [Path(text) for text in texts], {}
    pairs = [_pair(text, options, name) for text in texts]
    values = [value for _, value in pairs]
    return [path for path, _ in pairs], {name: values} if any(values) else {}


def _pair(text: str, options: type[Options], name: str) -> tuple[Path, str]:
    """A path and its value (blank: none). What exists under the whole text is a path."""
    whole = Path(text)
    before, colon, after = text.rpartition(":")
    if not colon or whole.exists():
        return whole, ""
    try:
        options.parse({name: [after]})
    except InvalidOption:
        if Path(before).is_file():
            allowed = ", ".join(options.allowed(name))
            raise UsageError(f"{text}: {after!r} cannot be its {name}. Write {allowed}.") from None
        return whole, ""
    return Path(before), after
