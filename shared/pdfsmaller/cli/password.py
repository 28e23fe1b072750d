"""Passwords come from a file or a pipe, never from the command line, which every user of the machine can read."""

from __future__ import annotations

import sys
from pathlib import Path


def read_password(file: Path) -> str:
    """The first line of a file (``-``: of standard input), without its line end.

    Raises:
        OSError: the file cannot be read.
    """
    if str(file) == "-":
        return sys.stdin.readline().rstrip("\r\n")
    with file.open(encoding="utf-8", errors="surrogateescape") as lines:
        return lines.readline().rstrip("\r\n")


def read_passwords(file: Path) -> str:
    """All lines of a file (``-``: of standard input) with a password in them, as ``MergeOptions.password`` takes them.

    Raises:
        OSError: the file cannot be read.
    """
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8", errors="surrogateescape")
    return "\n".join(line for line in text.splitlines() if line)
