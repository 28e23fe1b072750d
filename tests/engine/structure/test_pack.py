"""A document written anew from its objects' text: the same objects, in any reader, in fewer bytes."""

from __future__ import annotations

import io
import zlib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name, Pdf, Stream, String

from pdfsmaller.engine.structure.objects import dict_entries, short_string, split, write_string
from pdfsmaller.engine.structure.pack import write_packed
from tests import documents

# pikepdf's objects as functions that make them: hypothesis looks into what it is given.
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=6).map("/{}".format)
STRINGS = [b"12 0 R", b"a(b)c\\", b"\r\n\t\0\xff", b"/A [1 2] << >>"]
SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**31), 2**31),
    st.decimals(-10_000, 10_000, allow_nan=False, places=4),
    NAMES,
    st.binary(max_size=20) | st.sampled_from(STRINGS),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=25
)


def made(value: Any) -> Any:
    """The PDF object that a plain value stands for."""
    if isinstance(value, str):
        return Name(value)
    if isinstance(value, bytes):
        return String(value)
    if isinstance(value, list):
        return Array([made(item) for item in value])
    if isinstance(value, dict):
        return Dictionary({key: made(item) for key, item in value.items()})
    return value


def packed(pdf: Pdf, path: Path, **options: Any) -> Pdf:
    write_packed(pdf, path, object_streams=options.get("object_streams", True), effort="fast")
    result = pikepdf.open(path)
    assert result.check_pdf_syntax() == []
    assert not result.get_warnings()
    return result


def plain(value: Any, depth: int = 12) -> Any:
    """An object as Python's own values."""
    if isinstance(value, (bool, int, Decimal, float)) or value is None:
        return float(value) if value is not None else None
    if isinstance(value, Stream):
        return (plain(value.stream_dict, depth), value.read_raw_bytes())
    if isinstance(value, String):
        return bytes(value)
    if isinstance(value, Name):
        return str(value)
    if depth == 0:
        return "…"
    if isinstance(value, Array):
        return [plain(item, depth - 1) for item in value]
    said_anyway = {"/Type": "/XObject", "/FormType": 1, "/Interpolate": False, "/ImageMask": False}
    kept = {k: v for k, v in value.items() if k not in ("/Length", "/Parent") and said_anyway.get(k, ...) != v}
    return {key: plain(item, depth - 1) for key, item in kept.items()}


@pytest.fixture
def pdf() -> Pdf:
    new = pikepdf.new()
    new.add_blank_page()
    new.add_blank_page()
    return new


@given(
    values=st.lists(VALUES, min_size=1, max_size=8), links=st.lists(st.integers(0, 7), max_size=8), direct=st.booleans()
)
@settings(max_examples=60, deadline=None)
def test_any_objects_come_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[Any], links: list[int], direct: bool
) -> None:
    pdf = pikepdf.new()
    pdf.add_blank_page()
    values = [made(value) for value in values]
    indirect = [value if direct else pdf.make_indirect(value) for value in values]
    pdf.Root.Values = Array([*indirect, *(indirect[link % len(indirect)] for link in links)])
    pdf.Root.Held = pdf.make_stream(b"data", Any=Array(values), Resources=Dictionary(Font=Dictionary()))
    expected = plain(pdf.Root)
    for object_streams in (True, False):
        with packed(pdf, tmp_path_factory.mktemp("x") / "x.pdf", object_streams=object_streams) as result:
            assert plain(result.Root) == expected


@given(value=st.binary(max_size=40))
def test_strings_come_back(value: bytes) -> None:
    assert bytes(pikepdf.Object.parse(write_string(value))) == value
    assert bytes(pikepdf.Object.parse(short_string(String(value).unparse()))) == value
    assert bytes(pikepdf.Object.parse(short_string(b"<%s>" % value.hex().encode()))) == value


def test_references_within_strings_are_text() -> None:
    assert split(b"<< /A (1 0 R) /B 12 0 R /C [ 3 0 R 4 0 R ] >>") == (
        [b"<</A(1 0 R)/B ", b"/C[", b" ", b"]>>"],
        [(12, 0), (3, 0), (4, 0)],
    )


@pytest.mark.parametrize(
    ("number", "short"),
    [
        (b"0.500", b".5"),
        (b"-0.50", b"-.5"),
        (b"10.0", b"10"),
        (b"0.0", b"0"),
        (b"-0.0", b"0"),
        (b"100", b"100"),
        (b"1.05", b"1.05"),
    ],
)
def test_numbers_lose_only_what_means_nothing(number: bytes, short: bytes) -> None:
    assert split(b"[ /A1.50 %s (%s) ]" % (number, number))[0] == [b"[/A1.50 %s(%s)]" % (short, number)]


def test_entries_of_a_dictionary() -> None:
    text = b"<< /A /B /C 12 0 R /D << /E [ /F 1 ] >> /G (>> /H 1) /I [ ] >>"
    assert dict_entries(text) == {
        b"/A": b"/B", b"/C": b"12 0 R", b"/D": b"<< /E [ /F 1 ] >>", b"/G": b"(>> /H 1)", b"/I": b"[ ]",
    }  # fmt: skip


@pytest.mark.parametrize("make", [*documents.STRUCTURES.values(), *documents.IMAGES.values()])
@pytest.mark.parametrize("object_streams", [True, False])
def test_every_reader_opens_it(make: documents.Make, object_streams: bool, tmp_path: Path) -> None:
    with Pdf.open(io.BytesIO(make())) as pdf:
        if pdf.is_encrypted:
            pytest.skip("encrypted files are written by qpdf")
        expected = plain(pdf.Root.get("/Outlines")), [plain(page.obj, 4) for page in pdf.pages]
        pages = len(pdf.pages)
        with packed(pdf, tmp_path / "x.pdf", object_streams=object_streams) as result:
            assert (plain(result.Root.get("/Outlines")), [plain(page.obj, 4) for page in result.pages]) == expected
    with pypdfium2.PdfDocument(tmp_path / "x.pdf") as document:
        assert len(document) == pages


def test_equal_values_become_one_and_pages_do_not(pdf: Pdf, tmp_path: Path) -> None:
    for page in pdf.pages:
        font = Dictionary(
            Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Widths=pdf.make_indirect(Array([5]))
        )
        page.obj.Resources = Dictionary(Font=Dictionary(F=pdf.make_indirect(font)))
    with packed(pdf, tmp_path / "x.pdf") as result:
        first, second = result.pages
        assert first.objgen != second.objgen
        assert first.obj.Resources.Font.F.objgen == second.obj.Resources.Font.F.objgen


def test_equal_annotations_stay_apart(pdf: Pdf, tmp_path: Path) -> None:
    for page in pdf.pages:
        note = Dictionary(Type=Name.Annot, Subtype=Name.Text, Rect=Array([0, 0, 9, 9]), Contents=String("n"))
        page.obj.Annots = pdf.make_indirect(Array([pdf.make_indirect(note)]))
    with packed(pdf, tmp_path / "x.pdf") as result:
        first, second = (page.obj.Annots[0] for page in result.pages)
        assert first.is_indirect
        assert first.objgen != second.objgen


def link(**entries: Any) -> Dictionary:
    return Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), **entries)


@pytest.mark.parametrize("shared_array", [False, True])
def test_links_stand_in_their_page_where_the_version_allows(pdf: Pdf, tmp_path: Path, shared_array: bool) -> None:
    first, second = pdf.pages
    action = Dictionary(S=Name.URI, URI=String("https://example.org/"))
    twice = pdf.make_indirect(link(A=action))
    tagged = pdf.make_indirect(link(A=action, StructParent=1))
    own = [pdf.make_indirect(link(A=action, P=first.obj)), pdf.make_indirect(link(Dest=Array([second.obj, Name.Fit])))]
    links = Array([own[0], twice, tagged, own[1]])
    first.obj.Annots = pdf.make_indirect(links) if shared_array else links
    second.obj.Annots = Array([twice])
    pdf.Root.StructTreeRoot = pdf.make_indirect(Dictionary(K=Dictionary(Type=Name.OBJR, Obj=tagged)))
    pdf.save(tmp_path / "1.pdf", force_version="1.7")
    pdf.save(tmp_path / "2.pdf", force_version="2.0")
    pdf.Root.Version = Name("/2.0")
    pdf.save(tmp_path / "3.pdf", force_version="1.7")
    for name, places in (("1.pdf", [False, True, True, False]), ("2.pdf", [True] * 4), ("3.pdf", [True] * 4)):
        with Pdf.open(tmp_path / name) as source, packed(source, tmp_path / "x.pdf") as result:
            page, other = result.pages
            assert [annot.is_indirect for annot in page.obj.Annots] == places
            assert page.obj.Annots[0].P.objgen == page.obj.objgen
            assert page.obj.Annots[1].objgen == other.obj.Annots[0].objgen
            assert page.obj.Annots[3].Dest[0].objgen == other.obj.objgen
            assert result.Root.StructTreeRoot.K.Obj.objgen == page.obj.Annots[2].objgen


def test_the_lasting_identifier_stays(pdf: Pdf, tmp_path: Path) -> None:
    pdf.trailer.ID = Array([String(b"1234567890abcdef"), String(b"x")])
    with packed(pdf, tmp_path / "x.pdf") as result:
        assert bytes(result.trailer.ID[0]) == b"1234567890abcdef"


def test_the_version_stays_or_is_what_object_streams_need(tmp_path: Path) -> None:
    for version, written in (("1.3", "1.5"), ("1.7", "1.7"), ("2.0", "2.0")):
        pdf = pikepdf.new()
        for _ in range(60):
            pdf.add_blank_page()
        pdf.save(tmp_path / "in.pdf", force_version=version)
        with Pdf.open(tmp_path / "in.pdf") as source, packed(source, tmp_path / "x.pdf") as result:
            assert result.pdf_version == written


def test_what_nothing_refers_to_is_not_written(pdf: Pdf, tmp_path: Path) -> None:
    pdf.make_stream(b"x" * 5000)
    packed(pdf, tmp_path / "x.pdf").close()
    assert (tmp_path / "x.pdf").stat().st_size < 1000


def test_a_loop_of_equal_objects_ends(pdf: Pdf, tmp_path: Path) -> None:
    for page in pdf.pages:
        form = pdf.make_stream(b"/X Do", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 9, 9]))
        form.Resources = Dictionary(XObject=Dictionary(X=form))
        page.obj.Resources = Dictionary(XObject=Dictionary(X=form))
    with packed(pdf, tmp_path / "x.pdf") as result:
        form = result.pages[0].obj.Resources.XObject.X
        assert form.Resources.XObject.X.objgen == form.objgen


def test_streams_say_nothing_that_is_so_anyway(pdf: Pdf, tmp_path: Path) -> None:
    parameters = Dictionary(Predictor=15, Colors=1, BitsPerComponent=8, Columns=4)
    image = pdf.make_stream(
        b"", Type=Name.XObject, Subtype=Name.Image, Name=Name.X, Width=4, Height=1, BitsPerComponent=8,
        ColorSpace=Name.DeviceGray, Interpolate=False,
    )  # fmt: skip
    image.write(zlib.compress(b"\0abcd"), filter=Array([Name.FlateDecode]), decode_parms=Array([parameters]))
    pdf.pages[0].obj.Resources = Dictionary(XObject=Dictionary(X=image))
    with packed(pdf, tmp_path / "x.pdf") as result:
        written = result.pages[0].obj.Resources.XObject.X
        assert set(written.keys()) == {
            "/Subtype", "/Width", "/Height", "/BitsPerComponent", "/ColorSpace", "/Filter", "/DecodeParms", "/Length",
        }  # fmt: skip
        assert plain(written.DecodeParms) == {"/Predictor": 15.0, "/Columns": 4.0}
        assert written.read_bytes() == b"abcd"


@pytest.mark.parametrize(("matrix", "stays"), [("1.0 0.0 0 1 0.00 0", False), ("1 0 0 1 0 .5", True)])
def test_an_identity_goes_however_it_is_spelled(pdf: Pdf, tmp_path: Path, matrix: str, stays: bool) -> None:
    form = pdf.make_stream(b"", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 1, 1]))
    form.Matrix = pikepdf.Object.parse(f"[{matrix}]".encode())
    pdf.pages[0].obj.Resources = Dictionary(XObject=Dictionary(X=form))
    with packed(pdf, tmp_path / "x.pdf") as result:
        assert ("/Matrix" in result.pages[0].obj.Resources.XObject.X) == stays


@pytest.mark.parametrize("parameters", ["direct", "indirect", "no array"])
def test_a_filter_alone_and_its_parameters_lose_their_arrays_together(
    pdf: Pdf, tmp_path: Path, parameters: str
) -> None:
    given: Any = Dictionary(Predictor=15, Columns=4)
    given = pdf.make_indirect(given) if parameters == "indirect" else given
    pdf.Root.Data = pdf.make_stream(b"")
    given = given if parameters == "no array" else Array([given])
    pdf.Root.Data.write(zlib.compress(b"\0abcd"), filter=Name.FlateDecode)
    pdf.Root.Data.Filter = Array([Name.FlateDecode])
    pdf.Root.Data.DecodeParms = given
    with packed(pdf, tmp_path / "x.pdf") as result:
        data = result.Root.Data
        assert isinstance(data.Filter, Array) is (parameters == "no array")
        assert isinstance(data.DecodeParms, Dictionary)


def test_a_function_of_one_shading_stands_within_it(pdf: Pdf, tmp_path: Path) -> None:
    def blend(red: float) -> pikepdf.Object:
        return pdf.make_indirect(Dictionary(FunctionType=2, N=1, Domain=[0, 1], C0=[red, 0, 0], C1=[0, 0, red]))

    def stitched(*parts: pikepdf.Object) -> pikepdf.Object:
        about = {"Domain": [0, 2], "Bounds": [1], "Encode": [0, 1, 0, 1]}
        return pdf.make_indirect(Dictionary(FunctionType=3, Functions=Array(parts), **about))

    shared = blend(0.25)
    shadings = [
        pdf.make_indirect(
            Dictionary(ShadingType=2, ColorSpace=Name.DeviceRGB, Coords=[0, 0, end, 0], Function=stitched(part, shared))
        )
        for end, part in ((50, blend(0.5)), (90, blend(0.75)))
    ]
    pdf.pages[0].obj.Resources = Dictionary(Shading=Dictionary(A=shadings[0], B=shadings[1]))
    pdf.pages[0].obj.Contents = pdf.make_stream(b"/A sh /B sh")
    expected = plain(pdf.Root)
    result = packed(pdf, tmp_path / "x.pdf")
    assert plain(result.Root) == expected
    functions = [shading.Function for shading in result.pages[0].obj.Resources.Shading.values()]
    assert not any(function.is_indirect or function.Functions[0].is_indirect for function in functions)
    assert functions[0].Functions[1].objgen == functions[1].Functions[1].objgen != (0, 0)
