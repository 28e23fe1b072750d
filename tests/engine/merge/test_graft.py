"""Copying objects: each once, what is alike one, what has an identity its own."""

from __future__ import annotations

import io

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String

from pdfsmaller.engine.merge.graft import Graft
from pdfsmaller.engine.structure.writer import PdfWriter
from pdfsmaller.limits import Limits


def copied(*sources: Pdf) -> Pdf:
    """A document whose catalog refers to the objects under /Copy of the sources' catalogs."""
    buffer = io.BytesIO()
    writer = PdfWriter(buffer)
    copies = [Graft(writer, pdf, Limits()).syntax(pdf.Root.Copy) for pdf in sources]
    page_tree = writer.write(b"<< /Type /Pages /Kids [] /Count 0 >>")
    writer.finish(writer.write(b"<< /Type /Catalog /Pages %d 0 R /Copies [%s] >>" % (page_tree, b" ".join(copies))))
    buffer.seek(0)
    return pikepdf.open(buffer)


def source(obj: object, pdf: Pdf | None = None) -> Pdf:
    pdf = pdf or Pdf.new()
    pdf.Root.Copy = obj if isinstance(obj, pikepdf.Object) and obj.is_indirect else pdf.make_indirect(obj)
    return pdf


def test_every_kind_of_value_arrives_as_it_was() -> None:
    given = Dictionary(
        String=String("round (brackets) \\ and 1 0 R"),
        Bytes=String(b"\x00\xff(1 0 R)\n"),
        Empty=String(""),
        Name=Name("/odd name#(1 0 R)"),
        Real=1.25,
        Array=Array([1, -2, True, None, Array([]), Dictionary()]),
    )
    expected = given.unparse()
    result = copied(source(given))
    assert result.Root.Copies[0].unparse(resolved=True) == expected


def test_equal_streams_of_two_documents_become_one_with_all_they_refer_to() -> None:
    def font() -> Pdf:
        pdf = Pdf.new()
        program = pdf.make_stream(b"the same program", Length1=16)
        descriptor = pdf.make_indirect(Dictionary(Type=Name.FontDescriptor, FontFile=program))
        return source(Dictionary(Type=Name.Font, BaseFont=Name.A, FontDescriptor=descriptor), pdf)

    result = copied(font(), font())
    first, second = result.Root.Copies
    assert first.objgen == second.objgen
    assert first.FontDescriptor.FontFile.read_bytes() == b"the same program"


def test_streams_that_differ_in_one_byte_stay_two() -> None:
    def stream(data: bytes) -> Pdf:
        pdf = Pdf.new()
        return source(pdf.make_stream(data), pdf)

    result = copied(stream(b"a"), stream(b"b"))
    first, second = result.Root.Copies
    assert (first.read_bytes(), second.read_bytes()) == (b"a", b"b")


def test_equal_annotations_stay_two() -> None:
    def annotation() -> Pdf:
        return source(Dictionary(Type=Name.Annot, Subtype=Name.Text, Contents=String("same")))

    result = copied(annotation(), annotation())
    first, second = result.Root.Copies
    assert first.objgen != second.objgen


def test_loops_are_copied_as_loops() -> None:
    pdf = Pdf.new()
    form = pdf.make_stream(b"/Self Do", Subtype=Name.Form)
    form.Resources = Dictionary(XObject=Dictionary(Self=form))
    result = copied(source(form, pdf))
    copy = result.Root.Copies[0]
    assert copy.Resources.XObject.Self.objgen == copy.objgen


def test_chains_longer_than_python_recurses_are_copied() -> None:
    pdf = Pdf.new()
    last = pdf.make_indirect(Dictionary(Depth=0))
    for depth in range(1, 5_000):
        last = pdf.make_indirect(Dictionary(Depth=depth, Next=last))
    result = copied(source(last, pdf))
    node, seen = result.Root.Copies[0], 0
    while "/Next" in node:
        node, seen = node.Next, seen + 1
    assert seen == 4_999


def test_missing_objects_and_pages_become_null() -> None:
    pdf = Pdf.new()
    pages = pdf.Root.Pages
    result = copied(source(Dictionary(Missing=Array([pdf.get_object(999, 0)]), Tree=Array([pages]), Kept=1), pdf))
    copy = result.Root.Copies[0]
    assert (copy.Missing[0], copy.Tree[0], copy.Kept) == (None, None, 1)


def test_a_crypt_filter_goes_since_the_copy_is_not_encrypted() -> None:
    pdf = Pdf.new()
    stream = pdf.make_stream(b"plain")
    stream.Filter = Array([Name.Crypt])
    stream.DecodeParms = Array([Dictionary(Name=Name.Identity)])
    result = copied(source(stream, pdf))
    copy = result.Root.Copies[0]
    assert copy.read_bytes() == b"plain"
    assert list(copy.Filter) == []
