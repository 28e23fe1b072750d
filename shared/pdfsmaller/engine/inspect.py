"""What a document is and where its bytes are: the audit, its largest images, its fonts. Changes nothing."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pdfsmaller.engine.audit import audit
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.document import check_header, is_signed, pdfa_part
from pdfsmaller.engine.images.find import POINTS_PER_INCH, FoundImage, find_images
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.options import InspectOptions
from pdfsmaller.engine.repair.mend import open_or_mend
from pdfsmaller.engine.report import Audit, Facts, Reported
from pdfsmaller.engine.results import Done, Progress
from pdfsmaller.engine.structure.syntax import name_text
from pdfsmaller.engine.walk.graph import walk
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

#: Images listed, largest first. All of them are counted.
IMAGES_LISTED = 20
#: Pages named for each image.
PAGES_LISTED = 10

_SUBSET = re.compile(r"[A-Z]{6}\+")


@record(frozen=True, kw_only=True)
class ImageInfo(Facts):
    """One image XObject.

    Attributes:
        object: its object number.
        role: shown by itself, the soft mask of another image, or a stencil.
        width, height: in pixels.
        bits: per component; None where its data say (JPEG 2000).
        color_space: in words, e.g. ``ICCBased (3)`` or ``Indexed (DeviceRGB)``; None where its data say.
        filters: as stored, e.g. ``["FlateDecode", "DCTDecode"]``.
        bytes: stored, in bytes.
        dpi: effective dots per inch where it is shown largest; None where that cannot be known.
        pages: the first pages that show it, counted from 1.
        page_count: how many pages show it.
    """

    object: int
    role: Literal["image", "soft_mask", "stencil"]
    width: int
    height: int
    bits: int | None
    color_space: str | None
    filters: tuple[str, ...]
    bytes: int
    dpi: float | None
    pages: tuple[int, ...]
    page_count: int


@record(frozen=True, kw_only=True)
class FontInfo(Facts):
    """One font, or several that share a program.

    Attributes:
        name: the base font's name without a subset's tag.
        type: Type0, Type1, TrueType, Type3 …
        embedded: the document carries its program.
        subset: only some of its glyphs are embedded.
        bytes: the program (Type 3: the glyphs) as stored, in bytes.
    """

    name: str
    type: str
    embedded: bool
    subset: bool
    bytes: int


@record(frozen=True, kw_only=True)
class Inspection(Reported):
    """What ``inspect`` finds.

    Attributes:
        bytes: the file's size.
        pages: how many.
        pdf_version: e.g. ``1.7``.
        encrypted, signed, tagged: yes or no.
        pdfa: the part of PDF/A that the document claims (1–4), or None.
        audit: where the bytes are; the parts add up to ``bytes``.
        image_count: image XObjects that something shows.
        images: the ``IMAGES_LISTED`` largest of them.
        fonts: largest first.
    """

    bytes: int
    pages: int
    pdf_version: str
    encrypted: bool
    signed: bool
    tagged: bool
    pdfa: int | None
    audit: Audit
    image_count: int
    images: tuple[ImageInfo, ...]
    fonts: tuple[FontInfo, ...]


def inspect(source: Path, password: str | None = None, limits: Limits | None = None) -> Inspection:
    """Look into a document.

    Raises:
        EmptyFile, NotAPdf, UnreadablePdf: there is nothing to look into.
        PasswordRequired, WrongPassword, UnsupportedEncryption: it is encrypted.
        LimitExceeded: it has more pages or longer content than ``limits`` allow.
    """
    limits = limits or Limits()
    size = check_header(source)
    with (
        tempfile.TemporaryDirectory(prefix="pdfsmaller-") as folder,
        open_or_mend(source, Path(folder, "mended.pdf"), password, limits).pdf as pdf,
    ):
        found = find_images(walk(pdf, limits)).images.values()
        images = [info for image in found if (info := _image(pdf, image)) is not None]
        return Inspection(
            bytes=size,
            pages=len(pdf.pages),
            pdf_version=pdf.pdf_version,
            encrypted=pdf.is_encrypted,
            signed=is_signed(pdf),
            tagged="/StructTreeRoot" in pdf.Root,
            pdfa=pdfa_part(pdf),
            audit=audit(pdf, size),
            image_count=len(images),
            images=tuple(sorted(images, key=lambda i: -i.bytes)[:IMAGES_LISTED]),
            fonts=tuple(sorted(_fonts(pdf), key=lambda f: (-f.bytes, f.name))),
        )


def run(
    sources: Sequence[InputFile], folder: Path, options: InspectOptions, *, limits: Limits, progress: Progress
) -> Done[Inspection]:
    """``inspect`` as an operation: of one source, without results (``engine.results`` has the form)."""
    (source,) = sources
    password = options.password
    return Done(inspect(source.path, password, limits), ())


def _image(pdf: Pdf, found: FoundImage) -> ImageInfo | None:
    with tolerate("image"):
        stream = pdf.get_object(found.objgen)
        width, height = int(stream.Width), int(stream.Height)
        bits = stream.get("/BitsPerComponent")
        stencil = found.role == "stencil"
        return ImageInfo(
            object=found.objgen[0],
            role=found.role,
            width=width,
            height=height,
            bits=1 if stencil else int(bits) if isinstance(bits, int) else None,
            color_space=None if stencil else _color_space(stream.get("/ColorSpace")),
            filters=tuple(_names(stream.get("/Filter"))),
            bytes=_length(stream),
            dpi=_dpi(found, width, height),
            pages=tuple(page + 1 for page in sorted(found.pages)[:PAGES_LISTED]),
            page_count=len(found.pages),
        )
    return None  # too damaged to say anything of it


def _dpi(found: FoundImage, width: int, height: int) -> float | None:
    """The lower of both directions' effective dpi, at the largest placement."""
    sides = [pixels / points for pixels, points in ((width, found.width_pt), (height, found.height_pt)) if points > 0]
    return round(min(sides) * POINTS_PER_INCH, 1) if sides and found.resample else None


def _color_space(value: Any) -> str | None:
    if isinstance(value, Name):
        return _shown(value)
    if not isinstance(value, Array) or len(value) == 0:
        return None
    family = _shown(value[0])
    if family == "ICCBased" and len(value) > 1 and isinstance(value[1], Stream):
        return f"{family} ({value[1].get('/N')})"
    if family in ("Indexed", "I") and len(value) > 1:
        return f"Indexed ({_color_space(value[1])})"
    if family == "Separation" and len(value) > 1:
        return f"{family} ({_shown(value[1])})"
    if family == "DeviceN" and len(value) > 1:
        return f"{family} ({len(value[1])})"
    return family


def _names(value: Any) -> Iterator[str]:
    for name in value if isinstance(value, Array) else [value]:
        if isinstance(name, Name):
            yield _shown(name)


def _shown(name: Any) -> str:
    """A name without its slash, as it can be printed."""
    return name_text(name)[1:].encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _length(stream: pikepdf.Object) -> int:
    length = stream.stream_dict.get("/Length")
    return length if isinstance(length, int) and length >= 0 else len(stream.read_raw_bytes())


def _fonts(pdf: Pdf) -> list[FontInfo]:
    """The fonts, one entry for each program (for each name, where none is embedded)."""
    found: dict[object, FontInfo] = {}
    for obj in pdf.objects:
        with tolerate("font"):
            if isinstance(obj, Dictionary) and obj.get("/Type") == "/Font" and "/CIDSystemInfo" not in obj:
                key, font = _font(obj)
                found.setdefault(key, font)
    return list(found.values())


def _font(font: pikepdf.Object) -> tuple[object, FontInfo]:
    subtype = _shown(font.get("/Subtype")) or "Unknown"
    name = _shown(font.get("/BaseFont")) or _shown(font.get("/Name")) or "(no name)"
    holder = font
    descendants = font.get("/DescendantFonts")
    if isinstance(descendants, Array) and len(descendants) and isinstance(descendants[0], Dictionary):
        holder = descendants[0]
    size, key = 0, object()
    embedded = subtype == "Type3"
    if embedded:
        glyphs = font.get("/CharProcs")
        size = sum(_length(glyph) for _, glyph in glyphs.items() if isinstance(glyph, Stream)) if glyphs else 0
        key = font.objgen
    else:
        key = (name, subtype)
        descriptor = holder.get("/FontDescriptor")
        if isinstance(descriptor, Dictionary):
            for entry in ("/FontFile", "/FontFile2", "/FontFile3"):
                program = descriptor.get(entry)
                if isinstance(program, Stream):
                    size, key, embedded = _length(program), program.objgen, True
    tag = _SUBSET.match(name)
    return key, FontInfo(
        name=name[7:] if tag else name, type=subtype, embedded=embedded, subset=bool(tag and embedded), bytes=size
    )
