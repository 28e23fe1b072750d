"""JPEG 2000 by OpenJPEG (inside Pillow), with loss."""

from __future__ import annotations

import io

import pyvips
from PIL import Image

from pdfsmaller.engine.images.encoded import Encoded

# More resolutions or smaller blocks of code change its size by less than a hundredth.
_RESOLUTIONS, _BLOCK = 6, (64, 64)


def encode(image: pyvips.Image, size: int) -> Encoded:
    """A JPEG 2000 file of about so many bytes, of gray or RGB."""
    mode = "RGB" if image.bands == 3 else "L"
    picture = Image.frombytes(mode, (image.width, image.height), image.write_to_memory())
    file = io.BytesIO()
    picture.save(
        file,
        "JPEG2000",
        irreversible=True,
        quality_mode="rates",
        quality_layers=[image.width * image.height * image.bands / max(1, size)],
        num_resolutions=_RESOLUTIONS,
        codeblock_size=_BLOCK,
        mct=int(image.bands == 3),
    )
    return Encoded(file.getvalue(), "/JPXDecode", image.width, image.height, 8)
