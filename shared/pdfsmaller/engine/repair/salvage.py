"""Files without a usable end: cut off, or with object numbers that qpdf takes for nonsense.

Everything a reader needs to begin with stands at a PDF's end: the trailer and, in modern files, the table of the
objects that are packed into object streams. Where that is gone (a download that stopped half-way), the objects
themselves are mostly there. The copy made here is the source with what was packed laid open behind it and a new
trailer; qpdf then finds all objects by itself. The same makes readable what is packed with Brotli.

Non-goals: encrypted files whose trailer is gone (its key is in there), and objects packed in encrypted files.
"""

from __future__ import annotations

import mmap
import re
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

import brotli

from pdfsmaller.engine.brotli_data import decompress
from pdfsmaller.engine.streams import BROTLI

_Buffer = bytes | mmap.mmap

# Rebuilding, qpdf ignores objects whose number is over a third of the file's size in bytes.
_BYTES_PER_OBJECT = 3
# ISO 32000-1, table C.1; the copy is at most three times as many bytes longer, and those are a hole in the file.
_MAX_OBJECT_NUMBER = 8_388_607
_MAX_DEPTH = 100
#: Packed objects of more bytes than this are given up.
MAX_PACKED_BYTES = 100_000_000
# A dictionary is looked at within so many bytes of its beginning.
_WINDOW = 4_096

_OBJECT = re.compile(rb"(?<!\d)(\d{1,7})[ \t\r\n]+(\d{1,5})[ \t\r\n]+obj\b")
_STREAM = re.compile(rb"stream\r?\n")
_CATALOG = re.compile(rb"/Type\s*/Catalog\b")
_PAGES = re.compile(rb"/Pages\s+(\d{1,7})\s+\d+\s+R")
_PAGE = re.compile(rb"/Type\s*/Page\b(?!s)")
_PARENT = re.compile(rb"/Parent\s+(\d{1,7})\s+\d+\s+R")
_KIDS = re.compile(rb"/Kids\s*\[([^\]]*)\]")
_OBJECT_STREAM = re.compile(rb"/Type\s*/ObjStm\b")
_PACKING = re.compile(rb"/Type\s*/(?:ObjStm|XRef)\b")
_FILTERS = re.compile(rb"/Filter\s*(\[[^\]]*\]|/[^\s/\[\]<>()]+)")
_NAME = re.compile(rb"/[^\s/\[\]<>()]+")
_NUMBER_ENTRY = {key: re.compile(rb"/%s\s+(\d{1,9})" % key) for key in (b"N", b"First")}
_REFERENCE_ENTRY = {key: re.compile(rb"/%s\s+(\d{1,7}\s+\d{1,5}\s+R)" % key) for key in (b"Root", b"Info", b"Encrypt")}
_ID = re.compile(rb"/ID\s*(\[\s*<[0-9A-Fa-f\s]*>\s*<[0-9A-Fa-f\s]*>\s*\])")


def is_packed_with_brotli(source: Path) -> bool:
    """Whether objects or the table of them lie in Brotli streams, which qpdf cannot read."""
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        mentioned = data.find(BROTLI.encode()) >= 0
    return mentioned and BROTLI in packing_filters(source)


def packing_filters(source: Path) -> set[str]:
    """The filters of the streams in which objects or the table of them lie, as they are spelt in the file."""
    found: set[str] = set()
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for match in _OBJECT.finditer(data):
            stream = _STREAM.search(data, match.end(), match.end() + _WINDOW)
            head = data[match.end() : stream.start()] if stream else b""
            if _PACKING.search(head) and (filters := _FILTERS.search(head)):
                found |= {name.decode("latin-1") for name in _NAME.findall(filters[1])}
    return found


def salvage(source: Path, target: Path, _password: str | None = None) -> bool:
    """Write a copy of ``source`` in which all that is left of it can be found.

    Returns:
        Whether there is a copy: False where not even a catalog is left.
    """
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        where = {int(match[1]): (match.start(), match.end()) for match in _OBJECT.finditer(data)}
        encrypted = _last(_REFERENCE_ENTRY[b"Encrypt"], data)
        packed = {} if encrypted else dict(_packed_objects(data, where))
        heads = packed | {n: data[end : end + _WINDOW].partition(b"endobj")[0] for n, (_, end) in where.items()}
        root = _root(heads)
        if root is None:
            return False
        added = {number: body for number, body in packed.items() if number not in where} | _joined_pages(heads, root)
        highest = max([*where, *added])
        trailer = b"/Root %d 0 R /Size %d" % (root, highest + 1)
        if encrypted:
            trailer += b" /Encrypt %s" % encrypted
        if info := _last(_REFERENCE_ENTRY[b"Info"], data):
            trailer += b" /Info %s" % info
        if identity := _last(_ID, data):
            trailer += b" /ID %s" % identity
        _write(source, target, added, trailer, highest)
    return True


def _write(source: Path, target: Path, added: dict[int, bytes], trailer: bytes, highest: int) -> None:
    with source.open("rb") as whole, target.open("wb") as copy:
        shutil.copyfileobj(whole, copy)
        # A stream that was cut off must not swallow what follows.
        copy.write(b"\nendstream\nendobj\n")
        for number, body in added.items():
            copy.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
        hole = _BYTES_PER_OBJECT * (highest + 1) - copy.tell()
        if hole > 0:
            copy.seek(hole, 1)  # zeros, which are white space
        # No offset is right here: that makes qpdf look for the objects.
        copy.write(b"\ntrailer\n<<%s>>\nstartxref\n0\n%%%%EOF\n" % trailer)


def _root(heads: dict[int, bytes]) -> int | None:
    """The catalog's number: the last object that is one."""
    catalogs = (n for n, head in reversed(heads.items()) if _CATALOG.search(head) and _PAGES.search(head))
    return next(catalogs, None)


def _joined_pages(heads: dict[int, bytes], root: int) -> dict[int, bytes]:
    """A new page tree's root where nodes of the old one are gone: over what is left, in the order of object numbers."""
    top = int(_PAGES.search(heads[root])[1])  # type: ignore[index]
    tops: dict[int, None] = {}
    pages = sorted(number for number, head in heads.items() if _PAGE.search(head))
    for number in pages:
        above = number
        for _ in range(_MAX_DEPTH):
            parent = _PARENT.search(heads[above])
            if parent is None or int(parent[1]) not in heads or above == top:
                break
            above = int(parent[1])
        tops[above] = None
    if set(tops) <= {top}:
        return {}
    kids = [kid for kid in tops if kid != top]
    if top in heads and (old := _KIDS.search(heads[top])):
        kids = [int(number) for number in re.findall(rb"(\d+)\s+\d+\s+R", old[1])] + kids
    kids = [kid for kid in kids if kid in heads]
    body = b"<</Type/Pages/Kids[%s]/Count %d>>" % (b" ".join(b"%d 0 R" % kid for kid in kids), len(pages))
    return {top: body}


def _packed_objects(data: _Buffer, where: dict[int, tuple[int, int]]) -> Iterator[tuple[int, bytes]]:
    """The objects in object streams (ISO 32000-1, 7.5.7), later ones last; of damaged streams what is left."""
    total = 0
    for _, end in sorted(where.values()):
        stream = _STREAM.search(data, end, end + _WINDOW)
        head = data[end : stream.start()] if stream else b""
        if stream is None or not _OBJECT_STREAM.search(head):
            continue
        count, first = (_NUMBER_ENTRY[key].search(head) for key in (b"N", b"First"))
        if count is None or first is None:
            continue
        body = _unpacked(head, data, stream.end(), MAX_PACKED_BYTES - total)
        total += len(body)
        start = int(first[1])
        numbers = [int(word) for word in body[:start].split()[: 2 * int(count[1])] if word.isdigit()]
        pairs = list(zip(numbers[::2], numbers[1::2], strict=False))
        ends = [*(offset for _, offset in pairs[1:]), len(body) - start]
        for (number, offset), following in zip(pairs, ends, strict=False):
            if number <= _MAX_OBJECT_NUMBER and start + offset < len(body):
                yield number, body[start + offset : start + max(offset, following)]


def _unpacked(head: bytes, data: _Buffer, start: int, most: int) -> bytes:
    """What the object stream at ``start`` holds, by the filter that its dictionary names."""
    if b"/FlateDecode" in head:
        return _inflated(data, start, most)
    if b"/BrotliDecode" in head:
        return _unbrotlied(data, start, most)
    return b""


def _unbrotlied(data: _Buffer, start: int, most: int) -> bytes:
    """What Brotli data at ``start`` holds, as far as it goes, at most ``most`` bytes."""
    parts, size = [], 0
    end = data.find(b"endstream", start)
    try:
        for part in decompress(data, start, end if end >= 0 else len(data)):
            parts.append(part[: most - size])
            size += len(parts[-1])
            if size >= most:
                break
    except brotli.error:
        pass
    return b"".join(parts)


def _inflated(data: _Buffer, start: int, most: int) -> bytes:
    """What a Flate stream at ``start`` holds, as far as it goes, at most ``most`` bytes."""
    inflate, parts, size = zlib.decompressobj(), [], 0
    try:
        while not inflate.eof and start < len(data) and size < most:
            part = inflate.decompress(data[start : start + 65_536], most - size)
            parts.append(part)
            size += len(part)
            start += 65_536
    except zlib.error:
        pass
    return b"".join(parts)


def _last(pattern: re.Pattern[bytes], data: _Buffer) -> bytes | None:
    found = None
    for match in pattern.finditer(data):
        found = match[1]
    return found
