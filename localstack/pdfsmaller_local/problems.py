"""The one error that this tooling shows to its user: what is wrong and what mends it, on one line."""

from __future__ import annotations


class Problem(Exception):
    """Something the user can mend.

    Attributes:
        what: what is wrong.
        remedy: what to do about it.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{' '.join(what.split())} → {' '.join(remedy.split())}")
        self.what = what
        self.remedy = remedy
