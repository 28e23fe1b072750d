"""Finding what is written or drawn on a scanned page: text, lines, stamps; dark on light paper, or light on a dark box.

A local threshold after Sauvola and Pietikäinen (Adaptive document image binarization, 2000), on means and deviations
of small blocks, so that shadows, stains and coloured paper do no harm. It looks at the darkest channel as well: yellow
lettering on white has nearly the luminance of its paper, but no blue.
"""

from __future__ import annotations

import pyvips

from pdfsmaller.engine.scan.page import Page

# Statistics are taken of blocks of this many pixels, and blurred over their neighbours by so many blocks.
BLOCK = 8
NEIGHBOURS, WIDE = 1.5, 6.0
# Sauvola's k, and the deviation that stands for full contrast.
SAUVOLA_K = 0.12
FULL_DEVIATION = 128.0
# Strokes are this many levels darker than the mean around them …
CONTRAST_DARK = 16.0
# … or have less than this share of the brightest paper within so many blocks: broad ones are dark all around, too …
SOLID, SOLID_BLOCKS = 0.55, 13
# … or, where all around is darker than this, are so many levels lighter.
DARK_BOX, CONTRAST_LIGHT = 70.0, 45.0
# A pixel with fewer than so many of the nine around it and itself is a speck.
SPECK = 3


def find_strokes(page: Page) -> float:
    """Find out where a page shows strokes: on what share of its pixels.

    Raises:
        lua.Unavailable: there was no time for it.
    """
    dark, light = _thresholds(page)
    return float(page.ask("strokes", dark, light, SPECK)) / (page.width * page.height)


def _thresholds(page: Page) -> tuple[bytes, bytes]:
    """For each block: below the first it is a dark stroke, above the second a light one."""
    size = (-(-page.width // BLOCK), -(-page.height // BLOCK))
    mean, square = (
        pyvips.Image.new_from_memory(values, *size, 1, "float").gaussblur(NEIGHBOURS).copy_memory()
        for values in page.ask("blocks")
    )
    variance = square - mean * mean
    deviation = (variance > 0).ifthenelse(variance, 0) ** 0.5
    sauvola = mean * (1 + SAUVOLA_K * (deviation / FULL_DEVIATION - 1))
    below = mean - CONTRAST_DARK
    dark = (sauvola < below).ifthenelse(sauvola, below)
    solid = _brightest(mean) * SOLID
    boxed = mean.gaussblur(WIDE) < DARK_BOX
    dark = boxed.ifthenelse(0, (dark > solid).ifthenelse(dark, solid))
    light = boxed.ifthenelse(mean + CONTRAST_LIGHT, 255)
    return _bytes(dark), _bytes(light)


def _brightest(mean: pyvips.Image) -> pyvips.Image:
    across = mean.rank(SOLID_BLOCKS, 1, SOLID_BLOCKS - 1).copy_memory()
    return across.rank(1, SOLID_BLOCKS, SOLID_BLOCKS - 1)


def _bytes(blocks: pyvips.Image) -> bytes:
    return bytes(blocks.rint().cast("uchar").write_to_memory())
