"""Pixels: taken out of their coding, resized, turned gray, looked at. Always libvips images of 8-bit samples."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pyvips
from PIL import Image, ImageChops, Jpeg2KImagePlugin

from pdfsmaller.engine import lua
from pdfsmaller.engine.images import jpx
from pdfsmaller.engine.images.codecs import ccitt as fax
from pdfsmaller.engine.images.source import CcittParameters, ImageSource, Skip
from pdfsmaller.engine.workers import WORKERS

# Our two workers are the parallelism; libvips' own threads and operation cache would only add memory.
pyvips.concurrency_set(1)
pyvips.cache_set_max(0)
# While OpenJPEG works, Pillow keeps Python's other threads waiting: it is to use all processors for the one image
# (pool-photo-jpx: decoding takes 0.26 s instead of 0.45, coding 0.25 instead of 0.37, 2026-11-30; bytes are the same).
os.environ.setdefault("OPJ_NUM_THREADS", str(WORKERS))

# Sharper kernels cost 5–8 % more bytes for the same similarity on a page as it is read.
KERNEL = "mitchell"
# A JPEG decoder's own reduction aliases and moves edges: it may do no more than the first part of a large one.
SHRINK_MARGIN = 4
# In flat areas an error above so many levels is seen as ringing.
RINGING_LEVELS = 16
# Whether an image is gray is asked of so many pixels at a time.
GRAY_PIXELS = 250_000
# Up to so many pixels Pillow decodes a JPEG in half of libvips' time; it takes four bytes for each.
PILLOW_PIXELS = 2_000_000
# Pillow's name of JPEG 2000. Where the module was not imported, it looks for the name in all of its forty.
JPX = Jpeg2KImagePlugin.Jpeg2KImageFile.format
#: The decoder of CCITT rows.
CCITT = Path(__file__).with_name("ccitt.lua")
# Every bit turned round, as a table for ``bytes.translate``.
INVERTED = bytes(255 - value for value in range(256))

# --- taken out of their coding ----------------------------------------------------------------------------------------


def shrink_for(scale: float) -> int:
    """By how much an image that is brought to this scale may be reduced by its decoder: 1, 2, 4 or 8."""
    return max(s for s in (1, 2, 4, 8) if s <= max(1.0, 1 / scale / SHRINK_MARGIN))


def load_jpeg(source: ImageSource, shrink: int) -> pyvips.Image:
    """The samples that a PDF reader gets from the stream, reduced as ``shrink_for`` says; decoded when used."""
    image = pyvips.Image.jpegload_buffer(source.data, shrink=shrink, fail_on="error", access="sequential")
    if image.bands != source.color.components:
        raise Skip("jpeg_mismatch")
    # libvips turns CMYK round on loading, with Adobe's marker and without; the PDF's samples are those stored.
    return image.invert() if image.bands == 4 else image


def decode_jpeg(data: bytes) -> pyvips.Image:
    """The samples of a JPEG just written; of CMYK those stored, see ``load_jpeg``."""
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
        if picture.width * picture.height <= PILLOW_PIXELS:
            samples, bands = picture.tobytes(), len(picture.getbands())
            if bands == 4:
                samples = samples.translate(INVERTED)
            return pyvips.Image.new_from_memory(samples, picture.width, picture.height, bands, "uchar")
    image = pyvips.Image.jpegload_buffer(data)
    return image.invert() if image.bands == 4 else image


def decode_jpx(data: bytes) -> pyvips.Image:
    """The samples of a JPEG 2000 file of gray or RGB that was just written."""
    with Image.open(io.BytesIO(data), formats=[JPX]) as picture:
        return pyvips.Image.new_from_memory(
            picture.tobytes(), picture.width, picture.height, len(picture.getbands()), "uchar"
        )


def load_jpx(source: ImageSource, shrink: int) -> pyvips.Image:
    """JPEG 2000 of 8-bit gray, RGB or CMYK, reduced as ``shrink_for`` says.

    Of colour with more bits, Pillow's rounding turns the brightest samples to 0; with less, readers differ.
    """
    if not jpx.is_of_8_bits(source.data):
        raise Skip("jpx")
    reduce = shrink.bit_length() - 1
    if source.color.family in ("gray", "rgb"):
        try:
            return _decode_jpx(source, source.data, ("L", "RGB"), reduce)
        except OSError:
            pass  # some files fail for what is around their codestream
    return _decode_jpx(source, jpx.codestream(source.data), ("L", "RGB", "RGBA", "CMYK"), reduce)


def load_jpx_indices(source: ImageSource) -> bytes:
    """The indices of a JPEG 2000 stream with a palette in the PDF, one byte each."""
    data = jpx.codestream(source.data)
    if not jpx.is_plain(data, 1, lossless=True):
        raise Skip("jpx")
    return bytes(_decode_jpx(source, data, ("L",), 0).write_to_memory())


def _decode_jpx(source: ImageSource, data: bytes, modes: tuple[str, ...], reduce: int) -> pyvips.Image:
    try:
        opened = Image.open(io.BytesIO(data), formats=[JPX])
    except Image.DecompressionBombError as exc:  # says of itself that it is far larger than the PDF says
        raise Skip("jpx") from exc
    with opened as picture:
        bands = len(picture.getbands())
        if picture.size != (source.width, source.height) or picture.mode not in modes:
            raise Skip("jpx")
        if bands != source.color.samples or (bands == 4 and not jpx.is_plain(data, 4, lossless=False)):
            raise Skip("jpx")
        picture.reduce = reduce  # type: ignore[assignment, method-assign]
        picture.load()
        return pyvips.Image.new_from_memory(picture.tobytes(), picture.width, picture.height, bands, "uchar")


def load_samples(source: ImageSource) -> pyvips.Image:
    """The stored samples; indices stay indices, components of fewer bits are spread over 0–255, of 16 cut to 8."""
    size = (source.width, source.height)
    bands = source.color.samples
    if source.bits == 16:
        # PDF stores the high byte first: every other byte, from the first, is the sample in 8 bits.
        return pyvips.Image.new_from_memory(source.data[::2], *size, bands, "uchar")
    if source.bits == 8:
        return pyvips.Image.new_from_memory(source.data, *size, bands, "uchar")
    mode, raw = ("P", f"P;{source.bits}") if source.color.palette is not None else ("L", f"L;{source.bits}")
    picture = Image.frombytes(mode, size, source.data, "raw", raw)
    return pyvips.Image.new_from_memory(picture.tobytes(), *size, 1, "uchar")


def load_bilevel(source: ImageSource) -> pyvips.Image:
    """0 and 255 for the samples 0 and 1, whatever they mean."""
    if source.ccitt is None or source.ccitt.k < 0:
        picture = Image.frombytes("1", (source.width, source.height), load_packed(source), "raw", "1").convert("L")
        return pyvips.Image.new_from_memory(picture.tobytes(), source.width, source.height, 1, "uchar")
    if source.ccitt.byte_align or source.ccitt.columns != source.width:
        raise Skip("unusual_ccitt")
    return _load_fax(source, source.ccitt)


def load_packed(source: ImageSource) -> bytes:
    """One bit per sample, rows padded to bytes."""
    if source.ccitt is None:
        return source.data
    if source.ccitt.k >= 0 or source.ccitt.columns != source.width:
        raise Skip("unusual_ccitt")
    try:
        arguments = (source.data, source.width, source.height, source.ccitt.byte_align)
        black = lua.call(CCITT, source.pixels, *arguments)
    except lua.Unavailable:
        if source.ccitt.byte_align:
            raise Skip("unusual_ccitt") from None
        return pack(_load_fax(source, source.ccitt))
    if not isinstance(black, bytes):
        raise Skip("damaged_ccitt")
    return black if source.ccitt.black_is_1 else black.translate(INVERTED)


def _load_fax(source: ImageSource, ccitt: CcittParameters) -> pyvips.Image:
    """Through libtiff, which knows no rows that begin on a byte."""
    tiff = fax.as_tiff(source.data, source.width, source.height, ccitt.k, black_is_1=ccitt.black_is_1)
    # A warning too means damage, and readers differ in what they make of that.
    return pyvips.Image.tiffload_buffer(tiff, fail_on="warning").copy_memory()


def expand_palette(indices: pyvips.Image, source: ImageSource) -> pyvips.Image:
    """Indices to the colours of the base."""
    palette = source.color.palette or b""
    bands = source.color.components
    # Indices beyond the palette are clamped, as readers do.
    padded = palette + palette[-bands:] * (256 - len(palette) // bands)
    table = pyvips.Image.new_from_memory(padded, 256, 1, bands, "uchar")
    return indices.maplut(table).copy_memory()


def pack(image: pyvips.Image) -> bytes:
    """One band of 0 and 255 as one bit per pixel, rows padded to bytes."""
    picture = Image.frombytes("L", (image.width, image.height), image.write_to_memory())
    return picture.convert("1", dither=Image.Dither.NONE).tobytes()


# --- changed ----------------------------------------------------------------------------------------------------------


def resize(image: pyvips.Image, width: int, height: int) -> pyvips.Image:
    """Exactly this size, computed into memory."""
    if (image.width, image.height) != (width, height):
        image = image.resize(width / image.width, vscale=height / image.height, kernel=KERNEL)
    return settle(image)


def settle(image: pyvips.Image) -> pyvips.Image:
    """Compute a pipeline once, into memory, as 8-bit samples; what follows looks at it several times."""
    return image.cast("uchar").copy_memory()


def luma(image: pyvips.Image) -> pyvips.Image:
    """DeviceRGB or DeviceCMYK to DeviceGray (ISO 32000-1, 10.3.2 and 10.3.3)."""
    weighted = image[0] * 0.3 + image[1] * 0.59 + image[2] * 0.11
    if image.bands == 4:
        weighted = 255 - (weighted + image[3])
    return settle(weighted.rint())


def black_and_white(image: pyvips.Image) -> pyvips.Image:
    """One band to 0 and 255, parted where the histogram is parted best (Otsu)."""
    return settle((image > _otsu(histogram(image))).ifthenelse(255, 0))


# --- looked at --------------------------------------------------------------------------------------------------------


def is_gray(image: pyvips.Image, tolerance: int) -> bool:
    """Whether red, green and blue are nowhere further apart than ``tolerance`` levels."""
    high = max(1, GRAY_PIXELS // image.width)
    for top in range(0, image.height, high):  # what is coloured mostly is so soon
        piece = image.crop(0, top, image.width, min(high, image.height - top))
        picture = Image.frombytes("RGB", (piece.width, piece.height), bytes(piece.write_to_memory()))
        red, green, blue = picture.split()
        for other in (red, blue):
            if any(ImageChops.difference(other, green).histogram()[tolerance + 1 :]):
                return False
    return True


def histogram(image: pyvips.Image) -> list[int]:
    """Pixels per level of one band, 256 of them."""
    # Not copied: of a page of 48 million pixels each copy was among the most memory that it took.
    return Image.frombuffer("L", (image.width, image.height), image.write_to_memory(), "raw", "L", 0, 1).histogram()


def only_extremes(image: pyvips.Image) -> bool:
    """Whether one band holds nothing but 0 and 255."""
    return sum(histogram(image)[1:255]) == 0


def flat_mask(image: pyvips.Image) -> pyvips.Image:
    """255 where a pixel equals its right and its lower neighbour."""
    if image.width < 2 or image.height < 2:
        return pyvips.Image.black(image.width, image.height) + 255
    here = image.crop(0, 0, image.width - 1, image.height - 1)
    right = image.crop(1, 0, image.width - 1, image.height - 1)
    below = image.crop(0, 1, image.width - 1, image.height - 1)
    return ((here == right).bandand() & (here == below).bandand()).copy_memory()


def ringing(image: pyvips.Image, jpeg: bytes, flat: pyvips.Image) -> float:
    """The share of flat pixels that a JPEG changes visibly. 1.0 where that cannot be told."""
    decoded = decode_jpeg(jpeg)
    if decoded.bands == 1 and image.bands == 3:
        decoded = decoded.bandjoin([decoded, decoded])
    if decoded.bands != image.bands or image.bands == 4:
        return 1.0
    return changed_where_flat(image, decoded, RINGING_LEVELS, flat)


def changed_where_flat(
    image: pyvips.Image, other: pyvips.Image, levels: int, flat: pyvips.Image | None = None
) -> float:
    """The share of an image's flat pixels that ``other`` has more than so many levels off, in any band."""
    flat = flat_mask(image) if flat is None else flat
    error = ((other - image).abs() > levels).bandor()
    seen = (error.crop(0, 0, flat.width, flat.height) & flat).avg()
    return float(seen / max(1e-9, flat.avg()))


def share_above(error: pyvips.Image, levels: int) -> float:
    """The share of pixels with an error above so many levels in any band."""
    return float((error > levels).bandor().avg() / 255.0)


def _otsu(counts: list[int]) -> int:
    total = sum(counts)
    weighted = sum(level * count for level, count in enumerate(counts))
    below = below_weighted = 0
    best, best_level = -1.0, 127
    for level, count in enumerate(counts):
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
