"""Finding what is written or drawn on a scanned page: text, lines, stamps; dark on light paper, or light on a dark box.

A local threshold after Sauvola and Pietikäinen (Adaptive document image binarization, 2000), on means and deviations
of small blocks, so that shadows, stains and coloured paper do no harm. It looks at the darkest channel as well: yellow
lettering on white has nearly the luminance of its paper, but no blue.
"""

from __future__ import annotations

import pyvips

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
# Scanners' and JPEG's noise is smoothed by this much before.
SMOOTHING = 0.5


def find_strokes(image: pyvips.Image) -> pyvips.Image:
    """255 where an image of one or three bands (8 bits, white = 255) shows a stroke, in memory."""
    darkness = image if image.bands == 1 else _darkness(image)
    dark, light = _thresholds(darkness)
    smooth = darkness.gaussblur(SMOOTHING)
    strokes = ((smooth < dark) | (smooth > light)).copy_memory()
    neighbours = pyvips.Image.new_from_array([[1, 1, 1]] * 3)
    crowded = (strokes & 1).conv(neighbours, precision="integer") >= SPECK
    return (strokes & crowded).copy_memory()


def _darkness(image: pyvips.Image) -> pyvips.Image:
    """Half luminance, which has the sharp edges, and half the darkest channel, which has the contrast."""
    luminance = image.recomb([[0.299, 0.587, 0.114]])
    darkest = image[0].bandrank([image[1], image[2]], index=0)
    return ((luminance + darkest) * 0.5).rint().cast("uchar").copy_memory()


def _thresholds(darkness: pyvips.Image) -> tuple[pyvips.Image, pyvips.Image]:
    """Per pixel: below the first it is a dark stroke, above the second a light one."""
    size = (-(-darkness.width // BLOCK), -(-darkness.height // BLOCK))
    whole = darkness.gravity("north-west", size[0] * BLOCK, size[1] * BLOCK, extend="copy")
    half = whole.shrink(2, 2).cast("float")
    mean = half.shrink(BLOCK // 2, BLOCK // 2).copy_memory()
    square = (half * half).shrink(BLOCK // 2, BLOCK // 2).copy_memory()
    mean, square = mean.gaussblur(NEIGHBOURS), square.gaussblur(NEIGHBOURS)
    variance = square - mean * mean
    deviation = (variance > 0).ifthenelse(variance, 0) ** 0.5
    sauvola = mean * (1 + SAUVOLA_K * (deviation / FULL_DEVIATION - 1))
    below = mean - CONTRAST_DARK
    dark = (sauvola < below).ifthenelse(sauvola, below)
    solid = mean.rank(SOLID_BLOCKS, SOLID_BLOCKS, SOLID_BLOCKS * SOLID_BLOCKS - 1) * SOLID
    boxed = mean.gaussblur(WIDE) < DARK_BOX
    dark = boxed.ifthenelse(0, (dark > solid).ifthenelse(dark, solid))
    light = boxed.ifthenelse(mean + CONTRAST_LIGHT, 255)
    return _spread(dark, darkness), _spread(light, darkness)


def _spread(blocks: pyvips.Image, like: pyvips.Image) -> pyvips.Image:
    """One value per block, up to one per pixel."""
    values = blocks.rint().cast("uchar").copy_memory()
    return values.resize(BLOCK, kernel="linear").crop(0, 0, like.width, like.height)
