"""Sampled functions with fewer samples: the same colours wherever they are asked for, within a level."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pdfsmaller.engine.color.functions import read_function
from pdfsmaller.engine.structure.functions import TOLERANCE, thin_functions
from pdfsmaller.limits import Limits
from tests import documents
from tests.engine.conftest import Run

LIMITS = Limits()


def sampled(pdf: Pdf, samples: list[int], size: list[int], outputs: int, **entries: Any) -> Stream:
    """A function of samples of 8 bits, or of what ``entries`` say."""
    bits = entries.get("BitsPerSample", 8)
    given = {
        "FunctionType": 0, "Domain": Array([0, 1] * len(size)), "Range": Array([0, 1] * outputs),
        "Size": Array(size), "BitsPerSample": bits, **entries,
    }  # fmt: skip
    data = b"".join(value.to_bytes(bits // 8, "big") for value in samples)
    return pdf.make_stream(data, Dictionary({f"/{key}": value for key, value in given.items()}))


def between(first: tuple[int, ...], last: tuple[int, ...], count: int) -> list[int]:
    """The straight way between two colours, in so many samples."""
    return [round(a + (b - a) * i / (count - 1)) for i in range(count) for a, b in zip(first, last, strict=True)]


def thin(pdf: Pdf, function: Stream) -> pikepdf.Object:
    """What stands in its place; its values are those of before, within the tolerance."""
    before = read_function(function, LIMITS)
    inputs = len(function.Domain) // 2
    domain = [float(end) for end in function.Domain]
    rng = random.Random(4)
    places = list(itertools.product((0.0, 0.5, 1.0), repeat=inputs))
    places += [tuple(rng.random() for _ in range(inputs)) for _ in range(200)]
    ends = list(zip(domain[::2], domain[1::2], strict=True))
    points = [[low + (high - low) * x for (low, high), x in zip(ends, place, strict=True)] for place in places]
    wanted = [before(point) for point in points]
    thin_functions(pdf, LIMITS)
    found = pdf.get_object(function.objgen)
    after = read_function(found, LIMITS)
    for point, values in zip(points, wanted, strict=True):
        assert after(point) == pytest.approx(values, abs=TOLERANCE / 255 + 2e-5)
    return found


def test_a_straight_line_becomes_a_function_of_two_colours() -> None:
    with pikepdf.new() as pdf:
        line = thin(pdf, sampled(pdf, between((0, 128, 255), (255, 128, 0), 1365), [1365], 3))
        assert not isinstance(line, Stream)
        assert line.FunctionType == 2


def test_a_line_over_another_domain_stays_sampled() -> None:
    """A function of type 2 does not know its domain's ends."""
    with pikepdf.new() as pdf:
        line = thin(pdf, sampled(pdf, between((0,), (255,), 256), [256], 1, Domain=Array([-2, 6])))
        assert (line.FunctionType, list(line.Size)) == (0, [2])


def test_a_bent_line_keeps_its_bends() -> None:
    samples = between((0, 0, 0), (250, 60, 0), 129) + between((250, 60, 0), (20, 200, 90), 129)[3:]
    with pikepdf.new() as pdf:
        line = thin(pdf, sampled(pdf, samples, [257], 3))
        assert list(line.Size) == [3]


def test_a_curve_keeps_as_many_samples_as_it_needs() -> None:
    samples = [round(127.5 + 127.5 * math.sin(i / 40)) for i in range(1024)]
    with pikepdf.new() as pdf:
        curve = thin(pdf, sampled(pdf, samples, [1024], 1))
        assert 33 <= int(curve.Size[0]) < 1024


def test_a_grid_of_inks_becomes_its_corners() -> None:
    steps = [round(255 * i / 12) for i in range(13)]
    grid = [value for b in steps for g in steps for r in steps for value in (r, g, b)]
    with pikepdf.new() as pdf:
        corners = thin(pdf, sampled(pdf, grid, [13, 13, 13], 3))
        assert list(corners.Size) == [2, 2, 2]
        assert len(corners.read_bytes()) == 24


def test_inks_that_multiply_stay() -> None:
    """Between all corners of a cell the straight way is right, but not every reader looks at all of them."""
    grid = [round(255 * (1 - a / 12) * (1 - b / 12)) for b in range(13) for a in range(13)]
    with pikepdf.new() as pdf:
        assert list(thin(pdf, sampled(pdf, grid, [13, 13], 1)).Size) == [13, 13]


def test_a_single_sample_on_an_axis_stays() -> None:
    with pikepdf.new() as pdf:
        assert list(thin(pdf, sampled(pdf, between((0,), (255,), 256), [256, 1], 1)).Size) == [256, 1]


def test_axes_that_add_up_to_too_much_stay() -> None:
    """Each axis alone is a straight line within a level; all of them together are not."""
    bump = [0, 1, 0]
    grid = [100 + a + b + c for a in bump for b in bump for c in bump]
    with pikepdf.new() as pdf:
        assert list(thin(pdf, sampled(pdf, grid, [3, 3, 3], 1)).Size) == [3, 3, 3]


def test_samples_of_16_bits_backwards_and_scaled() -> None:
    samples = [257 * value for value in between((10,), (250,), 101)]
    with pikepdf.new() as pdf:
        entries = {"BitsPerSample": 16, "Encode": Array([100, 0]), "Decode": Array([0.25, 0.75])}
        line = thin(pdf, sampled(pdf, samples, [101], 1, **entries))
        assert list(line.Size) == [2]
        assert [int(end) for end in line.Encode] == [1, 0]


@pytest.mark.parametrize(
    "entries", [{"Order": 3}, {"BitsPerSample": 32}, {"Size": Array([99_999_999])}, {"Size": Array([0])}, {"Range": 1}]
)
def test_what_is_not_understood_stays(entries: dict[str, Any]) -> None:
    with pikepdf.new() as pdf:
        function = sampled(pdf, between((0,), (200,), 64), [64], 1, **entries)
        before = function.read_bytes()
        thin_functions(pdf, LIMITS)
        assert pdf.get_object(function.objgen).read_bytes() == before


def test_noise_stays() -> None:
    rng = random.Random(7)
    with pikepdf.new() as pdf:
        function = sampled(pdf, [rng.randrange(256) for _ in range(300)], [300], 1)
        before = function.read_bytes()
        thin_functions(pdf, LIMITS)
        assert pdf.get_object(function.objgen).read_bytes() == before


def _with_gradients() -> bytes:
    """A page with 12 gradients, each a function of 1,365 samples."""

    def draw(pdf: Pdf) -> None:
        page = pdf.pages[0]
        page.obj.Resources.Shading = Dictionary()
        for index in range(12):
            samples = between((20 * index, 255, 0), (0, 20 * index, 200), 1365)
            page.obj.Resources.Shading[f"/S{index}"] = Dictionary(
                ShadingType=2, ColorSpace=Name.DeviceRGB, Coords=Array([0, 0, 500, 0]), Extend=Array([True, True]),
                Function=pdf.make_indirect(sampled(pdf, samples, [1365], 3)),
            )  # fmt: skip
        bars = b"".join(b"q 50 %d 500 30 re W n /S%d sh Q " % (60 + 40 * index, index) for index in range(12))
        page.contents_add(bars)

    return documents.edited(documents.text(1), draw)


def test_gradients_take_little_and_look_the_same(run: Run) -> None:
    data = _with_gradients()
    whole = run(data, preset="lossless")
    with whole.open() as pdf:  # no pixel may change there
        assert sum(isinstance(obj, Stream) and obj.get("/FunctionType") == 0 for obj in pdf.objects) == 12
    thinned = run(data, preset="ebook", verify="full")
    assert thinned.report.output_bytes < 0.2 * whole.report.output_bytes
    assert thinned.warnings() == []
