"""Deflate at its best: the one place where data that is no image is compressed.

libdeflate's optimal parsing is about as quick as zlib's level 9 and smaller; zopfli takes a hundred times as long for
the last half to two per cent, and so is only for ``effort=max``, for as much data as its caller has time for.
"""

from __future__ import annotations

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.options import Effort

# The levels from 10 on look for the cheapest way through all matches; 11 and 12 repeat it. Each step costs about half
# as much time again, so that very large data gets less: (bytes from which on, level).
_LEVELS = ((0, 11), (500_000, 10), (16_000_000, 8))
_FAST_LEVEL, _MOST_LEVEL = 6, 12
# Of the streams of dev's results: 0.04 to 0.3 MB a second, and of larger data it makes more bytes than libdeflate.
_ZOPFLI_MOST_BYTES = 50_000
_ZOPFLI_ITERATIONS = 15
#: So many bytes for each second that all else is expected to take. With 100,000, dev's small documents took 8 times as
#: long as with ``effort=default``; with these, 1.2 to 3.5 times.
ZOPFLI_BYTES_PER_SECOND = 30_000


def zlib_compress(
    data: bytes, effort: Effort = "default", deadline: Deadline | None = None, *, zopfli: bool = False
) -> bytes:
    """The data in zlib's format (RFC 1950), as ``/FlateDecode`` wants it.

    Args:
        deadline: nothing slow is begun after it.
        zopfli: with ``effort=max``, there is time for that.
    """
    import deflate

    if effort == "fast":
        return bytes(deflate.zlib_compress(data, _FAST_LEVEL))
    most = effort == "max" and not (deadline and deadline.passed())
    level = _MOST_LEVEL if most else [level for least, level in _LEVELS if len(data) >= least][-1]
    packed = bytes(deflate.zlib_compress(data, level))
    if most and zopfli and len(data) <= _ZOPFLI_MOST_BYTES:
        from zopfli.zlib import compress

        packed = min(packed, compress(data, numiterations=_ZOPFLI_ITERATIONS), key=len)
    return packed
