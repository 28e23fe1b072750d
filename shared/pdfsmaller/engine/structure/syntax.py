"""Names and text of documents that keep to no encoding, read without failing and written as they were.

Names are bytes; most are UTF-8 (ISO 32000-1, 7.3.5), but old files have names in Latin-1 and whatever else.
"""

from __future__ import annotations

from typing import Any

from pikepdf import Name, Object, String

# What stands for itself in a name: printable ASCII but for delimiters and the sign that begins an escape.
_REGULAR = frozenset(range(0x21, 0x7F)) - frozenset(b"()<>[]{}/%#")


def name_text(name: Any) -> str:
    """A name as text, as the keys of a dictionary are given: bytes that are no UTF-8 as surrogates. "" for no name."""
    return bytes(name).decode("utf-8", "surrogateescape") if isinstance(name, Name) else ""


def name_syntax(text: str) -> bytes:
    """The PDF syntax of a name given as such text."""
    data = text[1:].encode("utf-8", "surrogateescape")
    return b"/" + b"".join(bytes([byte]) if byte in _REGULAR else b"#%02x" % byte for byte in data)


def make_name(text: str) -> Object:
    """The name that such text stands for."""
    return Object.parse(name_syntax(text))


def string_text(value: Any) -> str:
    """A string as text; what is malformed is taken for Latin-1. "" for no string."""
    if not isinstance(value, String):
        return ""
    try:
        return str(value)
    except UnicodeDecodeError:
        return bytes(value).decode("latin-1")


_UTF_16 = b"\xfe\xff"
#: Characters that are the same byte in PDFDocEncoding (ISO 32000-1, annex D.2).
_ONE_BYTE = frozenset([*b"\t\n\r", *range(0x20, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)])
_MARKS = (b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf")


def narrow_text(value: bytes) -> bytes:
    """A text string's bytes in PDFDocEncoding instead of UTF-16, where that has all its characters."""
    if value[:2] != _UTF_16 or len(value) % 2 or any(value[2::2]):
        return value
    narrow = value[3::2]
    return narrow if _ONE_BYTE.issuperset(narrow) and not narrow.startswith(_MARKS) else value
