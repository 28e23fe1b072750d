"""Page trees that qpdf refuses: mended where that is safe, told of, and never made worse."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from pdfsmaller.engine import build
from pdfsmaller.engine.compress import compress
from pdfsmaller.engine.inspect import inspect
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.engine.repair.page_tree import mend_page_tree
from pdfsmaller.errors import UnreadablePdf
from tests import documents


def repeat_node(pdf: pikepdf.Pdf) -> None:
    """As Quartz on macOS 13 writes it: the same empty node of the page tree several times over."""
    empty = pdf.make_indirect(Dictionary(Type=Name.Pages, Parent=pdf.Root.Pages, Kids=Array(), Count=0))
    pdf.Root.Pages.Kids.extend([empty] * 3)


def with_repeated_node(data: bytes) -> bytes:
    return documents.edited(data, repeat_node)


def with_loop(data: bytes) -> bytes:
    """A page tree that contains itself."""
    return documents.edited(data, lambda pdf: pdf.Root.Pages.Kids.append(pdf.Root.Pages))


def codes(report: object) -> list[str]:
    return [warning.code for warning in report.warnings]  # type: ignore[attr-defined]


@pytest.mark.parametrize("damage", [with_repeated_node, with_loop])
def test_a_page_tree_with_repeated_nodes_is_mended_and_told(tmp_path: Path, damage: object) -> None:
    whole = documents.photo_jpeg()
    source = documents.write(tmp_path / "in.pdf", damage(whole))  # type: ignore[operator]
    with pytest.raises(pikepdf.PdfError):
        pikepdf.open(source)
    report = compress(source, tmp_path / "out.pdf", CompressOptions(preset="ebook"))
    assert (report.outcome, report.pages, codes(report)) == ("compressed", 1, ["repaired"])
    with pikepdf.open(tmp_path / "out.pdf") as pdf:
        assert len(pdf.pages) == 1


def test_a_mended_file_can_be_looked_into(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", with_repeated_node(documents.photo_jpeg()))
    assert inspect(source).image_count == 1


def test_a_mended_file_stays_encrypted(tmp_path: Path) -> None:
    with pikepdf.open(documents.write(tmp_path / "whole.pdf", documents.photo_jpeg())) as pdf:
        assert len(pdf.pages) == 1  # qpdf has seen the tree before it is broken, or it would not save it
        repeat_node(pdf)
        pdf.save(tmp_path / "in.pdf", encryption=pikepdf.Encryption(user="u", owner="o"))
    assert mend_page_tree(tmp_path / "in.pdf", tmp_path / "mended.pdf", "u")
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(tmp_path / "mended.pdf")
    options = CompressOptions.parse({"preset": "ebook", "password": "u"})
    assert compress(tmp_path / "in.pdf", tmp_path / "out.pdf", options).outcome == "compressed"
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(tmp_path / "out.pdf")


@pytest.mark.parametrize("kids", [5, Name.Oops, Dictionary()])
def test_kids_that_are_no_array_hold_no_page(tmp_path: Path, kids: object) -> None:
    def change(pdf: pikepdf.Pdf) -> None:
        pdf.Root.Pages.Kids.append(pdf.make_indirect(Dictionary(Type=Name.Pages, Parent=pdf.Root.Pages, Kids=kids)))
        repeat_node(pdf)

    source = documents.write(tmp_path / "in.pdf", documents.edited(documents.photo_jpeg(), change))
    assert mend_page_tree(source, tmp_path / "mended.pdf", None)
    with pikepdf.open(tmp_path / "mended.pdf") as pdf:
        assert len(pdf.pages) == 1


def test_a_tree_without_any_page_is_not_mended(tmp_path: Path) -> None:
    data = documents.edited(documents.text(1), lambda pdf: pdf.Root.Pages.__setitem__("/Kids", Array([pdf.Root.Pages])))
    source = documents.write(tmp_path / "in.pdf", data)
    with pytest.raises(UnreadablePdf):
        compress(source, tmp_path / "out.pdf")
    assert not (tmp_path / "out.pdf").exists()


def test_a_rebuilt_cross_reference_table_is_told(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", documents.truncated())
    assert "repaired" in codes(compress(source, tmp_path / "out.pdf"))


def test_what_nobody_foresaw_hands_the_original_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def surprised(*_: object, **__: object) -> None:
        raise KeyError("/Surprise")

    monkeypatch.setattr(build, "tidy", surprised)
    source = documents.write(tmp_path / "in.pdf", documents.photo_jpeg())
    report = compress(source, tmp_path / "out.pdf")
    assert (report.outcome, codes(report)) == ("unchanged", ["left_alone"])
    assert (tmp_path / "out.pdf").read_bytes() == source.read_bytes()
