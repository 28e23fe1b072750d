"""What a document's images would take: some of them raced, larger ones by strips, and the others taken to be alike.

Images are sorted into kinds (role, coding, depth, colours, resolution); of each kind the largest and some others are
looked at. Strips are as wide as their image, so that all that a coding sees of its rows is there. The race is the very
one of a real run (``images.choose``), with all its effort.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pyvips
from pikepdf import Array, Pdf, Stream

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.document import pdfa_part
from pdfsmaller.engine.images import pixels
from pdfsmaller.engine.images.choose import optimize
from pdfsmaller.engine.images.choose.layers import LAYERS_COVER
from pdfsmaller.engine.images.codecs import jpeg
from pdfsmaller.engine.images.encoded import Encoded
from pdfsmaller.engine.images.find import Found, FoundImage
from pdfsmaller.engine.images.goal import Goal, bilevel_scale
from pdfsmaller.engine.images.jpeg import jpeg_info, transcoded
from pdfsmaller.engine.images.source import ImageSource, Skip, read_source
from pdfsmaller.engine.images.together import shared_bytes, with_symbols
from pdfsmaller.engine.workers import WORKERS
from pdfsmaller.limits import Limits
from pdfsmaller.records import record

#: Images looked at of each kind, and of a document.
PER_KIND, PER_DOCUMENT = 3, 20
#: A kind that takes less than this share of the file is not looked at.
SMALL_SHARE = 0.015
#: Pixels raced of one image, and of a document in all: a race takes about a second of a processor for a million.
IMAGE_PIXELS, DOCUMENT_PIXELS = 1_000_000, 4_000_000
LEAST_PIXELS = 150_000
#: Where images take less than this share of the file, they are looked at as much less.
MUCH_OF_FILE = 0.3
#: Strips of one image, as far as each has so many rows: where two meet, there is an edge that the image has not.
STRIPS, STRIP_ROWS = 4, 192
#: Of an image that strips would be more of than this, all is looked at.
STRIPS_MOST = 0.75
#: A scanned page is looked at in one piece of so many rows at least: fewer do not tell whether it is one.
PAGE_ROWS = 704
#: What a JPEG's strips are coded with, so that no loss comes to its own.
STRIP_QUALITY = 96
#: They begin and end where blocks of a JPEG do.
ROWS = 16
#: What has more is not looked at: decoding it alone would take too long.
MOST_PIXELS = 60_000_000
#: JPEGs of together so many pixels are coded again without loss as a whole. What others would take is what the last of
#: their kind did, or this share.
TRANSCODED_PIXELS = 16_000_000
TRANSCODED = 0.93
#: The bytes of a JPEG that do not grow with its pixels.
JPEG_HEAD = 450


@record(frozen=True)
class _Sample:
    """An image that is looked at: what stands for it in the race, and which share of it that is.

    Attributes:
        kept: what its present coding would take without loss, as a share of what it takes now.
    """

    source: ImageSource
    stored: int
    share: float
    kept: float


@record(frozen=True)
class ImageBytes:
    """What all images take together now, each counted once however often it is stored, and by goal what they would."""

    stored: int
    expected: dict[str, int]


def image_bytes(
    pdf: Pdf,
    found: Found,
    file_bytes: int,
    goals: Mapping[str, Goal],
    limits: Limits,
    deadline: Deadline,
    progress: Callable[[float], None],
) -> ImageBytes:
    """What the images of a document would take.

    Args:
        file_bytes: the document's size.
        goals: what could be asked of them, by any names.
        deadline: what is not looked at by then is taken to be like the others.
    """
    sizes = _distinct(pdf, found)
    kinds: dict[tuple[object, ...], list[FoundImage]] = defaultdict(list)
    for image in sorted((found.images[objgen] for objgen in sizes), key=lambda image: -sizes[image.objgen]):
        kinds[_kind(pdf, image)].append(image)
    stored = sum(sizes.values())
    totals = {kind: sum(sizes[image.objgen] for image in images) for kind, images in kinds.items()}
    chosen = [
        (kind, image)
        for kind in sorted(kinds, key=lambda kind: -totals[kind])
        if totals[kind] >= SMALL_SHARE * file_bytes
        for image in _spread(kinds[kind])
    ][:PER_DOCUMENT]
    matter = min(1.0, stored / max(1, file_bytes) / MUCH_OF_FILE)
    most = max(LEAST_PIXELS, round(matter * min(IMAGE_PIXELS, DOCUMENT_PIXELS / max(1, len(chosen)))))
    ratios = _Ratios(goals)
    gray_ok = pdfa_part(pdf) is None or "/OutputIntents" in pdf.Root
    left = round(matter * TRANSCODED_PIXELS)
    transcoded_to: dict[tuple[object, ...], float] = {}
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="estimate") as pool:
        waiting: list[tuple[tuple[object, ...], _Sample, dict[str, Future[int]]]] = []
        for kind, image in chosen:
            if deadline.passed():
                break
            if math.prod(image.size) > MOST_PIXELS:
                continue
            with tolerate("image_estimate", pyvips.Error, OSError):
                try:
                    source = read_source(pdf, image, limits, device_gray_ok=gray_ok)
                    sample, took = _sample(source, most, left, transcoded_to.get(kind, TRANSCODED))
                    left -= took
                    transcoded_to[kind] = sample.kept
                except Skip:  # it stays as it is
                    ratios.add(kind, sizes[image.objgen], dict.fromkeys(goals, sizes[image.objgen]))
                    continue
                waiting.append((kind, sample, _raced(pool, sample, goals, deadline)))
        for number, (kind, sample, futures) in enumerate(waiting, 1):
            costs: dict[str, int] = {}
            with tolerate("image_estimate", pyvips.Error, OSError):
                costs = {name: future.result() for name, future in futures.items()}
            if costs and -1 not in costs.values():
                ratios.add(kind, sample.stored, costs)
            progress(number / len(waiting))
    expected = {name: round(sum(total * ratios.of(kind, name) for kind, total in totals.items())) for name in goals}
    return ImageBytes(stored, expected)


class _Ratios:
    """What images that were looked at would take, as a share of what they take, by their kind."""

    def __init__(self, goals: Mapping[str, Goal]) -> None:
        self._seen: dict[tuple[tuple[object, ...] | None, str], list[int]] = defaultdict(lambda: [0, 0])
        self._goals = goals

    def add(self, kind: tuple[object, ...], stored: int, costs: Mapping[str, int]) -> None:
        for name, cost in costs.items():
            for key in ((kind, name), (None, name)):
                self._seen[key][0] += stored
                self._seen[key][1] += min(cost, stored)

    def of(self, kind: tuple[object, ...], name: str) -> float:
        """That of a kind; of one that was not looked at, of all together."""
        for key in ((kind, name), (None, name)):
            stored, cost = self._seen.get(key, (0, 0))
            if stored:
                return cost / stored
        return 1.0


def _distinct(pdf: Pdf, found: Found) -> dict[tuple[int, int], int]:
    """The stored bytes of each image; of those that are alike, of one."""
    sizes: dict[tuple[int, int], int] = {}
    alike: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for objgen in found.images:
        length = pdf.get_object(objgen).get("/Length", 0)
        sizes[objgen] = length if isinstance(length, int) and length > 0 else 0
        alike[sizes[objgen]].append(objgen)
    for objgens in alike.values():
        if len(objgens) > 1:
            firsts: set[bytes] = set()
            for objgen in objgens:
                with tolerate("image_estimate"):
                    digest = hashlib.sha256(pdf.get_object(objgen).read_raw_bytes()).digest()
                    if digest in firsts:
                        del sizes[objgen]
                    firsts.add(digest)
    return sizes


def _kind(pdf: Pdf, image: FoundImage) -> tuple[object, ...]:
    """What images must have in common to fare about alike."""
    with tolerate("image_estimate"):
        stream = pdf.get_object(image.objgen)
        if isinstance(stream, Stream):
            filters, space = stream.get("/Filter"), stream.get("/ColorSpace")
            last = filters[-1] if isinstance(filters, Array) and len(filters) else filters
            family = space[0] if isinstance(space, Array) and len(space) else space
            width, height = image.size
            inches = min(image.width_pt / max(1, width), image.height_pt / max(1, height)) / 72
            dpi = round(2 * math.log2(1 / inches)) if inches > 0 and image.resample else None
            return (image.role, str(last), str(stream.get("/BitsPerComponent")), str(family), dpi)
    return (image.role,)


def _spread(images: Sequence[FoundImage]) -> list[FoundImage]:
    """The largest, the smallest and some evenly between."""
    if len(images) <= PER_KIND:
        return list(images)
    return [images[round(n * (len(images) - 1) / (PER_KIND - 1))] for n in range(PER_KIND)]


def _raced(
    pool: ThreadPoolExecutor, sample: _Sample, goals: Mapping[str, Goal], deadline: Deadline
) -> dict[str, Future[int]]:
    """What the image would take, by goal; goals that come to the same are raced once."""
    futures: dict[str, Future[int]] = {}
    same: dict[object, Future[int]] = {}
    source = sample.source
    for name, goal in goals.items():
        bilevel = source.bits == 1 and source.color.samples == 1 and goal.color_mode == "no-change"
        what = (bilevel_scale(source, goal), goal.effort) if bilevel else goal
        if what not in same:
            same[what] = pool.submit(_cost, sample, goal, deadline)
        futures[name] = same[what]
    return futures


def _cost(sample: _Sample, goal: Goal, deadline: Deadline) -> int:
    """What the whole image would take, in bytes; -1 where there was no time for it."""
    if deadline.passed():
        return -1
    source = sample.source
    kept = round(sample.stored * sample.kept)
    if goal.quality is None and source.coding in ("jpeg", "jpx"):
        return kept
    try:
        coded = optimize(source, goal)
    except Skip:
        return kept
    if coded.exact and source.coding == "jpeg":
        return kept  # what it saves there is known from the whole
    if goal.bilevel == "auto":
        coded = with_symbols(coded)
    return min(kept, _of_whole(coded, sample.share) + shared_bytes(coded))


def _of_whole(coded: Encoded, share: float) -> int:
    heads = JPEG_HEAD * sum(part.filter == "/DCTDecode" for part in (coded, *(coded.over or ())))
    heads = min(heads, coded.cost)
    whole: int = round((coded.cost - heads) / share) + heads
    return whole


# --- strips -----------------------------------------------------------------------------------------------------------


def _sample(source: ImageSource, most: int, transcode: int, otherwise: float) -> tuple[_Sample, int]:
    """What stands for an image, and how many pixels of ``transcode`` that took.

    Args:
        most: of its pixels, about.
        transcode: a JPEG of at most so many pixels is coded again without loss, to see what that saves.
        otherwise: what a larger one would take then, as a share.

    Raises:
        Skip: it is left alone.
    """
    stored, kept, took = source.stored, 1.0, 0
    if source.coding == "jpeg":
        info = jpeg_info(source.data)
        kept = otherwise
        if info is not None and source.pixels <= transcode:
            kept, took = min(1.0, len(transcoded(source.data, info)) / max(1, len(source.data))), source.pixels
    rows = most // max(1, source.width)
    number = max(1, min(STRIPS, rows // STRIP_ROWS))
    if source.covers >= LAYERS_COVER:
        rows, number = max(rows, PAGE_ROWS), 1
    each = max(ROWS, rows // number // ROWS * ROWS)
    indexed = source.coding == "jpx" and source.color.palette is not None
    if each * number >= STRIPS_MOST * source.height or source.coding == "ccitt" or indexed:
        return _Sample(replace(source, stored=max(1, round(stored * kept))), stored, 1.0, kept), took
    tile, share = _strips(source, number, each)
    tile = replace(
        tile,
        height=each * number,
        height_pt=source.height_pt * each * number / source.height,
        stored=max(1, round(stored * kept * share)),
    )
    return _Sample(tile, stored, share, kept), took


def _strips(source: ImageSource, number: int, each: int) -> tuple[ImageSource, float]:
    """So many strips of so many rows, one below the other, coded as the image is where that tells something.

    Beside them comes the share of the image that they are: by what they and all of it take in a quick coding, since
    some parts of a picture hold more than others.
    """
    starts = [(source.height - each) * (n + 1) // (number + 1) // ROWS * ROWS for n in range(number)]
    if source.coding == "samples":
        line = len(source.data) // source.height
        data = b"".join(source.data[top * line : (top + each) * line] for top in starts)
        return replace(source, data=data), len(zlib.compress(data, 1)) / len(zlib.compress(source.data, 1))
    load = pixels.load_jpeg if source.coding == "jpeg" else pixels.load_jpx
    image = pixels.settle(load(source, 1))
    strips = [image.crop(0, top, source.width, each) for top in starts]
    tile = pyvips.Image.arrayjoin(strips, across=1).copy_memory()
    share = _quickly(tile) / _quickly(image)
    if source.coding == "jpx":
        return replace(source, coding="samples", bits=8, data=tile.write_to_memory()), share
    info = jpeg_info(source.data)
    if info is None:
        raise Skip("jpeg_mismatch")
    coded = jpeg.encode(tile, STRIP_QUALITY, full_chroma=info.full_chroma, fast=True)
    return replace(source, data=coded.data), share


def _quickly(image: pyvips.Image) -> int:
    """What one component of an image takes as a JPEG, in bytes."""
    one = image.extract_band(min(1, image.bands - 1)).copy(interpretation="b-w")
    return max(1, len(one.jpegsave_buffer(Q=70, keep="none")) - JPEG_HEAD)
