"""JPEGs just written."""

from __future__ import annotations

import pytest
import pyvips

from pdfsmaller.engine.images import jpeg as headers
from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.codecs import jpeg
from tests import documents


@pytest.mark.parametrize(("fast", "full_chroma"), [(False, True), (False, False), (True, True), (True, False)])
def test_cmyk_jpeg_decodes_to_the_samples_it_was_made_of(fast: bool, full_chroma: bool) -> None:
    """YCCK, marked as such: the samples stored are those that went in (libvips gives them turned round)."""
    ramp = pyvips.Image.xyz(61, 67)[0] * 4
    samples = ramp.bandjoin([255 - ramp, ramp * 0 + 40, 255 - ramp * 0.5]).cast("uchar").copy_memory()
    data = jpeg.encode(samples, 98, full_chroma=full_chroma, fast=fast).data
    assert headers.jpeg_info(data) is not None
    assert data[2:18] == b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x02"
    decoded = pyvips.Image.jpegload_buffer(data).invert().copy(interpretation="multiband")
    assert (decoded - samples).abs().avg() < 2


@pytest.mark.parametrize("bands", [1, 3, 4])
@pytest.mark.parametrize("full_chroma", [False, True])
@pytest.mark.parametrize("quality", [25, 72, 95])
def test_small_images_tried_by_pillow_become_what_libvips_makes_of_them(
    bands: int, full_chroma: bool, quality: int
) -> None:
    picture = documents.photo(203, 131).convert({1: "L", 3: "RGB", 4: "CMYK"}[bands])
    image = pyvips.Image.new_from_memory(picture.tobytes(), 203, 131, bands, "uchar")
    tried = jpeg.Trials(image).encode(quality, full_chroma=full_chroma)
    assert tried == jpeg.encode(image, quality, full_chroma=full_chroma, fast=True)
    decoded = pyvips.Image.jpegload_buffer(tried.data)
    samples = bytes((decoded.invert() if bands == 4 else decoded).write_to_memory())
    assert bytes(pixels.decode_jpeg(tried.data).write_to_memory()) == samples
