"""Font programs made on the spot, of every kind that PDFs embed, and PDF fonts around them.

Every glyph is a pattern of squares and a curve of its own and has a width of its own, so that a wrong, missing or
shifted glyph shows in any rendering. ``é`` is composed of ``e`` and an accent, as TrueType fonts do it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from typing import Any

import pikepdf
from fontTools.fontBuilder import FontBuilder
from fontTools.misc import eexec
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from pikepdf import Array, Dictionary, Name, Pdf, Stream

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,"
_NAMES = {**{c: c for c in LETTERS if c.isalpha()}, " ": "space", ".": "period", ",": "comma", "é": "eacute"} | dict(
    zip("0123456789", ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], strict=True)
)
#: All glyphs but the accent, by Unicode character.
GLYPHS = {" ": "space", **{c: _NAMES[c] for c in LETTERS}, "é": "eacute"}
_ORDER = [".notdef", "acute", *GLYPHS.values()]
_UNITS = 1000


def width(char: str) -> int:
    """A glyph's advance in thousandths."""
    return 300 if char == " " else 480 + ord(char) % 7 * 30


def _squares(char: str) -> list[tuple[int, int]]:
    """Where a glyph's squares stand, on a grid of 3 × 4: its number in binary, with a foot that all have."""
    code = ord("e" if char == "é" else char)
    return [(0, 0)] + [(n % 3, 1 + n // 3) for n in range(8) if code >> n & 1]


def _draw(pen: Any, char: str, *, accent: bool = True) -> None:
    for column, row in _squares(char) if char != " " else ():
        x, y = 40 + column * 140, row * 160
        pen.moveTo((x, y))
        pen.lineTo((x, y + 120))
        pen.lineTo((x + 100, y + 120))
        pen.lineTo((x + 100, y))
        pen.closePath()
    if char == "é" and accent:
        _draw_accent(pen)


def _draw_accent(pen: Any) -> None:
    pen.moveTo((100, 700))
    pen.lineTo((200, 860))
    pen.lineTo((280, 820))
    pen.closePath()


# --- programs ---------------------------------------------------------------------------------------------------------


def _built(*, cff: bool) -> FontBuilder:
    font = FontBuilder(_UNITS, isTTF=not cff)
    font.setupGlyphOrder(_ORDER)
    font.setupCharacterMap({ord(char): name for char, name in GLYPHS.items()})
    widths = {".notdef": 500, "acute": 0} | {name: width(char) for char, name in GLYPHS.items()}
    if cff:
        charstrings = {}
        for name in _ORDER:
            pen = T2CharStringPen(widths[name], None)
            _draw_named(pen, name)
            charstrings[name] = pen.getCharString()
        font.setupCFF("TestFace", {"FullName": "Test Face"}, charstrings, {})
    else:
        glyphs = {}
        for name in _ORDER:
            outline = TTGlyphPen(glyphs)
            if name == "eacute":
                outline.addComponent("e", (1, 0, 0, 1, 0, 0))
                outline.addComponent("acute", (1, 0, 0, 1, 0, 0))
            else:
                _draw_named(outline, name)
            glyphs[name] = outline.glyph()
        font.setupGlyf(glyphs)
    font.setupHorizontalMetrics({name: (advance, 0) for name, advance in widths.items()})
    font.setupHorizontalHeader(ascent=900, descent=-200)
    font.setupNameTable({"familyName": "Test Face", "styleName": "Regular", "psName": "TestFace"})
    font.setupOS2(sTypoAscender=900, sTypoDescender=-200)
    font.setupPost()
    return font


def _draw_named(pen: Any, name: str) -> None:
    chars = {glyph: char for char, glyph in GLYPHS.items()}
    if name == "acute":
        _draw_accent(pen)
    elif name in chars:
        _draw(pen, chars[name])


@cache
def truetype() -> bytes:
    """A TrueType program with a composite glyph."""
    buffer = io.BytesIO()
    _built(cff=False).save(buffer)
    return buffer.getvalue()


@cache
def opentype() -> bytes:
    """An OpenType program with CFF outlines."""
    buffer = io.BytesIO()
    _built(cff=True).save(buffer)
    return buffer.getvalue()


@cache
def cff() -> bytes:
    """Those outlines as a bare CFF table."""
    return bytes(_built(cff=True).font.getTableData("CFF "))


@cache
def type1() -> tuple[bytes, int, int]:
    """A Type 1 program with hints and subroutines, and the lengths of its clear and encrypted parts."""
    encoding = "".join(f"dup {ord(char)} /{name} put\n" for char, name in GLYPHS.items() if ord(char) < 256)
    clear = (
        "%!PS-AdobeFont-1.0: TestFace 1.0\n12 dict begin\n/FontInfo 2 dict dup begin\n"
        "/FullName (Test Face) readonly def\n"
        "end readonly def\n/FontName /TestFace def\n/PaintType 0 def\n/FontType 1 def\n"
        "/FontMatrix [0.001 0 0 0.001 0 0] readonly def\n/FontBBox {0 -200 700 900} readonly def\n"
        f"/Encoding 256 array\n0 1 255 {{1 index exch /.notdef put}} for\n{encoding}readonly def\n"
        "currentdict end\ncurrentfile eexec\n"
    ).encode()
    square = _code(120, "vlineto", 100, "hlineto", -120, "vlineto", "closepath", "return")
    subrs = [
        _code(3, 0, "callothersubr", "pop", "pop", "setcurrentpoint", "return"),
        _code(0, 1, "callothersubr", "return"),
        _code(0, 2, "callothersubr", "return"),
        _code("return"),
        square,
    ]
    glyphs = {".notdef": _code(0, 500, "hsbw", "endchar")}
    for char, name in GLYPHS.items():
        glyphs[name] = _type1_glyph(char)
    private = b"dup /Private 8 dict dup begin\n/RD {string currentfile exch readstring pop} executeonly def\n"
    private += b"/ND {noaccess def} executeonly def\n/NP {noaccess put} executeonly def\n"
    private += b"/BlueValues [-10 0 860 870] def\n/password 5839 def\n/MinFeature {16 16} def\n/lenIV 4 def\n"
    private += b"/Subrs %d array\n" % len(subrs)
    for number, code in enumerate(subrs):
        hidden = _hidden(code, 4330)
        private += b"dup %d %d RD " % (number, len(hidden)) + hidden + b" NP\n"
    private += b"ND\n2 index /CharStrings %d dict dup begin\n" % len(glyphs)
    for name, code in glyphs.items():
        hidden = _hidden(code, 4330)
        private += b"/%s %d RD " % (name.encode(), len(hidden)) + hidden + b" ND\n"
    private += b"end\nend\nreadonly put\nnoaccess put\n"
    private += b"dup /FontName get exch definefont pop\nmark currentfile closefile\n"
    encrypted = _hidden(private, 55665)
    trailer = (b"0" * 64 + b"\n") * 8 + b"cleartomark\n"
    return clear + encrypted + trailer, len(clear), len(encrypted)


_COMMANDS: dict[str, bytes] = {
    "hstem": b"\x01",
    "vlineto": b"\x07",
    "hlineto": b"\x06",
    "rlineto": b"\x05",
    "closepath": b"\x09",
    "callsubr": b"\x0a",
    "return": b"\x0b",
    "hsbw": b"\x0d",
    "endchar": b"\x0e",
    "rmoveto": b"\x15",
    "callothersubr": b"\x0c\x10",
    "pop": b"\x0c\x11",
    "setcurrentpoint": b"\x0c\x21",
}


def _code(*tokens: int | str) -> bytes:
    """A Type 1 charstring (Adobe Type 1 Font Format, chapter 6)."""
    data = b""
    for token in tokens:
        if isinstance(token, str):
            data += _COMMANDS[token]
        elif -107 <= token <= 107:
            data += bytes([token + 139])
        elif 108 <= token <= 1131:
            data += bytes([247 + (token - 108 >> 8), token - 108 & 255])
        elif -1131 <= token <= -108:
            data += bytes([251 + (-token - 108 >> 8), -token - 108 & 255])
    return data


def _type1_glyph(char: str) -> bytes:
    tokens: list[int | str] = [0, width(char), "hsbw", 0, 120, "hstem"]
    x = y = 0
    for column, row in _squares(char) if char != " " else ():
        left, bottom = 40 + column * 140, row * 160
        tokens += [left - x, bottom - y, "rmoveto", 4, "callsubr"]
        x, y = left + 100, bottom  # closing a path leaves the current point where it was (ibid., 6.4)
    if char == "é":
        tokens += [100 - x, 700 - y, "rmoveto", 100, 160, "rlineto", 80, -40, "rlineto", "closepath"]
    return _code(*tokens, "endchar")


def _hidden(data: bytes, key: int) -> bytes:
    return bytes(eexec.encrypt(b"\0\0\0\0" + data, key)[0])


# --- PDF fonts --------------------------------------------------------------------------------------------------------


def _descriptor(pdf: Pdf, name: str, **program: Any) -> pikepdf.Object:
    return pdf.make_indirect(
        Dictionary(
            Type=Name.FontDescriptor,
            FontName=Name(f"/{name}"),
            Flags=32,
            FontBBox=Array([0, -200, 700, 900]),
            ItalicAngle=0,
            Ascent=900,
            Descent=-200,
            CapHeight=700,
            StemV=100,
            **program,
        )
    )


def _simple(pdf: Pdf, name: str, subtype: str, **program: Any) -> pikepdf.Object:
    codes = range(32, 256)
    chars = {code: bytes([code]).decode("cp1252", "replace") for code in codes}
    return pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name(f"/{subtype}"),
            BaseFont=Name(f"/{name}"),
            FirstChar=32,
            LastChar=255,
            Widths=Array([width(chars[code]) if chars[code] in GLYPHS else 0 for code in codes]),
            Encoding=Name.WinAnsiEncoding,
            FontDescriptor=_descriptor(pdf, name, **program),
        )
    )


def _composite(pdf: Pdf, name: str, subtype: str, *, mapped: bool = False, **program: Any) -> pikepdf.Object:
    """Codes are glyph numbers; with ``mapped`` they are glyph numbers + 100, brought back by /CIDToGIDMap."""
    shift = 100 if mapped else 0
    numbers = {char: _ORDER.index(glyph) + shift for char, glyph in GLYPHS.items()}
    descendant = Dictionary(
        Type=Name.Font,
        Subtype=Name(f"/{subtype}"),
        BaseFont=Name(f"/{name}"),
        CIDSystemInfo=Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0),
        W=Array([item for char, number in numbers.items() for item in (number, Array([width(char)]))]),
        FontDescriptor=_descriptor(pdf, name, **program),
    )
    if subtype == "CIDFontType2":
        table = b"\0\0" * shift + b"".join(n.to_bytes(2, "big") for n in range(len(_ORDER)))
        descendant.CIDToGIDMap = pdf.make_stream(table) if mapped else Name.Identity
    unicode = "".join(f"<{number:04x}> <{ord(char):04x}>\n" for char, number in numbers.items())
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def\n"
        f"1 begincodespacerange <0000> <ffff> endcodespacerange\n{len(numbers)} beginbfchar\n{unicode}endbfchar\n"
        "endcmap CMapName currentdict /CMap defineresource pop end end\n"
    )
    return pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type0,
            BaseFont=Name(f"/{name}"),
            Encoding=Name("/Identity-H"),
            DescendantFonts=Array([pdf.make_indirect(descendant)]),
            ToUnicode=pdf.make_stream(cmap.encode()),
        )
    )


def _stream(pdf: Pdf, data: bytes, **keys: Any) -> pikepdf.Object:
    return pdf.make_indirect(Stream(pdf, data, **keys))


def simple_truetype(pdf: Pdf) -> pikepdf.Object:
    return _simple(pdf, "TestFace", "TrueType", FontFile2=_stream(pdf, truetype(), Length1=len(truetype())))


def simple_type1(pdf: Pdf) -> pikepdf.Object:
    program, clear, encrypted = type1()
    rest = len(program) - clear - encrypted
    stream = _stream(pdf, program, Length1=clear, Length2=encrypted, Length3=rest)
    return _simple(pdf, "TestFace", "Type1", FontFile=stream)


def simple_type1c(pdf: Pdf) -> pikepdf.Object:
    return _simple(pdf, "TestFace", "Type1", FontFile3=_stream(pdf, cff(), Subtype=Name.Type1C))


def simple_opentype(pdf: Pdf) -> pikepdf.Object:
    return _simple(pdf, "TestFace", "Type1", FontFile3=_stream(pdf, opentype(), Subtype=Name.OpenType))


def cid_truetype(pdf: Pdf) -> pikepdf.Object:
    return _composite(pdf, "TestFace", "CIDFontType2", FontFile2=_stream(pdf, truetype(), Length1=len(truetype())))


def cid_truetype_mapped(pdf: Pdf) -> pikepdf.Object:
    program = _stream(pdf, truetype(), Length1=len(truetype()))
    return _composite(pdf, "TestFace", "CIDFontType2", mapped=True, FontFile2=program)


def cid_cff(pdf: Pdf) -> pikepdf.Object:
    program = _stream(pdf, cff(), Subtype=Name.CIDFontType0C)
    return _composite(pdf, "TestFace", "CIDFontType0", FontFile3=program)


#: Every kind of embedded font: name → what adds it to a document.
KINDS: dict[str, Callable[[Pdf], pikepdf.Object]] = {
    make.__name__: make
    for make in (
        simple_truetype,
        simple_type1,
        simple_type1c,
        simple_opentype,
        cid_truetype,
        cid_truetype_mapped,
        cid_cff,
    )
}


def shown(kind: str, text: str) -> bytes:
    """``text`` as the string operand that shows it in a font of this kind."""
    if not kind.startswith("cid"):
        return b"<" + text.encode("cp1252").hex().encode() + b">"
    shift = 100 if kind == "cid_truetype_mapped" else 0
    numbers = (_ORDER.index(GLYPHS[char]) + shift for char in text)
    return b"<" + b"".join(b"%04x" % number for number in numbers) + b">"
