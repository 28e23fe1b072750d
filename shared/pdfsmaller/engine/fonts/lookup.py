"""From the codes that a simple font shows to the glyphs of its TrueType program (ISO 32000-1, 9.6.6.4).

The standard leaves room, fonts contradict it, and readers differ: by the symbolic flag, by which subtable of ``cmap``
comes first, by what follows when it has nothing. So every way is followed, and whatever any of them comes to is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cache

from pdfsmaller.engine.fonts.encodings import base_encodings, index_of, unicode_of
from pdfsmaller.engine.fonts.sfnt import Sfnt
from pdfsmaller.records import record

# Symbol fonts have their characters in a private area, as a rule at F000 (OpenType, cmap, platform 3, encoding 0).
_SYMBOL_AREAS = (0xF000, 0xF100, 0xF200)
# pdfium takes the space where a code stands for .notdef.
_SPACE = 0x0020


@record()
class Reached:
    """What codes lead to.

    Attributes:
        glyphs: indices of all glyphs that some reader may show.
        codes: what was looked up in ``cmap``.
        names: what was looked up in ``post``.
        by_name: some reader may find a glyph by its name.
    """

    glyphs: set[int] = field(default_factory=set)
    codes: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    by_name: bool = False

    def add(self, other: Reached) -> None:
        self.glyphs |= other.glyphs
        self.codes |= other.codes
        self.names |= other.names
        self.by_name |= other.by_name


def reach(font: Sfnt, names: Mapping[int, set[str]], unicode: Mapping[int, set[int]], *, symbolic: bool) -> Reached:
    """Everything that codes may lead to.

    Args:
        names: the names that the font dictionary's encoding may give each code shown.
        unicode: the characters that ``/ToUnicode`` gives codes.
        symbolic: the font's descriptor says so.
    """
    found = Reached(by_name=not font.cmaps)
    windows = [table for table in font.cmaps if (table.platform, table.encoding) == (3, 1) and not symbolic]
    for code, given in names.items():
        characters = {value for name in given for value in unicode_of(name)}
        macintosh = {value for name in given for value in _macintosh_codes().get(name, ())}
        looked_up = {code, _SPACE, *(area + code for area in _SYMBOL_AREAS)}
        looked_up |= characters | macintosh | unicode.get(code, set())
        found.codes |= looked_up
        found.names |= given
        for table in font.cmaps:
            found.glyphs.update(table.glyphs[value] for value in looked_up if value in table.glyphs)
        if not font.cmaps:
            found.glyphs.add(code)
        named = {font.names[name] for name in given if name in font.names}
        indices = {index_of(name) for name in given if not unicode_of(name)}
        found.glyphs |= named | {index for index in indices if index is not None}
        # Only here do all readers come to the glyph without its name.
        if named and not any(value in table.glyphs for table in windows for value in characters):
            found.by_name = True
    for table in font.cmaps:
        # pdfium goes by whether a subtable has any glyph for one byte; so it must not become empty.
        if found.glyphs.isdisjoint(table.glyphs.values()) and table.glyphs:
            found.glyphs.add(table.glyphs[min(table.glyphs)])
    return found


@cache
def _macintosh_codes() -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for code, name in base_encodings()["/MacRomanEncoding"].items():
        found.setdefault(name, []).append(code)
    return found
