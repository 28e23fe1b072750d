"""Makes ``docs/errors.md``, every error code with the version that it came with: ``python -m docs.errors``, or
``make docs``.

Codes and their statuses are promises to clients. So what stands in the list stays: making it anew adds what is new and
drops nothing, and ``tests/test_errors.py`` fails where a code in it is gone or has got another status.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from pdfsmaller import __version__, errors
from pdfsmaller.errors import (
    BackfillError,
    CannotServe,
    LeaseHeld,
    LeaseLost,
    OriginalUnavailable,
    PdfSmallerError,
    RemoteError,
    ResultNotVerified,
    ServiceUnreachable,
    below,
)

LIST = Path(__file__).resolve().parent / "errors.md"

_HEAD = """\
# Error codes

What `code` can be in an answer of the API (`application/problem+json`) and in a failed job's `error`; the command
prints it too. Programs may switch on it: a code and its status never change, and none goes away but with a new major
version. `since` is the version that brought it. HTTP's own refusals have their phrase for a code (`not_found`,
`method_not_allowed`). Made by `make docs` from `shared/pdfsmaller/errors.py`.

| code | status | what it means | since |
|---|---|---|---|
"""
_ROW = re.compile(r"^\| `(\w+)` \| (\d{3}) \| (.*) \| (\S+) \|$", re.MULTILINE)
#: Between our own processes, or said to whoever starts the service, runs the client or a backfill: no answer ever has
#: one.
_INTERNAL = (
    BackfillError,
    CannotServe,
    LeaseHeld,
    LeaseLost,
    OriginalUnavailable,
    RemoteError,
    ResultNotVerified,
    ServiceUnreachable,
)


class Code(NamedTuple):
    """A line of the list."""

    code: str
    status: int
    title: str
    since: str


def listed(text: str) -> dict[str, Code]:
    """The codes in a list that was made before."""
    return {code: Code(code, int(status), title, since) for code, status, title, since in _ROW.findall(text)}


def current() -> dict[str, Code]:
    """The codes that a caller can get from this version, as they stand in the tree."""
    codes: dict[str, Code] = {}
    for kind in below(PdfSmallerError):
        # What other modules have is a way of theirs to say one of these.
        if kind.__module__ == errors.__name__ and "code" in vars(kind) and not issubclass(kind, _INTERNAL):
            codes.setdefault(kind.code, Code(kind.code, kind.http_status, kind.title, __version__))
    return codes


def filled(text: str) -> str:
    """The list anew: the former codes with the versions that they came with, and the new ones."""
    former, now = listed(text), current()
    kept = {code: row._replace(title=now[code].title if code in now else row.title) for code, row in former.items()}
    rows = [f"| `{row.code}` | {row.status} | {row.title} | {row.since} |" for row in sorted((now | kept).values())]
    return _HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    LIST.write_text(filled(LIST.read_text(encoding="utf-8") if LIST.exists() else ""), encoding="utf-8")
