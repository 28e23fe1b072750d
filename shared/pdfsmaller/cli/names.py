"""What the command calls things."""

from __future__ import annotations

PASSWORD_FILE = "password_file"


def flag(name: str) -> str:
    """An option's name on the command line."""
    return f"--{name.replace('_', '-')}"
