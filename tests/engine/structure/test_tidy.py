"""Fewer bytes for the same document."""

from __future__ import annotations

import zlib

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf

from pdfsmaller.engine.clock import Deadline
from pdfsmaller.engine.document import is_signed, pdfa_part
from pdfsmaller.engine.structure.tidy import StructureCache, tidy
from pdfsmaller.limits import Limits
from tests import documents
from tests.engine.conftest import Run


def tidied(pdf: Pdf) -> Pdf:
    tidy(pdf, StructureCache(), Limits(), Deadline(60))
    return pdf


@pytest.fixture
def pdf() -> Pdf:
    new = pikepdf.new()
    new.add_blank_page()
    new.add_blank_page()
    return new


def form(pdf: Pdf, content: bytes, **entries: pikepdf.Object) -> pikepdf.Stream:
    return pdf.make_stream(content, Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 9, 9]), **entries)


@pytest.mark.parametrize("filters", [[], ["/ASCII85Decode"], ["/ASCIIHexDecode", "/FlateDecode"], ["/FlateDecode"]])
def test_streams_are_deflated_well(pdf: Pdf, filters: list[str]) -> None:
    content = b"0 0 10 10 re f\n" * 500
    data = content
    for name in reversed(filters):
        if name == "/FlateDecode":
            data = zlib.compress(data, 1)
        elif name == "/ASCIIHexDecode":
            data = data.hex().encode() + b">"
        else:
            import base64

            data = base64.a85encode(data) + b"~>"
    stream = pdf.make_stream(content)
    if filters:
        stream.write(data, filter=Array([Name(n) for n in filters]))
    pdf.pages[0].Contents = stream
    tidied(pdf)
    packed = pdf.pages[0].Contents
    assert packed.Filter == Name.FlateDecode
    assert packed.read_bytes() == content
    assert len(packed.read_raw_bytes()) <= len(zlib.compress(content, 9))


def test_unused_resources_go(run: Run) -> None:
    result = run(documents.unused_objects(), preset="lossless")
    assert result.report.output_bytes < result.report.input_bytes / 2
    assert result.same_pixels()


def test_resources_stay_where_a_type_3_font_borrows_them() -> None:
    """Glyphs without resources of their own use the page's, which no page content names."""

    def borrow(pdf: Pdf) -> None:
        resources = pdf.pages[0].obj.Resources
        font = next(f for f in resources.Font.values() if f.get("/Subtype") == "/Type3")
        resources.XObject = font.Resources.XObject
        del font["/Resources"]

    import io

    with Pdf.open(io.BytesIO(documents.edited(documents.type3_glyph(), borrow))) as pdf:
        tidied(pdf)
        assert "/Im0" in pdf.pages[0].obj.Resources.XObject


def test_private_data_and_thumbnails_go(pdf: Pdf) -> None:
    pdf.pages[0].obj.Thumb = pdf.make_stream(b"x" * 1000)
    pdf.pages[0].obj.PieceInfo = Dictionary(App=Dictionary(Private=pdf.make_stream(b"y" * 1000)))
    pdf.pages[0].obj.Resources = Dictionary(XObject=Dictionary(X=form(pdf, b"", PieceInfo=Dictionary())))
    tidied(pdf)
    assert "/Thumb" not in pdf.pages[0].obj
    assert "/PieceInfo" not in pdf.pages[0].obj


def test_old_revisions_go(run: Run) -> None:
    """Bytes that an incremental update left behind are not copied."""
    data = documents.photo_jpeg()
    stale = data + b"% old revision\n" + b"9" * 50_000 + b"\n" + data[data.rindex(b"startxref") :]
    assert run(stale, preset="lossless").report.output_bytes < len(data) + 100


def test_signatures_are_found() -> None:
    import io

    for make, signed in ((documents.signed, True), (documents.form, False), (documents.text, False)):
        with Pdf.open(io.BytesIO(make())) as pdf:
            assert is_signed(pdf) is signed


def test_the_part_of_pdfa_is_found() -> None:
    import io

    cases = ((documents.pdfa_1b, 1), (documents.pdfa_2b, 2), (documents.pdfa_3b, 3), (documents.text, None))
    for make, part in cases:
        with Pdf.open(io.BytesIO(make())) as pdf:
            assert pdfa_part(pdf) == part


@pytest.mark.parametrize("pdfa", [True, False])
def test_xmp_stays_plain_where_pdfa_demands_it(pdf: Pdf, pdfa: bool) -> None:
    pdf.Root.Metadata = pdf.make_stream(b"<x:xmpmeta/>" * 50, Type=Name.Metadata, Subtype=Name.XML)
    tidy(pdf, StructureCache(), Limits(), Deadline(60), pdfa=pdfa)
    assert ("/Filter" not in pdf.Root.Metadata) is pdfa


def test_xmp_loses_its_thumbnails(pdf: Pdf) -> None:
    packet = b"<x:xmpmeta><a>1</a>%s<b>2</b></x:xmpmeta>"
    thumbnail = b"<xmp:Thumbnails><rdf:Alt><xmpGImg:image>%s</xmpGImg:image></rdf:Alt></xmp:Thumbnails>" % (b"A" * 900)
    pdf.Root.Metadata = pdf.make_stream(packet % thumbnail, Type=Name.Metadata, Subtype=Name.XML)
    tidied(pdf)
    assert pdf.Root.Metadata.read_bytes() == packet % b""


@pytest.mark.parametrize("exact", [True, False])
def test_parts_lose_their_metadata_where_losses_are_allowed(pdf: Pdf, exact: bool) -> None:
    xmp = pdf.make_stream(b"<x:xmpmeta/>", Type=Name.Metadata, Subtype=Name.XML)
    pdf.Root.Metadata = xmp
    placed, layer = Dictionary(Metadata=xmp), Dictionary(Type=Name.OCG, Name="Layer", Metadata=xmp)
    pdf.pages[0].obj.Resources = Dictionary(
        XObject=Dictionary(X=form(pdf, b"", Metadata=xmp)),
        Properties=Dictionary(MC0=placed, MC1=pdf.make_indirect(layer)),
    )
    pdf.pages[0].Contents = pdf.make_stream(b"/X Do /PlacedPDF /MC0 BDC EMC /OC /MC1 BDC EMC")
    tidy(pdf, StructureCache(), Limits(), Deadline(60), exact=exact)
    assert "/Metadata" in pdf.Root
    resources = pdf.pages[0].obj.Resources
    assert ("/Metadata" in resources.XObject.X) is exact
    assert ("/Metadata" in resources.Properties.MC0) is exact
    assert "/Metadata" in resources.Properties.MC1


def test_a_form_without_fields_keeps_no_fonts(pdf: Pdf) -> None:
    for fields in (Array([]), Array([pdf.make_indirect(Dictionary(FT=Name.Tx, T=pikepdf.String("t")))])):
        pdf.Root.AcroForm = Dictionary(Fields=fields, DR=Dictionary(Font=Dictionary()), SigFlags=0)
        tidied(pdf)
        assert ("/DR" in pdf.Root.AcroForm) is (len(fields) > 0)
        assert "/SigFlags" in pdf.Root.AcroForm
