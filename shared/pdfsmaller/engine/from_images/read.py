"""Any image file to pictures, one page each. Whatever a codec raises, what comes out is typed and names the file."""

from __future__ import annotations

from collections.abc import Iterator

from pdfsmaller.engine.from_images.jpeg import read_jpeg
from pdfsmaller.engine.from_images.jpeg2000 import read_jpeg2000
from pdfsmaller.engine.from_images.picture import Picture
from pdfsmaller.engine.from_images.png import read_png
from pdfsmaller.engine.from_images.raster import read_heic, read_with_pillow
from pdfsmaller.engine.from_images.reading import Reading
from pdfsmaller.engine.from_images.tiff import read_tiff
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.sniff import HEAD_BYTES, check_image, kind_of_image

_BY_PILLOW = {"GIF": "GIF", "BMP": "BMP", "WebP": "WEBP", "AVIF": "AVIF"}
_WHOLE = {"JPEG": read_jpeg, "PNG": read_png, "JPEG 2000": read_jpeg2000}


def read_pictures(source: InputFile, pages_before: int, reading: Reading) -> Iterator[Picture]:
    """The pictures of one file, one at a time.

    Args:
        pages_before: pages that the PDF has already.

    Raises:
        EmptyFile, NotAnImage, UnreadableImage: naming the file.
        LimitExceeded: ``max_image_bytes``, ``max_pages``, ``max_job_image_bytes``, ``hard_seconds``.
        MemoryError: it does not fit into the memory there is.
    """
    size = source.path.stat().st_size
    with source.path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    check_image(source.name, size, head, max_bytes=size)
    kind = kind_of_image(head) or ""
    reading.check_pages(pages_before + 1)
    if kind == "TIFF":
        yield from read_tiff(source.path, pages_before, reading)
        return
    with reading.guard(kind):
        if kind in _WHOLE:
            picture = _WHOLE[kind](source.path.read_bytes(), reading)
        elif kind == "HEIC":
            picture = read_heic(source.path, reading)
        else:
            picture = read_with_pillow(source.path, _BY_PILLOW[kind], reading)
    yield picture
