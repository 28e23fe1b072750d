"""Decoded pixels to the smallest lossless coding: G4 or Flate for black and white, a palette for few colours, one
component for what is gray, PNG predictors for the rest. Sixteen bits stay sixteen."""

from __future__ import annotations

import random
import zlib
from dataclasses import replace
from itertools import pairwise

import pyvips
from PIL import Image

from pdfsmaller.engine.from_images.hints import valid_profile
from pdfsmaller.engine.from_images.picture import DEVICE, GRAY, Stored
from pdfsmaller.engine.from_images.png_chunks import idat
from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.codecs import ccitt
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.options import Effort

# zlib's best level takes three times as long for the last 3 % of a photograph.
LEVELS: dict[Effort, int] = {"fast": 3, "default": 7, "max": 9}
# Colours are counted, and predictors tried, in pieces of about so many pixels.
_PIECE_PIXELS = 1_000_000
_TRIES = 200


def pack(image: pyvips.Image, effort: Effort, *, alpha: bool = False, profile: object = None) -> Stored:
    """The smallest exact coding.

    Args:
        image: 8 or 16 bits, with 1 (gray), 3 (RGB) or 4 bands (CMYK).
        effort: how much time a byte is worth.
        alpha: there is one band more, which says how opaque a pixel is; it becomes a soft mask unless all are opaque.
        profile: what the file gave as ICC profile.
    """
    image = image.copy_memory()
    mask = None
    if alpha:
        opacity = image[image.bands - 1].copy_memory()
        image = image.extract_band(0, n=image.bands - 1).copy_memory()
        if opacity.min() < (65_535 if opacity.format == "ushort" else 255):
            mask = Stored(_one_band(opacity, LEVELS[effort]), GRAY)
    return _pack(image, LEVELS[effort], valid_profile(profile, DEVICE[image.bands]), mask)


def _pack(image: pyvips.Image, level: int, profile: bytes | None, mask: Stored | None) -> Stored:
    if image.bands == 1:
        return Stored(_one_band(image, level), GRAY, profile, mask=mask)
    if image.bands == 4 or image.format == "ushort":
        return Stored(_predicted(image, level), DEVICE[image.bands], profile, mask=mask)
    if profile is None and pixels.is_gray(image, 0):
        return Stored(_one_band(image[1].copy_memory(), level), GRAY, mask=mask)
    candidates = (
        [_predicted(image, level)] if (colors := _colors(image)) is None else _with_palette(image, colors, level)
    )
    smallest = min(candidates, key=lambda e: len(e.data) + len(e.palette or b""))
    return Stored(smallest, DEVICE[image.bands], profile, mask=mask)


def _one_band(image: pyvips.Image, level: int) -> Encoded:
    """Gray or opacity, at as few bits as hold its levels exactly."""
    image = image.copy(interpretation="grey16" if image.format == "ushort" else "b-w")
    if image.format == "ushort":
        return _predicted(image, level)
    levels = [value for value, count in enumerate(pixels.histogram(image)) if count]
    if all(value in (0, 255) for value in levels):
        return _bilevel(image, level)
    for bits, step in ((2, 85), (4, 17)):
        if all(value % step == 0 for value in levels):
            return _predicted(image, level, bits)
    return _predicted(image, level)


def _bilevel(image: pyvips.Image, level: int, palette: bytes | None = None) -> Encoded:
    """G4, or Flate for the patterns and tiny bitmaps that it codes better. Sample 1 = 255."""
    fax = replace(ccitt.group_4(image), palette=palette)
    if len(fax.data) * 20 < image.width * image.height / 8:
        return fax  # a page of text: Flate never wins
    picture = Image.frombytes("L", (image.width, image.height), image.write_to_memory())
    bits = picture.convert("1", dither=Image.Dither.NONE).tobytes()
    flat = Encoded(zlib.compress(bits, level), "/FlateDecode", image.width, image.height, 1, palette=palette)
    return min(fax, flat, key=lambda e: e.cost)


# --- predictors -------------------------------------------------------------------------------------------------------


def _predicted(image: pyvips.Image, level: int, bits: int = 0) -> Encoded:
    """Flate with PNG predictors: none, or the best per row, as a piece from the middle does better."""
    bits = bits or (16 if image.format == "ushort" else 8)
    # To PNG the last of four bands is opacity; to the predictors it is one more sample per pixel.
    names = ("grey16", "rgb16") if bits == 16 else ("b-w", "srgb")
    named = image.copy(interpretation=names[image.bands > 1])
    rows = max(1, _PIECE_PIXELS // image.width)
    piece = named.crop(0, max(0, (image.height - rows) // 2), image.width, min(rows, image.height))
    filters = min(("all", "none"), key=lambda kind: len(_coded(piece, kind, min(level, 6), bits)))
    parms: dict[str, int | bool] = {"/Predictor": 15, "/Colors": image.bands, "/Columns": image.width}
    if bits != 8:
        parms["/BitsPerComponent"] = bits
    return Encoded(_coded(named, filters, level, bits), "/FlateDecode", image.width, image.height, bits, parms)


def _coded(image: pyvips.Image, filters: str, level: int, bits: int) -> bytes:
    return idat(image.pngsave_buffer(compression=level, filter=filters, bitdepth=bits, keep="none"))


# --- palettes ---------------------------------------------------------------------------------------------------------


def _colors(image: pyvips.Image) -> list[bytes] | None:
    """All colours of an RGB image, by brightness; None if there are more than 256."""
    rows = max(1, _PIECE_PIXELS // image.width)
    found: set[tuple[int, ...]] = set()
    for top in range(0, image.height, rows):
        piece = image.crop(0, top, image.width, min(rows, image.height - top))
        colors = Image.frombytes("RGB", (piece.width, piece.height), piece.write_to_memory()).getcolors(256)
        if colors is None:
            return None
        found.update(color for _, color in colors if isinstance(color, tuple))
        if len(found) > 256:
            return None
    return [bytes(color) for color in sorted(found, key=lambda c: (3 * c[0] + 6 * c[1] + c[2], c))]


def _with_palette(image: pyvips.Image, colors: list[bytes], level: int) -> list[Encoded]:
    """Codings of an image of few colours, as indices into a palette and, where that may win, as it is."""
    indices = _indices(image, colors)
    if indices is None:
        return [_predicted(image, level)]
    palette = b"".join(colors)
    if len(colors) <= 2:
        return [_bilevel((indices > 0).ifthenelse(255, 0).cast("uchar").copy(interpretation="b-w"), level, palette)]
    bits = 2 if len(colors) <= 4 else 4 if len(colors) <= 16 else 8
    picture = Image.frombytes("P", (image.width, image.height), indices.write_to_memory())
    rows = picture.tobytes("raw", f"P;{bits}" if bits < 8 else "P")
    flate = zlib.compress(rows, level)
    plain = Encoded(flate, "/FlateDecode", image.width, image.height, bits, palette=palette)
    # Gradients of many colours are sometimes better off with predictors.
    return [plain] if bits < 8 else [plain, _predicted(image, level)]


def _indices(image: pyvips.Image, colors: list[bytes]) -> pyvips.Image | None:
    """Each pixel's place among ``colors``. None if no table was found that tells them apart."""
    guess = random.Random(1)
    for _ in range(_TRIES):
        # Three weights that add up to 257 make a number of 16 bits of each colour; it need only differ between them.
        first, second = sorted(guess.sample(range(1, 257), 2))
        weights = [b - a for a, b in pairwise((0, first, second, 257))]
        keys = [sum(w * c for w, c in zip(weights, color, strict=True)) for color in colors]
        if len(set(keys)) == len(colors):
            break
    else:
        return None
    table = bytearray(65_536)
    for index, key in enumerate(keys):
        table[key] = index
    key_image = (image[0] * weights[0] + image[1] * weights[1] + image[2] * weights[2]).cast("ushort")
    lookup = pyvips.Image.new_from_memory(bytes(table), 65_536, 1, 1, "uchar")
    return key_image.maplut(lookup).copy_memory()
