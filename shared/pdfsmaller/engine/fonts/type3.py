"""Type 3 fonts, whose glyphs are content streams (ISO 32000-1, 9.6.5): which of them no code shown leads to.

A reader finds a glyph's procedure by the name that the font's encoding gives the code, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Collection

from pikepdf import Dictionary

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.fonts.encodings import names_by_code
from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.engine.fonts.usage import FontKey, Usage, font_key
from pdfsmaller.engine.objgen import ObjGen


def unused_glyphs(fonts: Collection[Dictionary], usage: Usage, typable: Collection[FontKey]) -> dict[ObjGen, set[str]]:
    """The names in ``/CharProcs`` that are not shown, by font.

    Fonts that show nothing, that are no objects of their own or whose encoding is not understood are left alone, with
    all that share their procedures.

    Args:
        fonts: all Type 3 fonts of the document.
        typable: fonts that text may still be typed with.
    """
    if not usage.complete:
        return {}
    # Several fonts may share a dictionary of procedures.
    names: dict[FontKey, set[str]] = {}
    shown: dict[FontKey, set[str]] = {}
    whole: set[FontKey] = set()
    for font in fonts:
        with tolerate("font", FontError) as attempt:
            procedures, key = font.CharProcs, font_key(font.CharProcs)
            names[key] = set(procedures.keys())
            use = usage.fonts.get(font_key(font))
            if (
                use is None
                or use.reason
                or font_key(font) in typable
                or not font.is_indirect
                or "/Encoding" not in font
            ):
                whole.add(key)
                continue
            for given in names_by_code(font.Encoding, use.shown).values():
                shown.setdefault(key, set()).update("/" + name for name in given)
        if attempt.failed:
            return {}
    found = {}
    for font in fonts:
        key = font_key(font.CharProcs)
        unused = names[key] - shown.get(key, set()) - {"/.notdef"}
        if key not in whole and unused:
            found[font.objgen] = unused
    return found
