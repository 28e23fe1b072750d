"""Settings from a file: lines of NAME=value, as systemd's EnvironmentFile= and compose read the same file too."""

from __future__ import annotations

import os
from pathlib import Path

from pdfsmaller.errors import InvalidSettings

#: Names such a file, for what has no parameter that could.
VARIABLE = "PDFSMALLER_ENV_FILE"


def use(path: Path) -> None:
    """Put what a file says into the environment of this process; what stands there already stays.

    Raises:
        InvalidSettings: the file cannot be read, or a line of it says nothing.
    """
    from dotenv import dotenv_values

    try:
        with path.open(encoding="utf-8") as file:
            given = dotenv_values(stream=file, interpolate=False)
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or "no text"
        raise InvalidSettings(
            f"The settings in {path} cannot be read ({reason}) → name a file of NAME=value."
        ) from None
    for name, value in given.items():
        if value is None:
            raise InvalidSettings(f"{path}: {name[:40]!r} says nothing → write NAME=value.")
        os.environ.setdefault(name, value)


def use_named() -> None:
    """``use`` the file that PDFSMALLER_ENV_FILE names, if it does."""
    if named := os.environ.get(VARIABLE):
        use(Path(named))
