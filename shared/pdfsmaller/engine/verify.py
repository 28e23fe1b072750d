"""Proof that a result is still the same document: structure, text and looks of two files compared.

``compare`` opens both files anew, as any reader would, and lists what differs. It guarantees to see a page, box,
link, bookmark, destination, field, tag, label, attachment, layer or piece of metadata that is gone or points
elsewhere, other text on the pages it compares, and there anything that a person would notice at reading size: an
inverted, shifted, black or missing picture, another colour, a lost mask. It does not judge sharpness beyond that size.
What it could not compare it names, with the reason (``Comparison``): what neither file shows is no proof of anything.

The measure of looks
    Both pages are rendered at about ``RENDER_DPI`` and cut into blocks of 8 × 8 pixels (a ninth of an inch). Two
    numbers come out. *Similarity* is the mean over all blocks of the structural similarity (SSIM) of their luminance:
    1 for equal pages. *Shift* looks at each block's mean colour, which resampling and JPEG leave alone: blocks whose
    mean has moved far are counted, however good the rest of the page is.

pdfium is not thread-safe: one ``compare`` at a time in a process.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium
import pyvips

from pdfsmaller.engine.comparison import Comparison, Difference, PageSkip
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.fingerprint import CHECKS, Reader
from pdfsmaller.engine.memory import equal_bytes
from pdfsmaller.engine.similarity import BLOCK, block_means, block_similarity, blocks_of

#: Pages compared in ``sample`` mode: the first, the last and others evenly between.
SAMPLE_PAGES = 12
#: Pages of ordinary size are rendered at this many dots per inch …
RENDER_DPI = 72
#: … larger ones at fewer, so that no rendering holds more pixels than this; small ones at up to four times as many.
RENDER_PIXELS = 700_000
#: No side of a rendering is longer than this, in pixels: pages may be very long and thin.
RENDER_SIDE = 20_000
#: A page that shows a picture of more bytes than this, decoded, is not rendered: that takes some ten seconds. pdfium
#: decodes large pictures row by row, so this bounds time, not memory.
IMAGE_BYTES = 1_500_000_000
#: pdfium's pixels have at most so many bytes.
MOST_PIXEL_BYTES = 4

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


def compare(
    source: Path,
    target: Path,
    *,
    mode: Literal["sample", "full"],
    password: str | None,
    min_similarity: float,
    color_mode: str | None = None,
    deadline: float | None = None,
    not_shown: Collection[int] = (),
) -> Comparison:
    """What differs between two files, and what was compared.

    Args:
        mode: ``sample`` reads and renders up to ``SAMPLE_PAGES`` pages, ``full`` all of them. Structure is always
            compared for all pages.
        password: opens both files, where they are encrypted.
        min_similarity: the lowest similarity (0–1) of a rendered page; see the module. 1 asks for equal pixels.
        color_mode: ``grayscale`` compares luminance only; ``bilevel`` only where dark and light are.
        deadline: a ``time.monotonic()`` value; pages not reached by then are not compared.
        not_shown: pages of which the renderer leaves out something in both, for its filter.
    """
    result = Comparison(pages=0)
    with ExitStack() as stack:
        with tolerate("result_unreadable") as opening:
            after = stack.enter_context(pikepdf.open(target, password=password or ""))
            there = result.pages = len(after.pages)
        if opening.failed:
            result.differences.append(Difference("unreadable", None, "The result cannot be opened."))
            return result
        with tolerate("original_unreadable") as opening:
            before = stack.enter_context(pikepdf.open(source, password=password or ""))
            result.pages = len(before.pages)
        if opening.failed:
            result.skipped = dict.fromkeys(range(result.pages), "unreadable")
            result.structure_skipped = {kind: "unreadable" for kind, _, _ in CHECKS}
            return result
        _compare_structure(before, after, result, nodes=_NODES if mode == "sample" else 20 * _NODES)
    pages = min(result.pages, there)
    numbers = sample_pages(pages) if mode == "sample" else range(pages)
    looks = _Looks(min_similarity, color_mode or "no-change")
    _compare_pages(source, target, [(n, n) for n in numbers], (password, password), looks, deadline, result)
    _take_out(result, not_shown)
    return result


def compare_pages(
    source: Path,
    target: Path,
    pages: Iterable[tuple[int, int]],
    *,
    passwords: tuple[str | None, str | None],
    deadline: float | None = None,
    not_shown: Collection[int] = (),
) -> Comparison:
    """What differs between pages of one file and the pages of another that are to be the same in text and pixels.

    Args:
        pages: pairs of page numbers, counted from zero: in ``source``, in ``target``.
        passwords: what opens ``source``, and ``target``.
        deadline: a ``time.monotonic()`` value; pages not reached by then are not compared.
        not_shown: pages of ``source`` of which the renderer leaves out something in both, for its filter.
    """
    pairs = list(pages)
    result = Comparison(pages=len(pairs))
    _compare_pages(source, target, pairs, passwords, _Looks(1.0, "no-change", elsewhere=True), deadline, result)
    _take_out(result, not_shown)
    return result


def _take_out(result: Comparison, not_shown: Collection[int]) -> None:
    """Count pages as not compared of which something is missing in both renderings; what differs there, differs."""
    for number in result.compared.intersection(not_shown):
        result.skipped[number] = "unknown_filter"
    result.compared -= result.skipped.keys()


def sample_pages(pages: int) -> list[int]:
    """Which pages of a document stand for all of them: the first, the last and some evenly between."""
    if pages <= SAMPLE_PAGES:
        return list(range(pages))
    return sorted({round(n * (pages - 1) / (SAMPLE_PAGES - 1)) for n in range(SAMPLE_PAGES)})


# --- structure ------------------------------------------------------------------------------------------------------


def _compare_structure(before: pikepdf.Pdf, after: pikepdf.Pdf, result: Comparison, nodes: int) -> None:
    if len(before.pages) != len(after.pages):
        message = f"{len(after.pages)} pages instead of {len(before.pages)}."
        result.differences.append(Difference("pages", None, message))
        return
    old, new = Reader(before, nodes), Reader(after, nodes)
    for kind, message, read in CHECKS:
        old.budget = new.budget = nodes
        with tolerate(f"compared_{kind}") as attempt:
            expected = read(old)
        if attempt.failed:
            result.structure_skipped[kind] = "unreadable"
            continue
        if old.budget < 0:
            result.structure_skipped[kind] = "too_large"
        same = False
        with tolerate(f"compared_{kind}"):
            same = read(new) == expected
        if not same:
            result.differences.append(Difference(kind, None, f"{message}."))


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
    pages: list[tuple[int, int]],
    passwords: tuple[str | None, str | None],
    looks: _Looks,
    deadline: float | None,
    result: Comparison,
) -> None:
    with ExitStack() as stack:
        try:
            before = stack.enter_context(pypdfium2.PdfDocument(source, password=passwords[0]))
        except pypdfium2.PdfiumError:
            result.skipped |= {number: "unreadable" for number, _ in pages}
            return
        try:
            after = stack.enter_context(pypdfium2.PdfDocument(target, password=passwords[1]))
        except pypdfium2.PdfiumError:
            message = "The result cannot be opened for rendering."
            result.differences.append(Difference("unreadable", None, message))
            return
        if all(document.get_formtype() == pdfium.FORMTYPE_ACRO_FORM for document in (before, after)):
            for document in (before, after):
                with tolerate("forms_not_drawn"):
                    document.init_forms()  # or their fields are not drawn
        for number, there in pages:
            if deadline is not None and time.monotonic() > deadline:
                result.skipped[number] = "time_limit"
                continue
            outcome = _compare_page(before, after, number, there, looks)
            if isinstance(outcome, str):
                result.skipped[number] = outcome
                continue
            result.compared.add(number)
            if outcome is not None:
                result.differences.append(outcome)


def _compare_page(
    before: pypdfium2.PdfDocument, after: pypdfium2.PdfDocument, number: int, there: int, looks: _Looks
) -> Difference | PageSkip | None:
    """How a page differs, why it cannot be compared, or None where it is the same."""
    with ExitStack() as stack:
        old = _page(before, number, stack)
        if old is None:
            return "unreadable"
        new = _page(after, there, stack)
        if new is None:
            return Difference("looks", number, f"Page {number + 1} cannot be read any more.")
        before_text, after_text = _text(old), _text(new)
        if before_text is None:
            return "no_text"
        if before_text != after_text and not (looks.elsewhere and len(before_text) == len(after_text or "")):
            return Difference("text", number, f"The text of page {number + 1} changed.")
        if shows_large_image(old):
            return "large_image"
        first = _render(old, stack)
        if first is None:
            return "not_rendered"
        old.close()  # PDFium keeps the decoded images of an open page
        second = _render(new, stack)
        if second is None:
            return Difference("looks", number, f"Page {number + 1} cannot be shown any more.")
        why = _unlike(first, second, looks)
        if why and looks.elsewhere:
            bare = _page(before, number, stack)
            first = _render(bare, stack, annotations=False) if bare is not None else None
            second = _render(new, stack, annotations=False)
            why = _unlike(first, second, looks) if first is not None and second is not None else why
    return Difference("looks", number, f"Page {number + 1} looks different: {why}.") if why else None


def _page(document: pypdfium2.PdfDocument, number: int, stack: ExitStack) -> pypdfium2.PdfPage | None:
    if number >= len(document):
        return None
    try:
        page = document[number]
    except pypdfium2.PdfiumError:
        return None
    stack.callback(page.close)
    return page


def _text(page: pypdfium2.PdfPage) -> str | None:
    """A page's text without white space, which readers add as they please; None where it cannot be read."""
    try:
        textpage = page.get_textpage()
    except pypdfium2.PdfiumError:
        return None
    try:
        return "".join(str(textpage.get_text_range()).split())
    finally:
        textpage.close()


def shows_large_image(page: pypdfium2.PdfPage) -> bool:
    """Whether an image on a page takes more than ``IMAGE_BYTES``, decoded."""
    with tolerate("image_size"):
        for image in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=4):
            with tolerate("image_size"):
                width, height = image.get_px_size()
                # To tell how many bits a pixel has, pdfium decodes JPEG 2000: asked for only where they matter.
                if width * height * MOST_PIXEL_BYTES <= IMAGE_BYTES:
                    continue
                if width * height * max(1, image.get_metadata().bits_per_pixel) // 8 > IMAGE_BYTES:
                    return True
    return False


@dataclass(frozen=True, slots=True)
class _Rendering:
    """A page as PDFium drew it: RGB, and perhaps a fourth byte of each pixel that means nothing."""

    bitmap: pypdfium2.PdfBitmap

    def equals(self, other: _Rendering) -> bool:
        """Whether the other is the same, byte for byte."""
        mine, theirs = self.bitmap, other.bitmap
        if (mine.width, mine.height, mine.stride) != (theirs.width, theirs.height, theirs.stride):
            return False
        return equal_bytes(mine.buffer, theirs.buffer)

    def image(self) -> pyvips.Image:
        """The same pixels, where they lie: of use as long as the bitmap is open."""
        bitmap = self.bitmap
        row = bitmap.stride // bitmap.n_channels
        image = pyvips.Image.new_from_memory(bitmap.buffer, row, bitmap.height, bitmap.n_channels, "uchar")
        return image.extract_band(0, n=3).crop(0, 0, bitmap.width, bitmap.height)


def _render(page: pypdfium2.PdfPage, stack: ExitStack, *, annotations: bool = True) -> _Rendering | None:
    """A page, or None where it cannot be rendered."""
    width, height = page.get_size()
    area = max(width, 1.0) * max(height, 1.0)
    scale = min(RENDER_DPI / 72 * 4, (RENDER_PIXELS / area) ** 0.5)
    if width * height > 200 * 200:
        scale = min(scale, RENDER_DPI / 72)
    scale = min(scale, RENDER_SIDE / max(width, height, 1.0))
    if width <= 0 or height <= 0:
        return None
    try:
        bitmap = page.render(
            scale=scale, rev_byteorder=True, prefer_bgrx=True, draw_annots=annotations, may_draw_forms=annotations
        )
    except (pypdfium2.PdfiumError, ValueError, MemoryError):
        return None
    stack.callback(bitmap.close)
    return _Rendering(bitmap)


def _unlike(before: _Rendering, after: _Rendering, looks: _Looks) -> str | None:
    """Why two renderings are not the same look, or None where they are."""
    if before.equals(after):  # most pages without images
        return None
    first, second = before.image(), after.image()
    if abs(first.width - second.width) > 2 or abs(first.height - second.height) > 2:
        return "its size changed"
    first, second = _whole_blocks(first), _whole_blocks(second, first)
    if first.write_to_memory() == second.write_to_memory():
        return None
    if looks.min_similarity >= 1 and looks.color_mode == "no-change":
        return "its pixels changed"
    if looks.color_mode == "bilevel":
        return _unlike_bilevel(_luminance(first), _luminance(second))
    similarity = block_similarity(blocks_of(_luminance(first)), blocks_of(_luminance(second))).avg()
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
    """The image in memory, filled up with white to whole blocks (and to another's size)."""
    width, height = (like or image).width, (like or image).height
    width, height = width + -width % BLOCK, height + -height % BLOCK
    if image.width > width:
        image = image.crop(0, 0, width, min(height, image.height))
    return image.gravity("north-west", width, height, extend="white").copy_memory()


def _luminance(image: pyvips.Image) -> pyvips.Image:
    return image.recomb([[0.299, 0.587, 0.114]]).cast("float")


def _moved_blocks(first: pyvips.Image, second: pyvips.Image, limit: float) -> int:
    """How many blocks' mean colour moved by more than ``limit`` in any channel."""
    moved = (block_means(first) - block_means(second)).abs() > limit
    any_band = moved.bandor() if moved.bands > 1 else moved
    share = float(any_band.avg()) / 255
    return round(share * int(any_band.width) * int(any_band.height))


def _unlike_bilevel(first: pyvips.Image, second: pyvips.Image) -> str | None:
    """Black and white alone leave only this to ask: is dark still dark, and is there still something?

    Blocks that were dark, or held something of strong contrast, must not have become blank. And every tile of 4 × 4
    blocks votes whether its blocks' brightness goes up and down together in both.
    """
    x, y = block_means(first), block_means(second)
    marked = (x < 100) | (block_means(first * first) - x * x > 1000)
    if 2 * (marked & (y > 254)).avg() > marked.avg():
        return "most of it is gone"
    side = min(4, x.width, x.height)
    mean_x, mean_y, mean_xx, mean_xy = (image.shrink(side, side) for image in (x, y, x * x, x * y))
    eventful = mean_xx - mean_x * mean_x > 16
    covariance = mean_xy - mean_x * mean_y
    against, together = ((eventful & (covariance < -1)).avg(), (eventful & (covariance > 1)).avg())
    return "dark and light changed places" if 2 * against > together else None
