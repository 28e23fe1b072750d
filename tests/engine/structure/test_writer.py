"""Writing a PDF object by object: any reader opens it, and what is alike is stored once."""

from __future__ import annotations

import io

import pikepdf
import pytest

from pdfsmaller.engine.structure.writer import OBJECTS_PER_STREAM, PdfWriter


def document(writer: PdfWriter, pages: int) -> None:
    """Pages that share one content stream."""
    tree = writer.reserve()
    kids = []
    for _ in range(pages):
        content = writer.write_value(b"", b"0 0 10 10 re f")
        page = b"/Type /Page /Parent %d 0 R /MediaBox [0 0 99 99] /Resources << >> /Contents %d 0 R" % (tree, content)
        kids.append(writer.write(b"<< %s >>" % page))
    body = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (pages, b" ".join(b"%d 0 R" % kid for kid in kids))
    writer.write(body, tree)
    writer.finish(writer.write(b"<< /Type /Catalog /Pages %d 0 R >>" % tree), writer.write(b"<< /Title (T) >>"))


@pytest.mark.parametrize("object_streams", [True, False])
@pytest.mark.parametrize("pages", [1, OBJECTS_PER_STREAM * 2 + 7])
def test_any_reader_opens_it(object_streams: bool, pages: int) -> None:
    buffer = io.BytesIO()
    document(PdfWriter(buffer, object_streams=object_streams), pages)
    with pikepdf.open(buffer) as pdf:
        assert pdf.check_pdf_syntax() == []
        assert not pdf.get_warnings()
        assert len(pdf.pages) == pages
        assert pdf.docinfo.Title == "T"
        assert len({page.Contents.objgen for page in pdf.pages}) == 1
        assert pdf.pages[-1].Contents.read_bytes() == b"0 0 10 10 re f"


def test_a_number_that_is_never_written_is_null() -> None:
    buffer = io.BytesIO()
    writer = PdfWriter(buffer)
    never = writer.reserve()
    tree = writer.write(b"<< /Type /Pages /Kids [] /Count 0 >>")
    writer.finish(writer.write(b"<< /Type /Catalog /Pages %d 0 R /Array [%d 0 R] >>" % (tree, never)))
    with pikepdf.open(buffer) as pdf:
        assert pdf.Root.Array[0] is None


def test_a_stream_and_an_object_of_the_same_text_are_not_alike() -> None:
    writer = PdfWriter(io.BytesIO())
    assert writer.write_value(b"[ 1 ]") == writer.write_value(b"[ 1 ]")
    assert (
        len({writer.write_value(b"[ 1 ]"), writer.write_value(b"[ 1 ]", b""), writer.write_value(b"", b"[ 1 ]")}) == 3
    )


def test_the_same_document_has_the_same_bytes() -> None:
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        document(PdfWriter(file), 3)
    assert files[0].getvalue() == files[1].getvalue()


@pytest.mark.parametrize(("pages", "coding"), [(2, None), (300, "/FlateDecode")])
def test_a_short_cross_reference_stream_is_not_deflated(pages: int, coding: str | None) -> None:
    """The filter's entry takes more than it saves."""
    buffer = io.BytesIO()
    document(PdfWriter(buffer), pages)
    with pikepdf.open(buffer) as pdf:
        assert pdf.trailer.get("/Filter") == coding
        assert len(pdf.pages) == pages
        assert not pdf.get_warnings()
