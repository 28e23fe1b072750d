"""Where an image stands on its page: the page's size, and the matrix that brings the image there, turned as shown.

Lengths are points (1/72 inch), y upwards. Pages are never rotated (``/Rotate``): their size is what one sees.
"""

from __future__ import annotations

from pdfsmaller.engine.from_images.options import ImageOptions
from pdfsmaller.errors import InvalidOption
from pdfsmaller.records import record

PAPERS = {"A4": (595.276, 841.89), "letter": (612.0, 792.0)}
DEFAULT_DPI = 96.0
#: What readers must be able to show (ISO 32000-1, annex C).
SIDE_MIN, SIDE_MAX = 3.0, 14_400.0

Matrix = tuple[float, float, float, float, float, float]


@record(frozen=True)
class Placement:
    """A page's width and height, and the matrix from the unit square to the image on it."""

    width: float
    height: float
    matrix: Matrix


def check_margin(options: ImageOptions) -> None:
    """Raises InvalidOption if the margins leave nothing of the paper."""
    if options.page_size == "fit":
        return
    largest = (min(PAPERS[options.page_size]) - SIDE_MIN) / 2
    if options.margin > largest:
        raise InvalidOption(
            "margin",
            f"{options.margin:g}",
            [f"points from 0 to {largest:.0f} on {options.page_size}"],
            f"A margin of {options.margin:g} points leaves nothing of a page of {options.page_size}. "
            f"Choose one of at most {largest:.0f}.",
        )


def place(
    width: int, height: int, orientation: int, dpi: tuple[float, float] | None, options: ImageOptions
) -> Placement:
    """Lay out one page.

    Args:
        width, height: of the image as it is stored, in pixels.
        orientation: EXIF's, 1–8.
        dpi: of the stored rows and columns.
        options: page size, orientation, margin and resolution.
    """
    if options.resolution is not None:
        dpi = (options.resolution, options.resolution)
    across, down = dpi or (DEFAULT_DPI, DEFAULT_DPI)
    shown = (width * 72 / across, height * 72 / down)
    if orientation >= 5:
        shown = (shown[1], shown[0])
    if options.page_size == "fit":
        return _page_around(shown, orientation, options.margin)
    return _on_paper(shown, orientation, options)


def _page_around(shown: tuple[float, float], orientation: int, margin: float) -> Placement:
    # Sizes that no reader takes are scaled. What is too narrow for its length even so gets blank sides.
    scale = max(1.0, (SIDE_MIN - 2 * margin) / min(shown))
    scale = min(scale, (SIDE_MAX - 2 * margin) / max(shown))
    box = (shown[0] * scale, shown[1] * scale)
    page = (max(SIDE_MIN, box[0] + 2 * margin), max(SIDE_MIN, box[1] + 2 * margin))
    return _centred(page, box, orientation)


def _on_paper(shown: tuple[float, float], orientation: int, options: ImageOptions) -> Placement:
    paper = PAPERS[options.page_size]
    lies = shown[0] > shown[1] if options.orientation == "auto" else options.orientation == "landscape"
    page = (max(paper), min(paper)) if lies else (min(paper), max(paper))
    scale = min((side - 2 * options.margin) / length for side, length in zip(page, shown, strict=True))
    return _centred(page, (shown[0] * scale, shown[1] * scale), orientation)


def _centred(page: tuple[float, float], box: tuple[float, float], orientation: int) -> Placement:
    x, y = (page[0] - box[0]) / 2, (page[1] - box[1]) / 2
    return Placement(*page, _matrix(orientation, x, y, *box))


def _matrix(orientation: int, x: float, y: float, w: float, h: float) -> Matrix:
    """From the unit square, whose upper edge is the image's first row, to the box, turned and mirrored as EXIF says."""
    return {
        1: (w, 0.0, 0.0, h, x, y),
        2: (-w, 0.0, 0.0, h, x + w, y),
        3: (-w, 0.0, 0.0, -h, x + w, y + h),
        4: (w, 0.0, 0.0, -h, x, y + h),
        5: (0.0, -h, -w, 0.0, x + w, y + h),
        6: (0.0, -h, w, 0.0, x, y + h),
        7: (0.0, h, w, 0.0, x, y),
        8: (0.0, h, -w, 0.0, x + w, y),
    }[orientation]
