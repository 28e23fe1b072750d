"""Sampled functions (type 0; ISO 32000-1, 7.10.2) with as few samples as give the same colours.

Programs write the straight way between two colours as 1,365 samples, and an ink's mixture as a grid of thousands. What
a reader finds between samples is on a straight line, so that most of them say nothing: taken out, no sample that stood
there changes by more than ``TOLERANCE``, a rounding here and there. A straight line of one input becomes a function of
type 2, which is no stream and so is packed with the other objects.

Left alone: cubic splines, samples of other than 8 or 16 bits, grids over ``MAX_VALUES``, and those that have a single
sample on an axis, which readers understand in several ways.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

from pikepdf import Array, Dictionary, Object, Pdf, Stream

from pdfsmaller.engine.damage import tolerate
from pdfsmaller.engine.entries import entry
from pdfsmaller.engine.streams import GENERAL, filters_of, read_decoded
from pdfsmaller.limits import Limits

#: Every value is a number in Python.
MAX_VALUES = 100_000
# How many samples are tried in place of more, on each axis.
_COUNTS = (2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 513)
_FORMATS = {8: "B", 16: "H"}
#: What a sample may change by, in levels of 8 bits.
TOLERANCE = 1.5
# What became of samples: a document may have the same function for every letter of a chart.
_Known = dict[tuple[bytes, int, int, tuple[int, ...]], tuple[list[int], list[int]]]


def thin_functions(pdf: Pdf, limits: Limits) -> None:
    """Take out of all sampled functions what is between the others anyway.

    Raises:
        LimitExceeded: a function's samples are over ``max_stream_bytes``.
    """
    known: _Known = {}
    for obj in pdf.objects:
        if isinstance(obj, Stream) and entry(obj, "/FunctionType") == 0:
            with tolerate("function"):
                _thin(pdf, obj, known, limits)


def _thin(pdf: Pdf, stream: Stream, known: _Known, limits: Limits) -> None:
    """Thin one function. Raises what damage raises."""
    size = [int(count) for count in _numbers(stream["/Size"])]
    bits, bounds = int(stream["/BitsPerSample"]), _numbers(stream["/Range"])
    count = prod(size) * (len(bounds) // 2)
    if bits not in _FORMATS or int(stream.get("/Order", 1)) != 1 or min(size) < 2 or not 0 < count <= MAX_VALUES:
        return
    if any(f.name not in GENERAL for f in filters_of(stream)):
        return
    data = read_decoded(stream, limits)
    key = (hashlib.blake2b(data).digest(), bits, count, tuple(size))
    if key not in known:
        values = list(struct.unpack_from(f">{count}{_FORMATS[bits]}", data))
        known[key] = thinned(values, size, len(bounds) // 2, TOLERANCE * (2**bits - 1) / 255)
    thin, counts = known[key]
    if counts == size:
        return
    if "/Encode" in stream:
        encode = _numbers(stream["/Encode"])
        ends = [end for old, new in zip(size, counts, strict=True) for end in [(new - 1) / (old - 1)] * 2]
        encode = [value * share for value, share in zip(encode, ends, strict=True)]
        if encode == [end for new in counts for end in (0, new - 1)]:
            del stream["/Encode"]
        else:
            stream["/Encode"] = _array(encode)
    if counts == [2] and "/Encode" not in stream and _numbers(stream["/Domain"]) == [0, 1]:
        decode = _numbers(stream.get("/Decode", stream["/Range"]))
        levels = [(low, (high - low) / (2**bits - 1)) for low, high in zip(decode[::2], decode[1::2], strict=True)]
        first, last = (
            [low + step * value for (low, step), value in zip(levels, row, strict=True)] for row in _rows(thin, 2)
        )
        _replace(pdf, stream, first, last)
        return
    stream["/Size"] = Array(counts)
    stream.write(struct.pack(f">{len(thin)}{_FORMATS[bits]}", *thin))


def thinned(values: list[int], size: list[int], outputs: int, most: float) -> tuple[list[int], list[int]]:
    """Samples on a coarser grid, and its size; what they were where that is none.

    Args:
        values: sample after sample, the first input varying fastest.
        size: samples on each axis.
        most: what a sample may differ by from the line between those that stay.
    """
    thin, counts = values, list(size)
    for axis, count in enumerate(size):
        inner = outputs * prod(counts[:axis])
        for fewer in _COUNTS:
            if fewer >= count:
                break
            coarse = [round(value) for row in _resampled(thin, inner, count, fewer) for value in row]
            if _alike(_resampled(coarse, inner, fewer, count), thin, inner, most):
                thin, counts[axis] = coarse, fewer
                break
    if len(size) == 1 or all(
        abs(a - b) <= most
        for rows in (_mixed(thin, counts, size, outputs), _added(thin, counts, size, outputs))
        for a, b in zip((value for row in rows for value in row), values, strict=True)
    ):
        return thin, counts
    return values, size  # what axes changed one by one adds up


def _mixed(thin: Sequence[float], counts: list[int], size: list[int], outputs: int) -> Iterator[Sequence[float]]:
    """What is found where the samples of the finer grid were, as the standard has it: between all corners of a cell."""
    for axis, (fewer, count) in enumerate(zip(counts, size, strict=True)):
        inner = outputs * prod(size[:axis])
        thin = [value for row in _resampled(thin, inner, fewer, count) for value in row]
    yield thin


def _added(thin: Sequence[int], counts: list[int], size: list[int], outputs: int) -> Iterator[Sequence[float]]:
    """The same as some readers have it, PDFium for one: a cell's first corner, and what each axis adds to that."""
    steps = [(fewer - 1, count - 1) for fewer, count in zip(counts, size, strict=True)]
    strides = [outputs * prod(counts[:axis]) for axis in range(len(counts))]
    for place in product(*map(range, reversed(size))):
        positions = [index * fewer / count for index, (fewer, count) in zip(reversed(place), steps, strict=True)]
        at = sum(int(position) * stride for position, stride in zip(positions, strides, strict=True))
        corner = thin[at : at + outputs]
        row: list[float] = list(corner)
        for position, stride in zip(positions, strides, strict=True):
            if share := position % 1:
                beside = thin[at + stride : at + stride + outputs]
                row = [value + share * (b - a) for value, a, b in zip(row, corner, beside, strict=True)]
        yield row


def _resampled(values: Sequence[float], inner: int, count: int, wanted: int) -> Iterator[Sequence[float]]:
    """Rows of ``inner`` values, ``wanted`` for every ``count`` of those that are given, on straight lines between."""
    step = (count - 1) / (wanted - 1)
    for start in range(0, len(values), inner * count):
        for index in range(wanted):
            position = index * step
            low = min(int(position), count - 2)
            share = position - low
            at = start + low * inner
            below = values[at : at + inner]
            above = values[at + inner : at + 2 * inner] if share else below
            yield [a + share * (b - a) for a, b in zip(below, above, strict=True)] if share else below


def _alike(rows: Iterator[Sequence[float]], values: list[int], inner: int, most: float) -> bool:
    return all(
        abs(a - b) <= most
        for row, wanted in zip(rows, _rows(values, len(values) // inner), strict=True)
        for a, b in zip(row, wanted, strict=True)
    )


def _rows(values: list[int], count: int) -> Iterator[list[int]]:
    """The values in so many rows."""
    width = len(values) // count
    return (values[start : start + width] for start in range(0, len(values), width))


def _replace(pdf: Pdf, stream: Stream, first: list[float], last: list[float]) -> None:
    """Put a straight line between two colours in a function's place."""
    line = Dictionary(FunctionType=2, Domain=stream["/Domain"], C0=_array(first), C1=_array(last), N=1)
    pdf._replace_object(stream.objgen, line)


def _numbers(array: object) -> list[float]:
    if not isinstance(array, Array):
        raise ValueError("numbers")
    return [float(number) for number in array.as_list()]


def _array(numbers: list[float]) -> Object:
    return Object.parse(b"[%s]" % " ".join(f"{number:.5f}".rstrip("0").rstrip(".") for number in numbers).encode())
