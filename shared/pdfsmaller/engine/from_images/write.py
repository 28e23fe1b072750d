"""Pictures to the objects of a PDF."""

from __future__ import annotations

from pdfsmaller.engine.deflate import zlib_compress
from pdfsmaller.engine.from_images.layout import Placement, place
from pdfsmaller.engine.from_images.options import ImageOptions
from pdfsmaller.engine.from_images.picture import CMYK, COMPONENTS, Picture, Stored
from pdfsmaller.engine.structure.writer import PdfWriter


class Document:
    """A PDF of one image a page. Pages are written at once, in their order; ``finish`` makes the file whole."""

    def __init__(self, writer: PdfWriter, options: ImageOptions) -> None:
        self._writer = writer
        self._options = options
        self._root = writer.reserve()
        self._tree = writer.reserve()
        self._pages: list[int] = []

    @property
    def pages(self) -> int:
        return len(self._pages)

    def image(self, picture: Picture) -> bytes:
        """Write a picture's image; the page for it, to be given to ``add`` once it is sure to be wanted."""
        number = self._image(picture.image)
        placement = place(picture.image.width, picture.image.height, picture.orientation, picture.dpi, self._options)
        return self._page(number, picture.image, placement)

    def add(self, page: bytes) -> None:
        self._pages.append(self._writer.write(page))

    def finish(self, title: str | None) -> None:
        """Write the page tree, the catalog and the document information."""
        writer = self._writer
        kids = b" ".join(b"%d 0 R" % number for number in self._pages)
        writer.write(b"<</Type /Pages /Count %d /Kids [%s]>>" % (len(self._pages), kids), self._tree)
        writer.write(b"<</Type /Catalog /Pages %d 0 R>>" % self._tree, self._root)
        writer.finish(self._root, writer.write(b"<</Title %s>>" % _text(title)) if title else None)

    def _page(self, image: int, stored: Stored, placement: Placement) -> bytes:
        content = b"%s cm /Im0 Do" % b" ".join(_number(value) for value in placement.matrix)
        # Blending happens in the image's own kind of colours, not in those of whatever shows the page.
        group = b""
        if stored.mask is not None:
            space = CMYK if stored.space == CMYK else b"/DeviceRGB"
            group = b" /Group <</Type /Group /S /Transparency /CS %s>>" % space
        box = b"%s %s" % (_number(placement.width), _number(placement.height))
        return b"<</Type /Page /Parent %d 0 R /MediaBox [0 0 %s] /Resources <</XObject <</Im0 %d 0 R>>>>" % (
            self._tree,
            box,
            image,
        ) + b" /Contents %d 0 R%s>>" % (self._writer.write_value(b"", content), group)

    def _image(self, image: Stored) -> int:
        entries = (
            b"/Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent %d /ColorSpace %s /Filter %s"
            % (
                image.width,
                image.height,
                image.bits,
                self._color_space(image),
                image.filter,
            )
        )
        if image.parms:
            entries += b" /DecodeParms <<%s>>" % image.parms
        if image.inverted:
            entries += b" /Decode [%s]" % b" ".join([b"1 0"] * COMPONENTS[image.space])
        if image.color_key:
            entries += b" /Mask [%s]" % b" ".join(b"%d" % value for value in image.color_key)
        if image.mask is not None:
            entries += b" /SMask %d 0 R" % self._image(image.mask)
        return self._writer.write_value(entries, image.data)

    def _color_space(self, image: Stored) -> bytes:
        base = image.space
        if image.profile is not None:
            entries = b"/N %d /Alternate %s /Filter /FlateDecode" % (COMPONENTS[base], base)
            base = b"[/ICCBased %d 0 R]" % self._writer.write_value(entries, zlib_compress(image.profile))
        if image.palette is None:
            return base
        last = len(image.palette) // COMPONENTS[image.space] - 1
        return b"[/Indexed %s %d <%s>]" % (base, last, image.palette.hex().encode())


def _number(value: float) -> bytes:
    return f"{value:.4f}".rstrip("0").rstrip(".").encode()


def _text(value: str) -> bytes:
    """A text string (ISO 32000-1, 7.9.2.2)."""
    return b"<%s>" % (b"\xfe\xff" + value.encode("utf-16-be", "replace")).hex().encode()
