"""Other programs, asked what they know."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass

_SECONDS = 10.0
#: Where administrators' programs are, whoever asks.
_PATH = os.pathsep.join(filter(None, (os.environ.get("PATH"), "/usr/sbin", "/sbin", "/usr/local/sbin")))


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program said, and what it exited with."""

    code: int
    out: str
    err: str


def found(program: str) -> str | None:
    """The path of a program; None where it is not installed."""
    return shutil.which(program, path=_PATH)


def run(program: str, *arguments: str, given: str = "", seconds: float = _SECONDS) -> Ran | None:
    """What a program says, in plain English; None where it is not installed.

    Args:
        given: its standard input.

    Raises:
        subprocess.TimeoutExpired.
    """
    path = found(program)
    if path is None:
        return None
    environ = os.environ | {"LC_ALL": "C", "PATH": _PATH}
    ran = subprocess.run(
        [path, *arguments], input=given, env=environ, capture_output=True, text=True, errors="replace", timeout=seconds
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)
