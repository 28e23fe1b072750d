"""Rows as PNG predicts them, by LuaJIT (ISO 32000-1, 7.4.4.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pdfsmaller.engine import lua

_PROGRAM = Path(__file__).with_suffix(".lua")


def predict(data: bytes, row: int, pixel: int, way: str) -> Any:
    """The rows predicted, each with the byte before it that says how; for the way ``each``, such for every way.

    Args:
        data: whole rows of ``row`` bytes.
        pixel: bytes from a value to the one that it is like.
        way: ``sub``, ``up``, ``avg``, ``paeth``, ``all`` (for each row the best) or ``each``.

    Raises:
        lua.Unavailable: there is no LuaJIT, or it takes too long.
    """
    return lua.call(_PROGRAM, len(data), data, row, pixel, way.encode())
