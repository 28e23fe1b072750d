"""Objects that qpdf gives up in a file that it opens: their ends written in, in a copy.

A dictionary that is not closed takes in what follows until qpdf gives it up; a stream whose end is not to be found is
empty to it. Other readers show what is there. The ends are written over what stands in their place, so that nothing
else moves and the cross-reference table holds. Of a stream that the end of the file cuts off, the version before is
taken, where there is one.

Non-goals: objects in object streams, and streams with neither their end nor their length.
"""

from __future__ import annotations

import mmap
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

# What qpdf says, with where the object's data was when it gave up, or where the stream's begins.
_WARNING = re.compile(
    r"\(object (\d+) (\d+), offset (\d+)\): (too many errors; giving up|unable to recover stream data)"
)
# Where another object begins, or the file's end.
_NEXT = re.compile(rb"(?<!\d)\d{1,7}\s+\d{1,5}\s+obj\b|\bxref\b|\btrailer\b|\bstartxref\b")
_LENGTH = re.compile(rb"/Length\s+(\d{1,10})(?!\s+\d+\s+R)\b")
_TOKEN = re.compile(rb"%[^\r\n]*|\((?:[^()\\]|\\.)*\)|<<|>>|<[^<>]*>|\[|\]", re.DOTALL)
_CLOSED_BY = {b"<<": b">>", b"[": b"]"}
_END_OF_OBJECT, _END_OF_STREAM = b"endobj", b"endstream"
#: A file with more such objects than this is not mended.
MOST_OBJECTS = 1_000
# An object that is no stream ends within so many bytes, and a stream's dictionary began within so many.
_WINDOW = 65_536


class GivenUp(NamedTuple):
    """An object that qpdf gave up.

    Attributes:
        offset: where its stream's data begins, or some place in or behind the object.
        stream: it is a stream, and empty to qpdf.
    """

    number: int
    generation: int
    offset: int
    stream: bool


def given_up(warnings: Iterable[str]) -> set[GivenUp]:
    """The objects that qpdf gave up, by what it said as it read them."""
    return {
        GivenUp(int(found[1]), int(found[2]), int(found[3]), stream=found[4].startswith("unable"))
        for warning in warnings
        if (found := _WARNING.search(warning))
    }


def close_objects(source: Path, target: Path, objects: Iterable[GivenUp]) -> bool:
    """Write a copy of ``source`` in which these objects have an end.

    Returns:
        Whether there is a copy: False where no object's end is known.
    """
    objects = list(objects)
    if len(objects) > MOST_OBJECTS:
        return False
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        ends = dict(end for one in objects for end in _ends(data, one))
    if not ends:
        return False
    shutil.copyfile(source, target)
    with target.open("r+b") as copy:
        for place, end in ends.items():
            copy.seek(place)
            copy.write(end)
    return True


def _ends(data: mmap.mmap, one: GivenUp) -> Iterator[tuple[int, bytes]]:
    """Where something is to be written, and what; nothing where that is not known."""
    header = re.compile(rb"(?<!\d)%d\s+%d\s+obj\b" % (one.number, one.generation))
    found = list(header.finditer(data, 0, one.offset))
    if not found or found[-1].end() < one.offset - _WINDOW:
        return
    begin = found[-1].end()
    following = _NEXT.search(data, one.offset if one.stream else begin)
    if not one.stream:
        end = data.find(_END_OF_OBJECT, begin, min(begin + _WINDOW, following.start() if following else len(data)))
        closing = _closing(data[begin:end]) if end >= 0 else b""
        if 0 < len(closing) <= len(_END_OF_OBJECT):  # qpdf does without that word
            yield end, closing.ljust(len(_END_OF_OBJECT))
    elif following is None and len(found) > 1:  # as it was before, instead of half of it
        yield found[-1].start(), b" " * len(found[-1][0])
    elif following is None:
        # qpdf wants something behind an object.
        yield len(data), b"\n%s\n%s\n%%%%EOF\n" % (_END_OF_STREAM, _END_OF_OBJECT)
    elif length := _LENGTH.search(data[begin : one.offset]):
        end = one.offset + int(length[1])
        while end < following.start() and data[end : end + 1].isspace():
            end += 1
        if end + len(_END_OF_STREAM) < following.start():
            yield end, _END_OF_STREAM


def _closing(body: bytes) -> bytes:
    """What closes the dictionaries and arrays of ``body`` that are open at its end."""
    opened: list[bytes] = []
    for token in _TOKEN.findall(body):
        if token in _CLOSED_BY:
            opened.append(_CLOSED_BY[token])
        elif opened and token == opened[-1]:
            opened.pop()
    return b"".join(reversed(opened))
