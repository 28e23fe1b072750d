"""Formats that no PDF can hold, decoded by Pillow or libheif: GIF, BMP, WebP, AVIF, HEIC. First frame only."""

from __future__ import annotations

import io
from pathlib import Path
from types import ModuleType

import pyvips
from PIL import Image, ImageCms

from pdfsmaller.engine.from_images.hints import exif_dpi, pillow_hints, read_exif
from pdfsmaller.engine.from_images.pack import pack
from pdfsmaller.engine.from_images.picture import Note, Picture, Stored
from pdfsmaller.engine.from_images.reading import Reading
from pdfsmaller.errors import UnreadableImage

_BANDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}
_MOST_BANDS = 4
_ALPHA = frozenset(("LA", "RGBA"))
_PIECE_PIXELS = 1_000_000
#: Pillow's modes of gray with 16 bits.
SIXTEEN = {"I;16": False, "I;16L": False, "I;16B": True}  # → the high byte comes first


def read_with_pillow(path: Path, kind: str, reading: Reading) -> Picture:
    """The first frame of a file whose Pillow plugin is called ``kind``."""
    with open_with_pillow(path, kind, reading) as picture:
        orientation, dpi = pillow_hints(picture)
        moves = bool(getattr(picture, "is_animated", False))
        image = pack_pillow(picture, reading)
    return Picture(image, orientation, dpi, ("animation",) if moves else ())


def open_with_pillow(source: Path | io.BytesIO, kind: str, reading: Reading) -> Image.Image:
    """Open, but not decode: the size is checked first, by our own limit instead of Pillow's."""
    Image.MAX_IMAGE_PIXELS = None
    picture = Image.open(source, formats=[kind])
    reading.check_size(*picture.size, _pixel_bytes(picture))
    return picture


def _pixel_bytes(picture: Image.Image) -> int:
    """What a pixel takes as one of the plain modes that ``_plain`` makes."""
    if picture.mode in SIXTEEN:
        return 2
    return _MOST_BANDS if picture.mode == "P" else len(picture.getbands())


def pack_pillow(picture: Image.Image, reading: Reading) -> Stored:
    """The pixels of an image that Pillow has opened.

    Raises:
        UnreadableImage: samples that are no colours (floating point, 32 bits).
    """
    picture.load()
    profile = picture.info.get("icc_profile")
    if picture.mode in SIXTEEN:
        image = pyvips.Image.new_from_memory(_samples(picture), *picture.size, 1, "ushort")
        return pack(image.byteswap() if SIXTEEN[picture.mode] else image, reading.goal, profile=profile)
    plain = _plain(picture, reading)
    image = pyvips.Image.new_from_memory(_samples(plain), *plain.size, _BANDS[plain.mode], "uchar")
    return pack(image, reading.goal, alpha=plain.mode in _ALPHA, profile=profile)


def _samples(picture: Image.Image) -> bytearray:
    """Like ``tobytes``, which for a moment needs twice the memory."""
    samples = bytearray()
    rows = max(1, _PIECE_PIXELS // picture.width)
    for top in range(0, picture.height, rows):
        samples += picture.crop((0, top, picture.width, min(top + rows, picture.height))).tobytes()
    return samples


def _plain(picture: Image.Image, reading: Reading) -> Image.Image:
    """The same image in one of few modes: gray, RGB or CMYK of 8 bits, with opacity or not."""
    if picture.mode in ("I", "F"):
        raise reading.broken("has samples of 32 bits, for which nothing says how bright they are")
    if picture.mode == "LAB":
        srgb = ImageCms.createProfile("sRGB")
        turned = ImageCms.profileToProfile(picture, ImageCms.createProfile("LAB"), srgb, outputMode="RGB")
        assert turned is not None
        return turned
    clear = picture.has_transparency_data
    if picture.mode in ("1", "L", "LA", "La"):
        mode = "LA" if clear else "L"
    elif picture.mode == "CMYK":
        mode = "CMYK"
    else:
        mode = "RGBA" if clear else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


def read_heic(path: Path, reading: Reading) -> Picture:
    """The primary image of a HEIC file. Its decoder turns it as it is to be shown.

    Raises:
        UnreadableImage: it is damaged, or the decoder is not installed.
    """
    codec = _heif_codec()
    if codec is None:
        raise UnreadableImage(
            f"{reading.name} is a HEIC image, and the codec for those is missing here: install pi-heif, or save the "
            "image as JPEG."
        )
    try:
        file = codec.open_heif(path, convert_hdr_to_8bit=True)
    except (ValueError, EOFError, SyntaxError, RuntimeError):
        raise reading.broken("is a damaged HEIC image") from None
    if not len(file):
        raise reading.broken("is a HEIC file without an image")
    first = file[file.primary_index]
    width, height = first.size
    reading.check_size(width, height, _BANDS.get(first.mode, _MOST_BANDS))
    exif = read_exif(first.info.get("exif") or b"")
    notes: tuple[Note, ...] = ("animation",) if len(file) > 1 else ()
    bands = _BANDS.get(first.mode)
    if bands is None:
        return Picture(pack_pillow(first.to_pillow(), reading), 1, exif_dpi(exif), notes)
    image = pyvips.Image.new_from_memory(first.data, *first.size, bands, "uchar")  # Pillow would only copy it
    packed = pack(image, reading.goal, alpha=first.mode in _ALPHA, profile=first.info.get("icc_profile"))
    return Picture(packed, 1, exif_dpi(exif), notes)


def _heif_codec() -> ModuleType | None:
    try:
        import pi_heif
    except ImportError:
        return None
    return pi_heif  # type: ignore[no-any-return]
