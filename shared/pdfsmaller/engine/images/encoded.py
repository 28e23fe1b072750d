"""A coded image: what every coder makes, and whoever writes images into a PDF is given."""

from __future__ import annotations

from dataclasses import field

from pdfsmaller.records import record

# What one more image object takes besides its data.
OBJECT_BYTES = 150


@record(frozen=True)
class Encoded:
    """An image ready to be written.

    Attributes:
        data: the stream's bytes.
        filter: its filter, e.g. ``/DCTDecode``; the only one if ``data`` is not deflated over that.
        width, height, bits: of the image now.
        parms: the filter's parameters.
        shared: what ``data`` needs to be decoded and several images have in common (``/JBIG2Globals``); equal bytes
            are one stream in the file, of which ``cost`` counts nothing.
        color: ``keep`` the colour space, ``gray`` = DeviceGray, ``base`` = the base of the present Indexed one.
        palette: the components of its entries; the colour space becomes Indexed over the one that ``color`` says.
        entries: colours in the palette.
        drop_decode: the samples now mean what they say, whatever ``/Decode`` said before.
        exact: no decoded sample differs from the source's.
        proven: and that is known without looking at it again: both were decoded and compared, or only comments went.
        deflated: ``data`` is what the filter takes, deflated; such a filter has no ``parms``.
        bitmap: of JBIG2 that may be coded once more with others: its pixels as the coder was given them, deflated.
        likeness: how like its source it looks where it is seen, found for about the same coding; None = not looked at.
        over: a second image of the same place and colour space, and the stencil through which it is painted over this
            one: where the stencil's samples are 0.
    """

    data: bytes
    filter: str
    width: int
    height: int
    bits: int
    parms: dict[str, int | bool] = field(default_factory=dict)
    shared: bytes | None = None
    color: str = "keep"
    palette: bytes | None = None
    entries: int = 0
    drop_decode: bool = False
    exact: bool = False
    proven: bool = False
    deflated: bool = False
    bitmap: bytes | None = None
    likeness: float | None = None
    over: tuple[Encoded, Encoded] | None = None

    @property
    def cost(self) -> int:
        """Bytes in the file, what the dictionary gains included."""
        own = (
            len(self.data)
            + 12 * (len(self.parms) + self.deflated)
            + (len(self.palette) + 24 if self.palette is not None else 0)
        )
        return own + sum(image.cost + OBJECT_BYTES for image in self.over or ())
