"""What text means (``/ToUnicode`` CMaps; ISO 32000-1, 9.10.3) in fewer words: the same text for every code.

Neighbouring codes become ranges, blanks and comments go. What is written in any way that readers might understand
differently stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import deflate
from pikepdf import Dictionary, Pdf, Stream

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.streams import read_decoded
from pdfsmaller.limits import Limits

_BEGIN = (
    b"/CIDInit/ProcSet findresource begin 12 dict begin begincmap"
    b"/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def/CMapName/Adobe-Identity-UCS def/CMapType 2 def "
)
_END = b"endcmap CMapName currentdict/CMap defineresource pop end end"
_COMMENT = re.compile(rb"(?m)^[ \t]*%[^\r\n]*")
_HEX = rb"<((?:[0-9A-Fa-f]{2})+)>"
_SECTION = re.compile(rb"(\d{1,9})\s+begin(codespacerange|bfchar|bfrange)\b(.*?)\bend\2\b", re.DOTALL)
_PAIR = re.compile(rb"\s*" + _HEX + rb"\s*" + _HEX)
_RANGE = re.compile(rb"\s*" + _HEX + rb"\s*" + _HEX + rb"\s*(?:" + _HEX + rb"|\[((?:\s*" + _HEX + rb")*)\s*\])")
_TEXT = re.compile(_HEX)
# What a CMap of this kind has no use for.
_FOREIGN = re.compile(rb"usecmap|begincid|beginnotdef|%")
_MOST_BYTES = 400_000
_MOST_CODES = 20_000
# Entries of a section (ISO 32000-1, 9.10.3, and Adobe's Technical Note 5014).
_MOST_ENTRIES = 100
# Shorter runs take less as pairs.
_LEAST_RUN = 3
# Which is shorter is told at this level.
_RACE_LEVEL = 9

Codes = dict[tuple[int, int], bytes]


def compact_to_unicode(pdf: Pdf, limits: Limits) -> None:
    """Write the CMaps of all fonts in fewer words.

    Raises:
        LimitExceeded: a CMap is over ``max_stream_bytes``.
    """
    seen: set[ObjGen] = set()
    for obj in pdf.objects:
        stream = entry(obj, "/ToUnicode") if isinstance(obj, Dictionary) and not isinstance(obj, Stream) else None
        if not isinstance(stream, Stream) or stream.objgen in seen or "/UseCMap" in stream:
            continue
        seen.add(stream.objgen)
        with tolerate("font") as attempt:
            data = read_decoded(stream, limits)
        if not attempt.failed and (shorter := compact(data)) != data:
            stream.write(shorter)


def compact(data: bytes, shown: Collection[int] | None = None) -> bytes:
    """A CMap of the same meaning; the CMap itself where that is not certain, or not shorter.

    Args:
        shown: what other codes mean does not matter; None = all do.
    """
    if len(data) > _MOST_BYTES:
        return data
    read = read_codes(data)
    if read is None:
        return data
    spaces, codes = read
    if shown is not None:
        # Readers take a CMap without any code for none.
        codes = {key: text for key, text in codes.items() if key[1] in shown} or dict([min(codes.items())])
        read = spaces, codes
    written = _BEGIN + _section(b"codespacerange", spaces) + _written(codes) + _END
    shorter = len(deflate.zlib_compress(written, _RACE_LEVEL)) < len(deflate.zlib_compress(data, _RACE_LEVEL))
    return written if shorter and read_codes(written) == read else data


def read_codes(data: bytes) -> tuple[list[bytes], Codes] | None:
    """The ranges of codes as written, and the text (UTF-16) of each (bytes, code); None where it is unclear."""
    data = _COMMENT.sub(b"", data)
    if _FOREIGN.search(data):
        return None
    spaces: list[bytes] = []
    codes: Codes = {}
    # PDFium and poppler do not tell codes of one byte from those of two: which comes last counts for both.
    of_number: dict[int, bytes] = {}
    for section in _SECTION.finditer(data):
        kind, body = section[2], section[3]
        matches = list((_RANGE if kind == b"bfrange" else _PAIR).finditer(body))
        # A section of more or fewer entries than it says (pdfcpu counted one too many) is none to PDFium.
        if sum(len(found[0]) for found in matches) != len(body.rstrip()) or len(matches) != int(section[1]):
            return None
        for found in matches:
            if kind == b"codespacerange":
                spaces.append(b"<" + found[1].upper() + b"><" + found[2].upper() + b">")
                continue
            entries = _entries(found) if kind == b"bfrange" else [((len(found[1]) // 2, int(found[1], 16)), found[2])]
            if entries is None or len(codes) + len(entries) > _MOST_CODES:
                return None
            for code, text in entries:
                value = bytes.fromhex(text.decode())
                if len(value) % 2 or of_number.setdefault(code[1], value) != value:
                    return None
                codes[code] = value
    return (spaces, codes) if spaces and codes else None


def _entries(found: re.Match[bytes]) -> list[tuple[tuple[int, int], bytes]] | None:
    """What a range stands for."""
    size, first, last = len(found[1]) // 2, int(found[1], 16), int(found[2], 16)
    count = last - first + 1
    if len(found[2]) != len(found[1]) or not 1 <= count <= 256 or first >> 8 != last >> 8:
        return None
    if found[3] is None:
        texts = [text[1] for text in _TEXT.finditer(found[4])]
        if len(texts) != count:
            return None
    else:
        before, low = found[3][:-2], int(found[3][-2:], 16)
        if low + count > 256:
            return None
        texts = [before + b"%02X" % (low + step) for step in range(count)]
    return [((size, first + step), text) for step, text in enumerate(texts)]


def _written(codes: Codes) -> bytes:
    pairs: list[bytes] = []
    ranges: list[bytes] = []
    todo = sorted(codes)
    at = 0
    while at < len(todo):
        size, first = todo[at]
        run = _run(codes, size, first, follow=True)
        row = run if run >= _LEAST_RUN else _row(codes, size, first)
        if row < _LEAST_RUN:
            pairs.append(_hex(first, size) + _text(codes[size, first]))
            at += 1
            continue
        texts = b"".join(_text(codes[size, first + step]) for step in range(1 if row == run else row))
        ends = _hex(first, size) + _hex(first + row - 1, size)
        ranges.append(ends + (texts if row == run else b"[" + texts + b"]"))
        at += row
    return _section(b"bfrange", ranges) + _section(b"bfchar", pairs)


def _run(codes: Codes, size: int, first: int, *, follow: bool) -> int:
    """How many codes from one on have a text, and (``follow``) the next one each; their last bytes alone differ."""
    text = codes[size, first]
    count = 1
    while (first + count) & 0xFF and (size, first + count) in codes:
        if follow:
            low = text[-1] + count
            if low > 0xFF or codes[size, first + count] != text[:-1] + bytes([low]):
                break
        count += 1
    return count


def _row(codes: Codes, size: int, first: int) -> int:
    """How many codes from one on have a text before a run begins."""
    most = _run(codes, size, first, follow=False)
    for step in range(1, most):
        if _run(codes, size, first + step, follow=True) > _LEAST_RUN:
            return step
    return most


def _section(kind: bytes, entries: list[bytes]) -> bytes:
    parts = [entries[start : start + _MOST_ENTRIES] for start in range(0, len(entries), _MOST_ENTRIES)]
    return b"".join(b"%d begin%s%send%s " % (len(part), kind, b"".join(part), kind) for part in parts)


def _hex(code: int, size: int) -> bytes:
    return b"<%0*X>" % (2 * size, code)


def _text(text: bytes) -> bytes:
    return b"<" + text.hex().upper().encode() + b">"
