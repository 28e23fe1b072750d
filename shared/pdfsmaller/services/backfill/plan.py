"""What a backfill is to do: with which documents, how, and where the results go."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.errors import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pdfsmaller.jobs.collections import Collection, Original

#: Which names are taken where nobody says which.
INCLUDE = ("*.pdf",)


@dataclass(frozen=True, slots=True)
class Plan:
    """A backfill as it is asked for.

    Attributes:
        source: where the documents are.
        options: of the compression.
        to: where results are laid, under their documents' names; None: in their documents' places.
        keep: where documents are kept before their results take their places; None: nowhere.
        include: patterns of names, of which one must match, capitals or not. One with a slash is for the whole name,
            others for its last part.
        min_size: of documents, in bytes.
    """

    source: Collection
    options: CompressOptions
    to: Collection | None = None
    keep: Collection | None = None
    include: tuple[str, ...] = INCLUDE
    min_size: int = 0

    @property
    def replaces(self) -> bool:
        """Whether results take their documents' places."""
        return self.to is None

    def check(self) -> None:
        """Refuse what could harm documents.

        Raises:
            InvalidOption.
        """
        if self.replaces and self.options.verify == "off":
            why = "Nothing is replaced by what was not compared with it: verify cannot be off."
            raise InvalidOption("verify", "off", ["sample", "full"], why)
        for name, target in (("to", self.to), ("keep_originals", self.keep)):
            if target and (target.inner(self.source) is not None or self.source.inner(target) == ""):
                raise InvalidOption(
                    name,
                    target.address,
                    ["a place beside the source, or below it"],
                    f"{target.address} holds the source {self.source.address} itself: what is made would lie among "
                    "what it is made of. Name a place beside it, or below it.",
                )

    def wanted(self) -> Iterator[Original]:
        """The documents that lie at the source now, as far as they are to be done."""
        ours = [inner for target in (self.to, self.keep) if target and (inner := self.source.inner(target))]
        for original in self.source.list():
            if not original.name.startswith(tuple(ours)) and self._is_included(original):
                yield original

    def _is_included(self, original: Original) -> bool:
        name = original.name.lower()
        last = name.rpartition("/")[2]
        matches = (fnmatchcase(name if "/" in pattern else last, pattern.lower()) for pattern in self.include)
        return original.bytes >= self.min_size and any(matches)

    def told(self) -> dict[str, Any]:
        """What a ledger keeps of it, by which it knows the same backfill again. No password is in it."""
        return {
            "source": self.source.address,
            "to": self.to.address if self.to else "",
            "keep_originals": self.keep.address if self.keep else "",
            "include": list(self.include),
            "min_size": self.min_size,
            "options": self.options.to_json(asked_for=True),
        }
