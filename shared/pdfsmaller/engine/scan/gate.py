"""Whether a scanned page in layers looks as good as the page coded whole: altogether, and in every place.

A page's mean tells nothing of a note in pencil, a stamp or a photograph: what layers lose there, sharper letters
elsewhere make up for. So places are looked at one by one, by structure and by level, and what layers show of the source
is held against what the page coded whole shows of it there.
"""

from __future__ import annotations

import pyvips

from pdfsmaller.engine.similarity import Picture, block_means, block_similarities

# benchmarks/scan/results/gate.md chose all of these, by words read and by what was drawn on the pages.
# So much less like the source layers may be altogether: nobody sees it …
LOSS = 0.002
# … and so much less in any place of so many blocks a side, which is half an inch.
PLACE_BLOCKS, PLACE_LOSS = 6, 0.015
# Of all blocks this share may be less like it by more, or have a mean that is off by more levels.
BLOCK_LOSS, BLOCK_LEVELS, BLOCKS_SHARE = 0.2, 12.0, 0.001


def looks_as_good(source: Picture, whole: Picture, layered: Picture) -> bool:
    """Whether ``layered`` shows the source nowhere worse than ``whole`` does: all of one size, as they are seen."""
    before, one, other = (picture.image() for picture in (source, whole, layered))
    lost = (block_similarities(before, one) - block_similarities(before, other)).bandmean().copy_memory()
    if lost.avg() > LOSS or _share(lost > BLOCK_LOSS) > BLOCKS_SHARE:
        return False
    if lost.shrink(min(PLACE_BLOCKS, lost.width), min(PLACE_BLOCKS, lost.height)).max() > PLACE_LOSS:
        return False
    return _share(_off(before, other) > BLOCK_LEVELS) <= BLOCKS_SHARE + _share(_off(before, one) > BLOCK_LEVELS)


def _off(source: pyvips.Image, coded: pyvips.Image) -> pyvips.Image:
    """By how many levels the mean of each block differs, in the band where it does most."""
    first, *others = (block_means(source) - block_means(coded)).abs().bandsplit()
    return first.bandrank(others, index=len(others)) if others else first


def _share(blocks: pyvips.Image) -> float:
    """The share of the blocks for which something holds."""
    return float(blocks.avg()) / 255
