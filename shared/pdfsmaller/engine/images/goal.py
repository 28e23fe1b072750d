"""What is asked of every image, and what follows from it for one: how many pixels, at which quality."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from pdfsmaller.engine.options import DOWNSAMPLE_ABOVE, Bilevel, ColorMode, Effort
from pdfsmaller.records import record

if TYPE_CHECKING:
    from pdfsmaller.engine.images.source import ImageSource

Layering = Literal["never", "alike", "always"]

MIN_GAIN = 0.12
# A page shorter than this, in points, is enlarged when it is read: its images may keep up to so many times the dots.
SMALL_PAGE = 600.0
FINEST = 1.8
# The quality of the ebook preset, for which limits of what the eye sees are given.
REFERENCE_QUALITY = 72
# Text in one bit per pixel needs the resolution: 1-bit images are reduced only far above what a printer can show.
BILEVEL_DPI = 300
BILEVEL_ABOVE = 1.5
# A halving of dots hides coding errors of about this much quality, on libjpeg's scale: what is shown finer than the
# target may be coded coarser, and the other way round.
QUALITY_PER_OCTAVE = 14
QUALITY_DOWN, QUALITY_UP = 12, 3
# Below this every dot is seen by itself, and so are the blocks of a coarse JPEG: quality rises again, up to so much.
COARSE_DPI = 72
QUALITY_UP_COARSE = 20
LOWEST_QUALITY = 25


@record(frozen=True)
class Goal:
    """What is asked of every image.

    Attributes:
        dpi: downsample to this above 1.2 × it; None = never.
        quality: JPEG quality; None = no sample may change.
        color_mode: take colour out.
        effort: how much time a byte is worth.
        above: images are downsampled above so many times ``dpi``.
        exact_dpi: nothing stays above it, on small pages either: it was asked for by number.
        judged: quality is chosen for each image by how it looks; otherwise by rules of thumb.
        layers: when scanned pages become a coarse background with sharp strokes over it: ``always`` where that fits,
            or where they look as good (``alike``) as coded whole.
        bilevel: how images of one bit per pixel may be coded.
        min_gain: what coding again at the same size must save, as a share of the bytes stored, to be worth its loss.
    """

    dpi: int | None
    quality: int | None
    color_mode: ColorMode = "no-change"
    effort: Effort = "default"
    above: float = DOWNSAMPLE_ABOVE
    min_gain: float = MIN_GAIN
    exact_dpi: bool = False
    judged: bool = True
    layers: Layering = "never"
    bilevel: Bilevel = "auto"

    @property
    def fast(self) -> bool:
        return self.effort == "fast"


def shown_dpi(source: ImageSource) -> float | None:
    """Dots per inch at the largest placement, on the axis that has fewer; None = unknown."""
    if not source.resample or source.width_pt <= 0 or source.height_pt <= 0:
        return None
    return min(source.width / source.width_pt, source.height / source.height_pt) * 72.0


def scale_for(source: ImageSource, goal: Goal) -> float:
    """The factor to resize by: 1.0, or what brings the image down to the goal's dpi."""
    shown = shown_dpi(source)
    if goal.dpi is None or goal.quality is None or shown is None:
        return 1.0
    return 1.0 if shown <= goal.dpi * goal.above * finest(source, goal) else goal.dpi / shown


def finest(source: ImageSource, goal: Goal) -> float:
    """How many times as fine as the dpi asked for an image may stay: more than 1 on small pages only."""
    if goal.exact_dpi or source.fixed_color or source.page_pt <= 0:
        return 1.0
    return min(FINEST, max(1.0, SMALL_PAGE / source.page_pt))


def bilevel_scale(source: ImageSource, goal: Goal) -> float:
    """The same for an image of one bit per pixel."""
    shown = shown_dpi(source)
    if goal.dpi is None or goal.quality is None or shown is None:
        return 1.0
    floor = max(goal.dpi, BILEVEL_DPI)
    return floor / shown if shown > floor * BILEVEL_ABOVE else 1.0


def target_pixels(source: ImageSource, scale: float) -> tuple[int, int]:
    """Width and height after resizing, rounded up."""
    return max(1, math.ceil(source.width * scale - 1e-6)), max(1, math.ceil(source.height * scale - 1e-6))


def jpeg_quality(source: ImageSource, goal: Goal, scale: float) -> int:
    """The JPEG quality for an image that is shown at ``scale`` of its dots."""
    assert goal.quality is not None
    shown = shown_dpi(source)
    if shown is None or goal.dpi is None:
        return goal.quality
    change = -QUALITY_PER_OCTAVE * math.log2(max(shown * scale, 1.0) / goal.dpi)
    change = max(-QUALITY_DOWN, min(QUALITY_UP, change))
    if shown < COARSE_DPI:
        change += min(QUALITY_UP_COARSE, QUALITY_PER_OCTAVE * math.log2(COARSE_DPI / max(shown, 1.0)))
    return max(10, min(95, goal.quality + round(change)))


def lowest_quality(source: ImageSource, goal: Goal) -> int:
    """The least that may be tried: of an image shown very coarsely, every block is seen."""
    shown = shown_dpi(source)
    return jpeg_quality(source, goal, 1.0) if shown is not None and shown < COARSE_DPI else LOWEST_QUALITY


def layering(preset: str | None, effort: Effort) -> Layering:
    """When a preset's scanned pages become layers."""
    if preset == "scan":
        return "always"
    return "alike" if preset in ("ebook", "screen") and effort != "fast" else "never"
