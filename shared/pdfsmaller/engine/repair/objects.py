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
from bisect import bisect
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

# What qpdf says, with where the object's data was when it gave up, or where the stream's begins.
_WARNING = re.compile(
    r"\(object (\d+) (\d+), offset (\d+)\): (too many errors; giving up|unable to recover stream data)"
)
# Where an object begins, or the file's end.
_MARK = re.compile(rb"(?<!\d)(\d{1,7})\s{1,9}(\d{1,5})\s{1,9}obj\b|\b(?:xref|trailer|startxref)\b")
_LENGTH = re.compile(rb"/Length\s+(\d{1,10})(?!\s+\d+\s+R)\b")
_SPACE = re.compile(rb"\s{0,16}")
_TOKEN = re.compile(rb"%[^\r\n]*|\((?:[^()\\]|\\.)*\)|<<|>>|<[^<>]*>|\[|\]", re.DOTALL)
_CLOSED_BY = {b"<<": b">>", b"[": b"]"}
_END_OF_OBJECT, _END_OF_STREAM = b"endobj", b"endstream"
#: A file with more such objects than this is not mended.
MOST_OBJECTS = 100
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
        marks = [match.span() for match in _MARK.finditer(data)]  # once, however many objects there are
        ends = dict(end for one in objects for end in _ends(data, marks, one))
    if not ends:
        return False
    shutil.copyfile(source, target)
    with target.open("r+b") as copy:
        for place, end in ends.items():
            copy.seek(place)
            copy.write(end)
    return True


def _ends(data: mmap.mmap, marks: list[tuple[int, int]], one: GivenUp) -> Iterator[tuple[int, bytes]]:
    """Where something is to be written, and what; nothing where that is not known.

    Args:
        marks: where all objects begin, and what stands at the file's end.
    """
    place = bisect(marks, (one.offset, one.offset)) - 1
    while place >= 0 and marks[place][0] >= one.offset - _WINDOW and not _begins(data, marks[place], one):
        place -= 1
    if place < 0 or marks[place][0] < one.offset - _WINDOW:
        return
    header, begin = marks[place]
    following = marks[place + 1][0] if place + 1 < len(marks) else None
    if not one.stream:
        most = len(data) if following is None else following
        end = data.find(_END_OF_OBJECT, begin, min(begin + _WINDOW, most))
        closing = _closing(data[begin:end]) if end >= 0 else b""
        if 0 < len(closing) <= len(_END_OF_OBJECT):  # qpdf does without that word
            yield end, closing.ljust(len(_END_OF_OBJECT))
    elif following is None and any(_begins(data, mark, one) for mark in marks[:place]):
        yield header, b" " * (begin - header)  # as it was before, instead of half of it
    elif following is None:
        # qpdf wants something behind an object.
        yield len(data), b"\n%s\n%s\n%%%%EOF\n" % (_END_OF_STREAM, _END_OF_OBJECT)
    elif length := _LENGTH.search(data[begin : one.offset]):
        space = _SPACE.match(data, one.offset + int(length[1]))
        if space and space.end() + len(_END_OF_STREAM) < following:
            yield space.end(), _END_OF_STREAM


def _begins(data: mmap.mmap, mark: tuple[int, int], one: GivenUp) -> bool:
    """Whether it is this object that begins there."""
    return data[slice(*mark)].split()[:2] == [b"%d" % one.number, b"%d" % one.generation]


def _closing(body: bytes) -> bytes:
    """What closes the dictionaries and arrays of ``body`` that are open at its end."""
    opened: list[bytes] = []
    for token in _TOKEN.findall(body):
        if token in _CLOSED_BY:
            opened.append(_CLOSED_BY[token])
        elif opened and token == opened[-1]:
            opened.pop()
    return b"".join(reversed(opened))
