"""One content stream, written again: nothing that it draws may change but by what no device can show."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pdfsmaller.engine.content.rewriter import Rewriter, Rewritten
from tests.engine.content.marks import Mark, marks

pytestmark = pytest.mark.skipif(not Rewriter.available(), reason="there is no LuaJIT")
NAMES = b"S F1\nD F2\nG G1\nM G2"
TOLERANCE = 0.01
REWRITER = Rewriter() if Rewriter.available() else None


def rewrite(content: bytes, *, tolerance: float = 0.0, scale: float = 1.0, names: bytes = NAMES) -> Rewritten:
    assert REWRITER is not None
    return REWRITER.rewrite(content, names, scale=scale, tolerance=tolerance)


def rewritten(content: bytes, *, tolerance: float = 0.0, scale: float = 1.0) -> bytes:
    result = rewrite(content, tolerance=tolerance, scale=scale)
    assert result.data is not None, result.reason
    return result.data


def alike(before: Mark, after: Mark, tolerance: float) -> bool:
    return (
        before.what == after.what
        and len(before.at) == len(after.at)
        and all(math.isclose(a, b, abs_tol=tolerance, rel_tol=1e-9) for a, b in zip(before.at, after.at, strict=True))
        and all(_same(before.state[key], after.state[key], key, tolerance) for key in before.state)
    )


def _same(before: Any, after: Any, key: str, tolerance: float) -> bool:
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(
            _same(a, b, key, tolerance) for a, b in zip(before, after, strict=True)
        )
    if isinstance(before, float) and isinstance(after, float) and tolerance:
        if key in ("fill", "stroke"):
            return abs(before - after) <= 0.0005001
        if key == "w":
            return abs(before - after) <= 0.011 * abs(before) and (after != 0 or before == 0)
    return bool(before == after)


# --- all of it, at random -------------------------------------------------------------------------------------------

number = st.one_of(
    st.integers(-400, 400).map(str),
    st.floats(-800, 800).map(lambda v: f"{v:.{random.Random(v).randrange(7)}f}"),
    st.sampled_from(["0", "-0", "+1", "0.50", ".5", "-.25", "007", "1.000", "0.0001", "3."]),
)
positive = st.sampled_from(["0", "0.25", "1", "0.333333", ".7071", "12.5000", "4"])
unit = st.sampled_from(["0", "1", "0.5", ".333333", "0.1234567", "0.9999", "0.2"])
literal = st.binary(max_size=8).map(
    lambda b: b"(" + b"".join(b"\\%03o" % c if c in b"()\\\r\n" or c > 126 else bytes([c]) for c in b) + b")"
)
hexadecimal = st.binary(max_size=6).map(lambda b: b"<" + b.hex().encode() + b">")
string = st.one_of(literal, hexadecimal)


def operation(operator: str, *operands: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    return st.tuples(*operands).map(
        lambda values: b" ".join([*(v if isinstance(v, bytes) else v.encode() for v in values), operator.encode()])
    )


state = st.one_of(
    operation("w", positive),
    operation("J", st.sampled_from("012")),
    operation("d", st.sampled_from(["[]", "[3 1.50]"]), st.just("0")),
    operation("g", unit),
    operation("RG", unit, unit, unit),
    operation("k", unit, unit, unit, unit),
    operation("cs", st.sampled_from(["/A", "/B", "/Pattern"])),
    operation("scn", unit),
    operation("CS", st.sampled_from(["/A", "/B"])),
    operation("SCN", unit, unit),
    operation("gs", st.sampled_from(["/G1", "/G2", "/G3"])),
    operation("Tf", st.sampled_from(["/F1", "/F2"]), st.sampled_from(["1", "9.9626", "12", "24"])),
    operation("Tc", positive),
    operation("Tw", positive),
    operation("TL", positive),
    operation("Tz", st.sampled_from(["100", "87.5"])),
)
segment = st.one_of(
    operation("l", number, number),
    operation("c", number, number, number, number, number, number),
    operation("re", number, number, number, number),
    operation("m", number, number),
    st.just(b"h"),
    st.just(b"1 2 3 4.50 5 6 c 5 6 l"),
)
path = st.tuples(
    operation("m", number, number),
    st.lists(segment, max_size=4),
    st.sampled_from([b"f", b"S", b"s", b"B*", b"n", b"W n", b"W* f"]),
).map(lambda parts: b" ".join([parts[0], *parts[1], parts[2]]))
array = st.lists(st.one_of(string, number.map(str.encode)), max_size=6).map(
    lambda items: b"[" + b" ".join(items) + b"]"
)
in_text = st.one_of(
    state,
    operation("Td", number, number),
    operation("TD", number, number),
    st.just(b"T*"),
    operation(
        "Tm", st.sampled_from(["1", "9.5"]), st.just("0"), st.just("0"), st.sampled_from(["1", "9"]), number, number
    ),
    operation("Tj", string),
    operation("'", string),
    operation('"', positive, positive, string),
    operation("TJ", array),
    operation("cm", *[st.just(value) for value in "200200"]),
)
text = st.lists(in_text, max_size=6).map(lambda items: b" ".join([b"BT", *items, b"ET"]))
others = st.one_of(
    operation(
        "cm", st.sampled_from(["1", "0.24"]), st.just("0"), st.just("0"), st.sampled_from(["1", "-.24"]), number, number
    ),
    operation("Do", st.sampled_from(["/Im1", "/Fm1"])),
    st.just(b"BI /W 2 /H 2 /BPC 8 /CS /G ID EI E EI"),
    st.just(b"/P <</MCID 0/ActualText(a>>b)>> BDC EMC"),
    st.just(b"/P <</A<</B<41>>>/ActualText<FEFF>>> BDC EMC"),
    st.just(b"% a comment\n"),
)
content = st.recursive(
    st.lists(st.one_of(state, path, text, others), max_size=6).map(b"\n".join),
    lambda inner: st.lists(st.one_of(inner, inner.map(lambda c: b"q " + c + b" Q")), max_size=4).map(b" ".join),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(content)
def test_nothing_changes_where_nothing_may(source: bytes) -> None:
    before, after = marks(source), marks(rewritten(source))
    assert len(before) == len(after)
    for a, b in zip(before, after, strict=True):
        assert alike(a, b, 1e-9), (a, b)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(content)
def test_marks_stay_where_they_are_but_for_the_tolerance(source: bytes) -> None:
    before, after = marks(source), marks(rewritten(source, tolerance=TOLERANCE))
    assert len(before) == len(after)
    for a, b in zip(before, after, strict=True):
        assert alike(a, b, 2 * TOLERANCE), (a, b)


@settings(max_examples=150, deadline=None)
@given(content)
def test_what_was_written_can_be_written_again(source: bytes) -> None:
    once = rewritten(source)
    assert len(rewritten(once)) <= len(once)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.lists(
            st.sampled_from(
                [
                    b"(",
                    b")",
                    b"<",
                    b">",
                    b"<<",
                    b">>",
                    b"[",
                    b"]",
                    b"/",
                    b"BI",
                    b"ID",
                    b"EI",
                    b"q",
                    b"Q",
                    b"BT",
                    b"ET",
                    b"TJ",
                    b"1",
                    b"-",
                    b"\\",
                    b"%",
                    b"\n",
                    b" ",
                    b"re",
                    b"f",
                    b"cm",
                    b"Tf",
                    b"scn",
                    b"\x00",
                    b"9" * 50,
                ]
            ),
            max_size=30,
        ).map(b" ".join),
    )
)
def test_damaged_content_does_no_harm(source: bytes) -> None:
    result = rewrite(source, tolerance=TOLERANCE)
    assert result.data is not None or result.reason


# --- one thing at a time --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"0.50 +1.0 -0 007.100 -.0 m 1 2 l S", None),
        (b"+1.50 -0.0 m 007 1.000 l S", b"1.5 0 m 7 1 l S"),
        (b"q 1 0 0 1 5 5 cm 3 w Q 0 0 9 9 re f", b"0 0 9 9 re f"),
        (b"q q Q 0 0 9 9 re f Q", b"q 0 0 9 9 re f Q"),
        (b"1 0 0 1 0 0 cm 0 0 9 9 re f", b"0 0 9 9 re f"),
        (b"1 0 0 rg 1 0 0 rg 0 0 9 9 re f 1 0 0 rg 0 0 9 9 re f", b"1 0 0 rg 0 0 9 9 re f 0 0 9 9 re f"),
        (b"q 1 g 0 0 9 9 re f Q 1 g 0 0 9 9 re f", b"q 1 g 0 0 9 9 re f Q 1 g 0 0 9 9 re f"),
        (b"/A cs 1 scn 0 0 1 1 re f /A cs 1 scn 0 0 1 1 re f", b"/A cs 1 scn 0 0 1 1 re f 0 0 1 1 re f"),
        (b"/A cs 1 scn /A cs 0 0 1 1 re f", b"/A cs 1 scn/A cs 0 0 1 1 re f"),
        (b"/G1 gs 0 0 1 1 re f /G1 gs 0 0 1 1 re f", b"/G1 gs 0 0 1 1 re f 0 0 1 1 re f"),
        (b"/G2 gs 0 0 1 1 re f /G2 gs 0 0 1 1 re f", b"/G2 gs 0 0 1 1 re f/G2 gs 0 0 1 1 re f"),
        (b"3 w /G3 gs 3 w 0 0 m 1 1 l S", b"3 w/G3 gs 3 w 0 0 m 1 1 l S"),
        (b"BT /F1 12 Tf ET", b"/F1 12 Tf"),
        (b"BT /F1 12 Tf <414243> Tj ET", b"/F1 12 Tf BT(ABC)Tj ET"),
        (b"BT /F1 12 Tf [(A) 0 (B)] TJ ET", b"/F1 12 Tf BT[(AB)]TJ ET"),
        (b"BT /F2 12 Tf [<00> <41>] TJ ET", b"/F2 12 Tf BT[(\0)(A)]TJ ET"),
        (b"BT /F1 12 Tf (\\101\\(\\)\\\n\\r) Tj ET", b"/F1 12 Tf BT(A()\\r)Tj ET"),
        (b"BT /F1 12 Tf (\\() Tj ET", b"/F1 12 Tf BT(\\()Tj ET"),
        (b"BT /F1 12 Tf (A) Tj [(B) 5 (C)] TJ ET", b"/F1 12 Tf BT[(A)]TJ[(B)5(C)]TJ ET"),
        (b"n 0 0 9 9 re F", b"0 0 9 9 re f"),
        (b"1 1 m 2 2 m 9 9 l 3 3 m S", b"2 2 m 9 9 l S"),
        (b"1 1 m S 2 2 m f 3 3 m n", b""),
        (b"1 1 m s 2 2 m b*", b"1 1 m s 2 2 m b*"),
        (b"1 1 m W n", b"1 1 m W n"),
        (b"0 0 m 1 2 3 4 5 6 c 5 6 l 5 6 l 7 8 l f", b"0 0 m 1 2 3 4 5 6 c 7 8 l f"),
        (b"0 0 m 3 4 5 6 v 5.0 6 l 7 8 l W n", b"0 0 m 3 4 5 6 v 7 8 l W n"),
        (b"0 0 m 1 2 3 4 5 6 c 5 6 l 7 8 l S", b"0 0 m 1 2 3 4 5 6 c 5 6 l 7 8 l S"),
        (b"0 0 m 5 6 l 5 6 l 7 8 l f", b"0 0 m 5 6 l 5 6 l 7 8 l f"),
        (b"BT .1 0 0 .1 0 0 cm /F1 9 Tf (A) Tj ET", b"BT .1 0 0 .1 0 0 cm/F1 9 Tf(A)Tj ET"),
        (
            b"/Span <</ActualText<FEFF002E>>> BDC 0 0 9 9 re f EMC",
            b"/Span<</ActualText<FEFF002E>>>BDC 0 0 9 9 re f EMC",
        ),
    ],
)
def test_shortest_spelling(before: bytes, after: bytes | None) -> None:
    assert rewrite(before).data == after


def test_a_name_without_a_letter_stays_apart_from_what_follows() -> None:
    assert rewritten(b"q / gs 0 0 9 9 re f Q / Do") == b"q/ gs 0 0 9 9 re f Q/ Do"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"1.23456 2.34567 m 100.009 7 l S", b"1.24 2.34 m 100 7 l S"),
        (b"0.1 0 0 0.1 0 0 cm 12.3456 98.7654 m 0 0 l S", b".1 0 0 .1 0 0 cm 12.4 98.8 m 0 0 l S"),
        (b"0.001234 w 0 0 m 1 1 l S", b".00124 w 0 0 m 1 1 l S"),
        (b"0.45490196 g 0 0 9 9 re f", b".455 g 0 0 9 9 re f"),
    ],
)
def test_numbers_that_no_device_can_show(before: bytes, after: bytes) -> None:
    assert rewritten(before, tolerance=TOLERANCE) == after


def test_matrices_stay_as_they_are() -> None:
    """An image that ends 0.005 points beyond the page may cover a pixel more, and is drawn another way."""
    source = b"q 200 0 0 213.1253 0 .0000053 cm/Im1 Do Q"
    assert rewritten(source, tolerance=TOLERANCE) == source


def test_how_far_strings_of_a_type_3_font_are_apart_is_never_rounded() -> None:
    """Its glyphs may be of any size in its own units."""
    source = b"BT /F1 10 Tf 1 0 0 1 9.123456 8 Tm [(A) -250.40 (B) +0.3 (C) -61 25] TJ ET"
    assert rewritten(source, tolerance=TOLERANCE) == (
        b"/F1 10 Tf BT 1 0 0 1 9.123456 8 Tm[(A)-250.4(B).3(C)-61 25]TJ ET"
    )


#: What fonts there are, whose glyphs are a thousand units high.
EMS = NAMES + b"\nE F1\nE F2"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"(A) -250.4399 (B) +0.3 (C) -61 25", b"(A)-250.4(B).3(C)-61 25"),
        (b"(A) .04 (B) .04 (C) .04 (D)", b"(AB).1(CD)"),
        (b"(A) 7.125 (B) -7.125 (C)", b"(A)7.1(B)-7.1(C)"),
        (b"-.025 (A) 0 (B)", b"(AB)"),
    ],
)
def test_adjustments_are_tenths_of_thousandths(before: bytes, after: bytes) -> None:
    source = b"/F1 10 Tf BT 5 5 Td[%s]TJ[(x)3(y)]TJ ET"
    assert rewrite(source % before, tolerance=TOLERANCE, names=EMS).data == source % after
    exact = rewrite(source % before, names=EMS).data
    assert exact is not None
    assert [mark.at for mark in marks(exact)] == [mark.at for mark in marks(source % before)]


@given(st.lists(st.floats(-900, 900).map(lambda value: f"{value:.5f}"), max_size=40), st.sampled_from([1, 12, 60]))
def test_no_glyph_moves_further_than_half_a_tenth(adjustments: list[str], size: int) -> None:
    """However many adjustments there are before it, in one operator or several."""
    shown = b"".join(b"(a)%s%s" % (text.encode(), b"]TJ[" if n % 7 == 6 else b"") for n, text in enumerate(adjustments))
    source = b"/F1 %d Tf BT 5 5 Td[%s(z)]TJ 0 -9 Td[(y)]TJ ET" % (size, shown)
    result = rewrite(source, tolerance=TOLERANCE, names=EMS).data
    assert result is not None
    before, after = marks(source), marks(result)
    assert [mark.what for mark in before] == [mark.what for mark in after]
    for one, other in zip(before, after, strict=True):
        assert other.at == pytest.approx(one.at, abs=size * 0.00005001)


def test_where_text_begins_is_never_rounded() -> None:
    """Programs that extract text put it in an order by its place, to the last digit."""
    source = b"BT /F1 10 Tf 1 0 0 1 70.867123 757.550771 Tm (A) Tj 0.123456 -9.962612 Td (B) Tj T* (C) Tj ET"
    before, after = marks(source), marks(rewritten(source, tolerance=TOLERANCE))
    assert [mark.at for mark in before] == [mark.at for mark in after]


def test_the_shortest_line_stays_one() -> None:
    assert [mark.at for mark in marks(rewritten(b"100 w 5 5 m 5.001 5 l S", tolerance=TOLERANCE))[1:3]] == [
        [5, 5],
        [5.001, 5],
    ]


def test_thin_sides_keep_their_weight() -> None:
    x0, _, x1, _ = marks(rewritten(b"5 5 0.0123 700 re f", tolerance=TOLERANCE))[1].at
    assert abs(x1 - x0 - 0.0123) < 0.0003


def lines(points: list[tuple[float, float]]) -> bytes:
    return b"0 0 m " + b" ".join(b"%.6f %.6f l" % point for point in points) + b" S"


def test_points_between_their_neighbours_go() -> None:
    arc = [(100 + 90 * math.cos(k / 400), 100 + 90 * math.sin(k / 400)) for k in range(600)]
    kept = [tuple(mark.at) for mark in marks(rewritten(lines(arc), tolerance=TOLERANCE)) if mark.what == "l"]
    assert 30 < len(kept) < 200
    assert math.dist(kept[0], arc[0]) < 2 * TOLERANCE > math.dist(kept[-1], arc[-1])
    for (ax, ay), (bx, by) in pairwise(kept):
        middle = math.dist(((ax + bx) / 2, (ay + by) / 2), (100, 100))
        assert abs(middle - 90) < 2 * TOLERANCE
    assert rewritten(lines(arc)).count(b"l") == 600


@pytest.mark.parametrize(
    "points",
    [
        [(k, 0.0) for k in range(200)],  # straight: it could become a rectangle's side
        [(k * 0.01, 0.003 * (k % 2)) for k in range(200)],  # corners that a broad stroke's joins show
        [(9.0 * (-1) ** k, 0.0) for k in range(200)],  # there and back
        [(k, k * k / 9) for k in range(7)],  # few
    ],
)
def test_other_lines_keep_their_points(points: list[tuple[float, float]]) -> None:
    assert rewritten(lines(points), tolerance=TOLERANCE).count(b"l") == len(points)


def test_sides_that_touch_still_do() -> None:
    source = b" ".join(b"%f 0 %f 50 re f" % (n * 7.123457, 7.123457) for n in range(50))
    sides = [mark.at for mark in marks(rewritten(source, tolerance=TOLERANCE)) if mark.what == "re"]
    assert all(abs(a[2] - b[0]) < 1e-6 for a, b in pairwise(sides))


@pytest.mark.parametrize(
    "source",
    [
        b"1 2 3 re f",
        b"1.2.3 w",
        b"--5 w",
        b"1e5 w",
        b"(no end",
        b"[1 2",
        b"<41 w",
        b"<</A (b>> BDC",
        b"1 unknown",
        b"BT q ET",
        b"0 0 m q 1 1 l Q S",
        b"BI /W 9 /H 9 /BPC 8 /CS /RGB ID no end",
        b"1 2 3",
        b"BT (A) Tj",
    ],
)
def test_what_is_not_certain_is_left_alone(source: bytes) -> None:
    assert rewrite(source).data is None


def test_a_q_too_many_is_never_rounded() -> None:
    source = b"Q 1.23456 0 m 9 9 l S"
    assert rewrite(source, tolerance=TOLERANCE).data is None
    assert rewrite(source).data == source


@pytest.mark.parametrize("data", [b"\0\1 EI \2\3", b"EI EI EI", bytes(range(30))])
@pytest.mark.parametrize("entries", ["/W %d /H 1 /BPC 8 /CS /G", "/L %d /F /Fl /W 5 /H 5"])
def test_inline_images_stay_byte_for_byte(data: bytes, entries: str) -> None:
    image = b"BI " + (entries % len(data)).encode() + b" ID " + data + b"\nEI"
    assert rewritten(b"q  " + image + b"  Q 1  g") == b"q " + image + b" Q 1 g"
