"""How pages look and what they say, through poppler: an engine that none of the tools writes with.

Similarity is the structural similarity (SSIM, Wang et al. 2004) of rendered pages in colour, with a flat window of
7 × 7 pixels and the sample covariance, which are scikit-image's defaults: the numbers are the same.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyvips

#: Rendered pages have this many pixels on their longer side: some 100 dpi on paper of ordinary size.
LONGER_SIDE = 1100
#: Pages compared of each document: the first, the last and others evenly between.
PAGES = 5
#: Text is read up to this page.
TEXT_PAGES = 50
_SECONDS = 60
#: What poppler writes before the pixels.
_PPM = re.compile(rb"P6\s(\d+) (\d+)\s255\s")
_WINDOW = 7
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
#: Renderings that differ by no more than this many pixels in size are brought to the same size.
_ROUNDING = 3


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two documents look: similarity of pages (mean and least; -1 without any), whether all pixels are the
    same, and of how many pages."""

    mean: float
    least: float
    same: bool
    pages: int


def picked(pages: int) -> list[int]:
    """The numbers (from 1) of the pages that stand for a document."""
    return sorted({round(1 + (pages - 1) * n / (PAGES - 1)) for n in range(PAGES)})


def text(file: Path, pages: int) -> bytes:
    """The text of the first pages, without white space."""
    last = str(min(pages, TEXT_PAGES))
    return b"".join(_output(["pdftotext", "-l", last, str(file), "-"]).split())


def rendered(file: Path, pages: Sequence[int]) -> dict[int, pyvips.Image | None]:
    """The pages as RGB images, by number; None where one cannot be rendered."""
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(pages, pool.map(lambda page: _rendered(file, page), pages), strict=True))


def likeness(before: dict[int, pyvips.Image | None], after: dict[int, pyvips.Image | None]) -> Likeness:
    """Compare renderings. Pages that could not be rendered of the original say nothing; of the result, all is lost."""
    pairs = [(image, after.get(page)) for page, image in before.items() if image]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda pair: similarity(*pair), pairs))
    if not found:
        return Likeness(-1, -1, True, 0)
    return Likeness(sum(found) / len(found), min(found), all(value == 1 for value in found), len(found))


def similarity(one: pyvips.Image, other: pyvips.Image | None) -> float:
    """The similarity of two renderings: 1 only for equal pixels, 0 where the size is another."""
    if other is None or abs(one.width - other.width) > _ROUNDING or abs(one.height - other.height) > _ROUNDING:
        return 0.0
    if (one.width, one.height) != (other.width, other.height):
        other = other.resize(one.width / other.width, vscale=one.height / other.height)
    elif (one - other).abs().max() == 0:
        return 1.0
    if min(one.width, one.height) < _WINDOW:
        return 0.0
    return min(_ssim(one.cast("float"), other.cast("float")), 0.999999)


def _ssim(x: pyvips.Image, y: pyvips.Image) -> float:
    area = _WINDOW * _WINDOW
    sample = area / (area - 1)
    mean_x, mean_y = _mean(x), _mean(y)
    variance_x, variance_y = _mean(x * x) - mean_x * mean_x, _mean(y * y) - mean_y * mean_y
    covariance = sample * (_mean(x * y) - mean_x * mean_y)
    ssim = ((2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)) / (
        (mean_x * mean_x + mean_y * mean_y + _C1) * (sample * (variance_x + variance_y) + _C2)
    )
    edge = _WINDOW // 2
    return float(ssim.crop(edge, edge, x.width - 2 * edge, x.height - 2 * edge).avg())


def _mean(image: pyvips.Image) -> pyvips.Image:
    mask = pyvips.Image.new_from_array([[1] * _WINDOW], scale=_WINDOW)
    return image.convsep(mask, precision="float")


def _rendered(file: Path, page: int) -> pyvips.Image | None:
    picked = ["-f", str(page), "-l", str(page), "-scale-to", str(LONGER_SIDE)]
    found = _PPM.match(made := _output(["pdftoppm", *picked, str(file)]))
    if not found:
        return None
    width, height = int(found[1]), int(found[2])
    if len(made) - found.end() != width * height * 3:
        return None
    return pyvips.Image.new_from_memory(made[found.end() :], width, height, 3, "uchar")


def _output(command: list[str]) -> bytes:
    try:
        return subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False).stdout
    except subprocess.TimeoutExpired:
        return b""
