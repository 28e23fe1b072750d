"""Fonts of several sources: subsets of one become one program, and every page looks as it did."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from pikepdf import Dictionary, Pdf

from pdfsmaller.engine.fonts.cff import subset_cff
from pdfsmaller.engine.merge import merge as merging
from pdfsmaller.engine.merge.source import Ready, SourceFailed
from pdfsmaller.errors import EngineFailed
from tests import documents
from tests.engine.fonts.conftest import add_page, composite, glyph_codes, saved, simple
from tests.engine.fonts.test_shrink_cff import CFF, type1
from tests.engine.fonts.test_unite import FIRST, SECOND, part, renumbered, shown, with_text
from tests.engine.merge.conftest import Join, Merged


def with_simple(text: str) -> bytes:
    pdf = Pdf.new()
    add_page(pdf, shown(text.encode(), 50, "F"), Font=Dictionary(F=simple(pdf, part(text))))
    return saved(pdf)


def with_composite(text: str) -> bytes:
    pdf = Pdf.new()
    font = with_text(pdf, composite(pdf, part(text, cmap=False)))
    add_page(pdf, shown(glyph_codes(text), 50, "F"), Font=Dictionary(F=font))
    return saved(pdf)


def with_new_numbers(text: str, *, made_at: int = 0) -> bytes:
    pdf = Pdf.new()
    text += "abcdefghijklmnopqrstuvwxyz"  # enough to be worth the maps
    data, numbers = renumbered(text, made_at=made_at)
    codes = b"".join(numbers[letter].to_bytes(2) for letter in text)
    add_page(pdf, shown(codes, 50, "F"), Font=Dictionary(F=with_text(pdf, composite(pdf, data))))
    return saved(pdf)


def with_cff(text: str) -> bytes:
    pdf = Pdf.new()
    font = type1(pdf, subset_cff(CFF, names=set(text)), "/FontFile3", "/Type1C", name="ABCDEF+Bars")
    add_page(pdf, shown(text.encode(), 50, "F"), Font=Dictionary(F=font))
    return saved(pdf)


def programs(merged: Merged) -> set[tuple[int, int]]:
    found = set()
    for page in merged.pdf.pages:
        for _, font in page.obj.Resources.Font.items():
            font = font.DescendantFonts[0] if "/DescendantFonts" in font else font
            about = font.FontDescriptor
            found.add((about.get("/FontFile2") or about.FontFile3).objgen)
    return found


def rendered(path: Path) -> list[bytes]:
    with pypdfium2.PdfDocument(path) as pdf:
        return [bytes(page.render(scale=2).buffer) for page in pdf]


@pytest.mark.parametrize("made", [with_simple, with_composite, with_new_numbers, with_cff])
def test_subsets_of_one_font_become_one_program(made: object, join: Join, tmp_path: Path) -> None:
    assert callable(made)
    sources = [made(text) for text in (FIRST, SECOND, FIRST)]
    merged = join(*sources, preset="ebook", optimize=True)
    assert len(programs(merged)) == 1
    assert len(programs(join(*sources))) == 2
    each = [rendered(documents.write(tmp_path / "source.pdf", data))[0] for data in sources]
    assert rendered(merged.path) == each


def test_subsets_that_differ_in_their_dates_alone_share_a_program_with_a_third(join: Join) -> None:
    """The two fit in one another as they are, the third by new numbers only."""
    sources = [with_new_numbers(FIRST, made_at=1), with_new_numbers(SECOND), with_new_numbers(FIRST, made_at=2)]
    merged = join(*sources, preset="ebook", optimize=True)
    assert len(programs(merged)) == 1


def test_different_fonts_stay_apart(join: Join) -> None:
    merged = join(with_simple(FIRST), with_composite(SECOND), with_cff(FIRST), preset="ebook", optimize=True)
    assert len(programs(merged)) == 2


def test_a_result_that_fails_the_check_is_made_with_the_fonts_as_they_were(
    join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[list[Path]] = []
    check, assemble = merging.check, merging.assemble

    def watched(ready: list[Ready], *rest: object) -> None:
        copied.append([source.path for source in ready])
        assemble(ready, *rest)  # type: ignore[arg-type]

    def failing(ready: list[Ready], *rest: object) -> object:
        if len(copied) == 1:
            raise SourceFailed(ready[0], EngineFailed("The text of page 1 changed."))
        return check(ready, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(merging, "assemble", watched)
    monkeypatch.setattr(merging, "check", failing)
    merged = join(with_simple(FIRST), with_simple(SECOND), preset="ebook", optimize=True)
    assert len(copied) == 2
    assert copied[0] != copied[1]
    assert len(programs(merged)) == 2
    assert merged.warnings() == []


def test_a_damaged_font_is_no_hindrance(join: Join) -> None:
    with pikepdf.Pdf.new() as pdf:
        font = simple(pdf, b"nonsense")
        add_page(pdf, shown(b"AB", 50, "F"), Font=Dictionary(F=font))
        damaged = saved(pdf)
    merged = join(damaged, with_simple(FIRST), with_simple(SECOND), preset="ebook", optimize=True)
    assert len(programs(merged)) == 2
