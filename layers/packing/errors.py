"""What can go wrong while packing. The message is one line that says what to do."""

from __future__ import annotations


class PackingError(Exception):
    """The package cannot be made."""
