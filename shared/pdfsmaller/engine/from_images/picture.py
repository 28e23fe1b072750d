"""What readers of image formats hand over: an image as it will stand in the PDF, and how its file wants it shown."""

from __future__ import annotations

from typing import Literal

from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.records import record

Note = Literal["animation", "damaged"]

GRAY, RGB, CMYK = b"/DeviceGray", b"/DeviceRGB", b"/DeviceCMYK"
COMPONENTS = {GRAY: 1, RGB: 3, CMYK: 4}
DEVICE = {components: space for space, components in COMPONENTS.items()}


@record(frozen=True)
class Stored:
    """An image XObject.

    Attributes:
        coded: its samples.
        space: the device colour space of its components (of its palette's, where it has one).
        profile: an ICC profile that says more exactly than ``space`` what the components mean.
        inverted: every component counts from its maximum down.
        color_key: the lowest and the highest value of each component that is not painted; empty = all are.
        mask: opacity, in DeviceGray.
    """

    coded: Encoded
    space: bytes
    profile: bytes | None = None
    inverted: bool = False
    color_key: tuple[int, ...] = ()
    mask: Stored | None = None


@record(frozen=True)
class Picture:
    """One page's image.

    Attributes:
        image: as it is stored.
        orientation: EXIF's, 1–8: how the stored rows and columns are to be shown.
        dpi: pixels per inch along the stored rows and columns; None where the file does not say.
        notes: ``animation``: the file holds more images, which are left out; ``damaged``: the image could be decoded,
            but its codec had something to complain about.
    """

    image: Stored
    orientation: int = 1
    dpi: tuple[float, float] | None = None
    notes: tuple[Note, ...] = ()
