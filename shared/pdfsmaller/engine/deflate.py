"""Deflate at its best: the one place where data that is no image is compressed.

libdeflate's optimal parsing is about as quick as zlib's level 9 and smaller; zopfli takes a hundred times as long for
the last half per cent, and so is only for ``effort=max``, for data of bounded size, and while there is time.
"""

from __future__ import annotations

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.options import Effort

# The levels from 10 on look for the cheapest way through all matches; 11 and 12 repeat it. Each step costs about half
# as much time again, so that very large data gets less: (bytes from which on, level).
_LEVELS = ((0, 11), (500_000, 10), (16_000_000, 8))
_FAST_LEVEL = 6
# zopfli's time for so many bytes is some seconds.
_ZOPFLI_MOST_BYTES = 2_000_000
_ZOPFLI_ITERATIONS = 15
_ZOPFLI_ITERATIONS_LARGE = 5


def zlib_compress(data: bytes, effort: Effort = "default", deadline: Deadline | None = None) -> bytes:
    """The data in zlib's format (RFC 1950), as ``/FlateDecode`` wants it.

    Args:
        deadline: nothing slow is begun after it.
    """
    import deflate

    if effort == "fast":
        return bytes(deflate.zlib_compress(data, _FAST_LEVEL))
    packed = bytes(deflate.zlib_compress(data, [level for least, level in _LEVELS if len(data) >= least][-1]))
    if effort == "max" and len(data) <= _ZOPFLI_MOST_BYTES and not (deadline and deadline.passed()):
        from zopfli.zlib import compress

        rounds = _ZOPFLI_ITERATIONS if len(data) < _ZOPFLI_MOST_BYTES // 10 else _ZOPFLI_ITERATIONS_LARGE
        packed = min(packed, compress(data, numiterations=rounds), key=len)
    return packed
