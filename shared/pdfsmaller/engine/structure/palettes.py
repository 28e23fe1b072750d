"""Palettes that are streams, as strings within their colour spaces (ISO 32000-1, 8.6.6.3).

A stream of its own takes some 60 bytes beside its data, which is more than most palettes have.
"""

from __future__ import annotations

from pikepdf import Array, Dictionary, Object, Pdf, Stream, String

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.streams import read_decoded
from pdfsmaller.limits import Limits

_LENGTH, _LOOKUP = 4, 3
# A palette has 256 colours of four components at most.
_MOST_BYTES = 1024
# What an object that is a stream takes beside its data, some bytes less than it does.
_STREAM_BYTES = 50
# What is escaped in a string.
_ESCAPED = b"()\\\r"


def inline_palettes(pdf: Pdf, limits: Limits) -> None:
    """Put every palette that takes less so into its colour space.

    Raises:
        LimitExceeded: a palette is over ``max_stream_bytes``.
    """
    with tolerate("palette"):
        for obj in pdf.objects:
            if isinstance(obj, Array):
                _inline(obj, limits)
            elif isinstance(obj, Stream) and entry(obj, "/Subtype") == "/Image":
                _inline(entry(obj, "/ColorSpace"), limits)
            elif isinstance(obj, Dictionary) and isinstance(resources := entry(obj, "/Resources"), Dictionary):
                spaces = entry(resources, "/ColorSpace")
                for _, space in spaces.items() if isinstance(spaces, Dictionary) else ():
                    _inline(space, limits)


def _inline(space: Object | None, limits: Limits) -> None:
    if not isinstance(space, Array) or len(space) != _LENGTH or space[0] != "/Indexed":
        return
    lookup = space[_LOOKUP]
    if not isinstance(lookup, Stream):
        return
    with tolerate("palette") as attempt:
        data = read_decoded(lookup, limits)
    if attempt.failed or len(data) > _MOST_BYTES:
        return
    if len(data) + sum(data.count(byte) for byte in _ESCAPED) <= len(lookup.read_raw_bytes()) + _STREAM_BYTES:
        space[_LOOKUP] = String(data)
