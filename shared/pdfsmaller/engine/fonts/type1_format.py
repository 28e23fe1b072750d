"""Type 1 font programs (Adobe Type 1 Font Format, 1990): the dictionaries and charstrings as a model of one font.

PostScript is not interpreted: the entries that a renderer reads are looked for by name, as renderers themselves do,
so that fonts of any producer are understood. Guarantees: reading costs time and memory in proportion to the data.
Non-goals: Type 1 fonts with PostScript that computes entries.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from pdfsmaller.engine import lua
from pdfsmaller.engine.fonts.cff_format import standard_encoding
from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.records import record

_EEXEC = Path(__file__).with_name("eexec.lua")
_EEXEC_KEY = 55_665
# PostScript's white space, what names are made of, and the one word (RD, -|, …) before binary data.
_S, _N, _WORD = r"[ \t\r\n\0\f]", r"[^ \t\r\n\0\f/\[\]{}()<>%]", r"[^ \t\r\n\0\f/]+"


def _pattern(text: str) -> re.Pattern[bytes]:
    return re.compile(text.replace("~", _S).replace("NAME", _N).replace("WORD", _WORD).encode("latin-1"))


_TOKEN = _pattern(r"~*(/?NAME+|[/\[\]{}()<>])")
_SUBRS = _pattern(r"/Subrs~+\d+~+array")
_SUBR = _pattern(r"~*dup~+(\d{1,6})~+(\d{1,6})~+WORD~")
_CHARSTRINGS = _pattern(r"/CharStrings~+\d+~+dict")
_CHARSTRING = _pattern(r"~*/(NAME*)~+(\d{1,6})~+WORD~")
_CODE = _pattern(r"dup~+(?:(\d{1,2})#)?([0-9a-zA-Z]{1,8})~*/(NAME*)~+put\b|(?<!NAME)(?<!/)def\b")
# What follows a name that is not the beginning of a longer one.
_VALUE = _pattern(r"(?![0-9A-Za-z])~*([\[{][^\]}]{0,4096}|WORD)")
_MOST_GLYPHS = 65_535
# About a second of decryption; the largest fonts of the time are a tenth of it.
_MOST_BYTES = 8_000_000
# Calling Lua takes as long as decrypting some hundred bytes here, and a thread's first call of all as some thousand.
_LONG_BYTES = 2_000
# What PostScript fonts write between two charstrings: `ND`, `noaccess def`, `readonly put` …
_TOKENS_BETWEEN = 4


@record()
class Type1:
    """One Type 1 font.

    Attributes:
        name: the PostScript name.
        text: the clear part, and the private part up to its charstrings and after them, for ``numbers``.
        encoding: code to glyph name.
        len_iv: bytes before each charstring, -1 where charstrings are not encrypted.
        subrs: subroutines as stored.
        charstrings: glyphs as stored.
    """

    name: bytes
    text: bytes
    encoding: dict[int, str]
    len_iv: int
    subrs: dict[int, bytes]
    charstrings: dict[str, bytes]

    def numbers(self, key: str) -> list[float] | None:
        """The numbers of an entry, an array or a single one; None where there is no such entry."""
        return numbers_of(self.text, key)


def decrypt(data: bytes, key: int) -> bytes:
    """eexec and charstring encryption undone (Type 1 Font Format, chapter 7)."""
    if len(data) >= _LONG_BYTES:
        with suppress(lua.Unavailable):
            return bytes(lua.call(_EEXEC, len(data), data, key))
    plain = bytearray()
    add = plain.append
    for byte in data:
        add(byte ^ key >> 8)
        key = (byte + key) * 52_845 + 22_719 & 0xFFFF
    return bytes(plain)


def numbers_of(text: bytes, key: str) -> list[float] | None:
    """The numbers of the first entry of that name, an array or a single one; None where there is none."""
    name = b"/" + key.encode()
    at, found = text.find(name), None
    while at >= 0 and found is None:
        found = _VALUE.match(text, at + len(name))
        at = text.find(name, at + 1)
    if found is None:
        return None
    values = []
    for word in found[1].strip(b"[{").split():
        if word in (b"true", b"false"):
            values.append(float(word == b"true"))
            continue
        try:
            value = float(word)
        except ValueError:
            return None
        if not abs(value) < 1e9:
            return None
        values.append(value)
    return values


def read_type1(data: bytes) -> Type1:
    """The font of a Type 1 program: clear and encrypted parts, with PFB headers or without.

    Raises:
        FontError: it is damaged, or has what is not understood here.
    """
    if len(data) > _MOST_BYTES:
        raise FontError("Type 1 too large")
    data = _without_pfb(data)
    clear, private = _parts(data)
    charstrings, begin, end = _read_charstrings(private)
    found = _SUBRS.search(private)
    subrs: dict[int, bytes] = {}
    # Entries are looked for outside of what is binary.
    texts = [clear, private[:begin], private[end : end + 4096]]
    if found is not None:
        subrs, after = _read_subrs(private, found.end())
        texts[1:2] = [private[: found.start()], private[after : max(after, begin)]]
    text = b"\n".join(texts)
    len_iv = numbers_of(text, "lenIV") or [4]
    if not -1 <= len_iv[0] <= 16:
        raise FontError("Type 1 lenIV")
    name = _pattern(r"/FontName~*/(NAME{1,127})").search(clear)
    return Type1(name[1] if name else b"F", text, _read_encoding(clear), int(len_iv[0]), subrs, charstrings)


def _without_pfb(data: bytes) -> bytes:
    """The data without the headers of a Printer Font Binary file's segments."""
    if data[:1] != b"\x80":
        return data
    parts = []
    at = 0
    while data[at : at + 1] == b"\x80" and data[at + 1 : at + 2] in (b"\1", b"\2"):
        length = int.from_bytes(data[at + 2 : at + 6], "little")
        parts.append(data[at + 6 : at + 6 + length])
        at += 6 + length
    return b"".join(parts)


def _parts(data: bytes) -> tuple[bytes, bytes]:
    """The clear part, and the private one decrypted."""
    found = re.search(rb"eexec[ \t\r\n]+", data)
    if found is None:
        if _CHARSTRINGS.search(data):  # never encrypted
            return data, data
        raise FontError("not a Type 1 program")
    clear, cipher = data[: found.start()], data[found.end() :]
    if re.match(rb"[0-9A-Fa-f]{4}", cipher):
        digits = re.sub(rb"[^0-9A-Fa-f]+", b"", cipher)
        cipher = bytes.fromhex(digits[: len(digits) & ~1].decode("ascii"))
    private = decrypt(cipher, _EEXEC_KEY)[4:]
    if not _CHARSTRINGS.search(private):
        private = cipher  # a few producers forget to encrypt
    return clear, private


def _read_charstrings(private: bytes) -> tuple[dict[str, bytes], int, int]:
    """The glyphs, and where their dictionary begins and ends.

    A synthetic font has a second, smaller one.
    """
    best: tuple[dict[str, bytes], int, int] = {}, 0, 0
    at = 0
    for found in _CHARSTRINGS.finditer(private):
        if found.start() < at:
            continue  # within a glyph
        glyphs: dict[str, bytes] = {}
        at = private.find(b"begin", found.end(), found.end() + 64)
        at = found.end() if at < 0 else at + 5
        while (entry := _CHARSTRING.match(private, at)) is not None:
            stop = entry.end() + int(entry[2])
            if stop > len(private):
                raise FontError("Type 1 cut short")
            glyphs.setdefault(entry[1].decode("latin-1"), private[entry.end() : stop])
            at = _next(private, stop, b"/")
        if len(glyphs) > len(best[0]):
            best = glyphs, found.start(), at
    if not best[0]:
        raise FontError("Type 1 without glyphs")
    if len(best[0]) > _MOST_GLYPHS:
        raise FontError("Type 1 glyph count")
    return best


def _read_subrs(private: bytes, at: int) -> tuple[dict[int, bytes], int]:
    """The subroutines by number, and where they end."""
    subrs: dict[int, bytes] = {}
    while (entry := _SUBR.match(private, at)) is not None:
        stop = entry.end() + int(entry[2])
        if stop > len(private):
            raise FontError("Type 1 cut short")
        subrs.setdefault(int(entry[1]), private[entry.end() : stop])
        at = _next(private, stop, b"dup")
    return subrs, at


def _next(data: bytes, at: int, wanted: bytes) -> int:
    """Where a token that begins so comes next, a few tokens ahead at most; else where it was looked for."""
    start = at
    for _ in range(_TOKENS_BETWEEN):
        token = _TOKEN.match(data, at)
        if token is None:
            break
        if token[1].startswith(wanted):
            return at
        at = token.end()
    return start


def _read_encoding(clear: bytes) -> dict[int, str]:
    found = _pattern(r"/Encoding~*").search(clear)
    if found is None:
        raise FontError("Type 1 without encoding")
    at = found.end()
    token = _TOKEN.match(clear, at)
    if token is not None and token[1] == b"StandardEncoding":
        return dict(standard_encoding())
    encoding: dict[int, str] = {}
    if token is not None and token[1] == b"[":
        names = clear[token.end() : clear.find(b"]", token.end())].replace(b"/", b" /").split()
        for code, name in enumerate(names[:256]):
            encoding[code] = name.lstrip(b"/").decode("latin-1")
    elif token is not None and token[1].isdigit():
        for entry in _CODE.finditer(clear, at):
            if entry[3] is None:
                break
            try:
                code = int(entry[2], int(entry[1] or 10))
            except ValueError:
                raise FontError("Type 1 encoding damaged") from None
            if not 0 <= code < 256:
                raise FontError("Type 1 encoding damaged")
            encoding[code] = entry[3].decode("latin-1")
    else:
        raise FontError("Type 1 encoding not understood")
    return {code: name for code, name in encoding.items() if name != ".notdef"}
