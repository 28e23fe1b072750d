"""The web page's words: a file for each language in ``static/lang``, of which English is the one that all others match.

A language is added by its file alone. ``registry`` in it holds what the operations say of themselves, by the English
words: labels, choices, summaries. Everything else stands under a key; a text that counts something has a form for each
plural category of its language (``one``, ``other`` …), chosen by ``n``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from werkzeug.datastructures import LanguageAccept

FOLDER = Path(__file__).parent / "static" / "lang"
DEFAULT = "en"
#: What the page says from the beginning, or the service alone knows.
_NOT_FOR_SCRIPTS = ("registry", "language", "site.", "key.", "title.", "lead.", "good.")


@lru_cache(maxsize=1)
def languages() -> dict[str, dict[str, Any]]:
    """The words of each language by its code (BCP 47), English first."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
    return {DEFAULT: found.pop(DEFAULT), **found}


def chosen(wanted: str, accepted: LanguageAccept) -> str:
    """The language that was asked for by name, or the best of those that a browser accepts."""
    known = list(languages())
    return wanted if wanted in known else accepted.best_match(known, DEFAULT) or DEFAULT


class Words:
    """The words of one language."""

    def __init__(self, code: str) -> None:
        self.code = code
        self._words: Mapping[str, Any] = languages()[code]
        self._registry: Mapping[str, str] = self._words.get("registry", {})

    def of_page(self) -> dict[str, Any]:
        """What the page's scripts need."""
        return {key: text for key, text in self._words.items() if not key.startswith(_NOT_FOR_SCRIPTS)}

    def say(self, key: str, **values: object) -> str:
        """The text of a key with its ``{values}`` filled in."""
        text: str = self._words[key]
        return text.format(**values)

    def maybe(self, key: str, otherwise: str) -> str:
        """The text of a key that may not be there."""
        text: str = self._words.get(key, otherwise)
        return text

    def translated(self, english: str) -> str:
        """What an operation says of itself, as it stands where this language has no words for it."""
        return self._registry.get(english, english)
