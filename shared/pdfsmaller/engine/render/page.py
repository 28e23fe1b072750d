"""A page as PDFium reads and draws it, for comparing it with another.

Pages of ordinary size are drawn at ``RENDER_DPI``. pdfium is not thread-safe: one thread at a time in a process.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.memory import equal_bytes
from pdfsmaller.records import record

#: Pages of ordinary size are rendered at this many dots per inch …
RENDER_DPI = 72
#: … larger ones at fewer, so that no rendering holds more pixels than this; small ones at up to four times as many.
RENDER_PIXELS = 700_000
#: No side of a rendering is longer than this, in pixels: pages may be very long and thin.
RENDER_SIDE = 20_000
#: A page that shows a picture of more bytes than this, decoded, is not rendered: that takes some ten seconds. pdfium
#: decodes large pictures row by row, so this bounds time, not memory.
IMAGE_BYTES = 1_500_000_000
#: pdfium's pixels have at most so many bytes.
MOST_PIXEL_BYTES = 4

# Forms within forms whose images are looked at.
_MOST_FORMS = 3


@record(frozen=True)
class Text:
    """A page's text, without white space, which readers add as they please.

    Attributes:
        characters: how many there are.
        digest: the same only for the same text.
    """

    characters: int
    digest: bytes


@record(frozen=True)
class Rendering:
    """A page as PDFium drew it: red, green, blue and a fourth byte that means nothing.

    Attributes:
        pixels: of use as long as what they lie in is there.
        stride: bytes from one row to the next.
    """

    pixels: ctypes.Array[ctypes.c_ubyte]
    width: int
    height: int
    stride: int

    @property
    def row(self) -> int:
        """Pixels from one row to the next."""
        return self.stride // 4

    def equals(self, other: Rendering) -> bool:
        """Whether the other is the same, byte for byte."""
        if (self.width, self.height, self.stride) != (other.width, other.height, other.stride):
            return False
        return equal_bytes(self.pixels, other.pixels)


@record(frozen=True)
class Page:
    """A page as it is read and drawn."""

    text: Text
    rendering: Rendering


def has_form(document: pypdfium2.PdfDocument) -> bool:
    """Whether it has a form of fields."""
    return bool(document.get_formtype() == pdfium.FORMTYPE_ACRO_FORM)


def draw_fields(document: pypdfium2.PdfDocument) -> None:
    """Have the fields of a document's form drawn; to be called before its pages are opened."""
    with tolerate("forms_not_drawn"):
        document.init_forms()


def open_page(document: pypdfium2.PdfDocument, number: int, stack: ExitStack) -> pypdfium2.PdfPage | None:
    """A page, counted from zero, until the stack closes; None where it cannot be read."""
    if number >= len(document):
        return None
    try:
        page = document[number]
    except pypdfium2.PdfiumError:
        return None
    stack.callback(page.close)
    return page


def read_text(page: pypdfium2.PdfPage) -> Text | None:
    """A page's text; None where it cannot be read."""
    try:
        textpage = page.get_textpage()
    except pypdfium2.PdfiumError:
        return None
    try:
        text = "".join(str(textpage.get_text_range()).split())
    finally:
        textpage.close()
    return Text(len(text), hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest())


def draw(page: pypdfium2.PdfPage, stack: ExitStack, *, annotations: bool = True) -> Rendering | None:
    """A page's picture until the stack closes; None where there can be none."""
    width, height = page.get_size()
    area = max(width, 1.0) * max(height, 1.0)
    scale = min(RENDER_DPI / 72 * 4, (RENDER_PIXELS / area) ** 0.5)
    if width * height > 200 * 200:
        scale = min(scale, RENDER_DPI / 72)
    scale = min(scale, RENDER_SIDE / max(width, height, 1.0))
    if width <= 0 or height <= 0:
        return None
    try:
        bitmap = page.render(
            scale=scale, rev_byteorder=True, prefer_bgrx=True, draw_annots=annotations, may_draw_forms=annotations
        )
    except (pypdfium2.PdfiumError, ValueError, MemoryError):
        return None
    stack.callback(bitmap.close)
    return Rendering(bitmap.buffer, bitmap.width, bitmap.height, bitmap.stride)


def shows_large_image(page: pypdfium2.PdfPage) -> bool:
    """Whether an image on a page takes more than ``IMAGE_BYTES``, decoded."""
    width, height, metadata = ctypes.c_uint(), ctypes.c_uint(), pdfium.FPDF_IMAGEOBJ_METADATA()
    for image in _images(page, pdfium.FPDFPage_CountObjects, pdfium.FPDFPage_GetObject):
        if not pdfium.FPDFImageObj_GetImagePixelSize(image, width, height):
            continue
        pixels = width.value * height.value
        # To tell how many bits a pixel has, pdfium decodes JPEG 2000: asked for only where they matter.
        if pixels * MOST_PIXEL_BYTES <= IMAGE_BYTES or not pdfium.FPDFImageObj_GetImageMetadata(image, page, metadata):
            continue
        if pixels * max(1, metadata.bits_per_pixel) // 8 > IMAGE_BYTES:
            return True
    return False


def _images(holder: Any, count: Callable[[Any], int], get: Callable[[Any, int], Any], depth: int = 0) -> Iterator[Any]:
    """The images that a page or a form shows. (For each of a page's objects pypdfium2 makes one of Python's.)"""
    for index in range(count(holder)):
        shown = get(holder, index)
        kind = pdfium.FPDFPageObj_GetType(shown)
        if kind == pdfium.FPDF_PAGEOBJ_IMAGE:
            yield shown
        elif kind == pdfium.FPDF_PAGEOBJ_FORM and depth < _MOST_FORMS:
            yield from _images(shown, pdfium.FPDFFormObj_CountObjects, pdfium.FPDFFormObj_GetObject, depth + 1)
