"""Where the corpus of real documents lies, and how its files open. It is no part of the project's repository."""

from __future__ import annotations

from pathlib import Path

import pytest

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus"


def files(folder: str) -> list[Path]:
    """The corpus's documents in one folder; none where the corpus is absent."""
    return sorted((CORPUS / folder).glob("*.pdf"))


def password_of(file: Path) -> str | None:
    """The user password, which ends the file's name after ``pw_``."""
    return file.stem.partition("pw_")[2] or None


needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason=f"there is no corpus of documents beside the project ({CORPUS})"
)
