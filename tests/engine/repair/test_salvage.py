"""Files that are cut off or numbered absurdly: what is left of them is found."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pikepdf
import pytest

from pdfsmaller.engine.compress import compress
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.engine.repair.mend import open_or_mend
from pdfsmaller.engine.repair.salvage import salvage
from pdfsmaller.errors import UnreadablePdf
from pdfsmaller.limits import Limits
from tests import documents


def many_pages(*, packed: bool, encrypted: bool = False, pages: int = 30) -> bytes:
    """Pages that each have their number as text."""
    pdf = pikepdf.new()
    for number in range(pages):
        page = pdf.add_blank_page(page_size=(200, 100))
        page.Contents = pdf.make_stream(b"BT /F 20 Tf 10 10 Td (%d) Tj ET" % number)
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
    out = io.BytesIO()
    pdf.save(
        out,
        object_stream_mode=pikepdf.ObjectStreamMode.generate if packed else pikepdf.ObjectStreamMode.disable,
        encryption=pikepdf.Encryption(owner="o") if encrypted else None,  # type: ignore[arg-type]
    )
    return out.getvalue()


def opened(folder: Path, data: bytes) -> pikepdf.Pdf:
    return open_or_mend(documents.write(folder / "in.pdf", data), folder / "mended.pdf", None, Limits()).pdf


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_without_its_end_keeps_its_pages(tmp_path: Path, packed: bool) -> None:
    whole = many_pages(packed=packed)
    end = whole.rindex(b"/XRef" if packed else b"xref\n0 ")
    with opened(tmp_path, whole[:end]) as pdf:
        assert len(pdf.pages) == 30
        assert b"(7)" in pdf.pages[7].Contents.read_bytes()


def test_a_part_of_a_file_gives_the_pages_that_are_in_it(tmp_path: Path) -> None:
    whole = many_pages(packed=False, pages=100)
    with opened(tmp_path, whole[: len(whole) * 3 // 4]) as pdf:
        texts = [page.Contents.read_bytes() for page in pdf.pages if isinstance(page.get("/Contents"), pikepdf.Stream)]
    numbers = [int(text[1]) for data in texts if (text := re.search(rb"\((\d+)\)", data))]
    assert len(numbers) > 20
    assert numbers == sorted(numbers)


def test_pages_whose_tree_is_gone_are_found(tmp_path: Path) -> None:
    whole = many_pages(packed=False)
    root = re.search(rb"/Pages (\d+) 0 R", whole)
    assert root
    headless = re.sub(rb"\n%s 0 obj.*?endobj" % root[1], b"", whole, flags=re.DOTALL)
    assert len(headless) < len(whole)
    with opened(tmp_path, headless) as pdf:
        assert len(pdf.pages) == 30


def test_a_small_file_may_have_large_object_numbers(tmp_path: Path) -> None:
    whole = many_pages(packed=False, pages=1)
    renumbered = re.sub(rb"\b(\d+) 0 (obj|R)\b", lambda m: b"%d 0 %s" % (int(m[1]) + 90_000, m[2]), whole)
    with opened(tmp_path, renumbered) as pdf:
        assert len(pdf.pages) == 1
    report = compress(tmp_path / "in.pdf", tmp_path / "out.pdf", CompressOptions())
    assert "repaired" in [warning.code for warning in report.warnings]


def test_what_nobody_can_decrypt_any_more_is_refused(tmp_path: Path) -> None:
    whole = many_pages(packed=False, encrypted=True)
    with pytest.raises(UnreadablePdf):
        opened(tmp_path, whole[: whole.rindex(b"xref\n0 ")])


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n",
        b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj",
        b"%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 1 0 R>>endobj 2 0 obj<</Type/Page/Parent 2 0 R>>endobj",
        b"%PDF-1.7\n1 0 obj<</Type/ObjStm/N 999999999/First 5/Filter/FlateDecode>>stream\nx\nendstream endobj",
        b"%PDF-1.7\n9999999 0 obj<</Type/ObjStm/N 3/First 999999999>>stream\n",
    ],
)
def test_nonsense_is_refused(tmp_path: Path, data: bytes) -> None:
    source = documents.write(tmp_path / "in.pdf", data)
    salvage(source, tmp_path / "copy.pdf")
    with pytest.raises(UnreadablePdf):
        open_or_mend(source, tmp_path / "mended.pdf", None, Limits())
