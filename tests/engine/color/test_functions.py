"""PDF functions, evaluated."""

from __future__ import annotations

import contextlib
import re

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdfsmaller.engine.color.functions import NotAFunction, read_function
from pdfsmaller.limits import Limits

PDF = pikepdf.Pdf.new()


def calculated(program: bytes, inputs: list[float], outputs: int = 1) -> list[float]:
    function = PDF.make_stream(program, FunctionType=4, Domain=[-100, 100] * len(inputs), Range=[-1000, 1000] * outputs)
    return read_function(function, Limits())(inputs)


def parsed(source: bytes) -> pikepdf.Object:
    return pikepdf.Object.parse(source)


@pytest.mark.parametrize(
    ("program", "inputs", "expected"),
    [
        (b"{ add }", [1, 2], 3),
        (b"{ exch sub }", [1, 5], 4),
        (b"{ dup mul }", [3], 9),
        (b"{ 2 copy add 3 1 roll pop pop }", [3, 4], 7),
        (b"{ 1 2 3 3 -1 roll exch pop exch pop exch pop }", [9], 1),
        (b"{ 1 index exch pop exch pop }", [7, 8], 7),
        (b"{ 0.5 gt { 10 } { 20 } ifelse }", [0.6], 10),
        (b"{ dup 0.5 gt { pop 10 } if }", [0.4], 0.4),
        (b"{ 2 exp }", [5], 25),
        (b"{ 90 mul sin }", [1], 1),
        (b"{ 1 atan }", [1], 45),
        (b"{ 7 idiv }", [22], 3),
        (b"{ 7 mod }", [22], 1),
        (b"{ cvi 3 and 2 bitshift }", [6], 8),
        (b"{ truncate neg }", [2.7], -2),
        (b"{ 0 div }", [1], 0),
        (b"{ pop pop pop }", [1], 0),
    ],
)
def test_calculators(program: bytes, inputs: list[float], expected: float) -> None:
    assert calculated(program, inputs) == pytest.approx([expected])


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 12, 16, 24, 32])
def test_samples_of_every_depth(bits: int) -> None:
    most = (1 << bits) - 1
    values = [0, most, most // 2, most]
    packed = sum(value << bits * (3 - n) for n, value in enumerate(values))
    data = (packed << (-4 * bits % 8)).to_bytes((4 * bits + 7) // 8, "big")
    function = PDF.make_stream(data, FunctionType=0, Domain=[0, 3], Range=[0, 1], Size=[4], BitsPerSample=bits)
    found = [read_function(function, Limits())([x])[0] for x in (0, 1, 2, 3, 0.5)]
    assert found == pytest.approx([0, 1, (most // 2) / most, 1, 0.5])


def test_samples_between_four_corners() -> None:
    function = PDF.make_stream(
        bytes([0, 100, 200, 255]), FunctionType=0, Domain=[0, 1] * 2, Range=[0, 255], Size=[2, 2], BitsPerSample=8
    )
    evaluate = read_function(function, Limits())
    assert [evaluate([x, y])[0] for x, y in ((0, 0), (1, 0), (0, 1), (1, 1))] == [0, 100, 200, 255]
    assert evaluate([0.5, 0.5]) == pytest.approx([138.75])


def test_stitched_functions() -> None:
    evaluate = read_function(
        parsed(
            b"<< /FunctionType 3 /Domain [0 1] /Bounds [0.5] /Encode [0 1 1 0] /Functions ["
            b"<< /FunctionType 2 /Domain [0 1] /N 1 >> << /FunctionType 2 /Domain [0 1] /N 2 /C0 [0] /C1 [4] >>] >>"
        ),
        Limits(),
    )
    assert [evaluate([x])[0] for x in (0, 0.25, 0.5, 0.75, 1, 9)] == pytest.approx([0, 0.5, 4, 1, 0, 0])


@pytest.mark.parametrize(
    "source",
    [
        b"7",
        b"<< /FunctionType 9 /Domain [0 1] >>",
        b"<< /FunctionType 2 /N 1 >>",
        b"<< /FunctionType 2 /Domain [0 1] /C0 [1] /C1 [1 2] /N 1 >>",
        b"<< /FunctionType 3 /Domain [0 1] /Bounds [] /Encode [] /Functions [] >>",
        b"[ << /FunctionType 5 >> ]",
    ],
)
def test_damaged_functions_are_refused(source: bytes) -> None:
    with pytest.raises(NotAFunction):
        read_function(parsed(source), Limits())


WORDS = """{ } add sub mul div exp ln copy index roll dup pop exch
if ifelse not and bitshift cvi 1 -1 9 1e300"""
words = st.sampled_from(re.findall(r"\S+", WORDS))


@settings(max_examples=300, deadline=None)
@given(st.lists(words, max_size=30), st.lists(st.floats(-50, 50), min_size=1, max_size=3))
def test_no_program_does_harm(program: list[str], inputs: list[float]) -> None:
    with contextlib.suppress(NotAFunction):
        assert len(calculated(b"{ " + " ".join(program).encode() + b" }", inputs, 2)) == 2
