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
        line = sys.stdin.readline()
    else:
        with file.open(encoding="utf-8", errors="surrogateescape") as lines:
            line = lines.readline()
    return line.rstrip("\r\n")
