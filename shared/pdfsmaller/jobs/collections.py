"""Documents that lie outside of the service, many of them: in a folder, or below a prefix of a bucket.

A ``Storage`` holds what is the service's own, under keys of its own. A collection is somebody else's: what lies there
is listed, read and, where its owner asks for that, replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeGuard


@dataclass(frozen=True, slots=True)
class Original:
    """One document: its name in its collection (with slashes; text that keeps bytes which are no UTF-8), its size in
    bytes, and its version, which is another one whenever its bytes are.
    """

    name: str
    bytes: int
    version: str


class Collection(Protocol):
    """One such collection.

    Every method may raise ``StoreUnavailable`` (what is behind it is away) and ``CollectionUnusable`` (it is not there,
    or nobody lets us); those of one document ``DocumentError``: it cannot be read or written, for a reason that stays.
    """

    @property
    def address(self) -> str:
        """Where it is, as its owner writes it."""
        ...

    def list(self) -> Iterator[Original]:
        """Every document that lies there now, each once."""
        ...

    def look(self, name: str) -> Original | None:
        """A document as it is now; None where there is none of that name."""
        ...

    def fetch(self, original: Original, target: Path) -> bool:
        """Write a document's bytes into ``target``; False where it is gone, or no longer of that version."""
        ...

    def lay(self, name: str, source: Path) -> None:
        """Lay a file there, in place of a former one. It appears whole or not at all."""
        ...

    def replace(self, original: Original, source: Path) -> Original | None:
        """Lay a file in a document's place, with all that is known of that beside its bytes (permissions, metadata);
        the document then. None, and nothing changed, where it is gone, or no longer of that version.
        """
        ...

    def inner(self, other: Collection) -> str | None:
        """What the names of all that lies in ``other`` begin with here; None where it is no part of this one."""
        ...


class StoreCollection(Collection, Protocol):
    """A collection in a store that copies by itself what it holds."""

    def at(self, name: str) -> tuple[str, str]:
        """Bucket and key of a name."""
        ...

    def copy(self, original: Original, bucket: str, key: str) -> bool:
        """Copy a document, with its media type and metadata; False where it is gone, or no longer of that version."""
        ...


def is_in_store(collection: Collection) -> TypeGuard[StoreCollection]:
    """Whether a collection is in a store that copies by itself."""
    return hasattr(collection, "copy")
