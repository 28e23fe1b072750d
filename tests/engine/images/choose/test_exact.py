"""Images of which no sample may change."""

from __future__ import annotations

import random

from pikepdf import Name
from PIL import Image

from tests import documents
from tests.engine.conftest import Run
from tests.engine.images.test_images import only_image


def test_two_colours_get_no_palette_of_one_bit(run: Run) -> None:
    """PDFium stretches such a one otherwise than three components, so that levels differ by one."""
    mask = Image.frombytes("1", (80, 80), random.Random(1).randbytes(800))
    picture = Image.new("RGB", (80, 80), (79, 129, 189))
    picture.paste((192, 80, 77), mask=mask)
    doc = documents.Builder()
    doc.page("q 30 0 0 30 10 10 cm /Im0 Do Q", size=(60, 60), xobjects={"Im0": doc.image(picture, encode="flate")})
    image = only_image(run(doc.bytes(), preset="lossless"))
    assert image.BitsPerComponent == 2
    assert image.ColorSpace[0] == Name.Indexed
