"""Every image of a document through the choosers, on every core, within bounds.

The document is read by the calling thread alone (pikepdf objects are not to be shared); coding runs in a small pool.
Memory is bounded by a budget of decoded bytes in flight, whatever the number of images: an image over the budget runs
by itself, or beside small ones.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import field, replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from pikepdf import Pdf

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.document import pdfa_part
from pdfsmaller.engine.images.effort import Tally
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.find import Found, FoundImage
from pdfsmaller.engine.images.goal import Goal
from pdfsmaller.engine.memory import give_back
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.workers import WORKERS, Team
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

if TYPE_CHECKING:
    from pdfsmaller.engine.images.source import ImageSource

# Decoded bytes that may be in the works at once, and of an image that may always be among them.
BUDGET_BYTES, SMALL_BYTES = 80_000_000, 8_000_000
# Deflated bitmaps that are kept for symbols: a page of text takes 100 to 250 KB.
BITMAPS_BYTES = 8_000_000
# Pages of a document are much alike, and to take one apart in vain costs seconds: where so many of the first had no
# layers as good as their JPEG, only one of so many others is tried (audit-letter-zh-scan, preset ebook, 2026-11-30: all
# of its pages took 28 CPU seconds instead of 7, for nothing).
FIRST_PAGES, ONE_OF_PAGES = 2, 8


@record()
class Coded:
    """What became of a document's images.

    Attributes:
        encoded: the new codings, by object.
        stored: what each image takes in the source.
        skipped: images left alone, by reason.
        out_of_time: the deadline came before all were looked at.
    """

    encoded: dict[ObjGen, Encoded] = field(default_factory=dict)
    stored: dict[ObjGen, int] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    out_of_time: bool = False


def encode_images(
    pdf: Pdf,
    found_images: Found,
    goal: Goal,
    limits: Limits,
    deadline: Deadline,
    progress: Callable[[Tally], None],
) -> Coded:
    """Race the codings of every image.

    Args:
        progress: shown the tally when an image is done.

    Raises:
        MemoryError: even one image does not fit.
    """
    if not found_images.images:
        return Coded()
    # Many documents have no images, and what codes them takes as long to load as a small job takes.
    import pyvips

    from pdfsmaller.engine.images.choose import optimize
    from pdfsmaller.engine.images.choose.layers import may_be_page
    from pdfsmaller.engine.images.source import Skip, read_jbig2, read_source
    from pdfsmaller.engine.images.together import kept_bytes, share_symbols, without_pixels

    stored = {objgen: _stored(pdf, image) for objgen, image in found_images.images.items()}
    of_size = Counter(image.size for image in found_images.images.values())
    queue = sorted(found_images.images.values(), key=lambda image: stored[image.objgen], reverse=True)
    device_gray_ok = pdfa_part(pdf) is None or "/OutputIntents" in pdf.Root
    result = Coded(stored=stored)
    running: dict[Future[Encoded], ImageSource] = {}
    left: dict[ObjGen, str] = {}  # images left alone once they were looked at, and why
    stored_jbig2: dict[ObjGen, Encoded] = {}  # which only symbols make smaller
    firsts: dict[bytes, ObjGen] = {}
    twins: list[tuple[ObjGen, ObjGen]] = []  # an image, and the one that all is found out with
    numbers = count(1)  # of what may be scanned pages, in the order in which they are coded
    first_pages: list[Future[Encoded]] = []
    bitmap_bytes = 0
    tally = Tally(pdf, queue, goal)

    @contextmanager
    def skipping() -> Iterator[None]:
        try:
            yield
        except Skip as skip:
            result.skipped[skip.reason] += 1

    def begun(source: ImageSource) -> Future[Encoded]:
        if goal.layers != "alike" or source.role != "image" or not may_be_page(source, goal):
            return team.submit(optimize, source, goal)
        number = next(numbers)
        if number > FIRST_PAGES and number % ONE_OF_PAGES:
            # The first pages are in the works or done: no thread waits for one that waits for it.
            return team.submit(optimize, source, goal, partial(_any_layered, list(first_pages)))
        future = team.submit(optimize, source, goal)
        if number <= FIRST_PAGES:
            first_pages.append(future)
        return future

    def keeping(image: Encoded) -> Encoded:
        """With its bitmap as long as few bytes of such are kept; the others are decoded where they are wanted."""
        nonlocal bitmap_bytes
        bitmap_bytes += kept_bytes(image)
        return image if bitmap_bytes <= BITMAPS_BYTES else without_pixels(image)

    def collect() -> None:
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            objgen = running.pop(future).objgen
            tally.finish(objgen)
            try:
                with tolerate("image", pyvips.Error, OSError) as attempt:
                    result.encoded[objgen] = keeping(future.result())
                if attempt.failed:
                    left[objgen] = "unreadable"
            except Skip as skip:
                left[objgen] = skip.reason
            progress(tally)

    with Team("image") as team:
        try:
            for found in queue:
                if deadline.passed():
                    result.out_of_time = True
                    result.skipped["time_limit"] += 1
                    continue
                source = None
                with skipping(), tolerate("image") as attempt:
                    source = read_source(pdf, found, limits, device_gray_ok=device_gray_ok)
                if attempt.failed:
                    result.skipped["unreadable"] += 1
                if source is None:
                    if goal.bilevel == "auto" and not goal.fast:
                        with skipping(), tolerate("image"):
                            jbig2 = read_jbig2(pdf, found, limits)
                            if jbig2 is not None:
                                stored_jbig2[found.objgen] = jbig2
                    tally.finish(found.objgen)
                    continue
                # No two are the same picture where no two are of one size: elle-paper-pdfa1's takes 0.13 s to digest.
                alike = of_size[found.size] > 1
                first = firsts.setdefault(_what(source), source.objgen) if alike else source.objgen
                if first != source.objgen:
                    tally.finish(found.objgen)
                    twins.append((source.objgen, first))
                    continue
                while running and (len(running) > WORKERS or not _fits(source, running.values())):
                    collect()
                running[begun(source)] = source
                del source
            while running:
                collect()
            if goal.bilevel == "auto":
                order = {objgen: min(image.pages, default=0) for objgen, image in found_images.images.items()}
                bitmaps = result.encoded | stored_jbig2
                smaller = share_symbols(bitmaps, order, goal.effort, team, deadline)
                result.encoded.update(smaller)
                result.skipped["jbig2"] -= len(smaller.keys() & stored_jbig2.keys())
        except BaseException:
            team.shutdown(wait=True, cancel_futures=True)
            raise
    for objgen, first in twins:
        if first in result.encoded:
            result.encoded[objgen] = result.encoded[first]
        else:
            left[objgen] = left[first]
    result.skipped.update(left.values())
    result.skipped = +result.skipped
    _keep_pairs_alike(result, found_images)
    give_back()
    return result


def _any_layered(pages: Sequence[Future[Encoded]]) -> bool:
    """Whether any of these pages has become layers; waits for them."""
    return any(page.exception() is None and page.result().over for page in pages)


def _keep_pairs_alike(result: Coded, found: Found) -> None:
    """Leave alone an image and its Matte mask that did not come out at one size or that grew, until all are alike."""

    def size(objgen: ObjGen) -> tuple[int, int] | None:
        image = result.encoded.get(objgen)
        return (image.width, image.height) if image is not None else found.images[objgen].size

    def grown(pair: tuple[ObjGen, ObjGen]) -> bool:
        coded = [objgen for objgen in pair if objgen in result.encoded]
        return sum(result.encoded[objgen].cost - result.stored[objgen] for objgen in coded) > 0

    unlike = True
    while unlike:
        unlike = False
        for pair in found.matted:
            if any(objgen in result.encoded for objgen in pair) and (size(pair[0]) != size(pair[1]) or grown(pair)):
                unlike = True
                for objgen in pair:
                    if result.encoded.pop(objgen, None) is not None:
                        result.skipped["matte"] += 1


def _what(source: ImageSource) -> bytes:
    """A digest of all that an image's coding depends on: the same picture is often stored several times."""
    digest = hashlib.sha256(source.data)
    digest.update(repr(replace(source, objgen=(0, 0), pages=frozenset(), data=b"")).encode())
    return digest.digest()


def _cost(source: ImageSource) -> int:
    """Bytes that working on this image takes: its data and its pixels."""
    return len(source.data) + source.decoded_bytes


def _fits(source: ImageSource, others: Iterable[ImageSource]) -> bool:
    """Whether there is memory for an image beside those in the works."""
    return _cost(source) <= SMALL_BYTES or _cost(source) + sum(map(_cost, others)) <= BUDGET_BYTES


def _stored(pdf: Pdf, image: FoundImage) -> int:
    """What an image claims to take in the file; the largest go first, so that a deadline costs least."""
    length = pdf.get_object(image.objgen).get("/Length", 0)
    return length if isinstance(length, int) else 0
