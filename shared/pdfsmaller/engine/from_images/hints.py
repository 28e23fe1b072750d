"""What images say about themselves besides their pixels: orientation, resolution, colour profile. Nothing is trusted:
what makes no sense counts as not said."""

from __future__ import annotations

import math

from PIL import Image

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.from_images.picture import COMPONENTS

_ORIENTATION, _X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 0x112, 0x11A, 0x11B, 0x128
_CENTIMETRES = 3
#: A resolution from a file counts if it is above the first and not above the second (1 stands for "no idea").
DPI_ABOVE, DPI_MAX = 1.0, 9_600.0

_ICC_SPACES = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}
_ICC_HEADER_BYTES = 128


def read_exif(data: bytes) -> Image.Exif:
    """EXIF from its bytes, with or without ``Exif`` in front; empty where it is damaged."""
    exif = Image.Exif()
    with tolerate("exif", Exception):  # Pillow raises whatever the damage leads to
        exif.load(data)
        dict(exif)  # values are read when they are asked for
        return exif
    return Image.Exif()


def orientation_of(exif: Image.Exif) -> int:
    """1–8; 1 where there is none or none that exists (0 is met in real files)."""
    return valid_orientation(_value(exif, _ORIENTATION))


def valid_orientation(value: object) -> int:
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def exif_dpi(exif: Image.Exif) -> tuple[float, float] | None:
    """Pixels per inch along rows and columns, if EXIF says so."""
    factor = 2.54 if _value(exif, _RESOLUTION_UNIT) == _CENTIMETRES else 1.0
    return valid_dpi(_value(exif, _X_RESOLUTION), _value(exif, _Y_RESOLUTION), factor)


def valid_dpi(x: object, y: object, factor: float = 1.0) -> tuple[float, float] | None:
    """Two resolutions as pixels per inch, or None. Where one makes no sense the other counts for both."""
    pair = [_sensible(x, factor), _sensible(y, factor)]
    if pair[0] is None and pair[1] is None:
        return None
    across, down = pair[0] or pair[1], pair[1] or pair[0]
    assert across is not None
    assert down is not None
    return across, down


def valid_profile(data: object, space: bytes) -> bytes | None:
    """An ICC profile that fits the components of a device colour space, or None."""
    if not isinstance(data, bytes) or len(data) <= _ICC_HEADER_BYTES or data[36:40] != b"acsp":
        return None
    if int.from_bytes(data[:4], "big") > len(data) or _ICC_SPACES.get(data[16:20]) != COMPONENTS[space]:
        return None
    # Input, display, output and colour space profiles are allowed (ISO 32000-1, table 66).
    return data if data[12:16] in (b"scnr", b"mntr", b"prtr", b"spac") else None


def pillow_hints(picture: Image.Image) -> tuple[int, tuple[float, float] | None]:
    """Orientation and resolution of an image that Pillow has opened."""
    exif = Image.Exif()
    with tolerate("exif", Exception):  # see read_exif
        exif = picture.getexif()
    dpi = picture.info.get("dpi")
    resolution = valid_dpi(*dpi) if isinstance(dpi, tuple) and len(dpi) == 2 else None
    return orientation_of(exif), resolution or exif_dpi(exif)


def _value(exif: Image.Exif, tag: int) -> object:
    with tolerate("exif", Exception):  # see read_exif
        return exif.get(tag)
    return None


def _sensible(value: object, factor: float) -> float | None:
    try:
        dpi = float(value) * factor  # type: ignore[arg-type]  # what is no number is refused right here
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return dpi if math.isfinite(dpi) and DPI_ABOVE < dpi <= DPI_MAX else None
