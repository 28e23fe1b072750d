"""Objects without their end: what other readers show of them is kept."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pikepdf
import pytest

from pdfsmaller.engine.compress import compress
from pdfsmaller.engine.inputs import InputFile
from pdfsmaller.engine.merge.merge import merge
from pdfsmaller.engine.merge.options import MergeOptions
from pdfsmaller.engine.options import CompressOptions
from pdfsmaller.engine.repair.mend import open_or_mend
from pdfsmaller.engine.repair.objects import close_objects, given_up
from pdfsmaller.limits import Limits
from tests import documents

TEXT = b"BT /F1 24 Tf 20 40 Td (Potato) Tj ET\n" + b"% so that there is something to be saved\n" * 20
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Times-Roman >>\nendobj\n"


def stream(data: bytes, *, end: bytes = b"endstream\nendobj\n", length: int | None = None) -> bytes:
    return b"<< /Length %d >>\nstream\n%s%s" % (len(data) if length is None else length, data, end)


def page(content: bytes, font: bytes = FONT) -> list[bytes]:
    """The objects of a document of one page."""
    return [
        b"<< /Type /Catalog /Pages 2 0 R >>\nendobj\n",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 100] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>\nendobj\n",
        content,
        font,
    ]


def file(objects: Sequence[bytes], *, move: int = 0) -> bytes:
    """A file with a cross-reference table, the last entry of which may be wrong by some bytes."""
    out, table = io.BytesIO(b"%PDF-1.7\n"), []
    out.seek(0, io.SEEK_END)
    for number, body in enumerate(objects, 1):
        table.append(out.tell())
        out.write(b"%d 0 obj\n%s" % (number, body))
    start = out.tell()
    table[-1] += move
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(table) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in table))
    out.write(b"trailer\n<< /Root 1 0 R /Size %d >>\n" % (len(table) + 1))
    out.write(b"startxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()


WHOLE = file(page(stream(TEXT)))
NOT_CLOSED = file(page(stream(TEXT), FONT.replace(b">>\n", b"")))
NO_END = file(page(stream(TEXT, end=b"enxstream\nenxobj\n")))
#: Behind a whole file, the beginning of a second version of an object.
TWICE = WHOLE + b"% more\n" * 200 + b"4 0 obj\n" + stream(TEXT[:200], end=b"", length=len(TEXT))


def compressed(folder: Path, data: bytes) -> tuple[list[str], str, bytes]:
    """The warnings, the font and the content of what comes of a document."""
    source = documents.write(folder / "in.pdf", data)
    report = compress(source, folder / "out.pdf", CompressOptions(preset="lossless"))
    with pikepdf.open(folder / "out.pdf") as pdf:
        fonts = pdf.pages[0].Resources.get("/Font", pikepdf.Dictionary(F1=pikepdf.Dictionary(BaseFont=None))).F1
        return (
            [warning.code for warning in report.warnings],
            str(fonts.get("/BaseFont")) if isinstance(fonts, pikepdf.Dictionary) else "none",
            pdf.pages[0].Contents.read_bytes(),
        )


@pytest.mark.parametrize("data", [NOT_CLOSED, NO_END, TWICE], ids=["dictionary", "stream", "second version"])
def test_what_has_no_end_is_kept(tmp_path: Path, data: bytes) -> None:
    warnings, font, content = compressed(tmp_path, data)
    assert (warnings, font) == (["repaired"], "/Times-Roman")
    assert b"Potato" in content


def test_a_stream_that_the_file_ends_in_is_kept_as_far_as_it_goes(tmp_path: Path) -> None:
    objects = page(FONT)  # in the content's place: that follows
    head = file(objects).partition(b"xref\n")[0].replace(b"4 0 obj", b"6 0 obj")
    content = b"trailer\n<< /Root 1 0 R >>\n4 0 obj\n" + stream(TEXT, end=b"", length=2 * len(TEXT))
    source = documents.write(tmp_path / "in.pdf", head + content)
    opened = open_or_mend(source, tmp_path / "mended.pdf", None, Limits())
    with opened.pdf as pdf:
        assert b"Potato" in pdf.pages[0].Contents.read_bytes()
    assert opened.repaired


def test_merging_takes_the_mended_copy(tmp_path: Path) -> None:
    source = InputFile(documents.write(tmp_path / "in.pdf", NO_END), "in.pdf")
    merge([source, source], tmp_path / "out.pdf", MergeOptions(optimize=False))
    with pikepdf.open(tmp_path / "out.pdf") as pdf:
        assert [b"Potato" in one.Contents.read_bytes() for one in pdf.pages] == [True, True]


def test_a_table_that_turns_out_wrong_when_objects_are_read_is_told(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", file(page(stream(TEXT)), move=3))
    opened = open_or_mend(source, tmp_path / "mended.pdf", None, Limits())
    with opened.pdf as pdf:
        assert pdf.pages[0].Resources.Font.F1.BaseFont == "/Times-Roman"
    assert opened.repaired


def test_only_known_ends_are_written(tmp_path: Path) -> None:
    source = documents.write(tmp_path / "in.pdf", file(page(stream(TEXT, end=b"enxstream\n", length=9_999))))
    with pikepdf.open(source, suppress_warnings=True) as pdf:
        assert len(list(pdf.objects)) == 5
        objects = given_up(pdf.get_warnings())
    assert [one.number for one in objects] == [4]
    assert not close_objects(source, tmp_path / "out.pdf", objects)
    assert not (tmp_path / "out.pdf").exists()
