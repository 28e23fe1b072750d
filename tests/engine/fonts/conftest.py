"""TrueType fonts and documents that show text with them, made on the spot."""

from __future__ import annotations

import io
import struct
from typing import Any

import pikepdf
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables.ttProgram import Program
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

LETTERS = [chr(code) for code in (*range(65, 91), *range(97, 123))]
#: Glyph 1 is the space, A is 2, …, a is 28, …; then AE of parts A and E.
GLYPHS = [".notdef", "space", *LETTERS, "AE"]


def truetype(*, post: bool = True, cmaps: tuple[tuple[int, int, int], ...] = ((3, 1, 4), (1, 0, 0))) -> bytes:
    """A program whose letters are bars of different heights.

    Args:
        post: with glyph names.
        cmaps: platform, encoding and format of each subtable.
    """
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(GLYPHS)
    drawn = {name: _bars(index) for index, name in enumerate(GLYPHS[:-1])}
    pen = TTGlyphPen(drawn)
    pen.addComponent("A", (1, 0, 0, 1, 0, 0))
    pen.addComponent("E", (1, 0, 0, 1, 300, 0))
    drawn["AE"] = pen.glyph()
    builder.setupCharacterMap({32: "space", 0xC6: "AE", **{ord(name): name for name in LETTERS}})
    builder.setupGlyf(drawn)
    builder.setupHorizontalMetrics({name: (400 + 7 * index, 10) for index, name in enumerate(GLYPHS)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Bars", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost(keepGlyphNames=post)
    font = builder.font
    font.recalcTimestamp = False
    font["head"].created = font["head"].modified = 0
    best = font["cmap"].getBestCmap()
    font["cmap"].tables = [_subtable(best, *cmap) for cmap in cmaps]
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


def _bars(index: int) -> Any:
    pen = TTGlyphPen(None)
    for bar in range(6 if index > 1 else 0):
        left, top = 20 + 50 * bar, 100 + (index * 37 + bar * 131) % 600
        for number, point in enumerate(((left, 0), (left, top), (left + 31, top), (left + 31, bar))):
            (pen.lineTo if number else pen.moveTo)(point)
        pen.closePath()
    return pen.glyph()


def _subtable(best: dict[int, str], platform: int, encoding: int, number: int) -> Any:
    from fontTools.ttLib.tables._c_m_a_p import CmapSubtable

    table = CmapSubtable.newSubtable(number)
    table.platformID, table.platEncID, table.language = platform, encoding, 0
    codes = {code: name for code, name in best.items() if code < 128 or number == 4}
    table.cmap = {code + 0xF000: name for code, name in codes.items()} if (platform, encoding) == (3, 0) else codes
    return table


def instructed(*names: str) -> bytes:
    """The program with instructions, which these of its glyphs call; the one for missing glyphs is a bar, too."""
    font = opened(truetype())
    font["glyf"][".notdef"] = _bars(2)
    for tag, code in (("fpgm", b"\xb0\x00\x2c\x2d"), ("prep", b"\xb8\x01\xff\x85" * 500)):
        font[tag] = newTable(tag)
        font[tag].program = _calls(code)
    for name in names:
        font["glyf"][name].program = _calls(b"\xb0\x00\x2b")
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


def _calls(code: bytes) -> Program:
    program = Program()
    program.fromBytecode(code)
    return program


def opened(program: bytes) -> TTFont:
    return TTFont(io.BytesIO(program))


def descriptor(pdf: Pdf, program: bytes, *, flags: int = 32, name: str = "Bars") -> Dictionary:
    stream = pdf.make_indirect(Stream(pdf, program, Length1=len(program)))
    return pdf.make_indirect(
        Dictionary(
            Type=Name.FontDescriptor,
            FontName=Name("/" + name),
            Flags=flags,
            FontBBox=Array([0, -200, 800, 800]),
            ItalicAngle=0,
            Ascent=800,
            Descent=-200,
            CapHeight=700,
            StemV=80,
            FontFile2=stream,
        )
    )


def simple(pdf: Pdf, program: bytes, encoding: Object | None = Name.WinAnsiEncoding, **about: Any) -> Dictionary:
    """A simple TrueType font."""
    font = Dictionary(
        Type=Name.Font,
        Subtype=Name.TrueType,
        BaseFont=Name("/" + about.get("name", "Bars")),
        FirstChar=32,
        LastChar=255,
        Widths=Array([500] * 224),
        FontDescriptor=descriptor(pdf, program, **about),
    )
    if encoding is not None:
        font.Encoding = encoding
    return pdf.make_indirect(font)


def composite(pdf: Pdf, program: bytes, encoding: Object | None = None, **keys: Any) -> Dictionary:
    """A Type 0 font with its CIDFontType2. ``keys`` go into the CIDFont."""
    cid_font = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=Name.Bars,
        CIDSystemInfo=Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0),
        DW=500,
        FontDescriptor=descriptor(pdf, program),
        **{"CIDToGIDMap": Name.Identity, **keys},
    )
    return pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type0,
            BaseFont=Name.Bars,
            Encoding=Name("/Identity-H") if encoding is None else encoding,
            DescendantFonts=Array([pdf.make_indirect(cid_font)]),
        )
    )


def add_page(pdf: Pdf, content: bytes, **resources: Any) -> pikepdf.Page:
    pdf.add_blank_page(page_size=(300, 200))
    page = pdf.pages[-1]
    page.obj.Resources = Dictionary(**resources)
    page.obj.Contents = pdf.make_stream(content)
    return page


def form(pdf: Pdf, content: bytes, **resources: Any) -> Stream:
    keys = {"Resources": Dictionary(**resources)} if resources else {}
    return pdf.make_indirect(
        Stream(pdf, content, Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 300, 200]), **keys)
    )


def saved(pdf: Pdf) -> bytes:
    out = io.BytesIO()
    pdf.save(out, deterministic_id=True)
    return out.getvalue()


def glyph_codes(text: str) -> bytes:
    """Two-byte glyph indices of letters."""
    return b"".join(struct.pack(">H", GLYPHS.index(letter)) for letter in text)
