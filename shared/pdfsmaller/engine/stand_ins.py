"""Scanned pages compared without decoding their pictures: these take nearly all of such a page's time.

Where every picture that a page shows is proven to be the same in both files, small ones stand in for them in copies of
both, each in the dictionary of the one that it stands for: place, colour space, masks, ``/Decode`` and all that is
drawn over and under them are compared as ever. A picture is proven the same

- by its data as stored, with the same filters and parameters,
- by the samples that general-purpose filters give, or
- by who coded it anew: a JPEG whose every decoded sample was compared.

A page with any other picture is rendered as it is: what shows through a mask matters where something was lost.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Mapping

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.images.color import read_color_space
from pdfsmaller.engine.objgen import ObjGen
from pdfsmaller.engine.save import laid_open
from pdfsmaller.engine.streams import GENERAL, Filter, filters_of
from pdfsmaller.records import record

#: Copies are made for pages of so many pixels of pictures on average, …
WORTH_PIXELS = 1_500_000
#: … of files of at most so many bytes together: both copies are held in memory.
MOST_BYTES = 60_000_000
#: A stand-in has so many pixels a side.
SIDE = 24
_MOST_STREAMS = 2_000
_BITS = {"/JBIG2Decode": 1, "/CCITTFaxDecode": 1, "/DCTDecode": 8, "/JPXDecode": 8}
# What filters' parameters are where nothing is said (ISO 32000-1, tables 8 and 11): writers leave them out.
_DEFAULTS: dict[str, object] = {
    **{"/Predictor": 1, "/Colors": 1, "/BitsPerComponent": 8, "/EarlyChange": 1},
    **{"/K": 0, "/Rows": 0, "/EndOfLine": False, "/EncodedByteAlign": False, "/BlackIs1": False},
    **{"/EndOfBlock": True, "/DamagedRowsBeforeError": 0},
}
_Pair = tuple[Stream, Stream]


@record(frozen=True)
class StandIns:
    """Copies of two files in which stand-ins are shown.

    Attributes:
        before, after: the copies, whole files without encryption.
        pages: those that look the same in the files if they look the same in the copies, counted from zero.
    """

    before: bytes
    after: bytes
    pages: frozenset[int]


def digest(data: bytes | memoryview) -> bytes:
    """What stands for a picture's data."""
    return hashlib.blake2b(data, digest_size=16).digest()


def put_stand_ins(
    before: Pdf, after: Pdf, pages: Iterable[int], proven: Mapping[ObjGen, bytes], file_bytes: int
) -> StandIns | None:
    """Copies for these pages, or None where they would save nothing or damage leaves doubts.

    Args:
        before, after: what is to be compared; both are changed.
        proven: digests of data that give the same samples as the pictures of ``before`` with these numbers.
        file_bytes: of both files together.
    """
    if file_bytes > MOST_BYTES or before.get_warnings() or after.get_warnings():
        return None
    same: dict[tuple[ObjGen, ObjGen], bool] = {}
    replaced: list[_Pair] = []
    kept: set[int] = set()
    pixels = 0

    def known(old: Stream, new: Stream) -> bool:
        key = old.objgen, new.objgen
        if key not in same:
            same[key] = _is_same(old, new, proven)
        return same[key]

    for number in pages:
        with tolerate("stand_ins"):
            pairs = list(_pairs(before.pages[number], after.pages[number]))
            if pairs and all(known(old, new) for old, new in pairs):
                kept.add(number)
                replaced += pairs
                pixels += sum(int(old.get("/Width", 0)) * int(old.get("/Height", 0)) for old, _ in pairs)
    if not kept or pixels < WORTH_PIXELS * len(kept):
        return None
    copies = []
    for pdf, side in ((before, 0), (after, 1)):
        for stream in {pair[side].objgen: pair[side] for pair in replaced}.values():
            with tolerate("stand_ins"):
                _stand_in(stream)
        copies.append(laid_open(pdf))
    return StandIns(copies[0], copies[1], frozenset(kept))


class _NotAlike(Exception):
    """Two pages do not show the same things."""


def _pairs(old: pikepdf.Page, new: pikepdf.Page) -> Iterator[_Pair]:
    """The pictures of a page in both files, with their masks, and those of the forms that it shows.

    A page with anything that has no counterpart has no pictures here.
    """
    try:
        yield from list(_walk(old.resources, new.resources))
    except _NotAlike:
        return


def _walk(old: Dictionary, new: Dictionary) -> Iterator[_Pair]:
    waiting = [(old, new)]
    seen: set[tuple[ObjGen, ObjGen]] = set()
    while waiting:
        mine, theirs = waiting.pop()
        for one, other in _streams(mine, theirs):
            if (key := (one.objgen, other.objgen)) in seen:
                continue
            seen.add(key)
            if len(seen) > _MOST_STREAMS:
                raise _NotAlike
            if one.get("/Subtype") == "/Image":
                yield one, other
                yield from _masks(one, other)
            elif isinstance(own := one.get("/Resources"), Dictionary) and isinstance(
                its := other.get("/Resources"), Dictionary
            ):
                waiting.append((own, its))


def _streams(old: Dictionary, new: Dictionary) -> Iterator[_Pair]:
    """What is shown by the same name: of the result's names, since its unused ones may be gone."""
    for category in ("/XObject", "/Pattern", "/ExtGState"):
        mine, theirs = old.get(category), new.get(category)
        for name, its in theirs.items() if isinstance(theirs, Dictionary) else ():
            own = mine.get(name) if isinstance(mine, Dictionary) else None
            one, other = (_group(own), _group(its)) if category == "/ExtGState" else (own, its)
            if isinstance(one, Stream) and isinstance(other, Stream) and one.get("/Subtype") == other.get("/Subtype"):
                yield one, other
            elif isinstance(one, Stream) or isinstance(other, Stream):
                raise _NotAlike


def _group(state: object) -> object:
    mask = state.get("/SMask") if isinstance(state, Dictionary) else None
    return mask.get("/G") if isinstance(mask, Dictionary) else None


def _masks(old: Stream, new: Stream) -> Iterator[_Pair]:
    for key in ("/SMask", "/Mask"):
        one, other = old.get(key), new.get(key)
        if isinstance(one, Stream) != isinstance(other, Stream):
            raise _NotAlike
        if isinstance(one, Stream) and isinstance(other, Stream):
            yield one, other


def _is_same(old: Stream, new: Stream, proven: Mapping[ObjGen, bytes]) -> bool:
    """Whether two pictures are proven to have the same samples."""
    if any(old.get(key) != new.get(key) for key in ("/Width", "/Height")) or "/F" in old or "/F" in new:
        return False
    mine, theirs = filters_of(old), filters_of(new)
    alike = [_meaning(one) for one in mine] == [_meaning(other) for other in theirs]
    if alike and old.read_raw_bytes() == new.read_raw_bytes():
        return True
    if all(one.name in GENERAL for one in (*mine, *theirs)):
        bits = old.get("/BitsPerComponent") == new.get("/BitsPerComponent")
        return bits and _decoded(old) == _decoded(new)
    return old.objgen in proven and proven[old.objgen] == digest(new.read_raw_bytes())


def _decoded(stream: Stream) -> bytes:
    """A digest of a picture's samples, of which there is one copy, and of one picture at a time."""
    return digest(memoryview(stream.get_stream_buffer()))


def _meaning(found: Filter) -> tuple[str, dict[str, object]]:
    given: dict[str, object] = {}
    for key, value in found.parms.items() if found.parms is not None else ():
        given[key] = digest(value.read_raw_bytes()) if isinstance(value, Stream) else str(value)
    return found.name, {key: str(value) for key, value in _DEFAULTS.items()} | given


def _stand_in(stream: Stream) -> None:
    """Put a small picture of the same kind in a picture's place. Where its kind is not known it stays."""
    filters = filters_of(stream)
    stencil = bool(stream.get("/ImageMask", False))
    color = None if stencil else read_color_space(stream.get("/ColorSpace"))
    if (color is None and not stencil) or isinstance(stream.get("/Mask"), Array):
        return
    bits = 1 if stencil else _BITS.get(filters[-1].name if filters else "", int(stream.get("/BitsPerComponent", 8)))
    row = (SIDE * bits * (color.samples if color is not None else 1) + 7) // 8
    stream.write(random.Random(SIDE).randbytes(row * SIDE))
    stream["/Width"] = stream["/Height"] = SIDE
    if "/DP" in stream:
        del stream["/DP"]
    if not stencil:
        stream[Name.BitsPerComponent] = bits
