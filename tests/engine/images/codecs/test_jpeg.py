"""JPEGs just written."""

from __future__ import annotations

import pytest
import pyvips

from pdfsmaller.engine.images import jpeg as headers
from pdfsmaller.engine.images.codecs import jpeg


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
