"""Font programs for tests, built from charstrings in words, and read back with fontTools."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from fontTools.cffLib import CFFFontSet
from fontTools.fontBuilder import FontBuilder
from fontTools.misc import eexec
from fontTools.misc.psCharStrings import T1CharString, T2CharString
from fontTools.pens.recordingPen import RecordingPen

# Flex as fonts do it, then hint replacement (Type 1 Font Format, sections 8.3 and 8.1).
STANDARD_SUBRS = (
    "3 0 callothersubr pop pop setcurrentpoint return",
    "0 1 callothersubr return",
    "0 2 callothersubr return",
    "return",
    "1 3 callothersubr pop callsubr return",
)
SQUARE = "50 500 hsbw 0 0 rmoveto 400 hlineto 400 vlineto -400 hlineto closepath endchar"
NOTDEF = "0 500 hsbw endchar"
PRIVATE = """/BlueValues [-12 0 500 512] def /OtherBlues [-210 -200] def /BlueScale 0.05 def /BlueShift 6 def
/StdHW [40] def /StdVW [80] def /StemSnapV [80 90] def /ForceBold true def"""


def type1_program(
    glyphs: Mapping[str, str],
    *,
    subrs: Sequence[str] | None = STANDARD_SUBRS,
    encoding: str | None = None,
    private: str = PRIVATE,
    clear: str = "/FontMatrix [0.001 0 0 0.001 0 0] readonly def /FontBBox {-10 -20 500 510} readonly def",
    len_iv: int = 4,
    words: tuple[str, str, str] = ("RD", "ND", "NP"),
    form: str = "binary",
) -> bytes:
    """A Type 1 program; ``form`` is binary, hex, pfb or bare (not encrypted at all)."""
    read, define, put = words
    codes = "".join(f"dup {code} /{name} put\n" for code, name in enumerate(glyphs, 65) if name != ".notdef")
    encoding = encoding or f"256 array 0 1 255 {{1 index exch /.notdef put}} for\n{codes}readonly def"
    head = f"%!PS-AdobeFont-1.0: Test\n/FontName /Test def {clear}\n/Encoding {encoding}\ncurrentfile eexec\n"
    body = [f"dup /Private 16 dict dup begin /{read} {{string currentfile exch readstring pop}} def\n{private}\n"]
    if len_iv != 4:
        body.append(f"/lenIV {len_iv} def\n")
    parts = [part.encode("latin-1") for part in body]
    if subrs is not None:
        parts.append(b"/Subrs %d array\n" % len(subrs))
        for number, text in enumerate(subrs):
            data = _stored(text, len_iv)
            parts.append(b"dup %d %d %s " % (number, len(data), read.encode()) + data + b" %s\n" % put.encode())
        parts.append(b"def\n")
    parts.append(b"2 index /CharStrings %d dict dup begin\n" % len(glyphs))
    for name, text in glyphs.items():
        data = _stored(text, len_iv)
        parts.append(b"/%s %d %s " % (name.encode("latin-1"), len(data), read.encode()) + data)
        parts.append(b" %s\n" % define.encode())
    parts.append(
        b"end\nend\nreadonly put\nnoaccess put\ndup/FontName get exch definefont pop\nmark currentfile closefile\n"
    )
    plain = b"".join(parts)
    clear_part = head.encode("latin-1")
    tail = (b"0" * 64 + b"\n") * 8 + b"cleartomark\n"
    if form == "bare":
        return clear_part + plain
    secret, _ = eexec.encrypt(b"\xf0\xf0\xf0\xf0" + plain, 55_665)
    if form == "hex":
        return clear_part + secret.hex().encode() + b"\n" + tail
    if form == "pfb":
        segments = ((1, clear_part), (2, secret), (1, tail))
        return b"".join(b"\x80%c" % kind + len(d).to_bytes(4, "little") + d for kind, d in segments) + b"\x80\x03"
    return clear_part + secret + tail


def _stored(text: str, len_iv: int) -> bytes:
    charstring = T1CharString(program=[int(word) if word.lstrip("-").isdigit() else word for word in text.split()])
    charstring.compile()
    if len_iv < 0:
        return bytes(charstring.bytecode)
    return bytes(eexec.encrypt(b"\0" * len_iv + charstring.bytecode, 4_330)[0])


def cff_program(
    glyphs: Mapping[str, str],
    *,
    encoding: Mapping[int, str] | None = None,
    private: Mapping[str, Any] | None = None,
    subrs: Sequence[str] = (),
    global_subrs: Sequence[str] = (),
) -> bytes:
    """A name-keyed CFF with charstrings in words; their widths go with nominalWidthX 0."""
    builder = FontBuilder(1000, isTTF=False)
    builder.setupGlyphOrder(list(glyphs))
    charstrings = {name: T2CharString(program=_words(text)) for name, text in glyphs.items()}
    information = {"FullName": "Test Font", "Notice": "A notice that no reader of a PDF needs."}
    builder.setupCFF("Test", information, charstrings, dict(private or {}))
    font = builder.font["CFF "].cff
    top = font[0]
    top.Encoding = [(encoding or {}).get(code, ".notdef") for code in range(256)]
    if subrs:
        from fontTools.cffLib import SubrsIndex

        top.Private.Subrs = SubrsIndex()
        for text in subrs:
            top.Private.Subrs.append(T2CharString(program=_words(text)))
    for text in global_subrs:
        font.GlobalSubrs.append(T2CharString(program=_words(text)))
    out = io.BytesIO()
    font.compile(out, builder.font, isCFF2=False)
    return out.getvalue()


def _words(text: str) -> list[Any]:
    words: list[Any] = []
    for word in text.split():
        if word.startswith("mask:"):
            words.append(bytes.fromhex(word[5:]))
        else:
            try:
                words.append(int(word))
            except ValueError:
                words.append(word)
    return words


def opened(cff: bytes) -> Any:
    """The font as fontTools reads it."""
    fonts = CFFFontSet()
    fonts.decompile(io.BytesIO(cff), None)
    return fonts[0]


def drawn(cff: bytes, name: str) -> tuple[float, list[Any]]:
    """A glyph's width and path as fontTools draws it."""
    charstring = opened(cff).CharStrings[name]
    pen = RecordingPen()
    charstring.draw(pen)
    return charstring.width, pen.value


def program_of(cff: bytes, name: str) -> list[Any]:
    """A glyph's charstring in words."""
    charstring = opened(cff).CharStrings[name]
    charstring.decompile()
    return list(charstring.program)
