"""The race: of all codings of one image that are right for it, the one with the fewest bytes.

Rules, in their order:

- never more bytes than now, and a lossy change has to be worth its loss (``MIN_GAIN_*``);
- what is bilevel stays bilevel (JBIG2, G4 or Flate); what is flat (screenshots, charts) gets a palette or stays exact,
  unless a JPEG of it shows no ringing; only the rest becomes a plain JPEG;
- components keep their meaning: colour space and ``/Decode`` stay unless the samples were made to mean the same in a
  simpler one.

Pure: an ``ImageSource`` in, an ``Encoded`` out or ``Skip`` raised. Any thread may run it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import pyvips

from pdfsmaller.engine.images import encode, jbig2, palette, pixels
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.goal import (
    REFERENCE_QUALITY,
    Goal,
    bilevel_scale,
    finest,
    jpeg_quality,
    lowest_quality,
    scale_for,
    shown_dpi,
    target_pixels,
)
from pdfsmaller.engine.images.jpeg import JpegInfo, jpeg, jpeg_cmyk, jpeg_info, strip_jpeg, transcoded
from pdfsmaller.engine.images.look import Judge, judge_for
from pdfsmaller.engine.images.source import ImageSource, Skip
from pdfsmaller.engine.scan.layers import separate

# What downsampling must save, of the bytes stored now, to be worth its loss (``Goal.min_gain`` is for the rest).
MIN_GAIN_RESAMPLED = 0.03
# Who asks for a quality wants a coding of it that saves this much, whatever the judge says.
MUCH_GAIN = 0.25
MIN_GAIN_BYTES = 24
# About the least that a JPEG's coefficients take coded anew, as a share of its bytes.
TRANSCODED_AT_BEST = 0.85
# A JPEG coded this much below the quality asked for is not worth trying.
QUALITY_BELOW = 12

# The qualities tried, in steps from the one asked for.
QUALITY_STEP = 8
QUALITY_STEPS = (-3, 2)
# A JPEG coded quickly that takes so many times what it is to beat never does: all effort leaves at least 0.51 of it,
# and the steps of quality below the first tried 0.8 of that (478 images of the corpus, preset ebook).
FAR_TOO_LARGE = 3.0

# From here on chroma keeps its resolution: who asks for this much quality expects sharp coloured edges.
FULL_CHROMA_QUALITY = 90

# Indices of which quick Deflate leaves more than this share are a photograph's: all effort and predictors leave at
# least so much of that (0.93 in the 47 indexed images of the corpus that were looked at).
NOISY_SHARE, NOISY_AT_BEST = 0.4, 0.8

# An image that so much similarity is lost of at the resolution asked for needs all the pixels it may have.
FAR_BELOW_POOR = 0.03

# A decoded image of at most so many bytes is kept while its codings are tried: it counts as in the works anyway.
KEPT_BYTES = 32_000_000

# An image with more than this share of pixels equal to both neighbours is flat: drawn, not photographed.
FLAT_SHARE = 0.45
# At most this share of the flat pixels may ring; more where quality and full chroma keep it from being seen.
RINGING_SHARE = 0.002
RINGING_SHARE_FINE = 0.01
# A JPEG of a flat image has to be this much smaller than the palette or the lossless one. All effort leaves at least so
# much of one coded quickly.
FLAT_JPEG_GAIN = 0.75
JPEG_AT_BEST = 0.5
FLAT_JPEG_QUALITY = 88
# Colours this close to gray, in levels, are gray to the eye (JPEG noise of a gray original).
GRAY_TOLERANCE = 6
# Drawn images of up to so many pixels are also tried at their full size where they could be reduced.
FLAT_WHOLE_PIXELS = 6_000_000
# Searching a palette takes seconds above this many pixels.
PALETTE_PIXELS = 16_000_000
# An image of one bit per pixel below this many pixels is tried with every template of JBIG2.
FEW_PIXELS = 1_000_000
# Strokes keep so many times the dots per inch that pictures are brought to; up to so many times that, all of theirs.
STROKES_DPI, STROKES_ABOVE = 1.6, 1.15
# Layers have to be this much smaller than the page coded whole.
LAYERS_GAIN = 0.95
# What fills less than this share of its page, or is coarser, is no scanned page.
LAYERS_COVER = 0.5
LAYERS_DPI = 130
# What lies behind the strokes, and which colour they have, is looked at less closely.
LAYERS_QUALITY_BELOW = 25


def optimize(source: ImageSource, goal: Goal) -> Encoded:
    """The best coding of one image.

    Raises:
        Skip: the stored one is best, or nothing else is known to be right.
    """
    reason = "already_small"
    if goal.color_mode != "no-change" and source.color.family != "gray" and not _may_recolor(source):
        raise Skip("color_kept")
    if not source.lossy_ok:
        goal, reason = replace(goal, dpi=None, quality=None, color_mode="no-change"), source.keep_reason
    if source.coding == "jpeg":
        best = _of_jpeg(source, goal)
    elif source.coding == "jpx":
        best = _of_jpx(source, goal)
    elif source.bits == 1 and source.color.samples == 1:
        best = _of_bilevel(source, goal)
    else:
        best = _of_samples(source, goal)
    if goal.layers and source.role == "image":
        whole = min(source.stored, best.cost if best is not None else source.stored)
        layered = _layered(source, goal)
        if layered is not None and layered.cost <= LAYERS_GAIN * whole:
            best = layered
    if best is not None:
        best = encode.repacked(best, goal.effort)
    if best is not None and best.color == "gray" and _recolors(source, goal):
        return best  # asked for, whatever it costs
    if best is not None and source.fixed_color and (best.width, best.height) != (source.width, source.height):
        return best  # whether it pays, its image or mask decides too
    if best is None or best.cost > source.stored - MIN_GAIN_BYTES:
        raise Skip(reason)
    return best


def _worth(encoded: Encoded, source: ImageSource, gain: float) -> bool:
    return encoded.cost <= source.stored * (1 - gain)


def _smallest(candidates: list[Encoded]) -> Encoded | None:
    return min(candidates, key=lambda e: e.cost, default=None)


# --- JPEG and JPEG 2000 -----------------------------------------------------------------------------------------------


def _of_jpeg(source: ImageSource, goal: Goal) -> Encoded | None:
    info = jpeg_info(source.data)
    if info is None or info.components != source.color.components or source.color.palette is not None:
        raise Skip("jpeg_mismatch")
    if (info.width, info.height) != (source.width, source.height):
        raise Skip("jpeg_mismatch")
    scale = scale_for(source, goal)
    recolor = _recolors(source, goal)
    if goal.quality is None or (source.color.family == "other" and source.color.components != 1):
        return _kept_jpeg(source, goal, info)
    if scale == 1.0 and not recolor and info.quality <= jpeg_quality(source, goal, scale) - QUALITY_BELOW:
        return _kept_jpeg(source, goal, info)
    photo = _photo(_decoded(pixels.load_jpeg, source), source, goal, full_chroma=info.full_chroma)
    if recolor:
        return photo.encoded
    if photo.width == source.width and info.quality <= photo.quality:
        return _kept_jpeg(source, goal, info)  # coded coarsely before: no second time
    if _beats(photo, round(source.stored * TRANSCODED_AT_BEST), source, goal, scale):
        return photo.encoded
    kept = _kept_jpeg(source, goal, info)
    return photo.encoded if _beats(photo, kept.cost if kept else source.stored, source, goal, scale) else kept


def _kept_jpeg(source: ImageSource, goal: Goal, info: JpegInfo) -> Encoded | None:
    """The same JPEG in fewer bytes, or None where there are none to win."""
    data = strip_jpeg(source.data) if goal.fast else transcoded(source.data, info)
    kept = Encoded(data, "/DCTDecode", source.width, source.height, 8, exact=True, proven=not goal.fast)
    return kept if len(data) < source.stored else None


def _of_jpx(source: ImageSource, goal: Goal) -> Encoded | None:
    if source.color.palette is not None:
        indices = pixels.load_jpx_indices(source)
        return _of_samples(replace(source, coding="samples", bits=8, data=indices), goal)
    if goal.quality is None or not source.plain_decode or source.color.family not in ("gray", "rgb", "cmyk"):
        raise Skip("jpx")
    photo = _photo(_decoded(pixels.load_jpx, source), source, goal)
    if _recolors(source, goal) or _beats(photo, source.stored, source, goal, scale_for(source, goal)):
        return photo.encoded
    return None


def _decoded(load: Callable[[ImageSource, int], pyvips.Image], source: ImageSource) -> Callable[[float], pyvips.Image]:
    """Gives the source's pixels for a scale; what was decoded last is kept where that is little."""
    kept: dict[int, pyvips.Image] = {}

    def at(scale: float) -> pyvips.Image:
        shrink = pixels.shrink_for(scale)
        if shrink not in kept:
            kept.clear()
            image = load(source, shrink)
            if source.decoded_bytes > KEPT_BYTES * shrink * shrink:
                return image
            kept[shrink] = pixels.settle(image)
        return kept[shrink]

    return at


@dataclass(frozen=True)
class _Photo:
    """A lossy coding, with the JPEG quality, the judge it was chosen by and how like the source he finds it.

    Attributes:
        width: of the coding, in pixels.
        code: makes it, with all effort: only asked for where it may win.
        quick: what it took coded quickly; 0 where that was not tried.
    """

    width: int
    quality: int
    code: Callable[[], Encoded]
    quick: int = 0
    judge: Judge | None = None
    similarity: float = 1.0

    @cached_property
    def encoded(self) -> Encoded:
        return self.code()


def _beats(photo: _Photo, cost: int, source: ImageSource, goal: Goal, scale: float) -> bool:
    """Whether the lossy coding is worth its loss against one of so many bytes that keeps every pixel."""
    if source.fixed_color and scale < 1.0:
        return True  # it has to be as large as its mask
    if photo.quick > FAR_TOO_LARGE * cost:
        return False
    saved = 1 - photo.encoded.cost / max(1, cost)
    if photo.judge is None or photo.width < source.width:
        return saved >= (MIN_GAIN_RESAMPLED if scale < 1.0 else goal.min_gain)
    worth = photo.judge.worth(photo.similarity, photo.encoded.cost)
    return saved >= MUCH_GAIN or (saved >= MIN_GAIN_RESAMPLED and worth > photo.judge.worth(1.0, cost))


def _photo(
    load: Callable[[float], pyvips.Image], source: ImageSource, goal: Goal, *, full_chroma: bool = True
) -> _Photo:
    """A JPEG in gray where the image is gray or is to be; black and white where that is asked for.

    Args:
        load: gives the source's pixels, reduced by a factor at most.
        full_chroma: the source has it; whether it is kept depends on the quality.
    """
    assert goal.quality is not None

    def sized(scale: float) -> pyvips.Image:
        return pixels.resize(load(scale), *target_pixels(source, scale))

    scale = scale_for(source, goal)
    image, color = _simplified(sized(scale), source, goal)
    if goal.color_mode == "bilevel" and color == "gray":
        bilevel = _smallest_bilevel(pixels.black_and_white(image), goal)
        bilevel = replace(bilevel, color="gray", drop_decode=True)
        return _Photo(image.width, 0, lambda: bilevel)

    def coded(image: pyvips.Image, quality: int) -> Encoded:
        sharp = full_chroma and quality >= FULL_CHROMA_QUALITY
        encoded = _jpeg(image, replace(goal, quality=quality), full_chroma=sharp)
        return replace(encoded, color=color, drop_decode=color == "gray")

    def simplified(scale: float) -> pyvips.Image:
        again = sized(scale)
        if again.bands == 3 and image.bands == 1:
            again = pixels.luma(again) if _recolors(source, goal) else again[1].copy_memory()
        return again

    judge = None if goal.fast or not goal.judged or _recolors(source, goal) else judge_for(source, goal, simplified)
    if judge is None:
        quality = jpeg_quality(source, goal, scale)
        return _Photo(image.width, quality, partial(coded, image, quality))
    lowest = lowest_quality(source, goal)
    limit = math.inf if source.fixed_color else FAR_TOO_LARGE * source.stored
    chosen = _chosen_quality(image, goal, judge, lowest, full_chroma, limit)
    most = finest(source, goal)
    factors = (most,) if chosen.similarity < judge.poor - FAR_BELOW_POOR else (math.sqrt(most), most)
    for factor in factors if most > 1.0 else ():
        if chosen.similarity >= judge.poor or image.width >= source.width or chosen.cost > limit:
            break
        # Too few pixels: more of them are tried as long as they are worth their bytes.
        finer = simplified(min(1.0, scale * factor))
        other = _chosen_quality(finer, goal, judge, lowest, full_chroma, limit)
        if other.worth <= chosen.worth:
            break
        image, chosen = finer, other
    code = partial(coded, image, chosen.quality)
    return _Photo(image.width, chosen.quality, code, chosen.cost, judge, chosen.similarity)


@dataclass(frozen=True, slots=True)
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
    wanted = goal.quality

    def tried(step: int) -> _Quality:
        quality = max(lowest, min(95, wanted + step * QUALITY_STEP))
        sharp = full_chroma and quality >= FULL_CHROMA_QUALITY
        quick = _jpeg(image, replace(goal, quality=quality, effort="fast"), full_chroma=sharp)
        similarity = judge.similarity(pixels.decode_jpeg(quick.data))
        return _Quality(quality, quick.cost, similarity, judge.worth(similarity, quick.cost))

    step = -1
    best = tried(step)
    if best.cost > limit:
        return best
    other = tried(step + 1)
    direction = -1
    if other.worth > best.worth:
        best, step, direction = other, step + 1, 1
    while QUALITY_STEPS[0] < step < QUALITY_STEPS[1]:
        step += direction
        other = tried(step)
        if other.worth <= best.worth:
            break
        best = other
    return best


def _jpeg(image: pyvips.Image, goal: Goal, *, full_chroma: bool = False) -> Encoded:
    assert goal.quality is not None
    if image.bands == 4:
        data = jpeg_cmyk(image, goal.quality, full_chroma=full_chroma, fast=goal.fast)
    else:
        named = image.copy(interpretation="srgb" if image.bands == 3 else "b-w")
        data = jpeg(named, goal.quality, full_chroma=full_chroma, fast=goal.fast)
    return Encoded(data, "/DCTDecode", image.width, image.height, 8)


def _may_recolor(source: ImageSource) -> bool:
    """Whether what the samples mean is known well enough to put them in another colour space."""
    return (
        source.role == "image"
        and (source.plain_decode or source.inverted)
        and not source.fixed_color
        and source.color.family in ("gray", "rgb", "cmyk")
    )


def _recolors(source: ImageSource, goal: Goal) -> bool:
    """Whether the colour mode asks for other samples than there are."""
    colored = source.color.family in ("rgb", "cmyk")
    return _may_recolor(source) and (goal.color_mode == "bilevel" or (goal.color_mode == "grayscale" and colored))


def _simplified(image: pyvips.Image, source: ImageSource, goal: Goal) -> tuple[pyvips.Image, str]:
    """One band where the colours are gray or gray is asked for. The second value is ``Encoded.color``."""
    if not _may_recolor(source):
        return image, "keep"
    if _recolors(source, goal):
        meant = image.invert() if source.inverted else image
        return (pixels.luma(meant) if image.bands in (3, 4) else meant), "gray"
    tolerance = 0 if goal.quality is None else GRAY_TOLERANCE
    gray_ok = image.bands == 3 and source.color.neutral_is_gray and source.plain_decode
    if gray_ok and pixels.is_gray(image, tolerance):
        return image[1].copy_memory(), "gray"
    return image, "keep"


# --- scanned pages ----------------------------------------------------------------------------------------------------


def _layered(source: ImageSource, goal: Goal) -> Encoded | None:
    """A scanned page as paper, strokes and their colour, or None where it is none."""
    shown = shown_dpi(source)
    plain = source.plain_decode and source.lossy_ok and not (source.masked or source.fixed_color)
    known = source.color.family in ("gray", "rgb") and source.color.palette is None and source.bits == 8
    if not (plain and known) or goal.color_mode != "no-change" or goal.dpi is None or goal.quality is None:
        return None
    if shown is None or shown < LAYERS_DPI or source.covers < LAYERS_COVER:
        return None
    dpi = goal.dpi * STROKES_DPI
    scale = dpi / shown if shown > dpi * STROKES_ABOVE else 1.0
    load = {"jpeg": pixels.load_jpeg, "jpx": pixels.load_jpx}.get(source.coding)
    image = load(source, pixels.shrink_for(scale)) if load is not None else pixels.load_samples(source)
    image, color = _simplified(pixels.resize(image, *target_pixels(source, scale)), source, goal)
    layers = separate(image, shown * scale, goal.dpi)
    if layers is None:
        return None
    coarse = replace(goal, quality=max(10, goal.quality - LAYERS_QUALITY_BELOW))
    paper, ink = _jpeg(layers.paper, coarse), _jpeg(layers.color, coarse, full_chroma=True)
    strokes = _smallest_bilevel(layers.strokes, goal)
    return replace(paper, color=color, drop_decode=color == "gray", over=(replace(ink, color=color), strokes))


# --- one bit per pixel ------------------------------------------------------------------------------------------------


def _of_bilevel(source: ImageSource, goal: Goal) -> Encoded | None:
    scale = bilevel_scale(source, goal) if source.role != "soft_mask" else 1.0
    if source.ccitt is not None and source.ccitt.k < 0 and scale == 1.0:
        # Group 4 is the better fax already: only JBIG2 can be smaller.
        if goal.fast:
            return None
        return _jbig2(pixels.load_packed(source), source.width, source.height, goal, source.stored)
    image = pixels.load_bilevel(source)
    packed = None
    if scale < 1.0:
        image = pixels.resize(image, *target_pixels(source, scale))
        image = pixels.settle((image >= 128).ifthenelse(255, 0))
    elif source.ccitt is None and source.width % 8 == 0:
        packed = source.data[: source.width // 8 * source.height]
    best = _smallest_bilevel(image, goal, packed)
    if goal.color_mode != "no-change" and source.color.palette is not None and source.color.family in ("rgb", "cmyk"):
        return replace(best, palette=_gray_pair(source, goal), entries=source.color.entries, color="gray")
    return best if scale == 1.0 or _worth(best, source, MIN_GAIN_RESAMPLED) else None


def _gray_pair(source: ImageSource, goal: Goal) -> bytes:
    """The palette of a two-coloured image in gray; for black and white, the lighter colour becomes the white."""
    table = pyvips.Image.new_from_memory(
        source.color.palette, source.color.entries, 1, source.color.components, "uchar"
    )
    levels = bytes(pixels.luma(table).write_to_memory())
    if goal.color_mode != "bilevel":
        return levels
    return bytes(255 if level >= 128 or (level == max(levels) > min(levels)) else 0 for level in levels)


def _smallest_bilevel(image: pyvips.Image, goal: Goal, packed: bytes | None = None) -> Encoded:
    """JBIG2 or G4, or Flate for the patterns and tiny bitmaps that it codes better.

    Args:
        packed: the same pixels at one bit each, where they are at hand.
    """
    image = image.copy(interpretation="b-w")
    best = encode.ccitt_g4(image)
    size = image.width * image.height
    text = size > 4_000_000 and len(best.data) * 20 < size / 8  # a page of it: Flate never wins
    if text and goal.fast:
        return best
    packed = pixels.pack(image) if packed is None else packed
    if not text:
        deflated = encode.flate(packed, image.width, image.height, 1)
        best = min(best, deflated, key=lambda e: e.cost)
    if goal.fast:
        return best
    return _jbig2(packed, image.width, image.height, goal, best.cost) or best


def _jbig2(packed: bytes, width: int, height: int, goal: Goal, limit: int) -> Encoded | None:
    """JBIG2 of fewer than ``limit`` bytes."""
    best: bytes | None = None
    # Templates that look at fewer pixels learn sooner.
    templates = jbig2.TEMPLATES if width * height < FEW_PIXELS or goal.effort == "max" else jbig2.TEMPLATES[:1]
    for template in templates:
        best = jbig2.encode(packed, width, height, template, (limit if best is None else len(best)) - 1) or best
    return Encoded(best, "/JBIG2Decode", width, height, 1, exact=True) if best is not None else None


# --- samples (Flate, LZW, RunLength, none) ----------------------------------------------------------------------------


def _of_samples(source: ImageSource, goal: Goal) -> Encoded | None:
    color = source.color
    if source.bits < 8 and color.palette is None and color.components != 1:
        raise Skip("bits_per_component")
    if source.bits == 16 and goal.quality is None:
        return _sixteen_bits(source, goal)
    raw = pixels.load_samples(source)
    if color.palette is None:
        if goal.quality is None:
            return _smallest(_lossless(raw, source, goal))
        return _lossy(raw, source, goal)
    known = color.family in ("gray", "rgb", "cmyk")
    if goal.quality is None or not source.plain_decode or not known:
        return _same_indices(raw, source, goal)
    best = _lossy(pixels.expand_palette(raw, source), source, goal)
    if _recolors(source, goal) or (best is not None and _far_above(source.data, best.cost)):
        return best
    return _smallest([e for e in (_same_indices(raw, source, goal), best) if e is not None])


def _far_above(indices: bytes, cost: int) -> bool:
    """Whether indices are those of a photograph, which never take as few bytes as ``cost``."""
    quick = encode.quick_size(indices)
    return quick > NOISY_SHARE * len(indices) and NOISY_AT_BEST * quick > cost


def _same_indices(raw: pyvips.Image, source: ImageSource, goal: Goal) -> Encoded:
    """The same indices with the same palette, at the same bits, deflated as well as possible."""
    plain = encode.flate(source.data, source.width, source.height, source.bits)
    if source.bits != 8:
        return plain
    rows = encode.predicted(raw.copy(interpretation="b-w"), effort=goal.effort)
    return min(plain, rows, key=lambda e: e.cost)


def _lossless(image: pyvips.Image, source: ImageSource, goal: Goal) -> list[Encoded]:
    """Codings that give back every sample."""
    if not source.lossy_ok:
        return [_same_samples(image, source, goal)]
    exact_goal = replace(goal, quality=None, color_mode="no-change")
    image, color = _simplified(image, source, exact_goal) if image.bands == 3 else (image, "keep")
    if image.bands == 1:
        found = _lossless_gray(image, goal)
        return [replace(e, color="gray", drop_decode=True) for e in found] if color == "gray" else found
    if image.bands != 3:
        return [_flate_of_any(image, goal)]
    named = image.copy(interpretation="srgb")
    if source.plain_decode and pixels.has_few_colors(image):
        indexed = palette.exact(image)
        if indexed is not None:
            return [indexed]
    return [encode.predicted(named, effort=goal.effort)]


def _same_samples(image: pyvips.Image, source: ImageSource, goal: Goal) -> Encoded:
    """The same numbers at the same bits: a colour-key mask names them."""
    if source.bits == 8 and image.bands in (1, 3):
        return encode.predicted(image.copy(interpretation="b-w" if image.bands == 1 else "srgb"), effort=goal.effort)
    return encode.flate(source.data, source.width, source.height, source.bits)


def _flate_of_any(image: pyvips.Image, goal: Goal) -> Encoded:
    """Components of any number and meaning, deflated; with predictors where PNG knows that many."""
    plain = encode.flate(image.write_to_memory(), image.width, image.height, 8)
    if image.bands not in (2, 4):
        return plain
    # To PNG the last band is an alpha channel; to the predictors it is one more byte per pixel.
    named = image.copy(interpretation="b-w" if image.bands == 2 else "srgb")
    return min(plain, encode.predicted(named, effort=goal.effort), key=lambda e: e.cost)


def _sixteen_bits(source: ImageSource, goal: Goal) -> Encoded:
    """Both bytes of every sample, deflated with predictors."""
    bands = source.color.samples
    if source.color.palette is not None or bands not in (1, 3):
        raise Skip("sixteen_bits")
    image = pyvips.Image.new_from_memory(source.data, source.width, source.height, bands, "ushort").byteswap()
    named = image.copy(interpretation="grey16" if bands == 1 else "rgb16")
    return encode.predicted(named, bits=16, effort=goal.effort)


def _lossless_gray(image: pyvips.Image, goal: Goal) -> list[Encoded]:
    """One component, at as few bits as hold its levels exactly."""
    levels = [level for level, count in enumerate(pixels.histogram(image)) if count]
    named = image.copy(interpretation="b-w")
    if all(level in (0, 255) for level in levels):
        return [_smallest_bilevel(named, goal)]
    for bits, step in ((2, 85), (4, 17)):
        if all(level % step == 0 for level in levels):
            return [encode.predicted(named, bits=bits, effort=goal.effort)]
    return [encode.predicted(named, effort=goal.effort)]


def _lossy(image: pyvips.Image, source: ImageSource, goal: Goal) -> Encoded | None:
    """Gray or colour samples of which some loss is allowed."""
    if source.role == "soft_mask":
        return _soft_mask(image, source, goal)
    scale = scale_for(source, goal)
    if image.bands == 1 and pixels.only_extremes(image):
        # Gray by name, black and white in truth: it keeps its pixels, as bilevel images do.
        return _marked(_smallest_bilevel(image, goal), source)
    whole = image
    image = pixels.resize(whole, *target_pixels(source, scale))
    simple, color = _simplified(image, source, goal)
    if goal.color_mode == "bilevel" and color == "gray":
        return replace(_smallest_bilevel(pixels.black_and_white(simple), goal), color="gray", drop_decode=True)
    jpeg_ok = simple.bands == 1 or (simple.bands in (3, 4) and source.color.family != "other")
    flat = pixels.flat_mask(simple)
    if flat.avg() / 255.0 <= FLAT_SHARE and jpeg_ok:
        photo = _photo(lambda _factor: whole, source, goal)
        exact: list[Encoded] = []
        if photo.encoded.cost * 8 >= simple.width * simple.height * simple.bands or simple.width <= 64:
            # Small and simple pictures are sometimes smaller without loss.
            exact = [_in_space(e, source, color) for e in _plain_lossless(simple, source, goal)]
        lossy = [_in_space(photo.encoded, source, color)] if _beats(photo, source.stored, source, goal, scale) else []
        return _smallest([*exact, *lossy])
    best = _flat(simple, flat, source, replace(goal, quality=jpeg_quality(source, goal, scale)), jpeg_ok=jpeg_ok)
    if best is None:
        return None
    best = _in_space(best, source, color)
    if scale < 1.0 and source.pixels <= FLAT_WHOLE_PIXELS and not (goal.exact_dpi or source.fixed_color):
        # Reduced, sharp edges turn into many shades: all pixels may take fewer bytes.
        kept = [_in_space(e, source, "keep") if e.color == "keep" else e for e in _lossless(whole, source, goal)]
        best = min(best, *kept, key=lambda e: e.cost)
    changed = scale < 1.0 or color == "gray" or best.exact
    return best if changed or _worth(best, source, MIN_GAIN_RESAMPLED) else None


def _in_space(encoded: Encoded, source: ImageSource, color: str) -> Encoded:
    """A coding with the colour space that its pixels were put in."""
    if color == "gray":
        return replace(encoded, color="gray", drop_decode=True)
    return _marked(encoded, source)


def _flat(image: pyvips.Image, flat: pyvips.Image, source: ImageSource, goal: Goal, *, jpeg_ok: bool) -> Encoded | None:
    """The best coding of settled pixels, drawn rather than photographed, in their final colour space."""
    assert goal.quality is not None
    small = image.width * image.height <= PALETTE_PIXELS
    candidates = _few_colors(image, source, goal) if small and image.bands in (1, 3) and source.plain_decode else []
    if not candidates:
        candidates = _plain_lossless(image, source, goal)
    smallest = min((e.cost for e in candidates), default=source.stored)
    if jpeg_ok:
        fine = max(goal.quality, FLAT_JPEG_QUALITY)
        for quality, full_chroma, share in ((goal.quality, False, RINGING_SHARE), (fine, True, RINGING_SHARE_FINE)):
            wanted = replace(goal, quality=quality)
            quick = _jpeg(image, replace(wanted, effort="fast"), full_chroma=full_chroma)
            if quick.cost * JPEG_AT_BEST > smallest * FLAT_JPEG_GAIN:
                break
            tried = quick if goal.fast else _jpeg(image, wanted, full_chroma=full_chroma)
            if tried.cost > smallest * FLAT_JPEG_GAIN:
                break
            if pixels.ringing(image, tried.data, flat) <= share:
                candidates.append(tried)
                break
    return _smallest(candidates)


def _plain_lossless(image: pyvips.Image, source: ImageSource, goal: Goal) -> list[Encoded]:
    """Lossless codings of pixels that may already be in another colour space than the source's."""
    if image.bands == 1:
        return _lossless_gray(image, goal)
    return _lossless(image, source, goal)


def _few_colors(image: pyvips.Image, source: ImageSource, goal: Goal) -> list[Encoded]:
    """A palette in which the eye sees no difference: drawn images with their antialiased edges."""
    assert goal.quality is not None
    if image.bands == 1 and pixels.only_extremes(image):
        return [_smallest_bilevel(image, goal)]
    colors = image if image.bands == 3 else pixels.settle(image.bandjoin([image, image]))
    allowed = max(0.2, (100 - goal.quality) / (100 - REFERENCE_QUALITY))
    indexed = palette.unseen(colors, allowed)
    if indexed is None:
        return []
    if image.bands == 1 and indexed.palette is not None:
        indexed = replace(indexed, palette=indexed.palette[::3])
    return [indexed]


def _marked(encoded: Encoded, source: ImageSource) -> Encoded:
    """A coding of an indexed image's colours: its colour space is now the base, no longer Indexed."""
    if source.color.palette is None or encoded.color == "gray":
        return encoded
    return replace(encoded, color="base", drop_decode=True)


def _soft_mask(image: pyvips.Image, source: ImageSource, goal: Goal) -> Encoded | None:
    """Transparency: lossless unless it is smooth all over, since an edge that rings is a halo."""
    scale = scale_for(source, goal)
    if source.fixed_color or not pixels.only_extremes(image):
        image = pixels.resize(image, *target_pixels(source, scale))
    candidates = _lossless_gray(image, goal)
    if source.fixed_color:
        # Colours premultiplied with the mask need it exactly.
        return _smallest(candidates)
    smallest = min(e.cost for e in candidates)
    tried = _jpeg(image, replace(goal, quality=min(95, jpeg_quality(source, goal, scale) + 12)))
    if (
        tried.cost < smallest * FLAT_JPEG_GAIN
        and pixels.ringing(image, tried.data, pixels.flat_mask(image)) <= RINGING_SHARE
    ):
        candidates.append(tried)
    return _smallest(candidates)
