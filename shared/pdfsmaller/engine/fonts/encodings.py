"""Simple fonts: the glyph names that a character code may stand for (ISO 32000-1, 9.6.6 and annex D).

Readers differ where a font says little or contradicts itself; these functions give every name that any of them could
come to, which is what keeping glyphs needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from pikepdf import Array, Dictionary, Name, Object

from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.engine.structure.syntax import name_text

# Names that are no character's but an index, as several producers write them: g12, cid12, glyph12, index12.
_INDEXED = re.compile(r"(?:g|gid|glyph|cid|index|uni|u|c|G|a)?(\d{1,5})")
_UNICODE = re.compile(r"(?:uni|u)([0-9A-Fa-f]{4,6})")
# Characters for which readers take another's glyph where a font has none (FreeType's psnames module).
_TWINS = {0x00A0: 0x0020, 0x00AD: 0x002D, 0x2010: 0x002D, 0x2212: 0x002D, 0x0394: 0x2206, 0x03A9: 0x2126}
_TWINS |= {0x2215: 0x2044, 0x02C9: 0x00AF, 0x03BC: 0x00B5, 0x2219: 0x00B7, 0x021A: 0x0162, 0x021B: 0x0163}
_TWINS |= {twin: value for value, twin in _TWINS.items() if twin not in (0x0020, 0x002D)}


@cache
def base_encodings() -> dict[str, dict[int, str]]:
    """The encodings that PDF names, by name. WinAnsi and MacRoman hold more than annex D.2 gives them."""
    from fontTools.agl import UV2AGL
    from fontTools.encodings.MacRoman import MacRoman
    from fontTools.encodings.StandardEncoding import StandardEncoding

    windows = {}
    for code in range(32, 256):
        character = bytes([code]).decode("cp1252", "replace")
        windows[code] = UV2AGL.get(ord(character), "bullet")
    windows |= {0xA0: "space", 0xAD: "hyphen", 0xB2: "twosuperior", 0xB3: "threesuperior", 0xB9: "onesuperior"}
    macintosh = {code: name for code, name in enumerate(MacRoman) if name != ".notdef"}
    standard = {code: name for code, name in enumerate(StandardEncoding) if name != ".notdef"}
    return {
        "/WinAnsiEncoding": windows,
        "/MacRomanEncoding": macintosh | {0xCA: "space", 0xDB: "currency"},
        "/StandardEncoding": standard,
    }


def names_by_code(encoding: Object | None, codes: Iterable[int]) -> dict[int, set[str]]:
    """The names that a simple font's ``/Encoding`` may give these codes, without the program's own encoding.

    Raises:
        FontError: the encoding is not one of those known here.
    """
    known = base_encodings()
    bases = list(known.values())
    changed: dict[int, str] = {}
    if isinstance(encoding, Name):
        bases = [_known(encoding)]
    elif isinstance(encoding, Dictionary):
        base = encoding.get("/BaseEncoding")
        bases = [known["/StandardEncoding"]] if base is None else [_known(base)]
        changed = differences(encoding)
    elif encoding is not None:
        raise FontError("encoding")
    found: dict[int, set[str]] = {}
    for code in codes:
        if code in changed:
            found[code] = {changed[code]}
        else:
            found[code] = {base[code] for base in bases if code in base}
    return found


def _known(base: Object) -> dict[int, str]:
    encoding = base_encodings().get(name_text(base))
    if encoding is None:
        raise FontError("encoding")
    return encoding


def differences(encoding: Dictionary) -> dict[int, str]:
    """The codes that an encoding gives names of their own.

    Raises:
        FontError: it is damaged.
    """
    found: dict[int, str] = {}
    code = 0
    array = encoding.get("/Differences")
    for item in array.as_list() if isinstance(array, Array) else []:
        if isinstance(item, Name):
            found.setdefault(code, name_text(item)[1:])
            code += 1
        else:
            try:
                code = int(item)
            except (TypeError, ValueError):
                raise FontError("encoding") from None
    return found


# Documents ask of the same names again and again.
@lru_cache(maxsize=4_096)
def unicode_of(name: str) -> frozenset[int]:
    """The characters that readers may look a name up by."""
    from fontTools.agl import toUnicode

    text = toUnicode(name)
    found = {ord(text)} if len(text) == 1 else set()
    if match := _UNICODE.fullmatch(name.split(".", 1)[0]):
        found.add(int(match[1], 16))
    return frozenset(found | {twin for value in found if (twin := _TWINS.get(value))})


def index_of(name: str) -> int | None:
    """The glyph index that a name such as ``g12`` may stand for."""
    match = _INDEXED.fullmatch(name)
    return int(match[1]) if match else None


def with_alike(names: Iterable[str], available: Iterable[str]) -> set[str]:
    """Those of the available glyph names that a reader may take for any of ``names``: the name itself, another name of
    the same character, a variant (``a.alt``) of either."""
    wanted = set(names)
    characters = {value for name in wanted for value in unicode_of(name)}
    found = set()
    for name in available:
        if name in wanted:
            found.add(name)
            continue
        plain = name.split(".", 1)[0]
        if plain and (plain in wanted or (characters and not characters.isdisjoint(unicode_of(name)))):
            found.add(name)
    return found
