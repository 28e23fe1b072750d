"""A file given to the engine."""

from __future__ import annotations

from pathlib import Path

from pdfsmaller.records import record


@record(frozen=True)
class InputFile:
    """Where an input lies, and what its owner calls it: the name in messages, warnings and outlines."""

    path: Path
    name: str

    @property
    def stem(self) -> str:
        """Its name without ``.pdf``, from which a result's is made."""
        return self.name[:-4] if self.name.lower().endswith(".pdf") else self.name
