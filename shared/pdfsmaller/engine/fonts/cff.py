"""Bare CFF programs (``/FontFile3`` of Type1C, CIDFontType0C or OpenType): read, subset, compared, united."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CffInfo:
    """What a PDF needs to know of a CFF program to find its glyphs.

    Attributes:
        glyphs: how many there are.
        cid_keyed: glyphs are known by CID, not by name.
        names: each glyph's name by GID (empty when CID-keyed).
        cids: each glyph's CID by GID (empty when name-keyed).
        encoding: the built-in encoding, code to glyph name (empty when CID-keyed).
    """

    glyphs: int
    cid_keyed: bool
    names: tuple[str, ...]
    cids: tuple[int, ...]
    encoding: dict[int, str]


def cff_info(program: bytes) -> CffInfo:
    """The glyphs of a CFF program (bare, or the ``CFF`` table of an OpenType font).

    Raises:
        FontError: the program is damaged or not understood.
    """
    raise NotImplementedError


def subset_cff(
    program: bytes,
    *,
    names: Collection[str] | None = None,
    gids: Collection[int] | None = None,
    cids: Collection[int] | None = None,
    retain_gids: bool = False,
) -> bytes:
    """A bare CFF with the glyphs asked for (all, when none of the three is given) and nothing else.

    What the three select adds up; ``.notdef`` and the parts of accented letters are kept as well; what the program
    does not have is passed over. Names, CIDs, widths, hints and the built-in encoding of what is kept stay.

    Args:
        program: bare CFF, or an OpenType font, whose ``CFF`` table alone is kept.
        names: glyph names (of a name-keyed program).
        gids: glyph indices.
        cids: CIDs (of a CID-keyed program).
        retain_gids: keep each glyph at its index, with empty ones between (a name-keyed program in a CIDFontType0,
            where the CID is the index). Otherwise glyphs are renumbered.

    Raises:
        FontError: the program is damaged or not understood.
    """
    raise NotImplementedError


def cff_outlines_equal(
    before: bytes,
    after: bytes,
    *,
    names: Collection[str] | None = None,
    gids: Collection[int] | None = None,
    cids: Collection[int] | None = None,
) -> bool:
    """Whether two CFF programs draw the given glyphs (those of ``after``, when none are given) with equal outlines,
    hints and widths.

    Glyphs are matched by name or CID; by index where ``gids`` is given.

    Raises:
        FontError: one of the programs is damaged or not understood.
    """
    raise NotImplementedError


def union_cff(programs: Sequence[bytes]) -> bytes:
    """One bare CFF with the glyphs of several subsets of one font.

    Raises:
        FontError: a program is damaged or not understood, or they are not subsets of one font: a glyph, a code of the
            built-in encoding, the matrix or the hints for all glyphs differ.
    """
    raise NotImplementedError
