"""Proof that a result is still the same document: structure, text and looks of two files compared.

``compare`` opens both files anew, as any reader would, and lists what differs. It guarantees to see a page, box,
link, bookmark, destination, field, tag, label, attachment, layer or piece of metadata that is gone or points
elsewhere, other text on the pages it compares, and there anything that a person would notice at reading size: an
inverted, shifted, black or missing picture, another colour, a lost mask. It does not judge sharpness beyond that size.
What it could not compare it names, with the reason (``Comparison``): what neither file shows is no proof of anything.

Looks are compared of pages as ``render`` draws them, the originals beside the results where that is possible; see
``looks``.

pdfium is not thread-safe: one ``compare`` at a time in a process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import pikepdf
import pypdfium2

from pdfsmaller.engine import substitutes
from pdfsmaller.engine.comparison import Comparison, Difference, PageSkip
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.fingerprint import CHECKS, Reader
from pdfsmaller.engine.looks import Looks, is_blank, unlike
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.render.page import (
    Page,
    Rendering,
    Text,
    draw,
    draw_fields,
    has_form,
    open_page,
    read_text,
    shows_large_image,
)
from pdfsmaller.engine.render.second_process import Originals
from pdfsmaller.engine.stand_ins import StandIns, put_stand_ins
from pdfsmaller.records import record

#: Pages compared in ``sample`` mode: the first, the last and others evenly between.
SAMPLE_PAGES = 12
# Objects compared of each kind of structure, at first and where it seems to be another: of destinations in 0.07 s and
# 1.3 s.
_NODES, _MOST_NODES = 20_000, 400_000
# After so many pages that do differ, the others are believed to: each second look opens both files.
_SURE = 3


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
    proven: Mapping[ObjGen, bytes] | None = None,
    originals: Originals | None = None,
    opened: Callable[[pikepdf.Pdf], None] | None = None,
    repaired: bool = False,
) -> Comparison:
    """What differs between two files, and what was compared.

    Args:
        mode: ``sample`` reads and renders up to ``SAMPLE_PAGES`` pages, ``full`` all of them. Structure is always
            compared for all pages.
        password: opens both files, where they are encrypted.
        min_similarity: the lowest similarity (0–1) of a rendered page; see ``looks``. 1 asks for equal pixels.
        color_mode: ``grayscale`` compares luminance only; ``bilevel`` only where dark and light are.
        deadline: a ``time.monotonic()`` value; pages not reached by then are not compared.
        not_shown: pages of which the renderer leaves out something in both, for its filter.
        proven: pictures of ``source`` whose samples were compared, with the digest (``stand_ins``) of what they became.
        originals: those of ``source``, some of whose pages are drawn beside already.
        opened: shown ``target`` as it was opened.
        repaired: ``source`` is damaged, and more of it was found than the renderer finds.
    """
    result = Comparison(pages=0)
    with ExitStack() as stack:
        with tolerate("result_unreadable") as opening:
            after = stack.enter_context(pikepdf.open(target, password=password or ""))
            there = result.pages = len(after.pages)
        if opening.failed:
            result.differences.append(Difference("unreadable", None, "The result cannot be opened."))
            return result
        if opened is not None:
            opened(after)
        with tolerate("original_unreadable") as opening:
            before = stack.enter_context(pikepdf.open(source, password=password or ""))
            result.pages = len(before.pages)
        if opening.failed:
            result.skipped = dict.fromkeys(range(result.pages), "unreadable")
            result.structure_skipped = {kind: "unreadable" for kind, _, _ in CHECKS}
            return result
        _compare_structure(before, after, result, nodes=_NODES if mode == "sample" else _MOST_NODES)
        pages = min(result.pages, there)
        numbers = sample_pages(pages) if mode == "sample" else range(pages)
        stand_ins = None
        with tolerate("stand_ins"):
            file_bytes = source.stat().st_size + target.stat().st_size
            stand_ins = put_stand_ins(before, after, numbers, proven or {}, file_bytes)
    looks = Looks(min_similarity, color_mode or "no-change")
    pairs = [(number, number) for number in numbers]
    _compare_pages(
        source, target, pairs, (password, password), looks, deadline, result, stand_ins, originals, repaired=repaired
    )
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
    _compare_pages(source, target, pairs, passwords, Looks(1.0, "no-change", elsewhere=True), deadline, result)
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
        same = _is_same(kind, read, old, new, nodes)
        if same is None:
            result.structure_skipped[kind] = "unreadable"
            continue
        if old.budget < 0:
            result.structure_skipped[kind] = "too_large"
        if not same:
            result.differences.append(Difference(kind, None, f"{message}."))


def _is_same(kind: str, read: Callable[[Reader], object], old: Reader, new: Reader, nodes: int) -> bool | None:
    """Whether a kind of structure is the same in both; None where the original's cannot be read."""
    same = False
    # What is cut off may be cut off elsewhere in the other: a difference counts if it is there with more of it.
    for most in sorted({nodes, _MOST_NODES}):
        for reader in (old, new):
            reader.nodes = reader.budget = most
        with tolerate(f"compared_{kind}") as attempt:
            expected = read(old)
        if attempt.failed:
            return None
        with tolerate(f"compared_{kind}"):
            same = read(new) == expected
        if same or min(old.budget, new.budget) >= 0:
            break
    return same


# --- text and looks -------------------------------------------------------------------------------------------------


def _compare_pages(
    source: Path,
    target: Path,
    pages: list[tuple[int, int]],
    passwords: tuple[str | None, str | None],
    looks: Looks,
    deadline: float | None,
    result: Comparison,
    stand_ins: StandIns | None = None,
    originals: Originals | None = None,
    *,
    repaired: bool = False,
) -> None:
    differing: list[tuple[int, int, Difference]] = []
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
        drawn: list[pypdfium2.PdfDocument] = []
        same_pictures: Collection[int] = ()
        if stand_ins is not None:
            with tolerate("stand_ins", pypdfium2.PdfiumError):
                drawn = [
                    stack.enter_context(pypdfium2.PdfDocument(copy)) for copy in (stand_ins.before, stand_ins.after)
                ]
                same_pictures = stand_ins.pages
        forms = all(has_form(document) for document in (before, after))
        if forms:
            for document in (before, after, *drawn):
                draw_fields(document)
        if originals is None:
            originals = Originals(source, passwords[0])
        originals.draw(number for number, _ in pages if number not in same_pictures)
        documents = _Documents(before, after, drawn, same_pictures, originals, forms, looks)
        for number, there in pages:
            if deadline is not None and time.monotonic() > deadline:
                result.skipped[number] = "time_limit"
                continue
            outcome = _compare_page(documents, number, there)
            if isinstance(outcome, str):
                result.skipped[number] = outcome
                continue
            result.compared.add(number)
            if outcome is not None:
                differing.append((number, there, outcome))
    # With no document open: only then is nothing left of what was drawn before.
    sure = 0
    for number, there, difference in differing:
        seen: Difference | PageSkip | None = difference
        if sure < _SURE and (deadline is None or time.monotonic() < deadline):
            seen = _seen_afresh(difference, (source, target), passwords, (number, there), looks, repaired=repaired)
        if isinstance(seen, str):
            result.compared.discard(number)
            result.skipped[number] = seen
        elif seen is not None:
            result.differences.append(seen)
            sure += 1


def _seen_afresh(
    difference: Difference,
    files: tuple[Path, Path],
    passwords: tuple[str | None, str | None],
    numbers: tuple[int, int],
    looks: Looks,
    *,
    repaired: bool,
) -> Difference | PageSkip | None:
    """What is left of a page's difference where nothing was drawn before it (``substitutes``)."""
    with tolerate("second_look", pypdfium2.PdfiumError), ExitStack() as stack:
        old, new = (_shown(*page, looks, stack) for page in zip(files, passwords, numbers, strict=True))
        if old is None or new is None:
            return difference
        if repaired and not old.text.characters and is_blank(old.rendering):
            return "blank"
        same_text = _is_same_text(old.text, new.text, looks)
        return None if same_text and unlike(old.rendering, new.rendering, looks) is None else difference
    return difference


@record(frozen=True)
class _Documents:
    """Two documents whose pages are compared.

    Attributes:
        drawn: the documents that are rendered instead, where the pictures of a page are proven the same.
        same_pictures: the numbers of these pages.
        originals: gives a page of ``before``, if that is read and drawn beside.
        forms: fields are drawn.
    """

    before: pypdfium2.PdfDocument
    after: pypdfium2.PdfDocument
    drawn: list[pypdfium2.PdfDocument]
    same_pictures: Collection[int]
    originals: Originals
    forms: bool
    looks: Looks


def _compare_page(documents: _Documents, number: int, there: int) -> Difference | PageSkip | None:
    """How a page differs, why it cannot be compared, or None where it is the same."""
    originals, looks = documents.originals, documents.looks
    with ExitStack() as stack:
        new = open_page(documents.after, there, stack)
        second = draw(new, stack) if new is not None and originals.draws(number) else None
        known = originals.page(number, forms=documents.forms)
        old = open_page(documents.before, number, stack) if known is None else None
        if old is None and known is None:
            return "unreadable"
        if new is None:
            return Difference("looks", number, f"Page {number + 1} cannot be read any more.")
        before_text, after_text = known.text if known is not None else read_text(old), read_text(new)
        if before_text is None:
            return "no_text"
        if not _is_same_text(before_text, after_text, looks):
            return Difference("text", number, f"The text of page {number + 1} changed.")
        if number in documents.same_pictures:
            first, second = (_drawn_of(document, number, stack) for document in documents.drawn)
            if first is not None and second is not None and unlike(first, second, looks) is None:
                return None  # otherwise the pages themselves say how they differ
        if known is None and shows_large_image(old):
            return "large_image"
        first = known.rendering if known is not None else draw(old, stack)
        if first is None:
            return "not_rendered"
        if old is not None:
            old.close()  # PDFium keeps the decoded images of an open page
        second = second or draw(new, stack)
        if second is None:
            return Difference("looks", number, f"Page {number + 1} cannot be shown any more.")
        why = unlike(first, second, looks)
        if why and looks.elsewhere:
            bare = open_page(documents.before, number, stack)
            first = draw(bare, stack, annotations=False) if bare is not None else None
            second = draw(new, stack, annotations=False)
            why = unlike(first, second, looks) if first is not None and second is not None else why
    return Difference("looks", number, f"Page {number + 1} looks different: {why}.") if why else None


def _is_same_text(before: Text, after: Text | None, looks: Looks) -> bool:
    """Of a page that is in another document now, whose order of letters may be another, as many letters will do."""
    if looks.elsewhere:
        return before.characters == (after.characters if after is not None else 0)
    return before == after


def _shown(path: Path, password: str | None, number: int, looks: Looks, stack: ExitStack) -> Page | None:
    """A page as it is shown whatever was shown before; None where it cannot be, or is not to be."""
    substitutes.reset()
    with pypdfium2.PdfDocument(path, password=password) as document, ExitStack() as pages:
        if has_form(document):
            draw_fields(document)
        page = open_page(document, number, pages)
        if page is None or shows_large_image(page):
            return None
        text, rendering = read_text(page), draw(page, stack, annotations=not looks.elsewhere)
        return None if text is None or rendering is None else Page(text, rendering)


def _drawn_of(document: pypdfium2.PdfDocument, number: int, stack: ExitStack) -> Rendering | None:
    page = open_page(document, number, stack)
    return None if page is None else draw(page, stack)
