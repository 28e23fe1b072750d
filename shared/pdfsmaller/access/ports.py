"""What access needs of a store. ``tests/contracts`` holds every adapter to it, and nothing else is relied on.

Every method may raise ``errors.StoreUnavailable``, as those of ``jobs.ports`` do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pdfsmaller.access.keys import ApiKey


class KeyStore(Protocol):
    """API keys under their ids. Whoever reads after a write sees it."""

    def add(self, key: ApiKey) -> bool:
        """Keep a new key; False where its id is taken, and nothing is kept then."""
        ...

    def get(self, key_id: str) -> ApiKey | None:
        """The key with this id, or None."""
        ...

    def all(self) -> list[ApiKey]:
        """Every key, revoked ones too, the oldest first. One added just now may be missing for a moment."""
        ...

    def revoke(self, key_id: str, at: float) -> None:
        """Note when a key was revoked. One that is not there, or was revoked before, stays as it is."""
        ...

    def used(self, key_id: str, at: float) -> None:
        """Note when a key was used. One that is not there is no error."""
        ...


class Counters(Protocol):
    """Numbers that all instances of the service count together, and that are forgotten after a while."""

    def now(self) -> float:
        """The present by the clock that counts (``JobStore.now``)."""
        ...

    def add(self, name: str, number: int, *, most: int, kept_seconds: float) -> int | None:
        """Add to a counter in one step; what it stands at then. One that is not there stands at 0.

        None, and nothing added, where it would be above ``most``. Of any number of callers at once no more are let in
        than fit.

        Args:
            name: any text.
            number: may be negative, which gives back, or 0, which only asks.
            kept_seconds: how long the store must remember the counter; afterwards it may forget.
        """
        ...
