"""The one error of the font programs' readers and writers, internal to ``engine.fonts``."""

from __future__ import annotations


class FontError(Exception):
    """A font program that is damaged, or that does what is not understood here: it is left alone.

    Attributes:
        reason: short and stable, for reports and tests; it never quotes the font.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
