"""Coded images in a document."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

import pikepdf
import pypdfium2
from pikepdf import Pdf, Stream
from PIL import Image

from pdfsmaller.engine.images.apply import apply_images
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.jbig2 import generic
from tests import documents
from tests.engine.jbig2.test_generic import text_page

# A segment of no page that holds a comment (T.88, 7.4.15.1): it changes nothing of what is shown.
_COMMENT = b"shared\0by all\0\0"
SHARED = struct.pack(">IBBBI", 100, 62, 0, 0, 4 + len(_COMMENT)) + struct.pack(">I", 0x20000000) + _COMMENT


def coded(picture: Image.Image) -> Encoded:
    data = generic.encode(picture.tobytes(), *picture.size, 0, 1_000_000)
    assert data is not None
    return Encoded(data, "/JBIG2Decode", *picture.size, 1, shared=SHARED)


def rendered(data: bytes) -> list[bytes]:
    with pypdfium2.PdfDocument(data) as document:
        return [page.render(scale=100 / 72).to_pil().tobytes() for page in document]


def test_what_images_share_is_one_stream() -> None:
    pages = [text_page(304, 200), text_page(304, 120), text_page(304, 150)]
    doc = documents.Builder()
    for page in pages:
        doc.show(doc.image(page), dpi=100)
    data = doc.bytes()
    with pikepdf.open(io.BytesIO(data)) as pdf:
        found = [page.obj.Resources.XObject.Im0 for page in pdf.pages]
        images = [coded(page) for page in pages]
        images[2] = replace(images[2], shared=None)
        apply_images(pdf, {image.objgen: e for image, e in zip(found, images, strict=True)})
        buffer = io.BytesIO()
        pdf.save(buffer)
    with Pdf.open(buffer) as pdf:
        one, two, alone = (page.obj.Resources.XObject.Im0 for page in pdf.pages)
        assert isinstance(one.DecodeParms.JBIG2Globals, Stream)
        assert one.DecodeParms.JBIG2Globals.objgen == two.DecodeParms.JBIG2Globals.objgen
        assert one.DecodeParms.JBIG2Globals.read_bytes() == SHARED
        assert "/DecodeParms" not in alone
    assert rendered(buffer.getvalue()) == rendered(data)
