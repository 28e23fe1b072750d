"""A scanned page's pixels, held where LuaJIT takes them apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyvips

from pdfsmaller.engine import lua
from pdfsmaller.records import record

# All that is asked of a page takes so many times what one loop over its pixels may.
LOOPS = 4
_PROGRAM = Path(__file__).with_suffix(".lua")
PARTS = ("levels", "blocks", "strokes", "cells", "fill", "stretched", "edges", "shares", "misses")


@record(frozen=True)
class Page:
    """One page.

    Attributes:
        width, height: in pixels.
        bands: one or three.
        told: the function that ``page.lua`` returns.
    """

    width: int
    height: int
    bands: int
    told: Any

    def ask(self, name: str, *arguments: Any) -> Any:
        """What one of Lua's files in this room, by its name, finds out.

        Raises:
            lua.Unavailable: there was no time for it.
        """
        found = self.told(name.encode(), *arguments)
        if found == (None, b"slow"):
            raise lua.Unavailable
        return found


@contextmanager
def opened(image: pyvips.Image) -> Iterator[Page]:
    """A page of one or three bands (8 bits, white = 255), of which nothing stays behind.

    Raises:
        lua.Unavailable: there is no LuaJIT here.
    """
    size = (image.width, image.height, image.bands)
    samples = bytes(image.write_to_memory())
    told = lua.call(_PROGRAM, LOOPS * image.width * image.height, samples, *size, parts=PARTS)
    del samples
    try:
        yield Page(*size, told)
    finally:
        told(b"forget")
