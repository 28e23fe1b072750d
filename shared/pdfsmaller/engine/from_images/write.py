"""Pictures to the objects of a PDF."""

from __future__ import annotations

from pdfsmaller.engine.deflate import zlib_compress
from pdfsmaller.engine.from_images.layout import Placement, place
from pdfsmaller.engine.from_images.options import ImageOptions
from pdfsmaller.engine.from_images.picture import CMYK, COMPONENTS, Picture, Stored
from pdfsmaller.engine.images.encoded import Encoded
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
        number, coded = self._image(picture.image), picture.image.coded
        placement = place(coded.width, coded.height, picture.orientation, picture.dpi, self._options)
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
        coded = image.coded
        entries = (
            b"/Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent %d /ColorSpace %s /Filter %s"
            % (
                coded.width,
                coded.height,
                coded.bits,
                self._color_space(image),
                coded.filter.encode(),
            )
        )
        if parms := self._parms(coded):
            entries += b" /DecodeParms <<%s>>" % b" ".join(parms)
        if image.inverted:
            entries += b" /Decode [%s]" % b" ".join([b"1 0"] * COMPONENTS[image.space])
        if image.color_key:
            entries += b" /Mask [%s]" % b" ".join(b"%d" % value for value in image.color_key)
        if image.mask is not None:
            entries += b" /SMask %d 0 R" % self._image(image.mask)
        return self._writer.write_value(entries, coded.data)

    def _parms(self, coded: Encoded) -> list[bytes]:
        """The entries of the filter's parameters."""
        parms = [b"%s %s" % (name.encode(), _value(value)) for name, value in coded.parms.items()]
        if coded.shared is not None:
            parms.append(b"/JBIG2Globals %d 0 R" % self._writer.write_value(b"", coded.shared))
        return parms

    def _color_space(self, image: Stored) -> bytes:
        base = image.space
        if image.profile is not None:
            entries = b"/N %d /Alternate %s /Filter /FlateDecode" % (COMPONENTS[base], base)
            base = b"[/ICCBased %d 0 R]" % self._writer.write_value(entries, zlib_compress(image.profile))
        palette = image.coded.palette
        if palette is None:
            return base
        last = len(palette) // COMPONENTS[image.space] - 1
        return b"[/Indexed %s %d <%s>]" % (base, last, palette.hex().encode())


def _value(value: int | bool) -> bytes:
    return (b"true" if value else b"false") if isinstance(value, bool) else b"%d" % value


def _number(value: float) -> bytes:
    return f"{value:.4f}".rstrip("0").rstrip(".").encode()


def _text(value: str) -> bytes:
    """A text string (ISO 32000-1, 7.9.2.2)."""
    return b"<%s>" % (b"\xfe\xff" + value.encode("utf-16-be", "replace")).hex().encode()
