"""``python -m docs.options``: the README's tables of options, made from the options themselves."""

from __future__ import annotations

import re
from pathlib import Path

from pdfsmaller.engine.options import Options
from pdfsmaller.operations import DEFAULT, OPERATIONS

README = Path(__file__).parent.parent / "README.md"
_TABLE = re.compile(r"(<!-- options of ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(operation: str) -> str:
    """The options of an operation; beside those of the first one, whose table stands above."""
    options = OPERATIONS[operation].options
    names = [name for name in options.names() if operation == DEFAULT.name or not _is_shared(options, name)]
    rows = [f"| `{name}` | {_values(options, name)} | {options.description(name)} |" for name in names]
    return "\n".join(["| option | values | meaning |", "|---|---|---|", *rows, ""])


def filled(text: str) -> str:
    """The README with its tables as the options are now."""
    return _TABLE.sub(lambda found: found[1] + table(found[2]) + found[3], text)


def _is_shared(options: type[Options], name: str) -> bool:
    first = DEFAULT.options
    return name in first.names() and options.description(name) == first.description(name)


def _values(options: type[Options], name: str) -> str:
    if options.values(name) or options.is_flag(name):
        return ", ".join(f"`{value}`" for value in options.allowed(name))
    return ", ".join(options.allowed(name))


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
