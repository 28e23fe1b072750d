"""How like each other two pictures look: the structural similarity of their blocks."""

from __future__ import annotations

from dataclasses import dataclass

import pyvips

BLOCK = 8
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def block_means(image: pyvips.Image) -> pyvips.Image:
    """One value for each block of 8 × 8 pixels and band."""
    return image.cast("float").shrink(BLOCK, BLOCK)


@dataclass(frozen=True, slots=True)
class Blocks:
    """A picture with what comparing it needs of its blocks, so that this is found out once for many comparisons.

    Attributes:
        picture: in memory, since it is looked at several times.
        mean, square, variance: of each block: its mean, that squared, and its variance.
    """

    picture: pyvips.Image
    mean: pyvips.Image
    square: pyvips.Image
    variance: pyvips.Image


def blocks_of(picture: pyvips.Image) -> Blocks:
    """The blocks of a picture."""
    # libvips computes a pipeline anew for every use of its end: what is used twice goes into memory. (``copy`` makes
    # a pipeline of what is in memory: ``copy_memory`` alone would then not hold on to the bytes that it lies in.)
    picture = picture.copy().copy_memory()
    mean = block_means(picture).copy_memory()
    square = (mean * mean).copy_memory()
    return Blocks(picture, mean, square, (block_means(picture * picture) - square).copy_memory())


def block_similarity(x: Blocks, y: Blocks) -> pyvips.Image:
    """The structural similarity of each block (Wang et al. 2004, on blocks that do not overlap), band by band."""
    product = (x.mean * y.mean).copy_memory()
    covariance = block_means(x.picture * y.picture) - product
    return (product.linear(2, _C1) * covariance.linear(2, _C2)) / (
        (x.square + y.square).linear(1, _C1) * (x.variance + y.variance).linear(1, _C2)
    )
