"""Some hundred programs of the fonts' fuzzer, always the same ones, and that it tells what is wrong."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.fuzz import fonts
from benchmarks.fuzz.programs import Program
from pdfsmaller.engine.fonts.errors import FontError


def test_programs_made_and_damaged_by_lot_hold() -> None:
    outcomes = Counter(fonts.run_case(1, case) for case in range(300))
    for kind in ("truetype", "cff", "type1", "cmap"):
        assert outcomes[f"{kind} kept"] > 20
        assert outcomes[f"{kind} refused"] > 5


@pytest.mark.parametrize("case", range(20))
def test_documents_set_in_them_hold(case: int) -> None:
    fonts.run_case(3, case, documents=True)


@pytest.mark.parametrize(("seed", "case"), [(77, 1673), (77, 2048), (3, 50)])
def test_a_code_of_notdef_is_no_code(seed: int, case: int) -> None:
    assert fonts.run_case(seed, case) == "cff kept"


def test_the_same_case_is_the_same_program() -> None:
    assert [fonts.made(1, case) for case in range(30)] == [fonts.made(1, case) for case in range(30)]


def sound(kind: str) -> int:
    """A case whose program is sound, and of a kind."""
    return next(case for case in range(200) if (made := fonts.made(1, case)).sound and made.kind == kind)


def test_a_lost_glyph_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "subset_cff", lambda data, **_: Program("cff", data).data[:-1] + b"\x0e")
    monkeypatch.setattr(fonts, "cff_outlines_equal", lambda *_, **__: False)
    with pytest.raises(fonts.Wrong):
        fonts.run_case(1, sound("cff"))


def test_a_sound_program_that_is_refused_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_data: bytes) -> object:
        raise FontError("not liked")

    monkeypatch.setattr(fonts, "cff_info", refuse)
    with pytest.raises(FontError):
        fonts.run_case(1, sound("cff"))
