"""Keys as names of files: any text, on any file system.

A key's parts between slashes are folders, and the last one is a file. In a name only small letters, digits, ``_`` and
``-`` stand for themselves; any other byte of the key's UTF-8 is ``=`` and its two hexadecimal digits. So two keys never
meet in one file where a file system takes capitals for small letters, or one form of Unicode for another, and no name
climbs out (``..``), hides, or means something to the system. ``.`` and ``+`` are free to mark what a file is:

- ``name``: a folder, a part of keys that go on;
- ``name+``: a folder, the first piece of a part that is too long for one name;
- ``name.json``: an object's facts;
- ``name.{token}``: an object's bytes, if its facts name this token;
- ``name.{token}.new``: facts that are being written;
- ``name.{token}.parts``: which parts have come of bytes that come in parts (``multipart``).

An empty part is ``=`` alone. All of it can be read back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

FACTS = ".json"
NEW = ".new"
PARTS = ".parts"
#: A part that goes on in another name.
MORE = "+"
#: A part of as many bytes or more goes on in another name. At three characters a byte, with token and ending, a name
#: stays below the 255 that file systems take. It is always the same number, so that what names stand for sorts as keys.
_PIECE_BYTES = 64
_EMPTY = "="
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-")
_UNITS = tuple(chr(byte) if byte in _PLAIN else f"={byte:02x}" for byte in range(256))
_ESCAPE = re.compile(rb"=([0-9a-f]{2})")
_TOKEN = re.compile(r"[0-9a-f]{32}")


def path_of(key: str) -> list[str]:
    """The names from a bucket to an object: folders, and last what the names of its files begin with."""
    *folders, last = key.encode().split(b"/")
    return [name for part in folders for name in _pieces(part)] + list(_pieces(last))


def folders_of(prefix: bytes) -> list[str]:
    """The folders that hold all keys with a prefix."""
    return [name for part in prefix.split(b"/")[:-1] for name in _pieces(part)]


def text_of(name: str) -> bytes | None:
    """The bytes of a key that a name stands for; None where it is no name of ours."""
    if name == _EMPTY:
        return b""
    try:
        text = _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), name.encode())
    except UnicodeEncodeError:  # a name that somebody else made, in no UTF-8
        return None
    return text if text and _name(text) == name else None


def data_of(stem: str, token: str) -> str:
    """The file with an object's bytes."""
    return f"{stem}.{token}"


def new_of(stem: str, token: str) -> str:
    """The file that an object's facts are written into before they take their name."""
    return f"{stem}.{token}{NEW}"


def parts_of(stem: str, token: str) -> str:
    """The file that says which parts of an object's bytes have come."""
    return f"{stem}.{token}{PARTS}"


def token_in(name: str) -> tuple[str, str] | None:
    """The stem and the token in the name of bytes, or of what is written of them before they count; None for any other
    name.
    """
    stem, dot, token = name.removesuffix(NEW).removesuffix(PARTS).rpartition(".")
    return (stem, token) if dot and _TOKEN.fullmatch(token) else None  # without a dot it is a job's folder


def _pieces(part: bytes) -> Iterator[str]:
    """A part of a key as one name, or as several where it is long."""
    while len(part) >= _PIECE_BYTES:
        yield _name(part[:_PIECE_BYTES]) + MORE
        part = part[_PIECE_BYTES:]
    yield _name(part) or _EMPTY


def _name(text: bytes) -> str:
    return "".join(_UNITS[byte] for byte in text)
