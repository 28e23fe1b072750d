"""How images become a PDF."""

from __future__ import annotations

from typing import Literal

from pdfsmaller.engine.options import OnError, Shown, SingleOptions, on_error_option, option
from pdfsmaller.engine.units import parse_length
from pdfsmaller.records import record

PageSize = Literal["fit", "A4", "letter"]
Orientation = Literal["auto", "portrait", "landscape"]

RESOLUTION_MIN, RESOLUTION_MAX = 10, 9_600
MARGIN_MAX = 720.0


@record(frozen=True, kw_only=True)
class ImageOptions(SingleOptions):
    """How images become a PDF. Without any option of compression not one pixel changes."""

    page_size: PageSize = option(
        "Each page as large as its image (fit), or paper that the image is fitted onto.",
        Shown(
            "SIZE",
            label="Paper",
            choices={"fit": "as large as the image", "A4": "A4", "letter": "letter"},
        ),
        default="fit",
    )
    orientation: Orientation = option(
        "Of the paper; auto turns it as the image lies.",
        Shown(
            "HOW",
            label="Paper lies",
            choices={"auto": "as the image does", "portrait": "upright", "landscape": "on its side"},
        ),
        default="auto",
    )
    margin: float = option(
        "Around the image; bare numbers are points (1/72 inch).",
        Shown(
            "LENGTH",
            f"points from 0 to {MARGIN_MAX:g}, or text such as 10mm or 0.5in",
            as_text=True,
            label="Margin",
            placeholder="e.g. 10mm",
        ),
        default=0.0,
        read=parse_length,
        low=0,
        high=MARGIN_MAX,
    )
    resolution: float | None = option(
        "Pixels per inch, instead of what each file says (96 where it says nothing).",
        Shown("N", f"pixels per inch from {RESOLUTION_MIN} to {RESOLUTION_MAX}"),
        default=None,
        low=RESOLUTION_MIN,
        high=RESOLUTION_MAX,
    )
    on_error: OnError = on_error_option()

    @property
    def wants_compression(self) -> bool:
        """Whether anything was asked for that images embedded as they are do not give."""
        return any(value is not None for value in (self.preset, self.dpi, self.image_quality, self.target_size)) or (
            self.color_mode not in (None, "no-change")
        )
