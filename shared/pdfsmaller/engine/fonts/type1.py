"""Type 1 programs (``/FontFile``) into bare CFF (``/FontFile3 /Type1C``), hints kept."""

from __future__ import annotations

from collections.abc import Collection


def type1_encoding(program: bytes) -> dict[int, str]:
    """The built-in encoding: code to glyph name, ``.notdef`` left out.

    Raises:
        FontError: the program is damaged or not understood.
    """
    raise NotImplementedError


def type1_names(program: bytes) -> list[str]:
    """The names of all glyphs, in the program's order.

    Raises:
        FontError: the program is damaged or not understood.
    """
    raise NotImplementedError


def type1_to_cff(program: bytes, glyphs: Collection[str] | None = None) -> bytes:
    """A bare, name-keyed CFF with the same outlines, widths, hints, matrix and built-in encoding.

    Args:
        program: the decoded data of ``/FontFile``; its Length1 to Length3 are not needed.
        glyphs: the names to keep, None for all. ``.notdef`` and the parts of accented letters are kept as well;
            a name that the program does not have is passed over.

    Raises:
        FontError: the program is damaged or not understood.
    """
    raise NotImplementedError


def type1_outlines_equal(program: bytes, cff: bytes, glyphs: Collection[str] | None = None) -> bool:
    """Whether a CFF draws the given glyphs (None for all) of a Type 1 program with equal outlines and widths.

    Raises:
        FontError: one of the programs is damaged or not understood.
    """
    raise NotImplementedError
