"""Whether two renderings of a page look the same.

Both are cut into blocks of 8 × 8 pixels (a ninth of an inch at the size that ``verify`` renders at). Two numbers come
out. *Similarity* is the mean over all blocks of the structural similarity (SSIM) of their luminance: 1 for equal pages.
*Shift* looks at each block's mean colour, which resampling and JPEG leave alone: blocks whose mean has moved far are
counted, however good the rest of the page is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pdfsmaller.engine import lua
from pdfsmaller.engine.render.page import Rendering
from pdfsmaller.engine.similarity import BLOCK, block_means, similarity_of_images
from pdfsmaller.records import record

if TYPE_CHECKING:
    import pyvips

#: A block has moved when its mean colour differs by more than this (of 255) in any channel …
MOVED = 40
#: … this where a similarity of 0.6 or less will do (the coarsest JPEGs move blocks of sharp contrast by up to 60) …
MOVED_COARSE = 64
#: … in luminance alone, where colour was taken out on purpose (two ways to weigh the channels differ by less).
MOVED_GRAY = 90
#: More moved blocks than this share of a page's, and at least ``MOVED_BLOCKS`` of them, are a difference.
MOVED_SHARE = 0.0005
MOVED_BLOCKS = 4
#: Of blocks that held something (so much variance of their luminance), are plain now and have moved by MOVED in it,
#: one is a difference: a page number is no more.
MARKED, PLAIN = 1000, 4
_PROGRAM = Path(__file__).with_suffix(".lua")


@record(frozen=True)
class Looks:
    """What counts as the same look.

    Attributes:
        min_similarity: the lowest similarity, 0–1; 1 asks for equal pixels.
        color_mode: ``grayscale`` compares luminance only; ``bilevel`` only where dark and light are.
        elsewhere: the page is now in another document. By what its catalog says, readers draw annotations that have no
            appearance of their own, and order (and mirror) text of mixed directions: so these count for nothing.
    """

    min_similarity: float
    color_mode: str
    elsewhere: bool = False


@record(frozen=True)
class _Likeness:
    """How like each other two renderings are.

    Attributes:
        similarity: see the module.
        moved: blocks whose mean is further away than was asked.
        blocks: how many there are.
        equal: no pixel differs.
        gone: blocks that held something and are plain now.
    """

    similarity: float
    moved: int
    blocks: int
    equal: bool
    gone: int


def unlike(before: Rendering, after: Rendering, looks: Looks) -> str | None:
    """Why two renderings are not the same look, or None where they are."""
    if before.equals(after):  # most pages without images
        return None
    if abs(before.width - after.width) > 2 or abs(before.height - after.height) > 2:
        return "its size changed"
    coarse = min(max((0.8 - looks.min_similarity) / 0.2, 0.0), 1.0)
    limit = MOVED + coarse * (MOVED_COARSE - MOVED)
    gray = looks.color_mode == "grayscale"
    found = _likeness(before, after, MOVED_GRAY if gray else limit, gray=gray)
    if found.equal:
        return None
    if looks.min_similarity >= 1 and looks.color_mode == "no-change":
        return "its pixels changed"
    if looks.color_mode == "bilevel":
        return _unlike_bilevel(*(_luminance(image) for image in _whole_blocks(before, after)))
    if found.similarity < looks.min_similarity:
        return f"similarity {found.similarity:.3f}, at least {looks.min_similarity:.3f} was asked for"
    if found.gone:
        return "something on it is gone"
    if found.moved >= max(MOVED_BLOCKS, found.blocks * MOVED_SHARE):
        return f"{found.moved / found.blocks:.1%} of it changed colour"
    return None


def is_blank(rendering: Rendering) -> bool:
    """Nothing but white."""
    return float(_image(rendering).min()) == 255


def _image(rendering: Rendering) -> pyvips.Image:
    """The same pixels, where they lie."""
    import pyvips

    image = pyvips.Image.new_from_memory(rendering.pixels, rendering.row, rendering.height, 4, "uchar")
    return image.extract_band(0, n=3).crop(0, 0, rendering.width, rendering.height)


def _likeness(before: Rendering, after: Rendering, limit: float, *, gray: bool) -> _Likeness:
    """By LuaJIT in one pass, where there is one; libvips needs some thirty.

    Args:
        limit: how far a block's mean may move, in levels of any channel.
        gray: of the luminance alone.
    """
    blocks = -(-before.width // BLOCK) * -(-before.height // BLOCK)
    pixels = bytes(before.pixels), bytes(after.pixels)
    sizes = (before.width, before.height, before.row, after.width, after.height, after.row)
    try:
        similarity, moved, differ, gone = lua.call(
            _PROGRAM, before.width * before.height, *pixels, *sizes, limit, gray, MOVED, MARKED, PLAIN
        )
    except lua.Unavailable:
        one, other = _whole_blocks(before, after)
        if one.write_to_memory() == other.write_to_memory():
            return _Likeness(1.0, 0, blocks, equal=True, gone=0)
        luminance = _luminance(one), _luminance(other)
        moved = _moved_blocks(*(luminance if gray else (one, other)), limit)
        was, now = (_variances(image) for image in luminance)
        gone = _counted(_moved_blocks(*luminance, MOVED) & (was > MARKED) & (now < PLAIN))
        return _Likeness(similarity_of_images(*luminance), _counted(moved), blocks, equal=False, gone=gone)
    return _Likeness(similarity, round(moved), blocks, equal=differ == 0, gone=round(gone))


def _whole_blocks(before: Rendering, after: Rendering) -> tuple[pyvips.Image, pyvips.Image]:
    """Both in memory, filled up with white to the whole blocks of the first."""
    first, second = _image(before), _image(after)
    width, height = first.width + -first.width % BLOCK, first.height + -first.height % BLOCK
    if second.width > width or second.height > height:
        second = second.crop(0, 0, min(width, second.width), min(height, second.height))
    return (
        first.gravity("north-west", width, height, extend="white").copy_memory(),
        second.gravity("north-west", width, height, extend="white").copy_memory(),
    )


def _luminance(image: pyvips.Image) -> pyvips.Image:
    return image.recomb([[0.299, 0.587, 0.114]]).cast("float")


def _moved_blocks(first: pyvips.Image, second: pyvips.Image, limit: float) -> pyvips.Image:
    """255 for each block whose mean colour moved by more than ``limit`` in any channel."""
    moved = (block_means(first) - block_means(second)).abs() > limit
    return moved.bandor() if moved.bands > 1 else moved


def _counted(blocks: pyvips.Image) -> int:
    """How many are 255, and not 0."""
    return round(float(blocks.avg()) / 255 * int(blocks.width) * int(blocks.height))


def _variances(image: pyvips.Image) -> pyvips.Image:
    means = block_means(image)
    return block_means(image * image) - means * means


def _unlike_bilevel(first: pyvips.Image, second: pyvips.Image) -> str | None:
    """Black and white alone leave only this to ask: is dark still dark, and is there still something?

    Blocks that were dark, or held something of strong contrast, must not have become blank. And every tile of 4 × 4
    blocks votes whether its blocks' brightness goes up and down together in both.
    """
    x, y = block_means(first), block_means(second)
    marked = (x < 100) | (_variances(first) > MARKED)
    if 2 * (marked & (y > 254)).avg() > marked.avg():
        return "most of it is gone"
    side = min(4, x.width, x.height)
    mean_x, mean_y, mean_xx, mean_xy = (image.shrink(side, side) for image in (x, y, x * x, x * y))
    eventful = mean_xx - mean_x * mean_x > 16
    covariance = mean_xy - mean_x * mean_y
    against, together = ((eventful & (covariance < -1)).avg(), (eventful & (covariance > 1)).avg())
    return "dark and light changed places" if 2 * against > together else None
