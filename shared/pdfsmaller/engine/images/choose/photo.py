"""Pictures with loss: the resolution and the JPEG quality at which an image is worth most."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial

import pyvips

from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.choose.bilevel import smallest_bilevel
from pdfsmaller.engine.images.codecs import jpeg
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import Goal, finest, jpeg_quality, lowest_quality, scale_for, target_pixels
from pdfsmaller.engine.images.look import seen_scale
from pdfsmaller.engine.images.recolor import as_simple, recolors, simplified
from pdfsmaller.engine.images.source import ImageSource
from pdfsmaller.engine.images.weigh import FAR_BELOW_POOR, FAR_TOO_LARGE, MIN_GAIN_RESAMPLED, Judge, judge_for
from pdfsmaller.engine.workers import begin, beside
from pdfsmaller.records import record

# The qualities tried, in steps from the one asked for.
QUALITY_STEP = 8
QUALITY_STEPS = (-3, 2)
FIRST_STEP = -1
# What looks by so much better than what is poor is tried at the coarsest step next: of 18 scanned pages that was worth
# most for 16 (those of benchmarks/engine, preset ebook), and of comic-why-slides' pictures it spares 428 tries 150. It
# is looked at meanwhile where the image has so many pixels.
FAR_ABOVE_POOR, MANY_PIXELS = 0.015, 1_000_000
# From here on chroma keeps its resolution: who asks for this much quality expects sharp coloured edges.
FULL_CHROMA_QUALITY = 90
# A decoded image of at most so many bytes is kept while its codings are tried: it counts as in the works anyway.
# (A telephone's photograph of 12 million pixels takes 37 MB.)
KEPT_BYTES = 40_000_000


@record(frozen=True)
class Photo:
    """A lossy coding, with the JPEG quality, the judge it was chosen by and how like the source he finds it.

    Attributes:
        width: of the coding, in pixels.
        code: makes it, with all effort: only asked for where it may win.
        quick: what it took coded quickly; 0 where that was not tried.
        image: what it codes, where a judge has chosen its quality.
    """

    width: int
    quality: int
    code: Callable[[], Encoded]
    quick: int = 0
    judge: Judge | None = None
    similarity: float = 1.0
    image: pyvips.Image | None = None

    @cached_property
    def encoded(self) -> Encoded:
        coded = self.code()
        return coded if self.judge is None else replace(coded, likeness=self.similarity)

    def beats(self, cost: int, source: ImageSource, goal: Goal) -> bool:
        """Whether it is worth its loss against a coding of so many bytes that keeps every pixel."""
        resampled = scale_for(source, goal) < 1.0
        if source.fixed_color and resampled:
            return True  # it has to be as large as its mask
        if self.quick > FAR_TOO_LARGE * cost:
            return False
        if self.judge is not None and self.width >= source.width:
            return self.judge.prefers(self.encoded.cost, self.similarity, cost)
        return 1 - self.encoded.cost / max(1, cost) >= (MIN_GAIN_RESAMPLED if resampled else goal.min_gain)


def decoded(load: Callable[[int], pyvips.Image], source: ImageSource) -> Callable[[float], pyvips.Image]:
    """Gives the source's pixels for a scale, to any thread; what was decoded last is kept where that is little.

    Args:
        load: decodes them, reduced as ``pixels.shrink_for`` says.
    """
    kept: dict[int, pyvips.Image] = {}
    decoding = threading.Lock()

    def at(scale: float) -> pyvips.Image:
        shrink = pixels.shrink_for(scale)
        with decoding:
            if shrink not in kept:
                kept.clear()
                image = load(shrink)
                if source.decoded_bytes > KEPT_BYTES * shrink * shrink:
                    return image
                kept[shrink] = pixels.settle(image)
            return kept[shrink]

    return at


def photo(load: Callable[[float], pyvips.Image], source: ImageSource, goal: Goal, *, full_chroma: bool = True) -> Photo:
    """A JPEG in gray where the image is gray or is to be; black and white where that is asked for.

    Args:
        load: gives the source's pixels, reduced by a factor at most.
        full_chroma: the source has it; whether it is kept depends on the quality.
    """
    assert goal.quality is not None

    def sized(scale: float) -> pyvips.Image:
        return pixels.resize(load(scale), *target_pixels(source, scale))

    scale = scale_for(source, goal)
    judged = goal.judged and not goal.fast and not recolors(source, goal)
    seen = seen_scale(source, goal) if judged and source.decoded_bytes <= KEPT_BYTES else None
    ahead = {seen: beside(partial(sized, seen))} if seen is not None else {}
    image, color = simplified(sized(scale), source, goal)
    if goal.color_mode == "bilevel" and color == "gray":
        bilevel = smallest_bilevel(pixels.black_and_white(image), goal)
        bilevel = replace(bilevel, color="gray", drop_decode=True)
        return Photo(image.width, 0, lambda: bilevel)

    def coded(image: pyvips.Image, quality: int) -> Encoded:
        sharp = full_chroma and quality >= FULL_CHROMA_QUALITY
        encoded = jpeg.encode(image, quality, full_chroma=sharp, fast=goal.fast)
        return replace(encoded, color=color, drop_decode=color == "gray")

    def alike(scale: float) -> pyvips.Image:
        """The source at another scale, in as many bands."""
        at_scale = ahead.pop(scale, partial(sized, scale))
        return as_simple(at_scale(), image, source, goal)

    judge = judge_for(source, goal, alike) if judged else None
    if judge is None:
        quality = jpeg_quality(source, goal, scale)
        return Photo(image.width, quality, partial(coded, image, quality))
    lowest = lowest_quality(source, goal)
    limit = math.inf if source.fixed_color else FAR_TOO_LARGE * source.stored
    chosen = _chosen_quality(image, goal, judge, lowest, full_chroma, limit)
    most = finest(source, goal)
    factors = (most,) if chosen.similarity < judge.poor - FAR_BELOW_POOR else (math.sqrt(most), most)
    for factor in factors if most > 1.0 else ():
        if chosen.similarity >= judge.poor or image.width >= source.width or chosen.cost > limit:
            break
        # Too few pixels: more of them are tried as long as they are worth their bytes.
        finer = alike(min(1.0, scale * factor))
        other = _chosen_quality(finer, goal, judge, lowest, full_chroma, limit)
        if other.worth <= chosen.worth:
            break
        image, chosen = finer, other
    code = partial(coded, image, chosen.quality)
    return Photo(image.width, chosen.quality, code, chosen.cost, judge, chosen.similarity, image)


@record(frozen=True)
class _Quality:
    """What a JPEG quality gives for one image."""

    quality: int
    cost: int
    similarity: float
    worth: float


def _chosen_quality(
    image: pyvips.Image, goal: Goal, judge: Judge, lowest: int, full_chroma: bool, limit: float
) -> _Quality:
    """The quality of the most worth, climbed to from a little below the one asked for.

    Args:
        limit: where more bytes than this are taken there, no other quality is tried.
    """
    assert goal.quality is not None
    wanted, trials = goal.quality, jpeg.Trials(image)
    coarsest, finest = QUALITY_STEPS
    known: dict[int, Callable[[], _Quality]] = {}  # by step

    def looked_at(step: int) -> _Quality:
        quality = max(lowest, min(95, wanted + step * QUALITY_STEP))
        sharp = full_chroma and quality >= FULL_CHROMA_QUALITY
        quick = trials.encode(quality, full_chroma=sharp)
        similarity = judge.view.similarity(pixels.decode_jpeg(quick.data))
        return _Quality(quality, quick.cost, similarity, judge.worth(similarity, quick.cost))

    def expect(step: int) -> None:
        """Have a step looked at meanwhile where a thread is idle."""
        if coarsest <= step <= finest and step not in known:
            begun = begin(partial(looked_at, step))
            if begun is not None:
                known[step] = begun.result

    def tried(step: int) -> _Quality:
        if step not in known:
            quality = looked_at(step)
            known[step] = lambda: quality
        return known[step]()

    def climbed(best: _Quality, direction: int) -> tuple[_Quality, int]:
        """The best in a direction, and at which step."""
        step = FIRST_STEP
        while coarsest < step < finest:
            expect(step + 2 * direction)
            other = tried(step + direction)
            if other.worth <= best.worth:
                break
            best, step = other, step + direction
        return best, step

    expect(coarsest if image.width * image.height > MANY_PIXELS else FIRST_STEP + 1)
    first = tried(FIRST_STEP)
    if first.cost > limit:
        return first
    if first.similarity > judge.poor + FAR_ABOVE_POOR:
        last = tried(coarsest)
        if last.similarity >= judge.poor and last.worth > first.worth:
            return last
        coarser, step = climbed(first, -1)
        return coarser if step == coarsest else max(coarser, climbed(first, 1)[0], key=lambda quality: quality.worth)
    finer, step = climbed(first, 1)
    return finer if step != FIRST_STEP else climbed(first, -1)[0]
