"""What coding the images of a document is expected to take, and how much of it is behind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from pikepdf import Array, Name, Object, Pdf

from pdfsmaller.engine.images.find import POINTS_PER_INCH, FoundImage
from pdfsmaller.engine.images.goal import BILEVEL_ABOVE, BILEVEL_DPI, Goal
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.workers import WORKERS

_Kind = Literal["bilevel", "jpeg", "jpx", "samples"]


class _Seconds(NamedTuple):
    """What an image takes: in any case, for each million of its pixels and of the result's, for each MB stored."""

    each: float
    pixels: float
    result: float
    stored: float


#: Of one core, by regression over 824 images of real files: four of five are within a factor of 1.7
#: (``benchmarks.eta`` shows what that is worth).
_SECONDS: dict[_Kind, _Seconds] = {
    "bilevel": _Seconds(0.010, 0.001, 0.0, 0.6),
    "jpeg": _Seconds(0.026, 0.008, 0.07, 0.4),
    "jpx": _Seconds(0.020, 0.23, 0.3, 0.0),
    "samples": _Seconds(0.022, 0.010, 0.35, 0.45),
}


def expected_seconds(pdf: Pdf, image: FoundImage, goal: Goal) -> float:
    """What coding an image is expected to take on one core; ``pdf`` is the document that it was found in."""
    stream = pdf.get_object(image.objgen)
    kind, stored = _kind(stream), stream.get("/Length", 0)
    seconds, pixels = _SECONDS[kind], image.size[0] * image.size[1] / 1e6
    return (
        seconds.each
        + seconds.pixels * pixels
        + seconds.result * pixels * _scale(image, goal, kind) ** 2
        + seconds.stored * (stored / 1e6 if isinstance(stored, int) else 0.0)
    )


def may_stay(pdf: Pdf, image: FoundImage, goal: Goal) -> bool:
    """Whether an image may come out with the samples that it has: it is neither reduced nor JPEG 2000."""
    kind = _kind(pdf.get_object(image.objgen))
    return kind != "jpx" and _scale(image, goal, kind) == 1.0


def _kind(stream: Object) -> _Kind:
    filters = stream.get("/Filter")
    names = list(filters) if isinstance(filters, Array) else [filters]
    if Name.JPXDecode in names:
        return "jpx"
    if Name.DCTDecode in names:
        return "jpeg"
    return "bilevel" if stream.get("/BitsPerComponent", 1) == 1 else "samples"


def _scale(image: FoundImage, goal: Goal, kind: _Kind) -> float:
    """About what it is resized by (``goal.scale_for`` knows exactly, of an image that was read)."""
    if goal.dpi is None or goal.quality is None or not image.resample or min(image.width_pt, image.height_pt) <= 0:
        return 1.0
    shown = min(image.size[0] / image.width_pt, image.size[1] / image.height_pt) * POINTS_PER_INCH
    dpi, above = (max(goal.dpi, BILEVEL_DPI), BILEVEL_ABOVE) if kind == "bilevel" else (goal.dpi, goal.above)
    return dpi / shown if shown > dpi * above else 1.0


class Tally:
    """The images that are done, by what they were expected to take; and the pages whose images all are."""

    def __init__(self, pdf: Pdf, images: Iterable[FoundImage], goal: Goal) -> None:
        self._left = {image.objgen: (expected_seconds(pdf, image, goal), image.pages) for image in images}
        self._waiting: dict[int, int] = {}  # pages, and how many of their images are to be done
        for _, pages in self._left.values():
            for page in pages:
                self._waiting[page] = self._waiting.get(page, 0) + 1
        self._all = self._unfinished = sum(seconds for seconds, _ in self._left.values())
        self._longest = max((seconds for seconds, _ in self._left.values()), default=0.0)

    @property
    def expected_seconds(self) -> float:
        """What all of them are expected to take, with an image on each core."""
        return max(self._all / WORKERS, self._longest)

    @property
    def share(self) -> float:
        """How much of the work is behind, 0-1."""
        return 1 - self._unfinished / self._all if self._all else 1.0

    @property
    def pages_waiting(self) -> int:
        """Pages that show an image which is not done."""
        return len(self._waiting)

    def finish(self, objgen: ObjGen) -> None:
        """An image is done."""
        seconds, pages = self._left.pop(objgen, (0.0, set[int]()))
        self._unfinished -= seconds
        for page in pages:
            self._waiting[page] -= 1
            if not self._waiting[page]:
                del self._waiting[page]
