"""Pictures to the objects of a PDF."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import blake2b

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.deflate import zlib_compress
from pdfsmaller.engine.from_images.layout import Placement, place
from pdfsmaller.engine.from_images.options import ImageOptions
from pdfsmaller.engine.from_images.picture import CMYK, COMPONENTS, Picture, Stored
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.structure.writer import PdfWriter
from pdfsmaller.engine.workers import WORKERS


class Document:
    """A PDF of one image a page. Pages are written at once, in their order; ``finish`` makes the file whole.

    Images in JBIG2 wait until there is a group of them, to share symbols (``images.together``); unless the document is
    going to be compressed, which does the same.
    """

    def __init__(self, writer: PdfWriter, options: ImageOptions, deadline: Deadline) -> None:
        self._writer = writer
        self._options = options
        self._deadline = deadline
        self._shares = options.bilevel == "auto" and not options.wants_compression
        self._waiting: dict[ObjGen, Stored] = {}
        self._waited_pixels = 0  # of all that have waited so far
        self._waited: dict[bytes, int] = {}  # images that have waited, by their data: the same picture is one object
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
        self._write_waiting()
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
        """Write an image, now or when its group is complete; its number."""
        coded = image.coded
        if not self._shares or coded.filter != "/JBIG2Decode" or image.mask is not None:
            return self._writer.write_value(self._entries(image), coded.data)
        from pdfsmaller.engine.images.together import GROUP_BYTES, MOST_PIXELS

        known = blake2b(repr(replace(image, coded=replace(coded, bitmap=None))).encode()).digest()
        if known in self._waited:
            return self._waited[known]
        pixels = coded.width * coded.height
        if self._waited_pixels + pixels > MOST_PIXELS and self._options.effort != "max":
            return self._writer.write_value(self._entries(image), coded.data)
        number = self._waited[known] = self._writer.reserve()
        self._waited_pixels += pixels
        self._waiting[number, 0] = image
        if sum(waiting.coded.width * waiting.coded.height for waiting in self._waiting.values()) > 8 * GROUP_BYTES:
            self._write_waiting()
        return number

    def _write_waiting(self) -> None:
        """Write the images that wait, those with common symbols that are smaller so."""
        if len(self._waiting) > 1:
            from pdfsmaller.engine.images.together import share_symbols

            coded = {objgen: image.coded for objgen, image in self._waiting.items()}
            with ThreadPoolExecutor(WORKERS, thread_name_prefix="image") as pool:
                smaller = share_symbols(coded, {}, self._options.effort, pool, self._deadline)
            for objgen, fewer in smaller.items():
                self._waiting[objgen] = replace(self._waiting[objgen], coded=fewer)
        for (number, _), image in self._waiting.items():
            self._writer.write_stream(self._entries(image), image.coded.data, number)
        self._waiting.clear()

    def _entries(self, image: Stored) -> bytes:
        """The entries of an image's dictionary."""
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
        return entries

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
