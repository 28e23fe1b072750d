"""TIFF: every page. Faxes of one strip are taken over, and so are JPEGs; the rest is decoded, by Pillow or, what that
would cut to eight bits or does not know, by libvips.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Self

import pyvips
from PIL import Image

from pdfsmaller.engine.from_images import tiff_tags as tags
from pdfsmaller.engine.from_images.hints import valid_dpi, valid_orientation, valid_profile
from pdfsmaller.engine.from_images.jpeg import marked_rgb, read_jpeg
from pdfsmaller.engine.from_images.pack import pack
from pdfsmaller.engine.from_images.picture import DEVICE, GRAY, Picture, Stored
from pdfsmaller.engine.from_images.raster import open_with_pillow, pack_pillow
from pdfsmaller.engine.from_images.reading import Reading
from pdfsmaller.engine.from_images.tiff_jpeg import join_strips
from pdfsmaller.engine.from_images.tiff_tags import DamagedTiff, Directory
from pdfsmaller.engine.images.encoded import Encoded

_G3, _G4, _JPEG = 3, 4, 7
_WHITE_IS_0, _BLACK_IS_0, _RGB, _PALETTE, _INKS, _YCBCR, _LAB = 0, 1, 2, 3, 5, 6, 8
_LABS = (_LAB, 9, 10)
_TWO_DIMENSIONAL, _UNCOMPRESSED = 1, 2  # bits of T4Options; the second is one of T6Options too
_REDUCED, _MASK = 1, 4  # bits of NewSubfileType
_UNITS = {2: 1.0, 3: 2.54}
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def read_tiff(path: Path, pages_before: int, reading: Reading) -> Iterator[Picture]:
    """The pages of a TIFF, one at a time.

    Args:
        pages_before: pages that the PDF has already.

    Raises:
        UnreadableImage: a page is damaged.
        LimitExceeded: ``max_image_bytes`` for one page, ``max_pages`` for all.
    """
    with path.open("rb") as file, _Decoder(path) as decoder:
        wanted = _pages(file, pages_before, reading)
        if not wanted:
            raise reading.broken("is a TIFF file without an image")
        # Read again, one at a time: a directory may be large.
        for index, directory in enumerate(tags.directories(file)):
            if index in wanted:
                named = replace(reading, name=f"{reading.name} (page {index + 1})") if len(wanted) > 1 else reading
                named.check_size(directory.first(tags.WIDTH), directory.first(tags.HEIGHT), _pixel_bytes(directory))
                with named.guard("TIFF"):
                    picture = _read_page(file, decoder, index, directory, named)
                yield picture


def _pixel_bytes(directory: Directory) -> int:
    """What a pixel takes, decoded: whole bytes for each sample, of which a palette's one becomes three."""
    samples = 3 if directory.first(tags.PHOTOMETRIC) == _PALETTE else max(1, directory.first(tags.SAMPLES, 1))
    return samples * max(1, (directory.first(tags.BITS, 1) + 7) // 8)


def _pages(file: IO[bytes], pages_before: int, reading: Reading) -> set[int]:
    """The directories that are pages; smaller copies and masks of the page before them are not."""
    pages: set[int] = set()
    width = 0
    try:
        for index, directory in enumerate(tags.directories(file)):
            reading.check_pages(pages_before + index + 1)
            kind = directory.first(tags.SUBFILE)
            smaller = directory.first(tags.WIDTH) < width
            if not (pages and (kind & _MASK or (kind & _REDUCED and smaller))):
                pages.add(index)
                width = directory.first(tags.WIDTH)
    except DamagedTiff:
        raise reading.broken("is a damaged or cut short TIFF image") from None
    return pages


def _read_page(file: IO[bytes], decoder: _Decoder, index: int, directory: Directory, reading: Reading) -> Picture:
    orientation = valid_orientation(directory.first(tags.ORIENTATION, 1))
    factor = _UNITS.get(directory.first(tags.UNIT, 2))
    dpi = None
    if factor is not None:
        dpi = valid_dpi(directory.rational(tags.X_RESOLUTION), directory.rational(tags.Y_RESOLUTION), factor)
    image = _taken_over(file, decoder, index, directory, reading)
    if image is None and not _needs_libvips(directory) and (image := decoder.by_pillow(index, reading)):
        # Pillow has turned the page already.
        return Picture(image, 1, (dpi[1], dpi[0]) if orientation >= 5 and dpi else dpi)
    return Picture(image or decoder.by_libvips(index, directory, reading), orientation, dpi)


# --- taken over -------------------------------------------------------------------------------------------------------


def _taken_over(
    file: IO[bytes], decoder: _Decoder, index: int, directory: Directory, reading: Reading
) -> Stored | None:
    """A page of one strip that a PDF can hold as it is, once it has been decoded without complaint."""
    compression = directory.first(tags.COMPRESSION, 1)
    strips = directory.counts.get(tags.OFFSETS, 0)
    most = tags.STRIPS_MAX if compression == _JPEG else 1
    if compression not in (_G3, _G4, _JPEG) or not 1 <= strips <= most or tags.TILE_WIDTH in directory.counts:
        return None
    places = list(zip(directory.values[tags.OFFSETS], directory.values.get(tags.LENGTHS, ()), strict=False))
    if len(places) != strips or sum(length for _, length in places) > reading.limits.max_stream_bytes:
        return None
    data = []
    for offset, length in places:
        file.seek(offset)
        data.append(file.read(length))
        if len(data[-1]) < length or not length:
            raise reading.broken("is cut short")
    if compression == _JPEG:
        return _jpeg(data, directory, reading)
    image = _fax(data[0], compression, directory)
    if image is not None:
        decoder.check(index, reading)
    return image


def _fax(data: bytes, compression: int, directory: Directory) -> Stored | None:
    photometric = directory.first(tags.PHOTOMETRIC)
    options = directory.first(tags.T4_OPTIONS if compression == _G3 else tags.T6_OPTIONS)
    if directory.first(tags.BITS, 1) != 1 or directory.first(tags.SAMPLES, 1) != 1 or options & _UNCOMPRESSED:
        return None
    if photometric not in (_WHITE_IS_0, _BLACK_IS_0):
        return None
    if directory.first(tags.FILL_ORDER, 1) == 2:  # the lowest bit comes first
        data = data.translate(_REVERSED)
    width, height = directory.first(tags.WIDTH), directory.first(tags.HEIGHT)
    k = -1 if compression == _G4 else (1 if options & _TWO_DIMENSIONAL else 0)
    parms: dict[str, int | bool] = {"/K": k, "/Columns": width, "/Rows": height}
    if compression == _G3:
        parms["/EndOfBlock"] = False
    if photometric == _BLACK_IS_0:
        parms["/BlackIs1"] = True
    return Stored(Encoded(data, "/CCITTFaxDecode", width, height, 1, parms), GRAY)


def _jpeg(strips: list[bytes], directory: Directory, reading: Reading) -> Stored | None:
    """A JPEG with the tables that TIFF keeps apart put back; None where its colours are not those of a plain JPEG, or
    where its strips are not parts of one."""
    photometric, samples = directory.first(tags.PHOTOMETRIC), directory.first(tags.SAMPLES, 1)
    if (photometric, samples) not in ((_BLACK_IS_0, 1), (_YCBCR, 3), (_RGB, 3)):
        return None
    tables = directory.blobs.get(tags.JPEG_TABLES, b"")
    if tables[:2] == b"\xff\xd8" and tables[-2:] == b"\xff\xd9":
        strips[0] = strips[0][:2] + tables[2:-2] + strips[0][2:]
    data = strips[0] if len(strips) == 1 else join_strips(strips, directory.first(tags.HEIGHT))
    if data is None:
        return None
    picture = read_jpeg(data, reading)
    if len(strips) > 1 and picture.notes:
        return None  # not joined right
    image, coded = picture.image, picture.image.coded
    size = (directory.first(tags.WIDTH), directory.first(tags.HEIGHT))
    if coded.filter != "/DCTDecode" or image.space != DEVICE[samples] or (coded.width, coded.height) != size:
        return None
    # The tag, not the JPEG's own markers, says what three components are.
    if photometric == _RGB:
        coded = replace(coded, data=marked_rgb(coded.data))
    return replace(image, coded=coded, profile=valid_profile(directory.blobs.get(tags.PROFILE), image.space))


# --- decoded ----------------------------------------------------------------------------------------------------------


def _needs_libvips(directory: Directory) -> bool:
    """Whether Pillow would lose bits or bands, or take Lab for what it is not."""
    samples, photometric = directory.first(tags.SAMPLES, 1), directory.first(tags.PHOTOMETRIC)
    integers = directory.first(tags.SAMPLE_FORMAT, 1) == 1
    return (directory.first(tags.BITS, 1) == 16 and integers) or photometric in _LABS or samples > 4


class _Decoder:
    """Decodes the pages of one file. Close it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._picture: Image.Image | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._picture is not None:
            self._picture.close()

    def check(self, index: int, reading: Reading) -> None:
        """Decode a page, keeping nothing. Raises UnreadableImage."""
        try:
            self._libvips(index, access="sequential").avg()
        except pyvips.Error as exc:
            raise reading.vips_failed(exc, "is a damaged or cut short TIFF image") from None

    def by_pillow(self, index: int, reading: Reading) -> Stored | None:
        """The pixels of a page, turned as they are shown; None where libvips may know what Pillow does not."""
        try:
            if self._picture is None:  # kept open: to find a page, Pillow reads all before it
                self._picture = open_with_pillow(self._path, "TIFF", reading)
            self._picture.seek(index)
        except (OSError, SyntaxError, ValueError, KeyError, EOFError):
            return None
        return pack_pillow(self._picture, reading)

    def by_libvips(self, index: int, directory: Directory, reading: Reading) -> Stored:
        """The pixels of a page as they are stored. Raises UnreadableImage."""
        try:
            image = self._libvips(index).copy_memory()
        except pyvips.Error as exc:
            raise reading.vips_failed(exc, "is a damaged TIFF image, or one of a rare kind") from None
        profile = directory.blobs.get(tags.PROFILE)
        photometric = directory.first(tags.PHOTOMETRIC)
        if photometric in _LABS:
            image, profile = image.colourspace("srgb"), None
        if image.format not in ("uchar", "ushort"):
            raise reading.broken("has samples of 32 bits or with a sign, for which nothing says how bright they are")
        colors = 4 if photometric == _INKS else (3 if image.bands >= 3 else 1)
        if image.bands < colors:
            raise reading.broken("is a TIFF image of a rare kind")
        # Of several samples beyond the colours the first is opacity.
        alpha = image.bands > colors
        return pack(image.extract_band(0, n=colors + alpha), reading.goal, alpha=alpha, profile=profile)

    def _libvips(self, index: int, **options: str) -> pyvips.Image:
        return pyvips.Image.tiffload(str(self._path), page=index, fail_on="error", **options)
