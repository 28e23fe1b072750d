"""How like each other two pictures look: the structural similarity of their blocks.

Each block of 8 × 8 pixels has one (Wang et al. 2004, on blocks that do not overlap), band by band; a picture's is their
mean. Pictures of 8-bit samples are compared by LuaJIT in one pass, where there is one; libvips needs some twenty.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pdfsmaller.engine import lua
from pdfsmaller.records import record

if TYPE_CHECKING:
    import pyvips

BLOCK = 8
_PROGRAM = Path(__file__).with_suffix(".lua")
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


@record(frozen=True)
class Picture:
    """8-bit samples, pixel by pixel, in rows without gaps."""

    samples: bytes
    width: int
    height: int
    bands: int

    def image(self) -> pyvips.Image:
        """The same for libvips."""
        import pyvips

        return pyvips.Image.new_from_memory(self.samples, self.width, self.height, self.bands, "uchar")


def picture_of(image: pyvips.Image) -> Picture:
    """An image's samples, cut to 8 bits."""
    samples = image if image.format == "uchar" else image.cast("uchar")
    return Picture(bytes(samples.write_to_memory()), image.width, image.height, image.bands)


def similarity(one: Picture, other: Picture) -> float:
    """How like each other two pictures of the same size are: at most 1, for equal ones."""
    size = (one.width, one.height, one.bands)
    try:
        found = lua.call(_PROGRAM, one.width * one.height, one.samples, other.samples, *size)
    except lua.Unavailable:
        return similarity_of_images(one.image(), other.image())
    if isinstance(found, tuple):
        raise ValueError("pictures of two sizes")
    return float(found)


def similarity_of_images(one: pyvips.Image, other: pyvips.Image) -> float:
    """The same for images of any numbers."""
    return float(block_similarities(one, other).avg())


def block_similarities(one: pyvips.Image, other: pyvips.Image) -> pyvips.Image:
    """The structural similarity of each block of 8 × 8 pixels and band."""
    # libvips computes a pipeline anew for every use of its end: what is used twice goes into memory. (``copy`` makes
    # a pipeline of what is in memory: ``copy_memory`` alone would then not hold on to the bytes that it lies in.)
    x, y = one.copy().copy_memory(), other.copy().copy_memory()
    mean_x, mean_y = block_means(x).copy_memory(), block_means(y).copy_memory()
    product = (mean_x * mean_y).copy_memory()
    squares = (mean_x * mean_x + mean_y * mean_y).copy_memory()
    covariance = block_means(x * y) - product
    variances = block_means(x * x) + block_means(y * y) - squares
    return product.linear(2, _C1) * covariance.linear(2, _C2) / (squares.linear(1, _C1) * variances.linear(1, _C2))


def block_means(image: pyvips.Image) -> pyvips.Image:
    """One value for each block of 8 × 8 pixels and band."""
    return image.cast("float").shrink(BLOCK, BLOCK)
