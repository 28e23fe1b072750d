"""How like each other two pictures look: the structural similarity of their blocks."""

from __future__ import annotations

import pyvips

BLOCK = 8


def block_means(image: pyvips.Image) -> pyvips.Image:
    """One value for each block of 8 × 8 pixels and band."""
    return image.cast("float").shrink(BLOCK, BLOCK)


def block_similarity(x: pyvips.Image, y: pyvips.Image) -> pyvips.Image:
    """The structural similarity of each block (Wang et al. 2004, on blocks that do not overlap), band by band."""
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_x, mean_y = block_means(x), block_means(y)
    variance_x = block_means(x * x) - mean_x * mean_x
    variance_y = block_means(y * y) - mean_y * mean_y
    covariance = block_means(x * y) - mean_x * mean_y
    return ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x * mean_x + mean_y * mean_y + c1) * (variance_x + variance_y + c2)
    )
