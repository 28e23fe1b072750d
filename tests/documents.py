"""Small, real PDFs for tests, made on the spot: every function returns the bytes of one document.

Nothing here is random between runs: noise comes from a seeded generator, and pikepdf is told to write fixed ids. The
documents are as small as their purpose allows (most build in a few hundredths of a second), and each is built once in a
process, so a test may ask for what it needs instead of sharing files.

Groups for parametrised tests (name → function without arguments):

* ``IMAGES``: one page, one way to store or use an image.
* ``STRUCTURES``: what a document holds besides its pages' looks.
* ``ENCRYPTED``: opens with ``USER_PASSWORD`` or without any; see each function.
* ``BROKEN``: damaged, repairable or not; ``BOMBS``: claim far more than they are.
"""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import brotli
import pikepdf
from pikepdf import Array, Dictionary, Name, Operator, Pdf, Stream, String
from PIL import Image, ImageCms, ImageDraw, ImageFilter

Make = Callable[[], bytes]

USER_PASSWORD = "open sesame"
OWNER_PASSWORD = "owner"
LOREM = (
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, "
    "must be in want of a wife. However little known the feelings or views of such a man may be."
)


def write(path: Path, data: bytes) -> Path:
    """Write a document where a test wants it."""
    path.write_bytes(data)
    return path


# --- pictures -------------------------------------------------------------------------------------------------------


def photo(width: int = 1200, height: int = 900, seed: int = 1) -> Image.Image:
    """A picture that codecs see as a photograph: noise of many octaves, soft gradients and a few hard edges."""
    return _photo(width, height, seed).copy()


@lru_cache(maxsize=16)
def _photo(width: int, height: int, seed: int) -> Image.Image:
    rng = random.Random(seed)
    bands = []
    for _ in range(3):
        band = Image.new("L", (width, height), 128)
        for octave, weight in ((4, 0.75), (12, 0.45), (48, 0.25), (width // 6, 0.12)):
            cells = (max(2, octave), max(2, octave * height // width))
            noise = Image.frombytes("L", cells, rng.randbytes(cells[0] * cells[1]))
            band = Image.blend(band, noise.resize((width, height), Image.Resampling.BICUBIC), weight)
        bands.append(band)
    image = Image.merge("RGB", bands)
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y, r = rng.randrange(width), rng.randrange(height), rng.randrange(width // 20 + 2, width // 6 + 4)
        draw.ellipse((x - r, y - r, x + r, y + r), outline=tuple(rng.randbytes(3)), width=max(2, r // 8))
    return image.filter(ImageFilter.GaussianBlur(0.6))


def lettering(width: int = 1600, height: int = 1200, lines: int = 24) -> Image.Image:
    """A scanned text page as 8-bit gray with nothing but pure black and white in it."""
    image = Image.new("L", (width, height), 255)
    draw = ImageDraw.Draw(image)
    step = height / (lines + 1)
    words = LOREM.split()
    for line in range(lines):
        text = " ".join(words[(line * 5 + n) % len(words)] for n in range(9))
        draw.text((width * 0.06, step * (line + 0.6)), text, fill=0, font_size=step * 0.62)
    return image.point(lambda v: 255 if v > 127 else 0)


def chart(width: int = 900, height: int = 600, colours: int = 12) -> Image.Image:
    """A flat picture of few colours, as a screenshot or a chart has."""
    rng = random.Random(7)
    palette = [tuple(rng.randbytes(3)) for _ in range(colours)]
    image = Image.new("RGB", (width, height), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    for n in range(40):
        x, y = rng.randrange(width), rng.randrange(height)
        draw.rectangle((x, y, x + rng.randrange(20, 200), y + rng.randrange(10, 120)), fill=palette[n % colours])
    draw.text((30, 30), LOREM[:60], fill=(0, 0, 0), font_size=28)
    return image


def slide(width: int = 1200, height: int = 675) -> Image.Image:
    """A slide saved as a picture: large letters on white, with their soft edges, beside a photograph."""
    image = Image.new("RGB", (width, height), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width, height // 12), fill=(0, 90, 160))
    words = LOREM.split()
    for line in range(12):
        text = " ".join(words[(line * 5 + n) % len(words)] for n in range(3))
        draw.text((width * 0.03, height * (0.14 + line * 0.07)), text, fill=(30, 30, 30), font_size=height // 32)
    image.paste(photo(width // 2, height * 3 // 4), (width // 2, height // 8))
    return image


def jpeg(image: Image.Image, quality: int = 92, **options: Any) -> bytes:
    """A JPEG file; a CMYK image gets Adobe's marker and, as Adobe does, inverted values."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, **options)
    return buffer.getvalue()


@cache
def srgb_profile() -> bytes:
    """An sRGB ICC profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def g4(image: Image.Image) -> tuple[bytes, bool]:
    """CCITT group 4 data of a 1-bit image, and whether its 1 bits are black."""
    buffer = io.BytesIO()
    image.convert("1").save(buffer, "TIFF", compression="group4", tiffinfo={278: image.height})
    with Image.open(buffer) as tiff:
        tags = tiff.tag_v2  # type: ignore[attr-defined]
        offset, count, photometric = tags[273][0], tags[279][0], tags[262]
    return buffer.getvalue()[offset : offset + count], photometric == 1


# --- a page at a time -----------------------------------------------------------------------------------------------


class Builder:
    """Puts pages and image XObjects into a new PDF."""

    def __init__(self) -> None:
        self.pdf = Pdf.new()
        self.helvetica = self.pdf.make_indirect(
            Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Encoding=Name.WinAnsiEncoding)
        )

    def stream(self, data: bytes, /, **keys: Any) -> pikepdf.Object:
        """A stream, stored as given: with ``Filter=`` the data are already encoded."""
        return self.pdf.make_indirect(Stream(self.pdf, data, **keys))

    def flate(self, data: bytes, /, **keys: Any) -> pikepdf.Object:
        """A stream, Flate-compressed (level 6, no predictor: as most producers do)."""
        return self.stream(zlib.compress(data, 6), Filter=Name.FlateDecode, **keys)

    def image(self, image: Image.Image, /, *, encode: str = "flate", quality: int = 92, **keys: Any) -> pikepdf.Object:
        """An image XObject of ``image`` as it is: mode 1, L, RGB or CMYK; ``encode`` is flate or jpeg."""
        spaces = {"1": Name.DeviceGray, "L": Name.DeviceGray, "RGB": Name.DeviceRGB, "CMYK": Name.DeviceCMYK}
        entries: dict[str, Any] = {
            "Type": Name.XObject,
            "Subtype": Name.Image,
            "Width": image.width,
            "Height": image.height,
            "ColorSpace": spaces[image.mode],
            "BitsPerComponent": 1 if image.mode == "1" else 8,
        }
        entries.update(keys)
        if encode == "jpeg":
            return self.stream(jpeg(image, quality), Filter=Name.DCTDecode, **entries)
        return self.flate(image.tobytes(), **entries)

    def page(
        self,
        content: bytes | str,
        *,
        size: tuple[float, float] = (612, 792),
        xobjects: Mapping[str, pikepdf.Object] | None = None,
        resources: Mapping[str, Any] | None = None,
        **keys: Any,
    ) -> pikepdf.Page:
        """Append a page. Font ``/F1`` is Helvetica."""
        data = content.encode("latin-1") if isinstance(content, str) else content
        entries = Dictionary(Font=Dictionary(F1=self.helvetica))
        if xobjects:
            entries.XObject = Dictionary({f"/{name}": value for name, value in xobjects.items()})
        for name, value in (resources or {}).items():
            entries[f"/{name}"] = value
        page = Dictionary(
            Type=Name.Page,
            MediaBox=Array([0, 0, *size]),
            Resources=entries,
            Contents=self.flate(data),
            **keys,
        )
        self.pdf.pages.append(pikepdf.Page(self.pdf.make_indirect(page)))
        return self.pdf.pages[-1]

    def show(self, image: pikepdf.Object, *, dpi: float = 300, background: str = "") -> pikepdf.Page:
        """Append a page that shows one image at ``dpi``, with a margin of 36 points and a line of text below."""
        width, height = int(image.Width) * 72 / dpi, int(image.Height) * 72 / dpi
        content = (
            f"{background} q {width:.3f} 0 0 {height:.3f} 36 60 cm /Im0 Do Q "
            f"BT /F1 10 Tf 36 36 Td (A picture at {dpi:g} dpi) Tj ET"
        )
        return self.page(content, size=(width + 72, height + 96), xobjects={"Im0": image})

    def bytes(self, **options: Any) -> bytes:
        """The document's bytes, written plainly (no object streams) so that there is something left to win."""
        options.setdefault("object_stream_mode", pikepdf.ObjectStreamMode.disable)
        options.setdefault("compress_streams", False)
        if "encryption" not in options:
            options.setdefault("deterministic_id", True)
        buffer = io.BytesIO()
        self.pdf.save(buffer, **options)
        return buffer.getvalue()


def _one_image(image: Image.Image, *, dpi: float = 300, encode: str = "flate", **keys: Any) -> bytes:
    doc = Builder()
    doc.show(doc.image(image, encode=encode, **keys), dpi=dpi)
    return doc.bytes()


# --- one image, every way to store it -------------------------------------------------------------------------------


@cache
def photo_jpeg(width: int = 1200, height: int = 900, dpi: float = 300, quality: int = 92) -> bytes:
    """A colour photograph as JPEG, DeviceRGB."""
    doc = Builder()
    doc.show(doc.image(photo(width, height), encode="jpeg", quality=quality), dpi=dpi)
    return doc.bytes()


@cache
def photo_flate(width: int = 600, height: int = 450, dpi: float = 150) -> bytes:
    """A colour photograph, Flate-compressed."""
    return _one_image(photo(width, height), dpi=dpi)


@cache
def gray_as_rgb(width: int = 800, height: int = 600, dpi: float = 200) -> bytes:
    """A gray photograph stored with three equal channels."""
    return _one_image(photo(width, height).convert("L").convert("RGB"), dpi=dpi)


@cache
def gray_as_rgb_jpeg(width: int = 800, height: int = 600, dpi: float = 200) -> bytes:
    """A gray photograph stored as a colour JPEG."""
    return _one_image(photo(width, height).convert("L").convert("RGB"), dpi=dpi, encode="jpeg")


@cache
def gray_jpeg(width: int = 1200, height: int = 900, dpi: float = 300) -> bytes:
    """A gray photograph as a one-channel JPEG."""
    return _one_image(photo(width, height).convert("L"), dpi=dpi, encode="jpeg")


@cache
def bilevel_as_rgb(dpi: float = 200) -> bytes:
    """Black-and-white lettering stored with three 8-bit channels."""
    return _one_image(lettering().convert("RGB"), dpi=dpi)


@cache
def bilevel_as_gray(dpi: float = 200) -> bytes:
    """Black-and-white lettering stored with 8 bits a pixel."""
    return _one_image(lettering(), dpi=dpi)


@cache
def bilevel_flate(dpi: float = 200) -> bytes:
    """Black-and-white lettering, 1 bit a pixel, Flate."""
    return _one_image(lettering().convert("1"), dpi=dpi)


@cache
def bilevel_flate_decode(dpi: float = 200) -> bytes:
    """Black-and-white lettering, 1 bit a pixel, stored inverted and put right by /Decode [1 0]."""
    inverted = lettering().point(lambda v: 255 - v).convert("1")
    return _one_image(inverted, dpi=dpi, Decode=Array([1, 0]))


@cache
def ccitt_g4(dpi: float = 200) -> bytes:
    """Black-and-white lettering as CCITT group 4."""
    image = lettering()
    data, black_is_1 = g4(image)
    doc = Builder()
    xobject = doc.stream(
        data,
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=image.width,
        Height=image.height,
        ColorSpace=Name.DeviceGray,
        BitsPerComponent=1,
        Filter=Name.CCITTFaxDecode,
        DecodeParms=Dictionary(K=-1, Columns=image.width, Rows=image.height, BlackIs1=black_is_1),
    )
    doc.show(xobject, dpi=dpi)
    return doc.bytes()


@cache
def chart_flate(dpi: float = 96) -> bytes:
    """A flat picture of few colours, Flate RGB: JPEG would only ring."""
    return _one_image(chart(), dpi=dpi)


@cache
def page_number(mode: str = "L", dpi: float = 200) -> bytes:
    """A scanned page, gray or in colour, with nothing on it but its number."""
    image = Image.new("L", (round(8.27 * dpi), round(11.69 * dpi)), 255)
    draw = ImageDraw.Draw(image)
    draw.text((image.width // 2, image.height * 0.93), "7", fill=0, font_size=10 * dpi / 72)
    return _one_image(image.convert(mode), dpi=dpi)


@cache
def slide_flate(dpi: float = 120) -> bytes:
    """A slide saved as a picture, Flate RGB, as large as its page."""
    return _one_image(slide(), dpi=dpi)


@cache
def cmyk_jpeg(width: int = 900, height: int = 600, dpi: float = 300) -> bytes:
    """A CMYK JPEG as Photoshop writes it: inverted values, Adobe's marker, /Decode turning them back."""
    cmyk = photo(width, height).convert("CMYK")
    return _one_image(cmyk, dpi=dpi, encode="jpeg", Decode=Array([1, 0] * 4))


@cache
def cmyk_color_transform(width: int = 600, height: int = 400, dpi: float = 200) -> bytes:
    """A CMYK JPEG with Adobe's marker, which overrules the /ColorTransform beside it."""
    return _one_image(
        photo(width, height).convert("CMYK"), dpi=dpi, encode="jpeg", DecodeParms=Dictionary(ColorTransform=1)
    )


@cache
def gray_jpeg_inverted(width: int = 600, height: int = 400, dpi: float = 200) -> bytes:
    """A gray JPEG whose /Decode turns it round."""
    return _one_image(photo(width, height).convert("L"), dpi=dpi, encode="jpeg", Decode=Array([1, 0]))


@cache
def cmyk_flate(width: int = 500, height: int = 400, dpi: float = 200) -> bytes:
    """A CMYK image, Flate."""
    return _one_image(photo(width, height).convert("CMYK"), dpi=dpi)


@cache
def icc_rgb(width: int = 900, height: int = 600, dpi: float = 300) -> bytes:
    """A JPEG whose colour space is an embedded sRGB profile."""
    doc = Builder()
    profile = doc.flate(srgb_profile(), N=3, Alternate=Name.DeviceRGB)
    space = doc.pdf.make_indirect(Array([Name.ICCBased, profile]))
    doc.show(doc.image(photo(width, height), encode="jpeg", ColorSpace=space), dpi=dpi)
    return doc.bytes()


@cache
def calrgb(width: int = 400, height: int = 300, dpi: float = 150) -> bytes:
    """An image in CalRGB."""
    space = Array([Name.CalRGB, Dictionary(WhitePoint=Array([0.9505, 1, 1.089]), Gamma=Array([2.2, 2.2, 2.2]))])
    return _one_image(photo(width, height), dpi=dpi, ColorSpace=space)


def _packed(indices: bytes, width: int, bits: int) -> bytes:
    """Rows of palette indices packed to ``bits`` a pixel, each row padded to a whole byte."""
    per_byte = 8 // bits
    out = bytearray()
    for start in range(0, len(indices), width):
        row = indices[start : start + width]
        row += bytes(-len(row) % per_byte)
        for n in range(0, len(row), per_byte):
            value = 0
            for index in row[n : n + per_byte]:
                value = value << bits | index
            out.append(value)
    return bytes(out)


@cache
def indexed(bits: int = 8, dpi: float = 150) -> bytes:
    """An image in an Indexed colour space of 2^bits colours; with 1 bit the two colours are neither black nor white."""
    colours = 1 << bits
    picture = chart(600, 400, colours=max(2, min(12, colours - 1))).quantize(colours, dither=Image.Dither.NONE)
    palette = bytes((picture.getpalette() or [])[: colours * 3]).ljust(colours * 3, b"\0")
    doc = Builder()
    space = Array([Name.Indexed, Name.DeviceRGB, colours - 1, String(palette)])
    xobject = doc.flate(
        _packed(picture.tobytes(), picture.width, bits),
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=picture.width,
        Height=picture.height,
        ColorSpace=space,
        BitsPerComponent=bits,
    )
    doc.show(xobject, dpi=dpi)
    return doc.bytes()


@cache
def indexed_8() -> bytes:
    """8-bit palette."""
    return indexed(8)


@cache
def indexed_4() -> bytes:
    """4-bit palette."""
    return indexed(4)


@cache
def indexed_1() -> bytes:
    """1-bit palette of two colours: not black and white."""
    return indexed(1)


@cache
def indexed_cmyk(width: int = 300, height: int = 200, dpi: float = 100) -> bytes:
    """A palette of CMYK colours."""
    picture = photo(width, height).quantize(200, dither=Image.Dither.NONE)
    palette = Image.frombytes("RGB", (200, 1), bytes((picture.getpalette() or [])[:600]).ljust(600, b"\0"))
    space = Array([Name.Indexed, Name.DeviceCMYK, 199, String(palette.convert("CMYK").tobytes())])
    doc = Builder()
    doc.show(doc.image(Image.frombytes("L", picture.size, picture.tobytes()), ColorSpace=space), dpi=dpi)
    return doc.bytes()


@cache
def rgb_16(width: int = 400, height: int = 300, dpi: float = 150) -> bytes:
    """16 bits a channel."""
    data = bytes(b for value in photo(width, height).tobytes() for b in (value, value))
    doc = Builder()
    xobject = doc.flate(
        data,
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=width,
        Height=height,
        ColorSpace=Name.DeviceRGB,
        BitsPerComponent=16,
    )
    doc.show(xobject, dpi=dpi)
    return doc.bytes()


def _oval_mask(width: int, height: int, *, soft: bool) -> Image.Image:
    mask = Image.new("L", (width, height), 0)
    ImageDraw.Draw(mask).ellipse((width * 0.1, height * 0.1, width * 0.9, height * 0.9), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(width / 40)) if soft else mask


_YELLOW = "1 0.9 0.2 rg 0 0 2000 2000 re f 0 g"


@cache
def soft_mask(width: int = 900, height: int = 600, dpi: float = 300) -> bytes:
    """A JPEG with an 8-bit soft mask of the same size, over a yellow page."""
    doc = Builder()
    mask = doc.image(_oval_mask(width, height, soft=True))
    doc.show(doc.image(photo(width, height), encode="jpeg", SMask=mask), dpi=dpi, background=_YELLOW)
    return doc.bytes()


@cache
def soft_mask_other_size(width: int = 900, height: int = 600, dpi: float = 300) -> bytes:
    """A soft mask with half as many pixels a side as its image."""
    doc = Builder()
    mask = doc.image(_oval_mask(width // 2, height // 2, soft=True))
    doc.show(doc.image(photo(width, height), encode="jpeg", SMask=mask), dpi=dpi, background=_YELLOW)
    return doc.bytes()


@cache
def soft_mask_opaque(width: int = 600, height: int = 400, dpi: float = 200) -> bytes:
    """A soft mask that hides nothing."""
    doc = Builder()
    mask = doc.image(Image.new("L", (width, height), 255))
    doc.show(doc.image(photo(width, height), encode="jpeg", SMask=mask), dpi=dpi, background=_YELLOW)
    return doc.bytes()


@cache
def soft_mask_matte(width: int = 600, height: int = 400, dpi: float = 200) -> bytes:
    """An image premultiplied with black and a soft mask that says so (/Matte)."""
    mask = _oval_mask(width, height, soft=True)
    premultiplied = Image.composite(photo(width, height), Image.new("RGB", (width, height)), mask)
    doc = Builder()
    smask = doc.image(mask, Matte=Array([0, 0, 0]))
    doc.show(doc.image(premultiplied, SMask=smask), dpi=dpi, background=_YELLOW)
    return doc.bytes()


@cache
def soft_mask_matte_jpeg(width: int = 900, height: int = 600, dpi: float = 300) -> bytes:
    """A premultiplied JPEG, of far more dots than a screen shows, with its soft mask."""
    mask = _oval_mask(width, height, soft=True)
    premultiplied = Image.composite(photo(width, height), Image.new("RGB", (width, height)), mask)
    doc = Builder()
    smask = doc.image(mask, Matte=Array([0, 0, 0]))
    doc.show(doc.image(premultiplied, encode="jpeg", SMask=smask), dpi=dpi, background=_YELLOW)
    return doc.bytes()


@cache
def explicit_mask(width: int = 900, height: int = 600, dpi: float = 300) -> bytes:
    """A JPEG with a 1-bit explicit mask (1 bits are masked out)."""
    doc = Builder()
    hidden = _oval_mask(width, height, soft=False).point(lambda v: 255 - v).convert("1")
    mask = doc.flate(
        hidden.tobytes(),
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=width,
        Height=height,
        ImageMask=True,
        BitsPerComponent=1,
    )
    doc.show(doc.image(photo(width, height), encode="jpeg", Mask=mask), dpi=dpi, background=_YELLOW)
    return doc.bytes()


@cache
def colour_key_mask(dpi: float = 150) -> bytes:
    """A flat picture whose white is transparent through a colour-key mask."""
    doc = Builder()
    xobject = doc.image(chart(600, 400), Mask=Array([255, 255] * 3))
    doc.show(xobject, dpi=dpi, background=_YELLOW)
    return doc.bytes()


@cache
def stencil(dpi: float = 300) -> bytes:
    """A stencil mask: lettering painted in the current colour."""
    image = lettering().convert("1")
    doc = Builder()
    xobject = doc.flate(
        image.tobytes(),
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=image.width,
        Height=image.height,
        ImageMask=True,
        BitsPerComponent=1,
    )
    doc.show(xobject, dpi=dpi, background="0 0 0.7 rg")
    return doc.bytes()


@cache
def jpx(width: int = 600, height: int = 400, dpi: float = 200, *, kind: str = "photo", bits: int = 8) -> bytes:
    """A JPEG 2000 image: a photo, a gray one, or lettering.

    Args:
        bits: per component; other than 8 only in colour. (What coefficients count follows from it, so that the
            picture is the same.)
    """
    picture = lettering(width, height, 12) if kind == "lettering" else photo(width, height)
    picture = picture.convert("L") if kind == "gray" else picture.convert("RGB") if bits != 8 else picture
    buffer = io.BytesIO()
    picture.save(
        buffer, "JPEG2000", quality_mode="rates", quality_layers=[10], irreversible=bits != 8, no_jp2=bits != 8
    )
    data = bytearray(buffer.getvalue())
    if bits != 8:
        start = data.index(b"\xff\x51") + 40  # SIZ: three bytes for each component (ISO 15444-1, A.5.1)
        data[start : start + 3 * len(picture.getbands()) : 3] = bytes([bits - 1]) * len(picture.getbands())
    doc = Builder()
    xobject = doc.stream(
        bytes(data),
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=width,
        Height=height,
        ColorSpace=Name.DeviceGray if picture.mode == "L" else Name.DeviceRGB,
        BitsPerComponent=8,
        Filter=Name.JPXDecode,
    )
    doc.show(xobject, dpi=dpi)
    return doc.bytes()


@cache
def jpx_indexed(width: int = 300, height: int = 200, dpi: float = 100) -> bytes:
    """Indices of a palette as JPEG 2000, coded without loss."""
    picture = photo(width, height).quantize(120, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    Image.frombytes("L", picture.size, picture.tobytes()).save(buffer, "JPEG2000", irreversible=False)
    palette = bytes((picture.getpalette() or [])[:360]).ljust(360, b"\0")
    doc = Builder()
    xobject = doc.stream(
        buffer.getvalue(),
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=width,
        Height=height,
        ColorSpace=Array([Name.Indexed, Name.DeviceRGB, 119, String(palette)]),
        BitsPerComponent=8,
        Filter=Name.JPXDecode,
    )
    doc.show(xobject, dpi=dpi)
    return doc.bytes()


def _tint(colours: list[tuple[float, float, float, float]]) -> tuple[bytes, list[float]]:
    """A PostScript tint transform that adds the inks of each colorant; and its domain."""
    inputs = len(colours)
    # For each of the four inks: sum over colorants of tint × share. Stack: t1 … tn
    parts = []
    for ink in range(4):
        terms = "0 "
        for n, colour in enumerate(colours):
            terms += f"{inputs + ink - n} index {colour[ink]:g} mul add "
        parts.append(terms)
    body = "{" + "".join(parts) + f"{inputs + 4} 4 roll " + "pop " * inputs + "}"
    return body.encode(), [0, 1] * inputs


@cache
def separation(width: int = 500, height: int = 400, dpi: float = 200) -> bytes:
    """A one-ink (spot colour) image."""
    doc = Builder()
    program, domain = _tint([(0.0, 0.8, 0.9, 0.1)])
    tint = doc.stream(program, FunctionType=4, Domain=Array(domain), Range=Array([0, 1] * 4))
    space = Array([Name.Separation, Name("/Brick Red"), Name.DeviceCMYK, tint])
    doc.show(doc.image(photo(width, height).convert("L"), ColorSpace=space), dpi=dpi)
    return doc.bytes()


@cache
def device_n(width: int = 400, height: int = 300, dpi: float = 200) -> bytes:
    """A two-ink image."""
    doc = Builder()
    program, domain = _tint([(0.9, 0.3, 0.0, 0.0), (0.0, 0.2, 0.9, 0.0)])
    tint = doc.stream(program, FunctionType=4, Domain=Array(domain), Range=Array([0, 1] * 4))
    space = Array([Name.DeviceN, Array([Name("/Ink A"), Name("/Ink B")]), Name.DeviceCMYK, tint])
    red, green, _ = photo(width, height).split()
    data = bytes(value for pair in zip(red.tobytes(), green.tobytes(), strict=True) for value in pair)
    xobject = doc.flate(
        data,
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=width,
        Height=height,
        ColorSpace=space,
        BitsPerComponent=8,
    )
    doc.show(xobject, dpi=dpi)
    return doc.bytes()


@cache
def lab(width: int = 400, height: int = 300, dpi: float = 150) -> bytes:
    """An image in CIE L*a*b*."""
    space = Array([Name.Lab, Dictionary(WhitePoint=Array([0.9642, 1, 0.8249]), Range=Array([-128, 127, -128, 127]))])
    return _one_image(photo(width, height), dpi=dpi, ColorSpace=space)


# --- one image, every place to use it -------------------------------------------------------------------------------


@cache
def inline_image() -> bytes:
    """An image inside the content stream."""
    picture = photo(80, 60)
    content = (
        b"q 300 0 0 225 36 36 cm BI /W 80 /H 60 /CS /RGB /BPC 8 /F /Fl ID "
        + zlib.compress(picture.tobytes())
        + b" EI Q BT /F1 10 Tf 36 300 Td (Inline) Tj ET"
    )
    doc = Builder()
    doc.page(content, size=(372, 330))
    return doc.bytes()


@cache
def nested_form(width: int = 1200, height: int = 900) -> bytes:
    """An image in a form XObject in a form XObject, each scaling it: 300 dpi on the page."""
    doc = Builder()
    image = doc.image(photo(width, height), encode="jpeg")

    def form(content: bytes, xobjects: Dictionary, box: tuple[float, float]) -> pikepdf.Object:
        return doc.flate(
            content,
            Type=Name.XObject,
            Subtype=Name.Form,
            BBox=Array([0, 0, *box]),
            Matrix=Array([0.5, 0, 0, 0.5, 0, 0]),
            Resources=Dictionary(XObject=xobjects),
        )

    points = (width * 72 / 300, height * 72 / 300)
    inner = form(f"{points[0] * 4} 0 0 {points[1] * 4} 0 0 cm /Im0 Do".encode(), Dictionary(Im0=image), (5000, 5000))
    outer = form(b"/Inner Do", Dictionary(Inner=inner), (5000, 5000))
    doc.page("q 1 0 0 1 36 36 cm /Outer Do Q", size=(points[0] + 72, points[1] + 72), xobjects={"Outer": outer})
    return doc.bytes()


@cache
def tiling_pattern() -> bytes:
    """An image that is only used by a tiling pattern."""
    doc = Builder()
    image = doc.image(photo(600, 600), encode="jpeg")
    pattern = doc.flate(
        b"q 100 0 0 100 0 0 cm /Im0 Do Q",
        Type=Name.Pattern,
        PatternType=1,
        PaintType=1,
        TilingType=1,
        BBox=Array([0, 0, 100, 100]),
        XStep=100,
        YStep=100,
        Resources=Dictionary(XObject=Dictionary(Im0=image)),
    )
    doc.page(
        "/Pattern cs /P0 scn 36 36 400 300 re f",
        size=(472, 372),
        resources={"Pattern": Dictionary(P0=pattern)},
    )
    return doc.bytes()


@cache
def annotation_appearance() -> bytes:
    """An image that is only used by a stamp annotation's appearance."""
    doc = Builder()
    image = doc.image(photo(800, 600), encode="jpeg")
    appearance = doc.flate(
        b"q 200 0 0 150 0 0 cm /Im0 Do Q",
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, 200, 150]),
        Resources=Dictionary(XObject=Dictionary(Im0=image)),
    )
    stamp = doc.pdf.make_indirect(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Stamp,
            Rect=Array([36, 36, 236, 186]),
            F=4,
            AP=Dictionary(N=appearance),
            Contents=String("A stamp"),
        )
    )
    doc.page("BT /F1 10 Tf 36 200 Td (Stamped) Tj ET", size=(272, 240), Annots=Array([stamp]))
    return doc.bytes()


@cache
def type3_glyph() -> bytes:
    """An image that is only used by a glyph of a Type 3 font."""
    doc = Builder()
    image = doc.image(photo(400, 400), encode="jpeg")
    glyph = doc.flate(b"1000 0 d0 q 1000 0 0 1000 0 0 cm /Im0 Do Q")
    font = doc.pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type3,
            FontBBox=Array([0, 0, 1000, 1000]),
            FontMatrix=Array([0.001, 0, 0, 0.001, 0, 0]),
            CharProcs=Dictionary(A=glyph),
            Encoding=Dictionary(Type=Name.Encoding, Differences=Array([65, Name.A])),
            FirstChar=65,
            LastChar=65,
            Widths=Array([1000]),
            Resources=Dictionary(XObject=Dictionary(Im0=image)),
        )
    )
    doc.page("BT /F3 72 Tf 36 36 Td (AA) Tj ET", size=(216, 144), resources={"Font": Dictionary(F3=font)})
    return doc.bytes()


@cache
def shared_two_sizes(width: int = 1200, height: int = 900) -> bytes:
    """One image shown on two pages: small (600 dpi) and large (100 dpi). The large use decides."""
    doc = Builder()
    image = doc.image(photo(width, height), encode="jpeg")
    doc.show(image, dpi=600)
    doc.show(image, dpi=100)
    return doc.bytes()


@cache
def duplicate_images(copies: int = 3) -> bytes:
    """The same image stored several times, once for each page."""
    doc = Builder()
    picture = photo(500, 400)
    for _ in range(copies):
        doc.show(doc.image(picture, encode="jpeg"), dpi=150)
    return doc.bytes()


@cache
def low_resolution() -> bytes:
    """A photograph already below every preset's dpi and well compressed: nothing to win."""
    return photo_jpeg(width=200, height=150, dpi=60, quality=40)


# --- text and structure ---------------------------------------------------------------------------------------------


def _paragraph(text: str, *, top: float = 720, size: float = 11) -> str:
    words, lines, line = text.split(), [], ""
    for word in words:
        if len(line) + len(word) > 80:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    lines.append(line)
    shown = " ".join(f"({row.replace('(', '[').replace(')', ']')}) Tj T*" for row in lines)
    return f"BT /F1 {size:g} Tf 14 TL 72 {top:g} Td {shown} ET"


@cache
def text(pages: int = 3) -> bytes:
    """Pages of text in a standard font that is not embedded."""
    doc = Builder()
    for number in range(pages):
        doc.page(_paragraph(f"Page {number + 1}. " + LOREM * 4))
    return doc.bytes()


def font_file() -> Path | None:
    """A TrueType font of this machine, or None."""
    for name in (
        "dejavu/DejaVuSans.ttf",
        "liberation/LiberationSans-Regular.ttf",
        "liberation2/LiberationSans-Regular.ttf",
    ):
        path = Path("/usr/share/fonts/truetype") / name
        if path.exists():
            return path
    return None


@cache
def text_embedded(pages: int = 1) -> bytes:
    """Text in a whole embedded TrueType font (falls back to ``text`` on a machine without one)."""
    path = font_file()
    if path is None:
        return text(pages)
    doc = Builder()
    program = doc.flate(path.read_bytes(), Length1=path.stat().st_size)
    descriptor = doc.pdf.make_indirect(
        Dictionary(
            Type=Name.FontDescriptor,
            FontName=Name("/TestSans"),
            Flags=32,
            FontBBox=Array([-1021, -463, 1793, 1232]),
            ItalicAngle=0,
            Ascent=928,
            Descent=-236,
            CapHeight=928,
            StemV=80,
            FontFile2=program,
        )
    )
    font = doc.pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.TrueType,
            BaseFont=Name("/TestSans"),
            FirstChar=32,
            LastChar=126,
            Widths=Array([600] * 95),
            Encoding=Name.WinAnsiEncoding,
            FontDescriptor=descriptor,
        )
    )
    for _ in range(pages):
        doc.page(_paragraph(LOREM * 2), resources={"Font": Dictionary(F1=font)})
    return doc.bytes()


@cache
def structured(pages: int = 4) -> bytes:
    """Outline, named destinations, links, page labels, an attachment, layers, tags, language, XMP and information."""
    doc = Builder()
    pdf = doc.pdf
    picture = doc.image(photo(600, 450), encode="jpeg")
    layers = [pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String(title))) for title in ("Layer one", "Layer two")]
    for number in range(pages):
        content = (
            f"/P <</MCID 0>> BDC {_paragraph(f'Chapter {number + 1}. ' + LOREM)} EMC "
            f"/OC /L{number % 2} BDC q 200 0 0 150 72 300 cm /Im0 Do Q EMC"
        )
        doc.page(
            content,
            xobjects={"Im0": picture},
            resources={"Properties": Dictionary(L0=layers[0], L1=layers[1])},
            StructParents=number,
            Tabs=Name.S,
        )
    first, last = pdf.pages[0], pdf.pages[-1]
    first.Annots = Array(
        [
            pdf.make_indirect(
                Dictionary(
                    Type=Name.Annot,
                    Subtype=Name.Link,
                    Rect=Array([72, 700, 300, 730]),
                    Border=Array([0, 0, 0]),
                    A=Dictionary(S=Name.URI, URI=String("https://example.org/")),
                )
            ),
            pdf.make_indirect(
                Dictionary(
                    Type=Name.Annot,
                    Subtype=Name.Link,
                    Rect=Array([72, 600, 300, 630]),
                    Border=Array([0, 0, 0]),
                    Dest=String("the-end"),
                )
            ),
        ]
    )
    with pdf.open_outline() as outline:
        for number in range(pages):
            item = pikepdf.OutlineItem(f"Chapter {number + 1}", number)
            item.children.append(pikepdf.OutlineItem(f"Section {number + 1}.1", number))
            outline.root.append(item)
    names = Dictionary(
        Names=Array([String("start"), Array([first.obj, Name.Fit]), String("the-end"), Array([last.obj, Name.Fit])])
    )
    pdf.Root.Names = Dictionary(Dests=pdf.make_indirect(names))
    pdf.Root.PageLabels = Dictionary(Nums=Array([0, Dictionary(S=Name.r), 1, Dictionary(S=Name.D, St=1)]))
    pdf.Root.OCProperties = Dictionary(
        OCGs=Array(layers),
        D=Dictionary(Order=Array(layers), ON=Array(layers), Name=String("Default")),
    )
    tree = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot))
    paragraphs = [
        pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.P, P=tree, Pg=page.obj, K=0, Lang=String("en-GB")))
        for page in pdf.pages
    ]
    tree.K = Array(paragraphs)
    tree.ParentTree = pdf.make_indirect(
        Dictionary(Nums=Array([value for n, p in enumerate(paragraphs) for value in (n, Array([p]))]))
    )
    pdf.Root.StructTreeRoot = tree
    pdf.Root.MarkInfo = Dictionary(Marked=True)
    pdf.Root.Lang = String("en-GB")
    pdf.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
    pdf.attachments["data.csv"] = b"name,value\n" + b"a,1\n" * 400
    with pdf.open_metadata() as meta:
        meta["dc:title"] = "A structured document"
    pdf.docinfo.Title = String("A structured document")
    pdf.docinfo.Author = String("Nobody in particular")
    return doc.bytes()


@cache
def form() -> bytes:
    """An AcroForm with a filled text field, a checkbox that is on, a choice, and a field inside a named group."""
    doc = Builder()
    pdf = doc.pdf
    page = doc.page("BT /F1 12 Tf 72 740 Td (A form) Tj ET")
    fonts = Dictionary(Font=Dictionary(Helv=doc.helvetica))

    def appearance(content: bytes) -> pikepdf.Object:
        return doc.flate(content, Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 200, 20]), Resources=fonts)

    def widget(y: int, **keys: Any) -> pikepdf.Object:
        return pdf.make_indirect(
            Dictionary(Type=Name.Annot, Subtype=Name.Widget, Rect=Array([72, y, 272, y + 20]), F=4, P=page.obj, **keys)
        )

    shown = appearance(b"/Tx BMC BT /Helv 12 Tf 2 5 Td (Jane Doe) Tj ET EMC")
    name = widget(
        700, FT=Name.Tx, T=String("name"), V=String("Jane Doe"), DA=String("/Helv 12 Tf 0 g"), AP=Dictionary(N=shown)
    )
    on, off = appearance(b"0 0 20 20 re f"), appearance(b"0 0 20 20 re S")
    agree = widget(
        660, FT=Name.Btn, T=String("agree"), V=Name.Yes, AS=Name.Yes, AP=Dictionary(N=Dictionary(Yes=on, Off=off))
    )
    colour = widget(
        620,
        FT=Name.Ch,
        T=String("colour"),
        V=String("blue"),
        Opt=Array([String("red"), String("blue")]),
        DA=String("/Helv 12 Tf 0 g"),
        AP=Dictionary(N=appearance(b"BT /Helv 12 Tf 2 5 Td (blue) Tj ET")),
    )
    city = widget(
        580,
        FT=Name.Tx,
        T=String("city"),
        V=String("Utrecht"),
        DA=String("/Helv 12 Tf 0 g"),
        AP=Dictionary(N=appearance(b"BT /Helv 12 Tf 2 5 Td (Utrecht) Tj ET")),
    )
    group = pdf.make_indirect(Dictionary(T=String("address"), Kids=Array([city])))
    city.Parent = group
    page.Annots = Array([name, agree, colour, city])
    pdf.Root.AcroForm = Dictionary(
        Fields=Array([name, agree, colour, group]), DR=fonts, DA=String("/Helv 12 Tf 0 g"), NeedAppearances=False
    )
    return doc.bytes()


@cache
def boxes() -> bytes:
    """Pages with each rotation, odd boxes, a UserUnit, inherited attributes and an origin away from zero."""
    doc = Builder()
    image = doc.image(photo(600, 400), encode="jpeg")
    content = "q 300 0 0 200 150 150 cm /Im0 Do Q BT /F1 12 Tf 160 130 Td (Turned) Tj ET"
    for rotate in (0, 90, 180, 270):
        page = doc.page(content, xobjects={"Im0": image}, Rotate=rotate)
        page.CropBox = Array([100.5, 100.25, 500, 400])
    page = doc.page("q 1 0 0 1 -400 -300 cm " + content + " Q", xobjects={"Im0": image}, UserUnit=2)
    page.MediaBox = Array([-300, -200, 300, 200])
    page.TrimBox = Array([-290, -190, 290, 190])
    page.BleedBox = Array([-295, -195, 295, 195])
    page.ArtBox = Array([-200, -100, 200, 100])
    page.Rotate = -90
    inherits = doc.page(content, xobjects={"Im0": image})
    del inherits.obj["/MediaBox"]
    doc.pdf.Root.Pages.MediaBox = Array([0, 0, 700, 500])
    doc.pdf.Root.Pages.Rotate = 90
    return doc.bytes()


@cache
def transparency() -> bytes:
    """A transparency group, a soft mask in the graphics state and a blend mode."""
    doc = Builder()
    image = doc.image(photo(400, 300), encode="jpeg")
    glow = doc.flate(
        b"0.2 g 0 0 200 300 re f 0.9 g 200 0 200 300 re f",
        Type=Name.XObject,
        Subtype=Name.Form,
        BBox=Array([0, 0, 400, 300]),
        Group=Dictionary(S=Name.Transparency, CS=Name.DeviceGray),
    )
    states = Dictionary(
        Soft=Dictionary(SMask=Dictionary(S=Name.Luminosity, G=glow)),
        Multiply=Dictionary(BM=Name.Multiply, ca=0.7),
    )
    doc.page(
        "0.3 0.8 0.4 rg 0 0 500 400 re f q /Soft gs 400 0 0 300 0 0 cm /Im0 Do Q "
        "q /Multiply gs 150 0 0 100 300 250 cm /Im0 Do Q",
        size=(500, 400),
        xobjects={"Im0": image},
        resources={"ExtGState": states},
    )
    return doc.bytes()


@cache
def unused_objects() -> bytes:
    """Unused images in the resources, a page thumbnail, private application data and duplicated streams."""
    doc = Builder()
    shown, unused = doc.image(photo(300, 200), encode="jpeg"), doc.image(photo(300, 200, seed=5), encode="jpeg")
    page = doc.page("q 300 0 0 200 36 36 cm /Im0 Do Q", size=(372, 272), xobjects={"Im0": shown, "Im1": unused})
    page.Thumb = doc.image(photo(60, 40))
    private = doc.flate(random.Random(3).randbytes(20_000))
    page.PieceInfo = Dictionary(
        Editor=Dictionary(LastModified=String("D:20260101000000Z"), Private=Dictionary(Data=private))
    )
    page.LastModified = String("D:20260101000000Z")
    return doc.bytes()


@cache
def signed() -> bytes:
    """A document that carries a signature field with a value and a byte range (the signature itself is no real one)."""
    doc = Builder()
    pdf = doc.pdf
    image = doc.image(photo(800, 600), encode="jpeg")
    page = doc.page("q 400 0 0 300 72 300 cm /Im0 Do Q", xobjects={"Im0": image})
    value = pdf.make_indirect(
        Dictionary(
            Type=Name.Sig,
            Filter=Name("/Adobe.PPKLite"),
            SubFilter=Name("/adbe.pkcs7.detached"),
            ByteRange=Array([0, 1000, 3000, 1000]),
            Contents=String(bytes(1000)),
            M=String("D:20260101000000Z"),
        )
    )
    field = pdf.make_indirect(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Widget,
            FT=Name.Sig,
            T=String("Signature1"),
            V=value,
            Rect=Array([0, 0, 0, 0]),
            F=132,
            P=page.obj,
        )
    )
    page.Annots = Array([field])
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]), SigFlags=3)
    return doc.bytes()


_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" {attributes}>{elements}</rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
_PDFAID = 'xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"'


def _pdfa(version: str, attributes: str, elements: str = "") -> bytes:
    doc = Builder()
    pdf = doc.pdf
    profile = doc.flate(srgb_profile(), N=3)
    image = doc.image(photo(600, 450), encode="jpeg")
    doc.page("q 288 0 0 216 36 36 cm /Im0 Do Q", size=(360, 288), xobjects={"Im0": image})
    pdf.Root.OutputIntents = Array(
        [
            Dictionary(
                Type=Name.OutputIntent,
                S=Name.GTS_PDFA1,
                OutputConditionIdentifier=String("sRGB"),
                DestOutputProfile=profile,
            )
        ]
    )
    xmp = _XMP.format(attributes=attributes, elements=elements).encode()
    pdf.Root.Metadata = doc.stream(xmp, Type=Name.Metadata, Subtype=Name.XML)
    return doc.bytes(force_version=version)


@cache
def pdfa_1b() -> bytes:
    """Says that it is PDF/A-1b, in elements."""
    elements = "<pdfaid:part>1</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>"
    return _pdfa("1.4", _PDFAID, elements)


@cache
def pdfa_2b() -> bytes:
    """Says that it is PDF/A-2b, in attributes."""
    return _pdfa("1.7", f'{_PDFAID} pdfaid:part="2" pdfaid:conformance="B"')


@cache
def pdfa_3b() -> bytes:
    """Says that it is PDF/A-3b, in elements that declare their own name space (as pikepdf, so OCRmyPDF, writes it)."""
    elements = f"<pdfaid:part {_PDFAID}>3</pdfaid:part><pdfaid:conformance {_PDFAID}>B</pdfaid:conformance>"
    return _pdfa("1.7", "", elements)


# --- encrypted ------------------------------------------------------------------------------------------------------

_RESTRICTED = pikepdf.Permissions(extract=False, modify_other=False, print_highres=False)


def _encrypted(*, user: str, revision: int, aes: bool = True) -> bytes:
    doc = Builder()
    doc.show(doc.image(photo(600, 450), encode="jpeg"), dpi=200)
    return doc.bytes(
        encryption=pikepdf.Encryption(
            owner=OWNER_PASSWORD,
            user=user,
            R=revision,  # type: ignore[arg-type]
            allow=_RESTRICTED,
            aes=aes,
            metadata=revision >= 4,
        )
    )


@cache
def encrypted_user() -> bytes:
    """AES-256; opens with ``USER_PASSWORD``."""
    return _encrypted(user=USER_PASSWORD, revision=6)


@cache
def encrypted_user_rc4() -> bytes:
    """RC4, 128 bits; opens with ``USER_PASSWORD``."""
    return _encrypted(user=USER_PASSWORD, revision=3, aes=False)


@cache
def encrypted_owner() -> bytes:
    """AES-256, restricted permissions; opens without a password."""
    return _encrypted(user="", revision=6)


@cache
def encrypted_owner_rc4() -> bytes:
    """RC4, restricted permissions; opens without a password."""
    return _encrypted(user="", revision=3, aes=False)


@cache
def encrypted_for_certificates() -> bytes:
    """Encrypted by a public-key security handler (ISO 32000-1, 7.6.4): no password opens it."""
    keys = b"/Filter /Adobe.PubSec /SubFilter /adbe.pkcs7.s4 /V 2 /Length 128 /Recipients [<3082>] /P -4"
    data = _raw(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] >>",
            b"<< %b >>" % keys,
        ]
    )
    return data.replace(b"/Root 1 0 R", b"/Root 1 0 R /Encrypt 4 0 R /ID [<00> <00>]")


# --- filters that few readers know ---------------------------------------------------------------------------------

Encode = Callable[[bytes], bytes]


def refiltered(
    data: bytes, name: str = "/BrotliDecode", encode: Encode = brotli.compress, *, parms: Dictionary | None = None
) -> bytes:
    """``data`` with every stream that can be decoded stored by another filter."""

    def change(pdf: Pdf) -> None:
        for stream in pdf.objects:
            if isinstance(stream, Stream) and stream.get("/Filter") not in (Name.DCTDecode, Name.JPXDecode):
                stream.write(encode(stream.read_bytes()), filter=Name(name), decode_parms=parms)

    return edited(data, change)


def packed(name: str = "/BrotliDecode", encode: Encode = brotli.compress, *, table: bool = True) -> bytes:
    """A page with text, all objects but its content packed into an object stream of this filter.

    Args:
        table: the cross-reference stream has that filter, too.
    """
    content = b"BT /F1 24 Tf 72 700 Td (Packed away) Tj ET"
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 5 0 R/Resources<</Font<</F1 4 0 R>>>>>>",
        4: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    }
    head, body = "", b""
    for number, value in objects.items():
        head += f"{number} {len(body)} "
        body += value + b"\n"
    inner = encode(head.encode() + body)
    out = bytearray(b"%PDF-1.5\n")
    offsets = {5: len(out)}
    out += b"5 0 obj\n<</Length %d>>stream\n%b\nendstream\nendobj\n" % (len(content), content)
    offsets[6] = len(out)
    entries = b"/Type/ObjStm/N 4/First %d/Filter%b/Length %d" % (len(head), name.encode(), len(inner))
    out += b"6 0 obj\n<<%b>>stream\n%b\nendstream\nendobj\n" % (entries, inner)
    offsets[7] = len(out)
    rows = b"\0\0\0\xff" + b"".join(b"\2\0\6%c" % index for index in range(4))
    rows += b"".join(b"\1%b\0" % offsets[number].to_bytes(2, "big") for number in (5, 6, 7))
    rows = encode(rows) if table else rows
    entries = b"/Type/XRef/Size 8/W[1 2 1]/Root 1 0 R/Length %d" % len(rows)
    entries += b"/Filter%b" % name.encode() if table else b""
    out += b"7 0 obj\n<<%b>>stream\n%b\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % (entries, rows, offsets[7])
    return bytes(out)


# --- broken and malicious -------------------------------------------------------------------------------------------


@cache
def empty() -> bytes:
    """No bytes at all."""
    return b""


@cache
def not_a_pdf() -> bytes:
    """Something else."""
    return b'{"this": "is JSON"}\n' * 20


@cache
def broken_xref() -> bytes:
    """A good document whose cross-reference offsets are wrong: readers rebuild the table."""
    data = text()
    start = data.rindex(b"xref\n", 0, data.rindex(b"startxref"))
    return data[:start] + data[start:].replace(b"0000000", b"0000009")


@cache
def truncated() -> bytes:
    """A document cut off in the middle of its first picture."""
    data = photo_jpeg(600, 450)
    return data[: len(data) // 2]


@cache
def header_only() -> bytes:
    """Begins as a PDF, and nothing follows."""
    return b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"


@cache
def junk_before_header() -> bytes:
    """A good document after 500 bytes of something else."""
    return b"junk " * 100 + b"\n" + text()


@cache
def broken_image() -> bytes:
    """An image whose JPEG data stop half-way, beside a good one."""
    doc = Builder()
    picture = photo(600, 450)
    data = jpeg(picture)
    keys = {"Type": Name.XObject, "Subtype": Name.Image, "ColorSpace": Name.DeviceRGB, "BitsPerComponent": 8}
    half = doc.stream(data[: len(data) // 2], Filter=Name.DCTDecode, Width=600, Height=450, **keys)
    garbage = doc.stream(b"\xff\xd8 not a JPEG", Filter=Name.DCTDecode, Width=600, Height=450, **keys)
    for image in (half, garbage, doc.image(picture, encode="jpeg")):
        doc.show(image, dpi=300)
    return doc.bytes()


@cache
def form_loop() -> bytes:
    """Two form XObjects that draw each other."""
    doc = Builder()
    keys = {"Type": Name.XObject, "Subtype": Name.Form, "BBox": Array([0, 0, 100, 100])}
    one, two = doc.stream(b"/Two Do", **keys), doc.stream(b"/One Do", **keys)
    one.Resources = Dictionary(XObject=Dictionary(Two=two))
    two.Resources = Dictionary(XObject=Dictionary(One=one))
    doc.page("/One Do", xobjects={"One": one})
    return doc.bytes()


def _zeros(count: int) -> bytes:
    """``count`` zero bytes (a multiple of a million) as a zlib stream, without ever holding them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = (count % 65521) << 16 | 1
    return b"\x78\xda" + block * (count // 1_000_000) + b"\x03\x00" + checksum.to_bytes(4, "big")


@cache
def flate_bomb(megabytes: int = 4_000) -> bytes:
    """A page content of megabytes of zeros behind two Flate filters: a few kilobytes in the file."""
    doc = Builder()
    page = doc.page("")
    page.Contents = doc.stream(
        zlib.compress(_zeros(megabytes * 1_000_000), 9), Filter=Array([Name.FlateDecode, Name.FlateDecode])
    )
    return doc.bytes()


@cache
def pixel_bomb(side: int = 60_000) -> bytes:
    """An image of side × side gray pixels, all zero: a small file, gigabytes in memory."""
    doc = Builder()
    xobject = doc.stream(
        _zeros(side * side),
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=side,
        Height=side,
        ColorSpace=Name.DeviceGray,
        BitsPerComponent=8,
        Filter=Name.FlateDecode,
    )
    doc.page("q 500 0 0 500 36 36 cm /Im0 Do Q", xobjects={"Im0": xobject})
    return doc.bytes()


@cache
def many_pages(pages: int = 10_001) -> bytes:
    """That many empty pages: over the default limit, in a file of about a megabyte."""
    kids = " ".join(f"{number + 3} 0 R" for number in range(pages))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Count {pages} /Kids [{kids}] >>".encode()]
    objects += [b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>"] * pages
    return _raw(objects)


def _raw(objects: list[bytes]) -> bytes:
    """A PDF of plain objects, numbered from 1; the first is the catalog."""
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


# --- changes that a verification must see ---------------------------------------------------------------------------


def with_content(data: bytes, extra: bytes, *, page: int = 0, before: bool = False, **resources: Any) -> bytes:
    """``data`` with more content on one page (a black box, say), and these resources in the place of its own."""
    with Pdf.open(io.BytesIO(data)) as pdf:
        for key, value in resources.items():
            pdf.pages[page].obj.Resources["/" + key] = value
        pdf.pages[page].contents_add(extra, prepend=before)
        return _saved(pdf)


def edited(data: bytes, change: Callable[[Pdf], object], password: str = "") -> bytes:
    """``data`` after ``change`` was done to it; encryption is kept."""
    with Pdf.open(io.BytesIO(data), password=password) as pdf:
        change(pdf)
        return _saved(pdf)


def without_images(data: bytes) -> bytes:
    """``data`` with every ``Do`` taken out of its pages' own content."""

    def change(pdf: Pdf) -> None:
        for page in pdf.pages:
            kept = [i for i in pikepdf.parse_content_stream(page) if i.operator != Operator("Do")]
            page.Contents = pdf.make_stream(pikepdf.unparse_content_stream(kept))

    return edited(data, change)


def _saved(pdf: Pdf) -> bytes:
    buffer = io.BytesIO()
    pdf.save(buffer, encryption=True if pdf.is_encrypted else None)
    return buffer.getvalue()


IMAGES: dict[str, Make] = {
    make.__name__: make
    for make in (
        photo_jpeg,
        photo_flate,
        gray_as_rgb,
        gray_as_rgb_jpeg,
        gray_jpeg,
        bilevel_as_rgb,
        bilevel_as_gray,
        bilevel_flate,
        bilevel_flate_decode,
        ccitt_g4,
        chart_flate,
        cmyk_jpeg,
        cmyk_color_transform,
        gray_jpeg_inverted,
        cmyk_flate,
        icc_rgb,
        calrgb,
        indexed_8,
        indexed_4,
        indexed_1,
        indexed_cmyk,
        rgb_16,
        soft_mask,
        soft_mask_other_size,
        soft_mask_opaque,
        soft_mask_matte,
        soft_mask_matte_jpeg,
        explicit_mask,
        colour_key_mask,
        stencil,
        jpx,
        jpx_indexed,
        separation,
        device_n,
        lab,
        inline_image,
        nested_form,
        tiling_pattern,
        annotation_appearance,
        type3_glyph,
        shared_two_sizes,
        duplicate_images,
        low_resolution,
        transparency,
    )
}

STRUCTURES: dict[str, Make] = {
    make.__name__: make
    for make in (text, text_embedded, structured, form, boxes, unused_objects, signed, pdfa_1b, pdfa_2b, pdfa_3b)
}

ENCRYPTED: dict[str, Make] = {
    make.__name__: make for make in (encrypted_user, encrypted_user_rc4, encrypted_owner, encrypted_owner_rc4)
}

BROKEN: dict[str, Make] = {
    make.__name__: make
    for make in (empty, not_a_pdf, broken_xref, truncated, header_only, junk_before_header, broken_image, form_loop)
}

BOMBS: dict[str, Make] = {make.__name__: make for make in (flate_bomb, pixel_bomb, many_pages)}
