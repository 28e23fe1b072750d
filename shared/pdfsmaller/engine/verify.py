"""Proof that a result is still the same document: structure, text and looks of two files compared.

``compare`` opens both files anew, as any reader would, and lists what differs. It guarantees to see a page, box,
link, bookmark, destination, field, tag, label, attachment, layer or piece of metadata that is gone or points
elsewhere, other text on the pages it reads, and, on the pages it renders, anything that a person would notice at
reading size: an inverted, shifted, black or missing picture, another colour, a lost mask. It does not judge
sharpness beyond that size, and it does not look at what both files have in common but no reader can open.

The measure of looks
    Both pages are rendered at about ``RENDER_DPI`` and cut into blocks of 8 × 8 pixels (a ninth of an inch). Two
    numbers come out. *Similarity* is the mean over all blocks of the structural similarity (SSIM) of their luminance:
    1 for equal pages. *Shift* looks at each block's mean colour, which resampling and JPEG leave alone: blocks whose
    mean has moved far are counted, however good the rest of the page is.

pdfium is not thread-safe: one ``compare`` at a time in a process.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium
import pyvips

from pdfsmaller.engine.fingerprint import CHECKS, Reader
from pdfsmaller.engine.similarity import BLOCK
from pdfsmaller.engine.similarity import block_means as _means
from pdfsmaller.engine.similarity import block_similarity as _ssim

#: Pages compared in ``sample`` mode: the first, the last and others evenly between.
SAMPLE_PAGES = 12
#: Pages of ordinary size are rendered at this many dots per inch …
RENDER_DPI = 72
#: … larger ones at fewer, so that no rendering holds more pixels than this; small ones at up to four times as many.
RENDER_PIXELS = 700_000
#: A page that shows a picture of more pixels than this is not rendered: decoding it would cost more than it proves.
IMAGE_PIXELS = 80_000_000

#: A block has moved when its mean colour differs by more than this (of 255) in any channel …
MOVED = 40
#: … this where a similarity of 0.6 or less will do (the coarsest JPEGs move blocks of sharp contrast by up to 60) …
MOVED_COARSE = 64
#: … in luminance alone, where colour was taken out on purpose (two ways to weigh the channels differ by less).
MOVED_GRAY = 90
#: More moved blocks than this share of a page's, and at least ``MOVED_BLOCKS`` of them, are a difference.
MOVED_SHARE = 0.0005
MOVED_BLOCKS = 4

_NODES = 20_000
_ERRORS = (pikepdf.PdfError, ValueError, TypeError, AttributeError, KeyError, IndexError, RuntimeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was.

    Attributes:
        kind: what: ``unreadable``, ``pages``, ``boxes``, ``annotations``, ``outline``, ``destinations``, ``names``,
            ``fields``, ``tags``, ``language``, ``labels``, ``attachments``, ``layers``, ``metadata``, ``catalog``,
            ``encryption``, ``text`` or ``looks``.
        page: the page it is on, counted from zero, or None.
        message: in words, for a report.
    """

    kind: str
    page: int | None
    message: str


def compare(
    source: Path,
    target: Path,
    *,
    mode: Literal["sample", "full"],
    password: str | None,
    min_similarity: float,
    color_mode: str | None = None,
    deadline: float | None = None,
) -> list[Difference]:
    """What differs between two files, worst first; an empty list when nothing does.

    Args:
        mode: ``sample`` reads and renders up to ``SAMPLE_PAGES`` pages, ``full`` all of them. Structure is always
            compared for all pages.
        password: opens both files, where they are encrypted.
        min_similarity: the lowest similarity (0–1) of a rendered page; see the module. 1 asks for equal pixels.
        color_mode: ``grayscale`` compares luminance only; ``bilevel`` only where dark and light are.
        deadline: a ``time.monotonic()`` value; pages not reached by then are not compared.
    """
    found: list[Difference] = []
    with ExitStack() as stack:
        try:
            before = stack.enter_context(pikepdf.open(source, password=password or ""))
            pages = len(before.pages)
        except _ERRORS:
            return []  # nothing to compare with
        try:
            after = stack.enter_context(pikepdf.open(target, password=password or ""))
            pages = min(pages, len(after.pages))
        except _ERRORS:
            return [Difference("unreadable", None, "The result cannot be opened.")]
        found += _compare_structure(before, after, nodes=_NODES if mode == "sample" else 20 * _NODES)
    numbers = sample_pages(pages) if mode == "sample" else range(pages)
    looks = _Looks(min_similarity, color_mode or "no-change")
    found += _compare_pages(source, target, zip(numbers, numbers, strict=True), (password, password), looks, deadline)
    return found


def compare_pages(
    source: Path,
    target: Path,
    pages: Iterable[tuple[int, int]],
    *,
    passwords: tuple[str | None, str | None],
    deadline: float | None = None,
) -> list[Difference]:
    """What differs between pages of one file and the pages of another that are to be the same in text and pixels.

    Args:
        pages: pairs of page numbers, counted from zero: in ``source``, in ``target``.
        passwords: what opens ``source``, and ``target``.
        deadline: a ``time.monotonic()`` value; pages not reached by then are not compared.
    """
    return _compare_pages(source, target, pages, passwords, _Looks(1.0, "no-change", elsewhere=True), deadline)


def sample_pages(pages: int) -> list[int]:
    """Which pages of a document stand for all of them: the first, the last and some evenly between."""
    if pages <= SAMPLE_PAGES:
        return list(range(pages))
    return sorted({round(n * (pages - 1) / (SAMPLE_PAGES - 1)) for n in range(SAMPLE_PAGES)})


# --- structure ------------------------------------------------------------------------------------------------------


def _compare_structure(before: pikepdf.Pdf, after: pikepdf.Pdf, nodes: int) -> list[Difference]:
    if len(before.pages) != len(after.pages):
        return [Difference("pages", None, f"{len(after.pages)} pages instead of {len(before.pages)}.")]
    old, new = Reader(before, nodes), Reader(after, nodes)
    found = []
    for kind, message, read in CHECKS:
        old.budget = new.budget = nodes
        try:
            expected = read(old)
        except _ERRORS:
            continue  # broken in the original: nothing to hold the result to
        try:
            same = read(new) == expected
        except _ERRORS:
            same = False
        if not same:
            found.append(Difference(kind, None, f"{message}."))
    return found


# --- text and looks -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Looks:
    """What counts as the same look.

    Attributes:
        elsewhere: the page is now in another document. By what its catalog says, readers draw annotations that have no
            appearance of their own, and order (and mirror) text of mixed directions: so these count for nothing.
    """

    min_similarity: float
    color_mode: str
    elsewhere: bool = False


def _compare_pages(
    source: Path,
    target: Path,
    pages: Iterable[tuple[int, int]],
    passwords: tuple[str | None, str | None],
    looks: _Looks,
    deadline: float | None,
) -> list[Difference]:
    found = []
    with ExitStack() as stack:
        try:
            before = stack.enter_context(pypdfium2.PdfDocument(source, password=passwords[0]))
        except pypdfium2.PdfiumError:
            return []  # this renderer cannot read the original
        try:
            after = stack.enter_context(pypdfium2.PdfDocument(target, password=passwords[1]))
        except pypdfium2.PdfiumError:
            return [Difference("unreadable", None, "The result cannot be opened for rendering.")]
        if all(document.get_formtype() == pdfium.FORMTYPE_ACRO_FORM for document in (before, after)):
            for document in (before, after):
                with suppress(pypdfium2.PdfiumError):
                    document.init_forms()  # or their fields are not drawn
        for number, there in pages:
            if deadline is not None and time.monotonic() > deadline:
                break
            if number >= len(before) or there >= len(after):
                break
            difference = _compare_page(before, after, number, there, looks)
            if difference:
                found.append(difference)
    return found


def _compare_page(
    before: pypdfium2.PdfDocument, after: pypdfium2.PdfDocument, number: int, there: int, looks: _Looks
) -> Difference | None:
    with ExitStack() as stack:
        try:
            old = before[number]
        except pypdfium2.PdfiumError:
            return None
        stack.callback(old.close)
        try:
            new = after[there]
        except pypdfium2.PdfiumError:
            return Difference("looks", number, f"Page {number + 1} cannot be read any more.")
        stack.callback(new.close)
        before_text, after_text = _text(old), _text(new)
        if before_text != after_text and not (looks.elsewhere and len(before_text) == len(after_text)):
            return Difference("text", number, f"The text of page {number + 1} changed.")
        if _largest_image(old) > IMAGE_PIXELS:
            return None
        first = _render(old)
        if first is None:
            return None
        second = _render(new)
        if second is None:
            return Difference("looks", number, f"Page {number + 1} cannot be shown any more.")
        why = _unlike(first, second, looks)
        if why and looks.elsewhere:
            first, second = _render(old, annotations=False), _render(new, annotations=False)
            why = _unlike(first, second, looks) if first is not None and second is not None else why
    return Difference("looks", number, f"Page {number + 1} looks different: {why}.") if why else None


def _text(page: pypdfium2.PdfPage) -> str:
    """A page's text without white space, which readers add as they please."""
    try:
        textpage = page.get_textpage()
    except pypdfium2.PdfiumError:
        return ""
    try:
        return "".join(str(textpage.get_text_range()).split())
    finally:
        textpage.close()


def _largest_image(page: pypdfium2.PdfPage) -> int:
    largest = 0
    with suppress(pypdfium2.PdfiumError):
        for image in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=4):
            with suppress(pypdfium2.PdfiumError):
                width, height = image.get_px_size()
                largest = max(largest, width * height)
    return largest


def _render(page: pypdfium2.PdfPage, *, annotations: bool = True) -> pyvips.Image | None:
    """A page as an RGB image, or None where it cannot be rendered."""
    width, height = page.get_size()
    area = max(width, 1.0) * max(height, 1.0)
    scale = min(RENDER_DPI / 72 * 4, (RENDER_PIXELS / area) ** 0.5)
    if width * height > 200 * 200:
        scale = min(scale, RENDER_DPI / 72)
    if width <= 0 or height <= 0 or scale * max(width, height) > 20_000:
        return None
    try:
        bitmap = page.render(
            scale=scale, rev_byteorder=True, prefer_bgrx=True, draw_annots=annotations, may_draw_forms=annotations
        )
    except (pypdfium2.PdfiumError, ValueError, MemoryError):
        return None
    try:
        image = pyvips.Image.new_from_memory(
            bytes(bitmap.buffer), bitmap.stride // bitmap.n_channels, bitmap.height, bitmap.n_channels, "uchar"
        )
        return image.extract_band(0, n=3).crop(0, 0, bitmap.width, bitmap.height)
    finally:
        bitmap.close()


def _unlike(first: pyvips.Image, second: pyvips.Image, looks: _Looks) -> str | None:
    """Why two renderings are not the same look, or None where they are."""
    if abs(first.width - second.width) > 2 or abs(first.height - second.height) > 2:
        return "its size changed"
    first, second = _whole_blocks(first), _whole_blocks(second, first)
    difference = (first - second).abs()
    if difference.max() == 0:
        return None
    if looks.min_similarity >= 1 and looks.color_mode == "no-change":
        return "its pixels changed"
    if looks.color_mode == "bilevel":
        return _unlike_bilevel(_luminance(first), _luminance(second))
    similarity = _ssim(_luminance(first), _luminance(second)).avg()
    if similarity < looks.min_similarity:
        return f"similarity {similarity:.3f}, at least {looks.min_similarity:.3f} was asked for"
    coarse = min(max((0.8 - looks.min_similarity) / 0.2, 0.0), 1.0)
    limit = MOVED + coarse * (MOVED_COARSE - MOVED)
    if looks.color_mode == "grayscale":
        first, second, limit = _luminance(first), _luminance(second), MOVED_GRAY
    moved = _moved_blocks(first, second, limit)
    blocks = (first.width // BLOCK) * (first.height // BLOCK)
    if moved >= max(MOVED_BLOCKS, blocks * MOVED_SHARE):
        return f"{moved / blocks:.1%} of it changed colour"
    return None


def _whole_blocks(image: pyvips.Image, like: pyvips.Image | None = None) -> pyvips.Image:
    """The image, filled up with white to whole blocks (and to another's size)."""
    width, height = (like or image).width, (like or image).height
    width, height = width + -width % BLOCK, height + -height % BLOCK
    return (
        image.gravity("north-west", width, height, extend="white")
        if image.width <= width
        else image.crop(0, 0, width, min(height, image.height)).gravity("north-west", width, height, extend="white")
    )


def _luminance(image: pyvips.Image) -> pyvips.Image:
    return image.recomb([[0.299, 0.587, 0.114]]).cast("float")


def _moved_blocks(first: pyvips.Image, second: pyvips.Image, limit: float) -> int:
    """How many blocks' mean colour moved by more than ``limit`` in any channel."""
    moved = (_means(first) - _means(second)).abs() > limit
    any_band = moved.bandor() if moved.bands > 1 else moved
    share = float(any_band.avg()) / 255
    return round(share * int(any_band.width) * int(any_band.height))


def _unlike_bilevel(first: pyvips.Image, second: pyvips.Image) -> str | None:
    """Black and white alone leave only this to ask: is dark still dark, and is there still something?

    Blocks that were dark, or held something of strong contrast, must not have become blank. And every tile of 4 × 4
    blocks votes whether its blocks' brightness goes up and down together in both.
    """
    x, y = _means(first), _means(second)
    marked = (x < 100) | (_means(first * first) - x * x > 1000)
    if 2 * (marked & (y > 254)).avg() > marked.avg():
        return "most of it is gone"
    side = min(4, x.width, x.height)
    mean_x, mean_y, mean_xx, mean_xy = (image.shrink(side, side) for image in (x, y, x * x, x * y))
    eventful = mean_xx - mean_x * mean_x > 16
    covariance = mean_xy - mean_x * mean_y
    against, together = ((eventful & (covariance < -1)).avg(), (eventful & (covariance > 1)).avg())
    return "dark and light changed places" if 2 * against > together else None
