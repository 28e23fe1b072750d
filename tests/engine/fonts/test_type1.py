"""Type 1 programs into CFF: outlines, widths, hints and encodings stay; what is damaged is refused."""

from __future__ import annotations

import random
import time
from contextlib import suppress

import pytest

from pdfsmaller.engine.fonts.errors import FontError
from pdfsmaller.engine.fonts.type1 import type1_encoding, type1_names, type1_outlines_equal, type1_to_cff
from tests.engine.fonts.programs import (
    NOTDEF,
    SQUARE,
    STANDARD_SUBRS,
    drawn,
    opened,
    program_of,
    type1_program,
)

FLEX = (
    "0 600 hsbw 100 0 rmoveto 1 callsubr 100 -10 rmoveto 2 callsubr -60 10 rmoveto 2 callsubr "
    "20 -10 rmoveto 2 callsubr 40 0 rmoveto 2 callsubr 40 0 rmoveto 2 callsubr "
    "20 10 rmoveto 2 callsubr 40 0 rmoveto 2 callsubr "
    "50 300 0 0 callsubr 0 300 rlineto closepath endchar"
)


def converted(charstring: str, name: str = "A", **kwargs: object) -> bytes:
    program = type1_program({".notdef": NOTDEF, name: charstring}, **kwargs)  # type: ignore[arg-type]
    cff = type1_to_cff(program)
    assert type1_outlines_equal(program, cff)
    return cff


@pytest.mark.parametrize("form", ["binary", "hex", "pfb", "bare"])
@pytest.mark.parametrize("len_iv", [4, 0, 1, -1])
def test_programs_of_every_form_and_lenIV_are_read(form: str, len_iv: int) -> None:
    program = type1_program({".notdef": NOTDEF, "A": SQUARE}, form=form, len_iv=len_iv)
    assert type1_names(program) == [".notdef", "A"]
    assert drawn(type1_to_cff(program), "A") == (
        500,
        [
            ("moveTo", ((50, 0),)),
            ("lineTo", ((450, 0),)),
            ("lineTo", ((450, 400),)),
            ("lineTo", ((50, 400),)),
            ("closePath", ()),
        ],
    )


@pytest.mark.parametrize("words", [("-|", "|-", "|"), ("RD", "noaccess def", "noaccess put"), ("X", "Y", "Z")])
def test_words_for_binary_data_may_be_any(words: tuple[str, str, str]) -> None:
    program = type1_program({".notdef": NOTDEF, "A": FLEX, "B": SQUARE}, words=words)
    assert type1_names(program) == [".notdef", "A", "B"]
    assert type1_outlines_equal(program, type1_to_cff(program))


def test_a_program_without_subroutines_converts() -> None:
    assert drawn(converted(SQUARE, subrs=None), "A")[0] == 500


def test_glyphs_not_asked_for_are_left_out() -> None:
    program = type1_program({".notdef": NOTDEF, "A": SQUARE, "B": SQUARE, "C": SQUARE})
    cff = type1_to_cff(program, {"B", "not there"})
    assert opened(cff).charset == [".notdef", "B"]
    assert opened(cff).Encoding[66 - 65 + 66] == "B"
    assert type1_outlines_equal(program, cff, {"B"})
    assert not type1_outlines_equal(program, cff, {"A"})


def test_the_built_in_encoding_stays() -> None:
    codes = (
        "256 array 0 1 255 {1 index exch /.notdef put} for dup 8#101 /A put dup 7 /B put dup 200 /A put readonly def"
    )
    program = type1_program({".notdef": NOTDEF, "A": SQUARE, "B": SQUARE}, encoding=codes)
    assert type1_encoding(program) == {65: "A", 7: "B", 200: "A"}
    encoding = opened(type1_to_cff(program)).Encoding
    assert {code: name for code, name in enumerate(encoding) if name != ".notdef"} == {65: "A", 7: "B", 200: "A"}


def test_standard_encoding_stays() -> None:
    cff = converted(SQUARE, encoding="StandardEncoding def")
    assert opened(cff).Encoding == "StandardEncoding"


def test_hints_for_all_glyphs_stay() -> None:
    private = opened(converted(SQUARE)).Private
    assert private.BlueValues == [-12, 0, 500, 512]
    assert private.OtherBlues == [-210, -200]
    assert (private.BlueScale, private.BlueShift, private.BlueFuzz) == (0.05, 6, 1)
    assert (private.StdHW, private.StdVW, private.StemSnapV, private.ForceBold) == (40, 80, [80, 90], 1)


def test_matrix_and_box_stay() -> None:
    top = opened(
        converted(
            SQUARE, clear="/FontMatrix [0.00048828125 0 0.0001 0.00048828125 0 0] def /FontBBox {-10 -20 500.5 510} def"
        )
    )
    assert top.FontMatrix == [0.00048828125, 0, 0.0001, 0.00048828125, 0, 0]
    assert top.FontBBox == [-10, -20, 500.5, 510]


def test_stems_count_from_the_origin_in_cff() -> None:
    cff = converted(
        "50 500 hsbw 0 40 hstem 360 40 hstem 0 80 vstem 0 0 rmoveto 400 hlineto 400 vlineto closepath endchar"
    )
    words = program_of(cff, "A")
    assert words[:10] == [0, 40, 320, 40, "hstem", 50, 80, "vstem", 50, "hmoveto"]


def test_hint_replacement_becomes_hint_masks() -> None:
    subrs = (*STANDARD_SUBRS, "0 40 hstem 0 80 vstem return", "360 40 hstem return")
    cff = converted(
        "0 500 hsbw 5 4 callsubr 10 10 rmoveto 400 hlineto 6 4 callsubr 390 vlineto closepath endchar", subrs=subrs
    )
    words = program_of(cff, "A")
    assert words == [
        *(0, 40, 320, 40, "hstemhm", 0, 80, "hintmask", b"\xa0", 10, 10, "rmoveto", 400, "hlineto"),
        *("hintmask", b"\x40", 390, "vlineto", "endchar"),
    ]


def test_three_stems_become_stems_and_a_counter_mask() -> None:
    cff = converted("0 500 hsbw 10 20 100 20 190 20 vstem3 0 0 rmoveto 400 hlineto 400 vlineto closepath endchar")
    words = program_of(cff, "A")
    assert words[:8] == [10, 20, 70, 20, 70, 20, "cntrmask", b"\xe0"]


def test_edge_stems_keep_their_negative_width_and_others_are_turned() -> None:
    cff = converted("0 500 hsbw 400 -20 hstem 40 -40 hstem 0 0 rmoveto 400 hlineto 400 vlineto closepath endchar")
    assert program_of(cff, "A")[:5] == [0, 40, 360, -20, "hstem"]


def test_flex_stays_a_flex() -> None:
    cff = converted(FLEX)
    assert [word for word in program_of(cff, "A") if isinstance(word, str)] == [
        "hmoveto",
        "hflex",
        "vlineto",
        "endchar",
    ]
    assert drawn(cff, "A")[1][1:3] == [
        ("curveTo", ((140, 0), (160, -10), (200, -10))),
        ("curveTo", ((240, -10), (260, 0), (300, 0))),
    ]


def test_division_is_kept_to_a_65536th() -> None:
    width, path = drawn(converted("0 1001 2 div hsbw 1 3 div 0 rmoveto 100 hlineto 100 vlineto closepath endchar"), "A")
    assert width == 500.5
    assert path[0][1][0][0] == pytest.approx(1 / 3, abs=1 / 65_536)


def test_accented_letters_bring_their_parts() -> None:
    glyphs = {
        ".notdef": NOTDEF,
        "A": SQUARE,
        "acute": "30 300 hsbw 0 500 rmoveto 50 hlineto 50 vlineto closepath endchar",
    }
    program = type1_program({**glyphs, "Aacute": "50 500 hsbw 30 120 15 65 194 seac", "B": SQUARE})
    cff = type1_to_cff(program, ["Aacute"])
    assert sorted(opened(cff).charset) == [".notdef", "A", "Aacute", "acute"]
    assert program_of(cff, "Aacute")[-5:] == [140, 15, 65, 194, "endchar"]
    assert type1_outlines_equal(program, cff, ["Aacute"])


def test_sbw_dotsection_and_counter_hints_of_other_subroutines_are_understood() -> None:
    cff = converted(
        "50 20 500 0 sbw dotsection 2 3 2 13 callothersubr 0 0 rmoveto 400 hlineto 400 vlineto closepath endchar"
    )
    width, path = drawn(cff, "A")
    assert (width, path[0]) == (500, ("moveTo", ((50, 20),)))


def test_multiple_master_values_are_blended() -> None:
    clear = "/WeightVector [0.25 0.75] def /FontMatrix [0.001 0 0 0.001 0 0] def"
    cff = converted(
        "0 500 hsbw 100 40 2 14 callothersubr pop 0 rmoveto 100 hlineto 100 vlineto closepath endchar", clear=clear
    )
    assert drawn(cff, "A")[1][0] == ("moveTo", ((130, 0),))


def test_a_contour_may_begin_without_a_move() -> None:
    cff = converted(
        "0 500 hsbw 10 10 rmoveto 100 hlineto 100 vlineto closepath 50 hlineto 50 vlineto closepath endchar"
    )
    assert drawn(cff, "A")[1][4] == ("moveTo", ((110, 110),))


# Operands of each path operator, and how far it goes with them.
PATHS = {
    "rlineto": (2, lambda d: (d[0], d[1])),
    "hlineto": (1, lambda d: (d[0], 0)),
    "vlineto": (1, lambda d: (0, d[0])),
    "rrcurveto": (6, lambda d: (d[0] + d[2] + d[4], d[1] + d[3] + d[5])),
    "hvcurveto": (4, lambda d: (d[0] + d[1], d[2] + d[3])),
    "vhcurveto": (4, lambda d: (d[1] + d[3], d[0] + d[2])),
}


def test_curves_and_lines_of_every_direction_draw_the_same() -> None:
    rnd = random.Random(1)
    glyphs, ends = {".notdef": NOTDEF}, {}
    for number in range(120):
        x = y = 0
        text, points = ["0 500 hsbw 0 0 rmoveto"], []
        for _ in range(rnd.randrange(1, 60)):
            word, (count, distance) = rnd.choice(list(PATHS.items()))
            args = [rnd.choice([0, 0, 1, -3, 40, -60, 107, 108, -108, 1131, 1132, -1132]) for _ in range(count)]
            dx, dy = distance(args)
            x, y = x + dx, y + dy
            points.append((x, y))
            text += [*map(str, args), word]
        glyphs[f"g{number}"] = " ".join([*text, "closepath endchar"])
        ends[f"g{number}"] = points
    program = type1_program(glyphs)
    cff = type1_to_cff(program)
    assert type1_outlines_equal(program, cff)
    for name, points in ends.items():
        path = drawn(cff, name)[1]
        assert [piece[1][-1] for piece in path if piece[0] in ("lineTo", "curveTo")][: len(points)] == points


@pytest.mark.parametrize(
    ("charstring", "reason"),
    [
        ("0 500 hsbw 9 callsubr endchar", "Type 1 subroutine missing"),
        ("0 500 hsbw rlineto endchar", "Type 1 charstring damaged"),
        ("0 500 hsbw 1 0 div 0 rmoveto endchar", "Type 1 charstring damaged"),
        (f"0 500 hsbw 1 {'1 65535 div div ' * 80}0 rmoveto endchar", "Type 1 charstring damaged"),
        ("0 500 hsbw 0 1 0 65 200 seac", "part of an accented letter missing"),
        ("0 500 hsbw 32000 0 rmoveto 32000 hlineto endchar", "Type 1 coordinate out of range"),
    ],
)
def test_damaged_charstrings_are_refused(charstring: str, reason: str) -> None:
    with pytest.raises(FontError) as refused:
        type1_to_cff(type1_program({".notdef": NOTDEF, "A": charstring}))
    assert refused.value.reason == reason


@pytest.mark.parametrize("data", [b"", b"%!PS", b"%!PS-AdobeFont eexec ", b"\x80\x01", b"\x80\x01\xff\xff\xff\xff"])
def test_what_is_no_type_1_program_is_refused(data: bytes) -> None:
    with pytest.raises(FontError):
        type1_to_cff(data)


def test_subroutines_that_call_each_other_without_end_are_refused_at_once() -> None:
    fan = tuple(f"{number + 1} callsubr " * 60 + "return" for number in range(14))
    start = time.process_time()
    for subrs in (("0 callsubr return",), (*fan, "1 2 rlineto return")):
        with pytest.raises(FontError):
            type1_to_cff(type1_program({".notdef": NOTDEF, "A": "0 500 hsbw 0 callsubr endchar"}, subrs=subrs))
    assert time.process_time() - start < 10


def test_mutated_programs_raise_font_errors_alone() -> None:
    rnd = random.Random(7)
    glyphs = {".notdef": NOTDEF, "A": SQUARE, "B": FLEX, "C": "0 500 hsbw 0 20 hstem 3 4 callsubr 1 2 rmoveto endchar"}
    # Not encrypted: so that a changed byte changes one operator.
    whole = type1_program(glyphs, form="bare", len_iv=-1)
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(rnd.randrange(1, 6)):
            data[rnd.randrange(len(data))] = rnd.randrange(256)
        if rnd.random() < 0.1:
            del data[rnd.randrange(len(data)) :]
        with suppress(FontError):
            type1_outlines_equal(bytes(data), type1_to_cff(bytes(data)))
