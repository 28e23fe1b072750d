"""The content streams of a document, found again in a copy of it."""

from __future__ import annotations

import io

from pikepdf import Dictionary, Name, Pdf, Stream

from pdfsmaller.engine.walk.graph import walk
from pdfsmaller.engine.walk.streams import ContentStream, content_streams, resources_of
from pdfsmaller.limits import Limits
from tests.engine.fonts.conftest import add_page, form


def saved(pdf: Pdf) -> bytes:
    buffer = io.BytesIO()
    pdf.save(buffer)
    return buffer.getvalue()


def described(pdf: Pdf, copy: Pdf) -> dict[str, ContentStream]:
    """The streams by the name of the one colour space in their resources, looked up in a copy."""
    found = {}
    for stream in content_streams(walk(pdf, Limits())):
        resources = resources_of(copy, stream)
        names = list(resources.get("/ColorSpace", Dictionary()).keys()) if resources is not None else ["none"]
        found[names[0]] = stream
    return found


def named(name: str) -> Dictionary:
    return Dictionary({name: Name.DeviceRGB})


def test_every_stream_with_its_resources_wherever_they_are() -> None:
    made = Pdf.new()
    pattern = form(made, b"1 0 0 rg", ColorSpace=named("/OfPattern"))
    pattern.PatternType = 1
    del pattern.Subtype
    glyph = made.make_indirect(Stream(made, b"9 0 d0 .5 g"))
    font = made.make_indirect(
        Dictionary(
            Type=Name.Font, Subtype=Name.Type3, CharProcs=Dictionary(g=glyph),
            Resources=Dictionary(ColorSpace=named("/OfGlyph")),
        )
    )  # fmt: skip
    page = add_page(made, b"/OfPage cs", Pattern=Dictionary(P=pattern), Font=Dictionary(F=font))
    page.obj.Resources.ColorSpace = named("/OfPage")
    made.pages[0].obj.Parent.Resources = page.obj.Resources  # as pages may inherit them
    del page.obj.Resources
    made.Root.Extra = form(made, b"0 0 9 9 re f", ColorSpace=named("/OfForm"))
    made.Root.Other = form(made, b"BI /W 1 /H 1 /BPC 8 /CS /G ID 1 EI")
    data = saved(made)
    with Pdf.open(io.BytesIO(data)) as pdf, Pdf.open(io.BytesIO(data)) as copy:
        found = described(pdf, copy)
    assert found.keys() == {"/OfPage", "/OfPattern", "/OfGlyph", "/OfForm", "none"}
    assert [name for name, stream in found.items() if stream.page] == ["/OfPage"]
    assert {name for name, stream in found.items() if stream.colored} == {"/OfPage", "/OfPattern"}
    assert {name for name, stream in found.items() if stream.gray} == {"/OfGlyph"}
    assert {name for name, stream in found.items() if stream.inline} == {"none"}


def test_resources_of_a_glyph_that_two_fonts_share_are_not_certain() -> None:
    pdf = Pdf.new()
    glyph = pdf.make_indirect(Stream(pdf, b"9 0 d0"))
    fonts = [
        pdf.make_indirect(
            Dictionary(Type=Name.Font, Subtype=Name.Type3, CharProcs=Dictionary(g=glyph), Resources=Dictionary())
        )
        for _ in range(2)
    ]
    add_page(pdf, b"/A 9 Tf (g) Tj /B 9 Tf (g) Tj", Font=Dictionary(A=fonts[0], B=fonts[1]))
    (shared,) = (stream for stream in content_streams(walk(pdf, Limits())) if not stream.page)
    assert shared.holder is None


def test_a_stream_that_cannot_be_read_may_set_any_colour() -> None:
    pdf = Pdf.new()
    page = add_page(pdf, b"")
    page.obj.Contents = pdf.make_indirect(Stream(pdf, b"no zlib data at all", Filter=Name.FlateDecode))
    (stream,) = content_streams(walk(pdf, Limits()))
    assert stream.colored
    assert stream.inline
