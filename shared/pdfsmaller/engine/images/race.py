"""The race: of all codings of one image that are right for it, the one with the fewest bytes.

Rules, in their order:

- never more bytes than now, and a lossy change has to be worth its loss (``MIN_GAIN_*``);
- what is bilevel stays bilevel (G4 or Flate); what is flat (screenshots, charts) stays lossless unless a JPEG of it
  shows no ringing; only the rest becomes a plain JPEG;
- components keep their meaning: colour space and ``/Decode`` stay unless the samples were provably made to mean the
  same in a simpler one.

Pure: an ``ImageSource`` in, an ``Encoded`` out or ``Skip`` raised. Any thread may run it.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import pyvips
from PIL import Image

from pdfsmaller.engine.images import encode
from pdfsmaller.engine.images.encode import Encoded
from pdfsmaller.engine.images.source import ImageSource, Skip
from pdfsmaller.engine.options import ColorMode, Effort

# Ghostscript's threshold too: an image is downsampled only when that takes away more than half its pixels.
DOWNSAMPLE_ABOVE = 1.5
# Text in one bit per pixel needs the resolution: 1-bit images are reduced only far above what a printer can show.
BILEVEL_DPI = 300
BILEVEL_ABOVE = 450
# What a lossy change must save, of the bytes stored now, to be worth its loss.
MIN_GAIN_RESAMPLED = 0.03
MIN_GAIN_REQUANTIZED = 0.12
MIN_GAIN_EXACT_BYTES = 24
# A JPEG that is at most this much better than the quality asked for is not coded again.
QUALITY_MARGIN = 4

# An image with more than this share of pixels equal to both neighbours is flat: drawn, not photographed.
FLAT_SHARE = 0.45
# In flat areas an error above this many levels is seen as ringing; at most this share of them may have it.
RINGING_LEVELS = 10
RINGING_SHARE = 0.004
# A lossy coding of a flat image has to be this much smaller than the lossless one.
FLAT_JPEG_GAIN = 0.7
FLAT_JPEG_QUALITY = 88
# Colours this close to gray, in levels, are gray to the eye (JPEG noise of a gray original).
GRAY_TOLERANCE = 6


@dataclass(frozen=True, slots=True)
class Goal:
    """What is asked of every image.

    Attributes:
        dpi: downsample to this above 1.5 × it; None = never.
        quality: JPEG quality; None = no sample may change.
        color_mode: take colour out.
        effort: how much time a byte is worth.
    """

    dpi: int | None
    quality: int | None
    color_mode: ColorMode = "no-change"
    effort: Effort = "default"

    @property
    def lossless(self) -> bool:
        return self.quality is None

    @property
    def flate_level(self) -> int:
        return 6 if self.effort == "fast" else 9


def optimize(source: ImageSource, goal: Goal) -> Encoded:
    """The best coding of one image.

    Raises:
        Skip: the stored one is best, or nothing else is known to be right.
    """
    if not source.lossy_ok and (goal.color_mode != "no-change" or not goal.lossless):
        goal = Goal(None, None, "no-change", goal.effort)
        exact_reason = source.keep_reason
    else:
        exact_reason = "already_small"
    if source.coding == "jpeg":
        best = _jpeg_source(source, goal)
    elif source.coding == "jpx":
        best = _jpx_source(source, goal)
    elif source.bits == 1 and source.color.samples == 1:
        best = _bilevel_source(source, goal)
    else:
        best = _sampled_source(source, goal)
    if best is None or best.cost > source.stored - MIN_GAIN_EXACT_BYTES:
        raise Skip(exact_reason)
    return best


# --- how large ------------------------------------------------------------------------------------------------------


def shown_dpi(source: ImageSource) -> float | None:
    """Dots per inch at the largest placement, on the axis that has fewer; None = unknown."""
    if not source.resample or source.width_pt <= 0 or source.height_pt <= 0:
        return None
    return min(source.width / source.width_pt, source.height / source.height_pt) * 72.0


def scale_for(source: ImageSource, dpi: int | None, above: float = DOWNSAMPLE_ABOVE) -> float:
    """The factor to resize by: 1.0, or what brings the image down to ``dpi``."""
    shown = shown_dpi(source)
    if dpi is None or shown is None or shown <= dpi * above:
        return 1.0
    return dpi / shown


def _resize(image: pyvips.Image, width: int, height: int) -> pyvips.Image:
    if (image.width, image.height) == (width, height):
        return image
    return image.resize(width / image.width, vscale=height / image.height, kernel="lanczos3")


def _target(source: ImageSource, scale: float) -> tuple[int, int]:
    return max(1, math.ceil(source.width * scale - 1e-6)), max(1, math.ceil(source.height * scale - 1e-6))


# --- JPEG -----------------------------------------------------------------------------------------------------------


def _jpeg_source(source: ImageSource, goal: Goal) -> Encoded | None:
    info = encode.jpeg_info(source.data)
    if info is None or info.components != source.color.components:
        raise Skip("jpeg_mismatch")
    if source.color.palette is not None or (info.width, info.height) != (source.width, source.height):
        raise Skip("jpeg_mismatch")
    stripped = encode.strip_jpeg(source.data)
    kept = Encoded(stripped, "/DCTDecode", source.width, source.height, 8, exact=True)
    lossless = kept if len(stripped) < source.stored else None
    if goal.lossless or goal.quality is None:
        return lossless
    if source.color.family == "other" and source.color.components != 1:
        return lossless
    scale = scale_for(source, goal.dpi)
    recolor = goal.color_mode != "no-change" and source.color.family in ("rgb", "cmyk", "gray") and source.plain_decode
    if scale == 1.0 and not recolor and info.quality <= goal.quality + QUALITY_MARGIN:
        return lossless
    width, height = _target(source, scale)
    image = _load_jpeg(source.data, source.width / width)
    if source.color.family == "cmyk" and info.adobe:
        # libvips turns Adobe's CMYK round on loading; the PDF's samples are those stored.
        image = image.invert()
    image = _settle(_resize(image, width, height))
    encoded = _lossy(image, source, goal, adobe=info.adobe, full_chroma=False)
    gain = MIN_GAIN_RESAMPLED if scale < 1.0 or recolor else MIN_GAIN_REQUANTIZED
    if encoded.cost > source.stored * (1 - gain):
        return lossless
    return encoded


def _load_jpeg(data: bytes, factor: float) -> pyvips.Image:
    shrink = max(s for s in (1, 2, 4, 8) if s <= max(1.0, factor))
    return pyvips.Image.jpegload_buffer(data, shrink=shrink, fail_on="error", access="sequential")


def _settle(image: pyvips.Image) -> pyvips.Image:
    """Compute a pipeline once, into memory, as 8-bit samples; what follows looks at it several times."""
    return image.cast("uchar").copy_memory()


def _lossy(image: pyvips.Image, source: ImageSource, goal: Goal, *, adobe: bool = False, full_chroma: bool) -> Encoded:
    """A JPEG of an image in memory, gray where that is the same."""
    assert goal.quality is not None
    image, color = _simplify(image, source, goal)
    if goal.color_mode == "bilevel" and image.bands == 1 and source.role == "image" and source.plain_decode:
        return _threshold(image)
    if image.bands == 4:
        # libvips writes CMYK turned round and with Adobe's marker: turn it first, so that the stored samples are the
        # PDF's own, and keep the marker only where the source had one.
        data = encode.jpeg(
            image.invert().copy(interpretation="cmyk"),
            goal.quality,
            full_chroma=full_chroma,
            fast=goal.effort == "fast",
        )
        data = encode.strip_jpeg(data, keep_adobe=adobe)
    else:
        named = image.copy(interpretation="srgb" if image.bands == 3 else "b-w")
        data = encode.jpeg(named, goal.quality, full_chroma=full_chroma, fast=goal.effort == "fast")
    return Encoded(data, "/DCTDecode", image.width, image.height, 8, color=color)


def _simplify(image: pyvips.Image, source: ImageSource, goal: Goal) -> tuple[pyvips.Image, str]:
    """Gray in one band where the colours are gray or gray is asked for. The second value is ``Encoded.color``."""
    if not source.plain_decode or source.role != "image":
        return image, "keep"
    if goal.color_mode != "no-change":
        if image.bands == 3 and source.color.family == "rgb":
            return _luma(image), "gray"
        if image.bands == 4 and source.color.family == "cmyk":
            return _luma_of_cmyk(image), "gray"
        return image, "keep"
    tolerance = 0 if goal.lossless else GRAY_TOLERANCE
    if image.bands == 3 and source.color.neutral_is_gray and _is_gray(image, tolerance):
        return image[1].copy_memory(), "gray"
    return image, "keep"


def _luma(image: pyvips.Image) -> pyvips.Image:
    """DeviceRGB to DeviceGray (ISO 32000-1, 10.3.2)."""
    return (image[0] * 0.3 + image[1] * 0.59 + image[2] * 0.11).rint().cast("uchar").copy_memory()


def _luma_of_cmyk(image: pyvips.Image) -> pyvips.Image:
    """DeviceCMYK to DeviceGray (ISO 32000-1, 10.3.3)."""
    ink = image[0] * 0.3 + image[1] * 0.59 + image[2] * 0.11 + image[3]
    return (255 - ink).rint().cast("uchar").copy_memory()


def _is_gray(image: pyvips.Image, tolerance: int) -> bool:
    red_green = (image[0] - image[1]).abs()
    if red_green.max() > tolerance:
        return False
    return bool((image[2] - image[1]).abs().max() <= tolerance)


# --- JPEG 2000 ------------------------------------------------------------------------------------------------------


def _jpx_source(source: ImageSource, goal: Goal) -> Encoded | None:
    if goal.lossless or goal.quality is None:
        raise Skip("jpx")
    if source.color.palette is not None or not source.plain_decode or source.color.family not in ("gray", "rgb"):
        raise Skip("jpx")
    scale = scale_for(source, goal.dpi)
    width, height = _target(source, scale)
    with Image.open(io.BytesIO(source.data), formats=["JPEG2000"]) as picture:
        if picture.size != (source.width, source.height) or picture.mode not in ("L", "RGB"):
            raise Skip("jpx")
        bands = len(picture.getbands())
        if bands != source.color.components:
            raise Skip("jpx")
        # JPEG 2000 holds the image at every power of two: take the nearest that is large enough.
        picture.reduce = max(r for r in range(4) if 2**r <= source.width / width or r == 0)  # type: ignore[assignment, method-assign]
        picture.load()
        samples = picture.tobytes()
        image = pyvips.Image.new_from_memory(samples, picture.width, picture.height, bands, "uchar")
    image = _settle(_resize(image, width, height))
    encoded = _lossy(image, source, goal, full_chroma=False)
    gain = MIN_GAIN_RESAMPLED if scale < 1.0 else MIN_GAIN_REQUANTIZED
    return encoded if encoded.cost <= source.stored * (1 - gain) else None


# --- one bit per pixel ----------------------------------------------------------------------------------------------


def _bilevel_source(source: ImageSource, goal: Goal) -> Encoded | None:
    scale = 1.0
    if not goal.lossless and goal.dpi is not None and source.role != "soft_mask":
        shown = shown_dpi(source)
        floor = max(goal.dpi, BILEVEL_DPI)
        if shown is not None and shown > max(BILEVEL_ABOVE, floor * DOWNSAMPLE_ABOVE):
            scale = floor / shown
    if source.coding == "ccitt" and scale == 1.0 and source.ccitt is not None and source.ccitt.k < 0:
        raise Skip("already_small")
    image = _load_bilevel(source)
    if scale < 1.0:
        width, height = _target(source, scale)
        image = _settle((_resize(image, width, height) >= 128).ifthenelse(255, 0))
    best = _smallest_bilevel(image, goal)
    if scale < 1.0 and best.cost > source.stored * (1 - MIN_GAIN_RESAMPLED):
        return None
    return best


def _load_bilevel(source: ImageSource) -> pyvips.Image:
    """0 and 255 for the samples 0 and 1, whatever they mean."""
    if source.ccitt is None:
        picture = Image.frombytes("1", (source.width, source.height), source.data, "raw", "1").convert("L")
        return pyvips.Image.new_from_memory(picture.tobytes(), source.width, source.height, 1, "uchar")
    if source.ccitt.byte_align or source.ccitt.columns != source.width:
        raise Skip("unusual_ccitt")
    tiff = encode.ccitt_tiff(
        source.data, source.width, source.height, source.ccitt.k, black_is_1=source.ccitt.black_is_1
    )
    return pyvips.Image.tiffload_buffer(tiff, fail_on="error").copy_memory()


def _smallest_bilevel(image: pyvips.Image, goal: Goal) -> Encoded:
    image = image.copy(interpretation="b-w")
    fax = encode.ccitt_g4(image)
    # Patterns and tiny bitmaps are the few that Flate codes better; a large page never is.
    if image.width * image.height > 4_000_000 and len(fax.data) * 20 < image.width * image.height / 8:
        return fax
    packed = Image.frombytes("L", (image.width, image.height), image.write_to_memory()).convert("1", dither=0)
    deflated = encode.flate(packed.tobytes(), image.width, image.height, 1, goal.flate_level)
    return min(fax, deflated, key=lambda e: e.cost)


def _threshold(image: pyvips.Image) -> Encoded:
    """Black and white at the level that best parts the histogram (Otsu)."""
    bits = (image > _otsu(image)).ifthenelse(255, 0).cast("uchar").copy_memory()
    fax = _smallest_bilevel(bits, Goal(None, None))
    return Encoded(
        fax.data, fax.filter, fax.width, fax.height, 1, fax.parms, color="gray", drop_decode=True, exact=False
    )


def _otsu(image: pyvips.Image) -> int:
    histogram = _histogram(image)
    total = sum(histogram)
    weighted = sum(level * count for level, count in enumerate(histogram))
    below = below_weighted = 0
    best, best_level = -1.0, 127
    for level, count in enumerate(histogram):
        below += count
        below_weighted += level * count
        above = total - below
        if below == 0 or above == 0:
            continue
        distance = below_weighted / below - (weighted - below_weighted) / above
        between = below * above * distance * distance
        if between > best:
            best, best_level = between, level
    return best_level


def _histogram(image: pyvips.Image) -> list[int]:
    """Pixels per level, 256 of them."""
    counts = image.hist_find().cast("uint").write_to_memory()
    levels = [int.from_bytes(bytes(counts[i : i + 4]), "little") for i in range(0, len(counts), 4)]
    return levels + [0] * (256 - len(levels))


# --- samples (Flate, LZW, RunLength, none) ---------------------------------------------------------------------------


def _sampled_source(source: ImageSource, goal: Goal) -> Encoded | None:
    color = source.color
    if source.bits == 16:
        return _sixteen_bits(source, goal)
    if source.bits < 8 and color.palette is None and color.components != 1:
        raise Skip("bits_per_component")
    raw = _load_samples(source)
    if goal.lossless:
        return _exact(raw, source, goal)
    if color.palette is not None:
        if not source.plain_decode or color.family not in ("gray", "rgb"):
            return _exact(raw, source, goal)
        return _continuous(_expand(raw, source), source, goal, exact=_exact_indexed(raw, source, goal))
    return _continuous(raw, source, goal, exact=None)


def _load_samples(source: ImageSource) -> pyvips.Image:
    """The stored samples as 8-bit values; indices stay indices, gray of fewer bits is spread over 0–255."""
    size = (source.width, source.height)
    if source.bits == 8:
        return pyvips.Image.new_from_memory(source.data, *size, source.color.samples, "uchar")
    mode, raw = ("P", f"P;{source.bits}") if source.color.palette is not None else ("L", f"L;{source.bits}")
    picture = Image.frombytes(mode, size, source.data, "raw", raw)
    return pyvips.Image.new_from_memory(picture.tobytes(), *size, 1, "uchar")


def _expand(indices: pyvips.Image, source: ImageSource) -> pyvips.Image:
    """Indices to the colours of the base."""
    palette = source.color.palette or b""
    bands = source.color.components
    # Indices beyond the palette are clamped, as readers do.
    padded = palette + palette[-bands:] * (256 - len(palette) // bands)
    table = pyvips.Image.new_from_memory(padded, 256, 1, bands, "uchar")
    return indices.maplut(table)


def _sixteen_bits(source: ImageSource, goal: Goal) -> Encoded | None:
    """Two bytes per sample are one too many for any screen or printer; without loss allowed they stay."""
    if goal.lossless:
        raise Skip("sixteen_bits")
    if source.color.palette is not None or source.color.samples not in (1, 3, 4):
        raise Skip("sixteen_bits")
    # PDF stores the high byte first: every other byte, from the first, is the sample rounded down to 8 bits.
    high = source.data[::2]
    image = pyvips.Image.new_from_memory(high, source.width, source.height, source.color.samples, "uchar")
    return _continuous(image, source, goal, exact=None)


def _exact(raw: pyvips.Image, source: ImageSource, goal: Goal) -> Encoded | None:
    """Only codings that give back every sample."""
    if source.color.palette is not None:
        return _exact_indexed(raw, source, goal)
    candidates = _lossless(raw, source, goal)
    return min(candidates, key=lambda e: e.cost, default=None)


def _exact_indexed(raw: pyvips.Image, source: ImageSource, goal: Goal) -> Encoded:
    """The same indices with the same palette, at the same bits, deflated as well as possible."""
    plain = encode.flate(source.data, source.width, source.height, source.bits, goal.flate_level)
    if source.bits != 8:
        return plain
    rows = encode.predicted(raw.copy(interpretation="b-w"), effort=goal.flate_level)
    return min(plain, rows, key=lambda e: e.cost)


def _lossless(image: pyvips.Image, source: ImageSource, goal: Goal) -> list[Encoded]:
    """Lossless codings of 8-bit components (which may be fewer bits spread out)."""
    bands = image.bands
    gray_ok = source.plain_decode and source.role == "image" and source.color.neutral_is_gray and bands == 3
    if gray_ok and _is_gray(image, 0):
        return [_recolored(e) for e in _lossless_gray(image[1].copy_memory(), source, goal)]
    if bands == 1:
        return _lossless_gray(image, source, goal)
    if bands == 3:
        named = image.copy(interpretation="srgb")
        result = [encode.predicted(named, effort=goal.flate_level)]
        if source.color.family in ("rgb", "other") and source.plain_decode and _few_colors(image):
            result += _exact_palette(named, goal)
        return result
    return [encode.flate(image.write_to_memory(), image.width, image.height, 8, goal.flate_level)]


def _recolored(encoded: Encoded) -> Encoded:
    return Encoded(
        encoded.data,
        encoded.filter,
        encoded.width,
        encoded.height,
        encoded.bits,
        encoded.parms,
        color="gray",
        drop_decode=True,
        exact=encoded.exact,
    )


def _lossless_gray(image: pyvips.Image, source: ImageSource, goal: Goal) -> list[Encoded]:
    """One component: at as few bits as hold its levels exactly."""
    histogram = _histogram(image)
    levels = {level for level, count in enumerate(histogram) if count}
    named = image.copy(interpretation="b-w")
    if levels <= {0, 255}:
        return [_smallest_bilevel(named, goal)]
    for bits, step in ((2, 85), (4, 17)):
        if all(level % step == 0 for level in levels):
            return [encode.predicted(named, bits=bits, effort=goal.flate_level)]
    return [encode.predicted(named, effort=goal.flate_level)]


def _few_colors(image: pyvips.Image) -> bool:
    """At most 256 different colours."""
    picture = Image.frombytes("RGB", (image.width, image.height), image.write_to_memory())
    return picture.getcolors(256) is not None


def _exact_palette(image: pyvips.Image, goal: Goal) -> list[Encoded]:
    """A palette coding, if the quantizer gave back every colour exactly."""
    indexed = encode.palette(image, effort=goal.flate_level)
    if indexed.palette is None or _decoded_error(image, indexed) > 0:
        return []
    return [
        Encoded(
            indexed.data,
            indexed.filter,
            indexed.width,
            indexed.height,
            indexed.bits,
            indexed.parms,
            color="keep",
            palette=indexed.palette,
            exact=True,
        )
    ]


def _decoded_error(image: pyvips.Image, indexed: Encoded) -> float:
    return float((_decode_palette(indexed) - image).abs().max())


def _decode_palette(indexed: Encoded) -> pyvips.Image:
    """What a reader will make of a palette coding."""
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", indexed.width, indexed.height, indexed.bits, 3, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"PLTE", indexed.palette or b"")
    png += chunk(b"IDAT", indexed.data) + chunk(b"IEND", b"")
    image = pyvips.Image.pngload_buffer(png)
    return image[0:3] if image.bands > 3 else image


def _continuous(image: pyvips.Image, source: ImageSource, goal: Goal, *, exact: Encoded | None) -> Encoded | None:
    """Gray or colour samples of which some loss is allowed."""
    assert goal.quality is not None
    candidates: list[Encoded] = [exact] if exact is not None else []
    if source.role == "soft_mask":
        return _soft_mask(image, source, goal)
    scale = scale_for(source, goal.dpi)
    if scale == 1.0 and image.bands == 1 and exact is None and _only_extremes(image):
        return min(_lossless_gray(image, source, goal), key=lambda e: e.cost)
    if scale < 1.0:
        width, height = _target(source, scale)
        if image.bands == 1 and _only_extremes(image) and source.plain_decode:
            return _smallest_bilevel(image, goal)
        image = _settle(_resize(image, width, height))
        candidates = []
    elif source.color.palette is not None:
        image = image.copy_memory()
    if goal.color_mode != "no-change" and source.plain_decode:
        simple, color = _simplify(image, source, goal)
        if color == "gray" or (simple.bands == 1 and goal.color_mode == "bilevel"):
            if goal.color_mode == "bilevel":
                return _threshold(simple)
            source_gray = _GrayView(simple)
            return source_gray.best(source, goal)
    flat = _flat_mask(image)
    share = flat.avg() / 255.0
    is_flat = share > FLAT_SHARE
    lossless = _lossless_of_base(image, source, goal)
    candidates += lossless
    codec_ok = source.color.family != "other" or image.bands == 1
    if codec_ok and image.bands in (1, 3, 4):
        smallest = min((e.cost for e in candidates), default=source.stored)
        for quality, full_chroma in _jpeg_tries(goal.quality, is_flat):
            tried = _base_color(
                _lossy(image, source, Goal(goal.dpi, quality, "no-change", goal.effort), full_chroma=full_chroma),
                source,
            )
            if is_flat and tried.cost > smallest * FLAT_JPEG_GAIN:
                break
            if not is_flat or not _rings(image, tried, flat):
                candidates.append(tried)
                break
    if is_flat and image.bands == 3 and source.plain_decode and source.color.family == "rgb":
        candidates += _near_palette(image, source, goal)
    best = min(candidates, key=lambda e: e.cost, default=None)
    if best is not None and not best.exact and scale == 1.0 and best.cost > source.stored * (1 - MIN_GAIN_RESAMPLED):
        return exact
    return best


class _GrayView:
    """A colour image that is to become gray: coded as a gray one."""

    def __init__(self, image: pyvips.Image) -> None:
        self.image = image

    def best(self, source: ImageSource, goal: Goal) -> Encoded:
        assert goal.quality is not None
        candidates = [_recolored(e) for e in _lossless_gray(self.image, source, goal)]
        flat = _flat_mask(self.image)
        if flat.avg() / 255.0 <= FLAT_SHARE:
            data = encode.jpeg(
                self.image.copy(interpretation="b-w"), goal.quality, full_chroma=True, fast=goal.effort == "fast"
            )
            candidates.append(Encoded(data, "/DCTDecode", self.image.width, self.image.height, 8, color="gray"))
        best = min(candidates, key=lambda e: e.cost)
        return Encoded(
            best.data, best.filter, best.width, best.height, best.bits, best.parms, color="gray", drop_decode=True
        )


def _jpeg_tries(quality: int, flat: bool) -> list[tuple[int, bool]]:
    """(quality, full chroma) in the order to try."""
    if not flat:
        return [(quality, False)]
    return [(quality, False), (max(quality, FLAT_JPEG_QUALITY), True)]


def _lossless_of_base(image: pyvips.Image, source: ImageSource, goal: Goal) -> list[Encoded]:
    """Lossless codings of what may have been indices or 16 bits before."""
    return [_base_color(e, source) for e in _lossless(image, source, goal)]


def _base_color(encoded: Encoded, source: ImageSource) -> Encoded:
    """Mark a coding of an indexed image's colours: its colour space is now the base, no longer Indexed."""
    if source.color.palette is None or encoded.color == "gray":
        return encoded
    return Encoded(
        encoded.data,
        encoded.filter,
        encoded.width,
        encoded.height,
        encoded.bits,
        encoded.parms,
        color="base",
        palette=encoded.palette,
        drop_decode=True,
        exact=encoded.exact,
    )


def _near_palette(image: pyvips.Image, source: ImageSource, goal: Goal) -> list[Encoded]:
    """256 colours where the eye sees no difference: drawn images with antialiased edges."""
    named = image.copy(interpretation="srgb")
    indexed = encode.palette(named, effort=goal.flate_level)
    difference = (_decode_palette(indexed) - image).abs()
    if difference.avg() > 0.6 or difference.max() > 40:
        return []
    marked = Encoded(
        indexed.data,
        indexed.filter,
        indexed.width,
        indexed.height,
        indexed.bits,
        indexed.parms,
        color="keep",
        palette=indexed.palette,
    )
    return [_base_color(marked, source)]


def _only_extremes(image: pyvips.Image) -> bool:
    histogram = _histogram(image)
    return sum(histogram[1:255]) == 0


def _flat_mask(image: pyvips.Image) -> pyvips.Image:
    """255 where a pixel equals its right and its lower neighbour."""
    if image.width < 2 or image.height < 2:
        return pyvips.Image.black(image.width, image.height) + 255
    here = image.crop(0, 0, image.width - 1, image.height - 1)
    right = image.crop(1, 0, image.width - 1, image.height - 1)
    below = image.crop(0, 1, image.width - 1, image.height - 1)
    return ((here == right).bandand() & (here == below).bandand()).copy_memory()


def _rings(image: pyvips.Image, tried: Encoded, flat: pyvips.Image) -> bool:
    """Whether a JPEG shows in the flat areas of a drawn image."""
    decoded = pyvips.Image.jpegload_buffer(tried.data)
    if decoded.bands != image.bands:
        decoded = decoded.bandjoin([decoded] * (image.bands - 1)) if decoded.bands == 1 else decoded
    if decoded.bands != image.bands or image.bands == 4:
        return True
    error = ((decoded - image).abs() > RINGING_LEVELS).bandor()
    seen = (error.crop(0, 0, flat.width, flat.height) & flat).avg() / 255.0
    return bool(seen > RINGING_SHARE * (flat.avg() / 255.0))


def _soft_mask(image: pyvips.Image, source: ImageSource, goal: Goal) -> Encoded | None:
    """Transparency: lossless unless it is smooth all over, since an edge that rings is a halo."""
    assert goal.quality is not None
    scale = scale_for(source, goal.dpi)
    if scale < 1.0:
        width, height = _target(source, scale)
        image = _settle(_resize(image, width, height))
    candidates = _lossless_gray(image, source, goal)
    smallest = min(e.cost for e in candidates)
    flat = _flat_mask(image)
    quality = min(95, goal.quality + 12)
    data = encode.jpeg(image.copy(interpretation="b-w"), quality, full_chroma=True, fast=goal.effort == "fast")
    tried = Encoded(data, "/DCTDecode", image.width, image.height, 8)
    if tried.cost < smallest * FLAT_JPEG_GAIN and not _rings(image, tried, flat):
        candidates.append(tried)
    return min(candidates, key=lambda e: e.cost)
