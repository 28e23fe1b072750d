"""Palettes: an image as indices into at most 256 colours, and how far that is from the image."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pyvips
from PIL import Image

from pdfsmaller.engine import lua
from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.codecs import flate, png
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.records import record

# How far a palette of fewer colours may be from the image, at the quality of the ebook preset: the mean error in
# levels, and the shares of pixels further off than so many levels.
MEAN = 0.7
NEAR_LEVELS, NEAR_SHARE = 8, 0.015
FAR_LEVELS, FAR_SHARE = 24, 0.0006
# By how many levels the mean of a block of pixels may move. Shares of a page are nothing to what stands alone on it: a
# page number is 0.01 % of its pixels. (Of 168 drawings in dev's documents, 5.2 was the most of any in gray; in colour
# it was 17, and 31 where an icon had lost its blue. A page number that becomes paper moves blocks by 30 to 60. With 10
# instead, debian-edu-manual takes 1.07 times as much.)
BLOCK, BLOCK_LEVELS = 8, 20.0
# libimagequant's quality and bits per index, from coarse to fine.
WAYS = ((75, 4), (75, 8), (88, 8), (100, 8))
# Of an image of more pixels than this, ways are not tried that leave far more error in a sample: so many times what is
# allowed, in every eighth strip of four rows.
SAMPLED_PIXELS, SAMPLED_SHARE, STRIP, HOPELESS = 150_000, 8, 4, 2.0

# More levels of gray than these are better predicted than counted.
MOST_LEVELS = 64

# Colours are counted in pieces of about so many pixels.
COUNTED_PIXELS = 1_000_000
# Tables looked for that tell an image's colours apart: more than half of them do, of random colours.
TRIES = 200
_PROGRAM = Path(__file__).with_suffix(".lua")


@record(frozen=True)
class Indexed:
    """Indices with their palette.

    Attributes:
        rows: the indices, ``bits`` to each, rows padded to bytes.
        colors: red, green and blue of every entry.
    """

    rows: bytes
    colors: bytes
    width: int
    height: int
    bits: int

    def coded(self) -> Encoded:
        """Deflated quickly: see ``flate.repacked``."""
        indexed = flate.plain(self.rows, self.width, self.height, self.bits)
        return replace(indexed, palette=self.colors, entries=len(self.colors) // 3, exact=False)

    def shown(self) -> pyvips.Image:
        """The colours that a reader will see."""
        size, raw = (self.width, self.height), f"P;{self.bits}" if self.bits != 8 else "P"
        picture = Image.frombytes("P", size, self.rows, "raw", raw)
        indices = pyvips.Image.new_from_memory(picture.tobytes(), *size, 1, "uchar")
        table = pyvips.Image.new_from_memory(self.colors.ljust(768, b"\0"), 256, 1, 3, "uchar")
        return indices.maplut(table)


class Error(NamedTuple):
    """How far indices are from their image: the mean in levels, the shares of pixels that are further off in any band
    than NEAR_LEVELS and FAR_LEVELS, and the most that a block's mean moves in any band."""

    mean: float
    near: float
    far: float
    block: float

    def is_unseen(self, allowed: float) -> bool:
        """Whether the eye takes it for the image, where ``allowed`` times the bounds are allowed."""
        shares = self.near <= NEAR_SHARE * allowed and self.far <= FAR_SHARE * allowed
        return self.mean <= MEAN * allowed and shares and self.block <= BLOCK_LEVELS


def quantized(image: pyvips.Image, *, quality: int = 100, bits: int = 8) -> Indexed:
    """At most 256 colours (16 with 4 bits) for three bands; how exact that is, ``error`` measures."""
    named = image.copy(interpretation="srgb")
    written = named.pngsave_buffer(
        compression=0, filter="none", palette=True, Q=quality, bitdepth=bits, dither=0.0, effort=4, keep="none"
    )
    chunks = png.chunks(written)
    _, _, depth, kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    if kind != 3:
        raise ValueError("not a palette image")
    rows = png.without_filter_bytes(zlib.decompress(chunks[b"IDAT"]), image.height)
    return Indexed(rows, chunks[b"PLTE"], image.width, image.height, depth)


def colors(image: pyvips.Image) -> list[bytes] | None:
    """All colours of three bands, by brightness; None if there are more than 256."""
    rows = max(1, COUNTED_PIXELS // image.width)
    found: set[tuple[int, ...]] = set()
    for top in range(0, image.height, rows):
        piece = image.crop(0, top, image.width, min(rows, image.height - top))
        counted = Image.frombytes("RGB", (piece.width, piece.height), piece.write_to_memory()).getcolors(256)
        if counted is None:
            return None
        found.update(color for _, color in counted if isinstance(color, tuple))
        if len(found) > 256:
            return None
    return [bytes(color) for color in sorted(found, key=lambda c: (3 * c[0] + 6 * c[1] + c[2], c))]


def exact(image: pyvips.Image, colors: list[bytes]) -> Encoded | None:
    """Three bands as indices into all the colours that they hold; None if no table was found that tells them apart."""
    found = indices(image, colors)
    if found is None:
        return None
    bits = 2 if len(colors) <= 4 else 4 if len(colors) <= 16 else 8
    picture = Image.frombytes("P", (image.width, image.height), found.write_to_memory())
    rows = picture.tobytes("raw", f"P;{bits}" if bits < 8 else "P")
    return replace(Indexed(rows, b"".join(colors), image.width, image.height, bits).coded(), exact=True)


def indices(image: pyvips.Image, colors: list[bytes]) -> pyvips.Image | None:
    """Each pixel's place among ``colors``. None if no table was found that tells them apart."""
    guess = random.Random(1)
    for _ in range(TRIES):
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


def unseen(image: pyvips.Image, allowed: float) -> Encoded | None:
    """Three bands with the fewest colours of ``WAYS`` that the eye takes for them, or None where there are none.

    Args:
        allowed: how many times the error of the ebook preset may be made.
    """
    ways: Sequence[tuple[int, int]] = WAYS
    if image.width * image.height > SAMPLED_PIXELS:
        ways = WAYS[_first(_sample(image), allowed * HOPELESS) :]
    for quality, bits in ways:
        indexed = quantized(image, quality=quality, bits=bits)
        if error(indexed, image).is_unseen(allowed):
            return indexed.coded()
    return None


def unseen_gray(image: pyvips.Image, allowed: float) -> Encoded | None:
    """One band with the fewest levels that the eye takes for it, or None where these are many.

    Told by how many pixels have which level: the two groups of levels next to each other that lose least by it become
    one, until more would be seen. Where something that stands alone were lost then, the last of it is taken back.

    Args:
        allowed: see ``unseen``.
    """
    counts = pixels.histogram(image)
    total = sum(counts)
    groups = [_Levels(level, level, count, level * count) for level, count in enumerate(counts) if count]
    losses = [_lost(*pair) for pair in pairwise(groups)]
    errors = [_NO_ERROR] * len(groups)
    error = _NO_ERROR  # of all groups together
    found: list[list[_Levels]] = []
    while True:
        if len(groups) <= MOST_LEVELS:
            if not error.share_of(total).is_unseen(allowed):
                break
            found.append(list(groups))
        if not losses:
            break
        at = losses.index(min(losses))
        one, other = groups[at : at + 2]
        merged = _Levels(one.first, other.last, one.pixels + other.pixels, one.sum + other.sum)
        its_error = _error(merged, counts)
        error = error.changed(errors[at : at + 2], its_error)
        groups[at : at + 2] = [merged]
        errors[at : at + 2] = [its_error]
        del losses[at]
        for near in (at - 1, at):
            if 0 <= near < len(losses):
                losses[near] = _lost(*groups[near : near + 2])
    best = next((groups for groups in reversed(found) if _moved_by(image, groups) <= BLOCK_LEVELS), None)
    return _of_levels(image, best) if best is not None else None


class _Levels(NamedTuple):
    """Levels from ``first`` to ``last``, the pixels that have them and the sum of these pixels."""

    first: int
    last: int
    pixels: int
    sum: int

    @property
    def mean(self) -> int:
        return round(self.sum / self.pixels)


def _lost(one: _Levels, other: _Levels) -> float:
    """By how much the squared error grows where two groups become one."""
    apart = one.sum / one.pixels - other.sum / other.pixels
    return apart * apart * one.pixels * other.pixels / (one.pixels + other.pixels)


class _Errors(NamedTuple):
    """The error of pixels in levels, added up, and how many pixels are off by more than NEAR_LEVELS and FAR_LEVELS."""

    sum: int
    near: int
    far: int

    def changed(self, old: Iterable[_Errors], new: _Errors) -> _Errors:
        """Of all pixels, where some had ``old`` and have ``new``."""
        together = zip(self, new, *old, strict=True)
        return _Errors(*(whole + its - sum(gone) for whole, its, *gone in together))

    def share_of(self, pixels: int) -> Error:
        return Error(self.sum / pixels, self.near / pixels, self.far / pixels, 0.0)


_NO_ERROR = _Errors(0, 0, 0)


def _error(group: _Levels, counts: Sequence[int]) -> _Errors:
    """That of a group's pixels, each of which gets the mean."""
    mean = group.mean
    off = [(abs(level - mean), counts[level]) for level in range(group.first, group.last + 1)]
    near, far = (sum(count for error, count in off if error > levels) for levels in (NEAR_LEVELS, FAR_LEVELS))
    return _Errors(sum(error * count for error, count in off), near, far)


def _moved_by(image: pyvips.Image, groups: Sequence[_Levels]) -> float:
    """The most that a block's mean moves where each level becomes its group's mean, or a bound that is low enough."""
    table = bytearray(range(256))
    for group in groups:
        table[group.first : group.last + 1] = bytes([group.mean]) * (group.last + 1 - group.first)
    furthest = max(abs(level - mean) for level, mean in enumerate(table))
    if furthest <= BLOCK_LEVELS:
        return float(furthest)
    return _moved(image.maplut(pyvips.Image.new_from_memory(bytes(table), 256, 1, 1, "uchar")) - image)


def _moved(off: pyvips.Image) -> float:
    """The furthest from 0 that the mean of a block is."""
    width, height = off.width + -off.width % BLOCK, off.height + -off.height % BLOCK
    means = off.cast("float").embed(0, 0, width, height).shrink(BLOCK, BLOCK)
    return float(means.abs().max())


def _of_levels(image: pyvips.Image, groups: Sequence[_Levels]) -> Encoded:
    """One band as indices into the means of groups."""
    table = bytearray(256)
    for index, group in enumerate(groups):
        for level in range(group.first, group.last + 1):
            table[level] = index
    found = image.maplut(pyvips.Image.new_from_memory(bytes(table), 256, 1, 1, "uchar"))
    bits = next(bits for bits in (1, 2, 4, 8) if len(groups) <= 1 << bits)
    picture = Image.frombytes("P", (image.width, image.height), found.write_to_memory())
    rows = picture.tobytes("raw", f"P;{bits}" if bits < 8 else "P")
    indexed = flate.plain(rows, image.width, image.height, bits)
    return replace(indexed, palette=bytes(group.mean for group in groups), entries=len(groups), exact=False)


def _first(image: pyvips.Image, allowed: float) -> int:
    """The first of ``WAYS`` that does for an image; the last where none before it does."""
    for number, (quality, bits) in enumerate(WAYS[:-1]):
        # In strips next to each other, blocks are no part of the image.
        if error(quantized(image, quality=quality, bits=bits), image)._replace(block=0.0).is_unseen(allowed):
            return number
    return len(WAYS) - 1


def _sample(image: pyvips.Image) -> pyvips.Image:
    tops = range(0, image.height - STRIP + 1, STRIP * SAMPLED_SHARE)
    strips = [image.crop(0, top, image.width, STRIP) for top in tops]
    return pixels.settle(pyvips.Image.arrayjoin(strips, across=1)) if strips else image


def error(indexed: Indexed, image: pyvips.Image) -> Error:
    """How far indices are from the three bands that they were made of."""
    size = image.width * image.height
    arguments = (indexed.rows, indexed.bits, indexed.colors, bytes(image.write_to_memory()), image.width, image.height)
    try:
        mean, near, far, block = lua.call(_PROGRAM, size, *arguments, NEAR_LEVELS, FAR_LEVELS)
    except lua.Unavailable:
        moved = _moved(indexed.shown() - image)
        off = pixels.settle((indexed.shown() - image).abs())
        return Error(off.avg(), pixels.share_above(off, NEAR_LEVELS), pixels.share_above(off, FAR_LEVELS), moved)
    return Error(mean, near / size, far / size, block)
