"""Data in rows, as PNG predicts them, before they are deflated (ISO 32000-1, 7.4.4.4).

Neighbours in a table differ little, though Deflate sees no byte twice: press profiles take two fifths of what they take
as they are.
"""

from __future__ import annotations

import deflate

from pdfsmaller.engine import lua
from pdfsmaller.engine.color.profiles import read_tags
from pdfsmaller.engine.color.tables import shape_of_tables
from pdfsmaller.engine.images.codecs.predict import predict
from pdfsmaller.records import record

#: What the entry with a predictor's parameters takes in a stream's dictionary.
PARAMETERS_BYTES = 50
# Smaller data win less than the entry takes.
_LEAST_BYTES = 600
# Whether predicting wins is told at this level. Rows that are each predicted in the best way take the least of press
# profiles (3 % less than all by their nearest neighbour, 2026-11-30); of small tables of 8 bits, those from above do.
_RACE_LEVEL = 1
_WAYS = ("all", "up")


@record(frozen=True)
class Rows:
    """How data lie in rows.

    Attributes:
        step: bytes from a value to the one that it is like.
        columns: steps in a row.
    """

    step: int
    columns: int


def rows_of(data: bytes) -> Rows | None:
    """How data lie in rows: None for what is no colour profile with tables."""
    if len(data) < _LEAST_BYTES or data[36:40] != b"acsp" or (shape := shape_of_tables(read_tags(data) or {})) is None:
        return None
    return Rows(*shape)


def predicted(data: bytes, rows: Rows) -> bytes | None:
    """The data predicted in the way that deflates best; None where that is as they are.

    The last row is filled with zeros, since readers differ in what they make of half a row.
    """
    best, least = None, len(deflate.zlib_compress(data, _RACE_LEVEL)) - PARAMETERS_BYTES
    row = rows.step * rows.columns
    filled = data + bytes(-len(data) % row)
    for way in _WAYS:
        try:
            found = bytes(predict(filled, row, rows.step, way))
        except lua.Unavailable:
            return None
        size = len(deflate.zlib_compress(found, _RACE_LEVEL))
        if size < least:
            best, least = found, size
    return best
