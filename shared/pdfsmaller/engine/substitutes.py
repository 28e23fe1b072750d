"""PDFium's substitutes for fonts that a document does not embed, brought to a known shape.

For a font that it does not know, PDFium draws one of two fonts of its own whose width and weight can be set, and keeps
them set: by that, a page with such a font looks otherwise each time that it is drawn in one process. After ``reset``
it looks the same each time.
"""

from __future__ import annotations

import pypdfium2

_FONT = (
    b"%d 0 obj<</Type/Font/Subtype/TrueType/BaseFont/%s/FirstChar 120/LastChar 120/Widths[600]"
    b"/FontDescriptor %d 0 R>>endobj"
)
_DESCRIPTOR = (
    b"%d 0 obj<</Type/FontDescriptor/FontName/%s/Flags %d/StemV 80/ItalicAngle 0/FontBBox[0 0 1000 1000]"
    b"/Ascent 700/Descent -200/CapHeight 700>>endobj"
)
_NONSYMBOLIC, _SERIF = 32, 2
_TEXT = b"BT/A 9 Tf 9 9 Td(x)Tj/B 9 Tf 9 9 Td(x)Tj ET"
#: A page with a glyph of each substitute, of a width that is asked for. PDFium finds the objects itself.
_PAGE = b"\n".join(
    [
        b"%PDF-1.4",
        b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj",
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj",
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 32 32]/Contents 4 0 R"
        b"/Resources<</Font<</A 5 0 R/B 6 0 R>>>>>>endobj",
        b"4 0 obj<</Length %d>>stream\n%s\nendstream endobj" % (len(_TEXT), _TEXT),
        _FONT % (5, b"NoSuchSans", 7),
        _FONT % (6, b"NoSuchSerif", 8),
        _DESCRIPTOR % (7, b"NoSuchSans", _NONSYMBOLIC),
        _DESCRIPTOR % (8, b"NoSuchSerif", _NONSYMBOLIC | _SERIF),
        b"trailer<</Root 1 0 R/Size 9>>\nstartxref\n0\n%%EOF\n",
    ]
)


def reset() -> None:
    """Give the substitutes the same shape whatever was drawn before."""
    with pypdfium2.PdfDocument(_PAGE) as document:
        document[0].render().close()
