"""CFF programs cut to the glyphs that are kept, compared and united; what is damaged is refused."""

from __future__ import annotations

import random
import time
from contextlib import suppress

import pytest

from pdfsmaller.engine.fonts.cff import cff_info, cff_outlines_equal, subset_cff, union_cff
from pdfsmaller.engine.fonts.cff_format import Cff, FontDict, Index, operand, real, write_cff, write_index
from pdfsmaller.engine.fonts.errors import FontError
from tests.engine.fonts.programs import cff_program, drawn, opened, program_of

GLYPHS = {
    ".notdef": "250 endchar",
    "A": "500 10 20 hstem 30 40 vstem 10 10 rmoveto 100 hlineto 100 vlineto endchar",
    "B": "600 10 20 hstemhm 30 40 60 10 hintmask mask:a0 10 hmoveto -107 callsubr hintmask mask:60 50 vlineto endchar",
    "C": "700 10 vmoveto -106 callsubr endchar",
    "acute": "-107 callgsubr endchar",
    "Aacute": "500 20 30 65 194 endchar",
}
SUBRS = ("100 hlineto 100 vlineto return", "-107 callsubr 30 30 rlineto return", "5 5 rlineto return")
SHARED = ("333 10 10 rmoveto 40 50 rlineto 40 hlineto return", "return")


def program(**kwargs: object) -> bytes:
    codes = {65: "A", 66: "B", 67: "C"}
    private = {"BlueValues": [-10, 0], "StdHW": 30}
    wanted = {"encoding": codes, "private": private, "subrs": SUBRS, "global_subrs": SHARED, **kwargs}
    return cff_program(GLYPHS, **wanted)  # type: ignore[arg-type]


def cid_program(cids: list[int] = [0, 3, 4, 9], fds: bytes = bytes((0, 1, 0, 1))) -> bytes:  # noqa: B006
    """A CID-keyed font with two font dictionaries, a glyph of each CID."""
    bodies = [bytes.fromhex("bd16") + bytes((139 + cid, 6, 14)) for cid in cids]  # 50 hmoveto, cid hlineto, endchar
    fonts = [FontDict({20: [300]}, (), {}, b"One"), FontDict({20: [400]}, (b"\x0b",), {}, b"Two")]
    return write_cff(Cff(b"Test", {}, bodies, (), fonts, fds, ros=(b"Adobe", b"Japan1", 2), cids=cids))


def test_a_subset_keeps_names_codes_widths_hints_and_outlines() -> None:
    whole = program()
    cut = subset_cff(whole, names={"B", "not there"})
    assert cff_info(cut).encoding == {66: "B"}
    assert opened(cut).charset == [".notdef", "B"]
    assert drawn(cut, "B") == drawn(whole, "B")
    assert opened(cut).Private.BlueValues == [-10, 0]
    assert cff_outlines_equal(whole, cut, names=["B"])
    assert not cff_outlines_equal(whole, cut, names=["A"])
    assert len(cut) < len(whole) / 2


def test_a_program_of_all_glyphs_loses_what_no_reader_needs() -> None:
    whole = program()
    packed = subset_cff(whole)
    assert cff_outlines_equal(whole, packed)
    assert cff_info(packed).encoding == cff_info(whole).encoding
    assert sorted(cff_info(packed).names) == sorted(GLYPHS)
    assert b"notice" not in packed
    assert len(packed) < len(whole)


def test_accented_letters_bring_their_parts() -> None:
    cut = subset_cff(program(), names=["Aacute"])
    assert sorted(cff_info(cut).names) == [".notdef", "A", "Aacute", "acute"]
    assert program_of(cut, "Aacute")[-5:] == [20, 30, 65, 194, "endchar"]


def test_glyphs_may_be_chosen_by_index() -> None:
    whole = program()
    cut = subset_cff(whole, gids=[1, 4, 4_000])
    assert set(cff_info(cut).names) == {".notdef", "A", "acute"}


def test_a_cid_keyed_subset_keeps_cids_and_the_font_dictionaries_in_use() -> None:
    whole = cid_program()
    cut = subset_cff(whole, cids=[9, 5])
    assert cff_info(cut).cids == (0, 9)
    assert cff_outlines_equal(whole, cut, cids=[9])
    top = opened(cut)
    assert (top.ROS, len(top.FDArray)) == (("Adobe", "Japan1", 2), 2)
    assert drawn(cut, "cid00009") == drawn(whole, "cid00009")
    assert len(opened(subset_cff(whole, cids=[4])).FDArray) == 1


def test_glyphs_of_a_name_keyed_program_found_by_index_become_cids() -> None:
    whole = program()
    cut = subset_cff(whole, gids=[1, 3], retain_gids=True)
    info = cff_info(cut)
    assert (info.cid_keyed, info.cids) == (True, (0, 1, 3))
    assert drawn(cut, "cid00003") == drawn(whole, "C")
    assert cff_outlines_equal(whole, cut, gids=[1, 3])
    assert not cff_outlines_equal(whole, cut, gids=[2])
    with pytest.raises(FontError):
        subset_cff(whole, gids=[5], retain_gids=True)  # of parts that only names can find


def test_the_cff_table_of_an_opentype_font_is_enough() -> None:
    table = program()
    font = b"OTTO" + (1).to_bytes(2) + bytes(6) + b"CFF " + bytes(4) + (28).to_bytes(4) + len(table).to_bytes(4) + table
    assert subset_cff(font, names=["A"]) == subset_cff(table, names=["A"])


def test_predefined_charset_and_encoding_cost_nothing() -> None:
    glyphs = {".notdef": "250 endchar", "space": "250 endchar", "exclam": "250 10 hmoveto 10 vlineto endchar"}
    cut = subset_cff(cff_program(glyphs, encoding={32: "space", 33: "exclam"}))
    assert opened(cut).Encoding == "StandardEncoding"
    assert cff_info(cut).names == (".notdef", "space", "exclam")
    assert cff_info(cut).encoding == {32: "space", 33: "exclam"}


def test_more_widths_than_one_keep_their_values() -> None:
    glyphs = {".notdef": "250 endchar"}
    glyphs |= {f"g{n}": f"{[500, 501, 740, 1300, -20][n % 5]} 10 hmoveto {n} vlineto endchar" for n in range(60)}
    whole = cff_program(glyphs)
    cut = subset_cff(whole)
    assert {name: drawn(cut, name) for name in glyphs} == {name: drawn(whole, name) for name in glyphs}


def test_large_programs_keep_their_subroutines_and_are_cut_at_once() -> None:
    rnd = random.Random(3)
    bodies = [bytes(rnd.randrange(32, 247) for _ in range(10)) * 9 + b"\x05\x0e" for _ in range(20_000)]
    font = Cff(b"Big", {}, bodies, [b"\x0b"] * 2_000, [FontDict()], bytes(20_000), ros=(b"A", b"B", 0))
    font.cids = list(range(20_000))
    whole = write_cff(font)
    start = time.process_time()
    cut = subset_cff(whole, cids=range(0, 20_000, 100))
    packed = subset_cff(whole)
    assert cff_outlines_equal(whole, packed)
    assert time.process_time() - start < 8
    assert len(cff_info(cut).cids) == 200
    assert len(packed) <= len(whole)


def test_subsets_of_one_font_unite() -> None:
    whole = program()
    parts = [subset_cff(whole, names=names) for names in (["A"], ["B", "C"], ["Aacute"])]
    united = union_cff(parts)
    assert sorted(cff_info(united).names) == sorted(GLYPHS)
    assert cff_info(united).encoding == cff_info(whole).encoding
    assert all(cff_outlines_equal(part, united) for part in parts)
    assert cff_outlines_equal(whole, united)


def test_cid_keyed_subsets_unite() -> None:
    whole = cid_program()
    united = union_cff([subset_cff(whole, cids=[9]), subset_cff(whole, cids=[3, 4])])
    assert cff_info(united).cids == (0, 3, 4, 9)
    assert cff_outlines_equal(whole, united)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"private": {"BlueValues": [-20, 0], "StdHW": 30}}, "fonts differ as a whole"),
        ({"encoding": {66: "A"}}, "a code differs"),
        ({"subrs": ("100 hlineto 101 vlineto return", *SUBRS[1:])}, "a glyph differs"),
    ],
)
def test_different_fonts_do_not_unite(change: dict[str, object], reason: str) -> None:
    with pytest.raises(FontError) as refused:
        union_cff([program(), program(**change)])
    assert refused.value.reason == reason


def test_codes_that_differ_do_not_matter_where_nothing_looks_glyphs_up_by_them() -> None:
    parts = [subset_cff(program(), names=["A"]), subset_cff(program(encoding={65: "B"}), names=["B"])]
    with pytest.raises(FontError):
        union_cff(parts)
    united = union_cff(parts, encoding=False)
    assert cff_info(united).names == (".notdef", "A", "B")
    assert cff_outlines_equal(parts[1], united, encoding=False)
    assert not cff_outlines_equal(parts[1], united)


def test_a_changed_outline_width_or_hint_is_seen() -> None:
    whole = program()
    for old, new in (("100 hlineto", "101 hlineto"), ("500 10 20", "501 10 20"), ("30 40 vstem", "30 41 vstem")):
        changed = cff_program({**GLYPHS, "A": GLYPHS["A"].replace(old, new)}, subrs=SUBRS, global_subrs=SHARED)
        assert not cff_outlines_equal(whole, changed, names=["A"])


@pytest.mark.parametrize("value", [0, 1, -107, 108, 1131, -1132, 32768, -40000, 0.5, -0.039625, 0.001, 1e-7, 1.25e9])
def test_operands_say_what_they_mean(value: float) -> None:
    assert real(operand(value)) == pytest.approx(value, rel=1e-12)


def test_an_index_reads_as_written() -> None:
    items = [b"", b"a", b"b" * 300, b""]
    data = b"xx" + write_index(items) + b"yy"
    index = Index(data, 2)
    assert (list(index), index.end) == (items, len(data) - 2)


def test_subroutines_without_end_and_arithmetic_are_refused_at_once() -> None:
    # Each subroutine calls the next one sixty times: 139 - 107 + n is the operand of the call of n.
    fan = [bytes((139 - 107 + number + 1, 10)) * 60 + b"\x0b" for number in range(14)]
    start = time.process_time()
    for subrs, reason in (
        ([bytes((139 - 107, 10))], "charstring calls what is not there"),
        ([*fan, b"\x8c\x8c\x05\x0b"], "charstrings too long"),
        ([b"\x8c\x8c\x0c\x0a\x0b"], "arithmetic in a charstring"),
    ):
        body = b"\x8b\x16" + bytes((139 - 107, 10)) + b"\x0e"
        font = Cff(b"Test", {}, [b"\x0e", body], (), [FontDict({}, subrs)], names=[".notdef", "A"])
        with pytest.raises(FontError) as refused:
            subset_cff(write_cff(font))
        assert refused.value.reason == reason
    assert time.process_time() - start < 15


def test_mutated_programs_raise_font_errors_alone() -> None:
    rnd = random.Random(11)
    sources = [program(), cid_program()]
    for number in range(600):
        data = bytearray(sources[number % 2])
        for _ in range(rnd.randrange(1, 6)):
            data[rnd.randrange(len(data))] = rnd.randrange(256)
        if rnd.random() < 0.1:
            del data[rnd.randrange(len(data)) :]
        whole = bytes(data)
        with suppress(FontError):
            cff_outlines_equal(whole, subset_cff(whole))
            subset_cff(whole, gids=[1, 2])
            union_cff([whole, sources[number % 2]])


def test_charstrings_of_few_operators_are_written_in_shorter_ones() -> None:
    curve = "10 0 20 30 0 40 rrcurveto 0 10 20 30 40 0 rrcurveto 10 0 rlineto 0 10 rlineto 10 0 rlineto "
    glyphs = {".notdef": "250 endchar", "A": f"500 10 20 hstem 30 40 vstem 10 0 rmoveto {curve * 3} endchar"}
    whole = cff_program(glyphs)
    packed = subset_cff(whole)
    assert drawn(packed, "A") == drawn(whole, "A")
    assert cff_outlines_equal(whole, packed)
    assert program_of(packed, "A").count("hvcurveto") == 3
    assert not {"rrcurveto", "rlineto", "rmoveto"} & set(map(str, program_of(packed, "A")))


def test_stems_declared_out_of_order_stay_so() -> None:
    lines = "10 0 rlineto 0 10 rlineto -10 0 rlineto " * 4
    text = f"500 300 20 -310 20 hstemhm 30 40 hintmask mask:e0 10 0 rmoveto {lines} hintmask mask:40 {lines} endchar"
    whole = cff_program({".notdef": "250 endchar", "A": text})
    packed = subset_cff(whole)
    words = program_of(packed, "A")
    assert words[words.index("hstemhm") - 4 : words.index("hstemhm") + 5] == [
        *(300, 20, -310, 20, "hstemhm", 30, 40, "hintmask", b"\xe0")
    ]
    assert len(words) < len(program_of(whole, "A"))
