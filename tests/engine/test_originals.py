"""Pages rendered while the result is made: a comparison with them says what one without them says."""

from __future__ import annotations

import time
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Dictionary, Name

from pdfsmaller.engine import verify
from pdfsmaller.engine.comparison import Comparison
from pdfsmaller.engine.compress import compress
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.engine.verify import Originals, compare
from tests import documents


def _rendered(source: Path, pages: int) -> Originals:
    """All pages of a document, rendered."""
    originals = Originals(source, None, range(pages), time.monotonic() + 60)
    originals._thread.join()
    return originals


def _compared(before: Path, after: Path, originals: Originals | None) -> Comparison:
    return compare(before, after, mode="full", password=None, min_similarity=0.9, originals=originals)


@pytest.fixture
def renderings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An entry for each page that is rendered."""
    real, made = verify._render, list[int]()

    def counted(*arguments: object, **options: object) -> object:
        made.append(1)
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(verify, "_render", counted)
    return made


def test_pages_are_not_rendered_twice(tmp_path: Path, renderings: list[int]) -> None:
    before = documents.write(tmp_path / "a.pdf", documents.text(3))
    originals = _rendered(before, 3)
    assert sorted(originals.pages) == [0, 1, 2]
    renderings.clear()
    assert _compared(before, before, originals).differences == []
    assert len(renderings) == 3
    assert _compared(before, before, originals).compared == {0, 1, 2}


def test_what_differs_is_seen_by_what_was_rendered_before(tmp_path: Path) -> None:
    before = documents.write(tmp_path / "a.pdf", documents.text(2))
    covered, shifted = tmp_path / "covered.pdf", tmp_path / "text.pdf"
    with pikepdf.open(before) as pdf:
        pdf.pages[1].contents_add(b"q 0 g 100 100 400 400 re f Q")
        pdf.save(covered)
        pdf.pages[0].Contents = pdf.make_stream(b"")
        pdf.save(shifted)
    for after in (covered, shifted):
        with_them, without = _compared(before, after, _rendered(before, 2)), _compared(before, after, None)
        assert with_them.differences == without.differences != []
        assert with_them.compared == without.compared


def test_renderings_without_fields_are_not_compared_with_some_that_show_them(tmp_path: Path) -> None:
    before = documents.write(tmp_path / "a.pdf", documents.form())
    after = tmp_path / "b.pdf"
    with pikepdf.open(before) as pdf:
        del pdf.Root["/AcroForm"]
        pdf.save(after)
    originals = _rendered(before, 1)
    assert originals.forms
    without = _compared(before, after, None)
    assert _compared(before, after, originals).differences == without.differences


def test_a_document_that_cannot_be_rendered_has_no_pages(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "a.pdf", b"%PDF-1.7\nnothing")
    assert _rendered(source, 1).pages == {}


def test_time_that_is_up_and_a_stop_end_it(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "a.pdf", documents.text(3))
    late = Originals(source, None, range(3), time.monotonic() - 1)
    late.stop()
    late.stop()
    assert late.pages == {}


def test_compressing_renders_every_page_of_text_once(tmp_path: Path, renderings: list[int]) -> None:
    source = documents.write(tmp_path / "a.pdf", documents.text(4))
    report = compress(source, tmp_path / "b.pdf", CompressOptions(preset="ebook"))
    assert report.outcome == "compressed"
    assert len(renderings) == 8


def test_a_font_that_is_not_there_looks_the_same_however_often_it_was_drawn(tmp_path: Path) -> None:
    def text(name: str, x: int) -> Path:
        def add(pdf: pikepdf.Pdf) -> None:
            page = pdf.add_blank_page(page_size=(612, 100))
            page.Resources = Dictionary(Font=Dictionary(F=pdf.make_indirect(font)))
            page.Contents = pdf.make_stream(b"BT /F 24 Tf %d 40 Td (Some text that is written in no font) Tj ET" % x)

        font = Dictionary(Type=Name.Font, Subtype=Name.TrueType, BaseFont=Name.NoSuchFont)
        return documents.write(tmp_path / name, documents.edited(documents.text(1), add))

    before, after, moved = text("before.pdf", 50), text("after.pdf", 50), text("moved.pdf", 80)
    for _ in range(3):
        assert _compared(before, after, _rendered(before, 2)).differences == []
    assert [found.page for found in _compared(before, moved, _rendered(before, 2)).differences] == [1]


def test_of_many_pages_that_differ_a_few_are_looked_at_twice(tmp_path: Path, renderings: list[int]) -> None:
    before = documents.write(tmp_path / "a.pdf", documents.text(12))
    after = documents.write(tmp_path / "b.pdf", documents.edited(documents.text(12), _covered))
    found = _compared(before, after, None)
    assert [difference.page for difference in found.differences] == list(range(12))
    assert len(renderings) == 24 + 6


def _covered(pdf: pikepdf.Pdf) -> None:
    for page in pdf.pages:
        page.contents_add(b"q 0 g 100 100 400 400 re f Q")
